# ruff: noqa: F811 (fixtures of another file)
"""What generations cost others: space while they are retired, and time while they are filled."""

import gc
import os
import sys
import threading
import weakref
from pathlib import Path
from typing import Any

import pytest

from latelight.app import Collection, generations
from latelight.settings import Settings
from latelight.testing.encoders import FakeEncoder
from tests.app.test_generations import (  # noqa: F401  fixtures
    OTHER_ENCODER,
    candidate,
    library,
    notes,
)


def test_who_is_killed_while_retiring_leaves_no_half_of_an_index(
    notes: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = notes.begin_candidate(OTHER_ENCODER)
    notes.backfill()
    path = candidate(notes).store.path

    def killed(directory: Path, **_: Any) -> None:
        next(one for one in sorted(directory.rglob("*")) if one.is_file()).unlink()
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(generations.shutil, "rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            notes.retire(version.digest)
    assert not path.exists()
    assert notes.begin_candidate(OTHER_ENCODER).store == version.store
    assert notes.backfill().wait().n_added == 8
    assert candidate(notes).store.verify() == []
    notes.retire(version.digest)
    assert [one.name for one in path.parent.iterdir()] == [notes.digest]  # nothing is left over


def test_what_was_retired_is_closed(notes: Collection) -> None:
    version = notes.begin_candidate(OTHER_ENCODER)
    notes.backfill()
    opened = weakref.ref(notes._versions.open(version))
    notes.retire(version.digest)
    notes.search("ferry")
    gc.collect()
    assert opened() is None


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no priority of threads")
def test_a_backfill_gives_way_to_those_who_search_and_adding_does_not(
    notes: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    real = FakeEncoder.encode_documents

    def encoded(self: FakeEncoder, *given: Any, **options: Any) -> Any:
        seen.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
        return real(self, *given, **options)

    monkeypatch.setattr(FakeEncoder, "encode_documents", encoded)
    usual = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    notes.begin_candidate(OTHER_ENCODER)
    notes.backfill()
    assert set(seen) == {max(usual, Settings().backfill_niceness)}
    seen.clear()
    notes.add({"id": "later", "text": "a later one"})
    assert set(seen) == {usual}
