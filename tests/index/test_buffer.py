from hypothesis import given
from hypothesis import strategies as st

from latelight.index.buffer import Logged, plan_merges
from latelight.index.log import encode_record, read_records, start_of
from latelight.index.rows import store_rows
from latelight.index.segment import StoredDocument, encode_segment
from tests.index.making import SPACES, axis_rows, document, passages


def test_neighbours_of_one_level_become_one_of_the_next():
    assert plan_merges([0, 0, 0]) == [(0, 1, 0), (1, 2, 0), (2, 3, 0)]
    assert plan_merges([0, 0, 0, 0, 0]) == [(0, 4, 1), (4, 5, 0)]
    assert plan_merges([1, 1, 1, 0, 0, 0, 0]) == [(0, 7, 2)]
    assert plan_merges([]) == []


@given(st.integers(0, 300))
def test_a_buffer_has_few_segments(n_commits):
    runs = plan_merges([0] * n_commits)
    assert [number for first, stop, _ in runs for number in range(first, stop)] == list(
        range(n_commits)
    )
    assert len(runs) <= 3 + 3 + 15 + 1


@given(st.lists(st.integers(1, 20), max_size=12))
def test_commits_that_come_at_once_are_merged_as_if_they_came_one_by_one(batches):
    levels: list[int] = []
    for n in batches:
        levels = [level for _, _, level in plan_merges([*levels, *[0] * n])]
    assert levels == [level for _, _, level in plan_merges([0] * sum(batches))]


def logged(*commits: tuple[str, str], at_once: bool = False) -> Logged:
    """Read commits that delete and add documents of one-letter names, a row on axis 0 each."""
    mark = start_of("WAL-000000000001-0123abcd")
    log, records = Logged(mark), []
    for deleted, added in commits:
        segment = encode_segment("logged", SPACES, [stored(d) for d in added]) if added else b""
        records += read_records(mark, encode_record(mark, list(deleted), segment))
        mark = log.mark.after(records)
        if not at_once:
            (log, _), records = log.after(records, SPACES), []
    return log.after(records, SPACES)[0] if at_once else log


def stored(doc_id: str) -> StoredDocument:
    rows = {"text": store_rows(SPACES["text"], [axis_rows(0)])}
    return StoredDocument(document(doc_id), tuple(passages("u")), rows, [("term",)])


def all_of(log: Logged) -> tuple[list[str], list[bool]]:
    """Return the ids in the buffer, the dead included, and which are alive."""
    ids = [d for b in log.buffer for d in b.view.segment.documents.ids]
    return ids, [not mark for b in log.buffer for mark in b.view.marks]


COMMITS = [("", "a"), ("", "bc"), ("c", "a"), ("", "d"), ("x", ""), ("b", "ef"), ("", "a")]


def test_what_a_log_deletes_or_replaces_stays_dead_when_its_segments_are_merged():
    for n in range(len(COMMITS) + 1):
        for at_once in (False, True):
            ids, alive = all_of(logged(*COMMITS[:n], at_once=at_once))
            living: list[str] = []
            for deleted, added in COMMITS[:n]:
                living = [d for d in living if d not in deleted + added] + list(added)
            assert sorted(d for d, lives in zip(ids, alive, strict=True) if lives) == sorted(living)
            assert "".join(ids) == "".join(added for _, added in COMMITS[:n])


def test_a_log_knows_what_it_makes_go_before_it():
    assert set(logged(*COMMITS).gone) == set("abcdefx")


def test_blocks_hold_the_rows_of_all_documents_in_their_order():
    log = logged(*COMMITS)
    n_units = [b.view.segment.n_units for b in log.buffer]
    assert len(n_units) < len(COMMITS)
    assert len(log.blocks["text"].offsets) == sum(n_units) + 1 == 9
