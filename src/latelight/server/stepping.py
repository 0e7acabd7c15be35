"""Steps of releases, taken in the background: one at a time for each collection."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from latelight.app import Collection
from latelight.server.problems import Refusal, of_error

Place = tuple[str, str]


class Stepper:
    """Takes steps, and remembers what the last one of each collection came to."""

    def __init__(self, threads: ThreadPoolExecutor) -> None:
        """Use threads that take their time."""
        self._threads = threads
        self._mutex = threading.Lock()
        self._stepping: set[Place] = set()
        self._last: dict[Place, dict[str, Any]] = {}

    def step(self, target: Collection) -> None:
        """Begin a step of the release of a collection.

        Raises:
            Refusal: one is being taken.
        """
        place = (target.namespace, target.name)
        with self._mutex:
            if place in self._stepping:
                raise Refusal(
                    409,
                    "release_conflict",
                    f"A step of the release of {target.name!r} is being taken",
                    "Wait until `stepping` is false.",
                )
            self._stepping.add(place)
        self._threads.submit(self._take, target, place)

    def told(self, target: Collection) -> dict[str, Any]:
        """Return what the status of a release says of its steps."""
        place = (target.namespace, target.name)
        with self._mutex:
            return {"stepping": place in self._stepping, "last_step": self._last.get(place)}

    def _take(self, target: Collection, place: Place) -> None:
        try:
            taken = target.release.step()
            last: dict[str, Any] = {
                "moved": taken.moved,
                "said": taken.said,
                "state": taken.release.state,
                "version": taken.release.version,
            }
        except Exception as error:  # told to whoever asks for the status
            last = {"error": of_error(error)}
        with self._mutex:
            self._last[place] = last
            self._stepping.discard(place)
