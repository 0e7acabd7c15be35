"""What is known of a collection's answers: what people judged, and what they did."""

from latelight.app.judging import Judgements
from latelight.app.opened import Versions


class Studies:
    """The part of a collection that learns from people."""

    _versions: Versions

    @property
    def judgements(self) -> Judgements:
        """Judgement sets that are kept with the collection: save, get, list, delete."""
        return Judgements(self._versions.judgements)
