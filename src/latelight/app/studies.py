"""What is known of a collection's answers: what people judged, and what they did."""

from latelight.app.interaction_log import InteractionLog
from latelight.app.judging import Judgements
from latelight.app.opened import Versions
from latelight.app.serving import Serving
from latelight.app.trials import Experiments


class Studies:
    """The part of a collection that learns from people."""

    _versions: Versions
    _serving: Serving

    @property
    def judgements(self) -> Judgements:
        """Judgement sets that are kept with the collection: save, get, list, delete."""
        return Judgements(self._versions.judgements)

    @property
    def log(self) -> InteractionLog:
        """Questions with what was shown and used, where the collection logs them: start, stop."""
        return InteractionLog(self._versions.interactions, self._serving)

    @property
    def experiments(self) -> Experiments:
        """A/B experiments on any two versions: start, status, stop, list, searches."""
        return Experiments(self._versions, self._serving)
