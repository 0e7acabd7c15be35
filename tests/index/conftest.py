"""A store whose log was sealed and not flushed yet."""

import pytest

from latelight.index import Store, WriterOptions
from tests.index.making import make_store, put
from tests.index.sealing import idle_writer


@pytest.fixture
def path(tmp_path):
    """A segment `a b`; the sealed log deletes `b` and adds `c d e`, the log replaces `d`."""
    path = make_store(tmp_path / "g", {"a": [[0]], "b": [[1]]}).path
    with idle_writer(path, WriterOptions(log_documents=3)) as writer:
        writer.delete(["b"])
        for axis, doc_id in enumerate("cde", 2):
            put(writer, doc_id, [[axis]])
            writer.commit()
        put(writer, "d", [[6]])
        writer.commit()
        assert writer.commit() == Store.open(path).snapshot().version == 6
    return path
