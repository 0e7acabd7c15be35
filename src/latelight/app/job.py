"""Adding, as something that can be waited for."""

import threading
from collections.abc import Callable

from latelight.pipelines.ingest import IngestReport
from latelight.pipelines.progress import Failure


class Job:
    """One run of adding, in a thread of its own.

    What it has published stays when the process ends; the same `add` again goes on from there.
    """

    def __init__(self, run: Callable[[], IngestReport]) -> None:
        """Start `run` at once."""
        self._run = run
        self._report: IngestReport | None = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name="latelight-add", daemon=True)
        self._thread.start()

    @property
    def done(self) -> bool:
        """Whether it has ended, well or not."""
        return not self._thread.is_alive()

    def wait(self, timeout_s: float | None = None) -> IngestReport:
        """Return the report when the run has ended.

        Raises:
            TimeoutError: it has not ended after `timeout_s` seconds; it goes on.
            LatelightError: what ended the run, if it did not end well.
        """
        self._thread.join(timeout_s)
        if not self.done:
            raise TimeoutError(f"Adding has not ended after {timeout_s} s; it goes on.")
        if self._error is not None:
            raise self._error
        assert self._report is not None
        return self._report

    @property
    def errors(self) -> tuple[Failure, ...]:
        """Every file that could not be added, with its reason; waits for the end."""
        return self.wait().failures

    def _work(self) -> None:
        try:
            self._report = self._run()
        except BaseException as error:  # handed to whoever waits
            self._error = error
