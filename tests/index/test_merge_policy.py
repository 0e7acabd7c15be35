import math
from itertools import count, pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from latelight.index.codes import MAX_UNITS
from latelight.index.manifest import SegmentEntry
from latelight.index.merge_policy import plan_compaction, plan_upkeep, runs_of


def entry(name, n_bytes, n_dead=0, n_rows=0, n_units=10):
    return SegmentEntry(name, 10, n_units, {"text": n_rows}, n_bytes, None, n_dead)


def test_only_neighbours_become_one():
    assert runs_of("abcdefg", {"b", "c", "e", "g", "x"}) == [("b", "c"), ("e",), ("g",)]
    assert runs_of("abc", "cba") == [("a", "b", "c")]
    assert runs_of("abc", ()) == runs_of((), "a") == []


# Compaction


def test_neighbours_that_fit_into_one_segment_are_merged():
    assert plan_compaction([entry("a", 10), entry("b", 89), entry("c", 49)], 100) == ("a", "b")
    assert plan_compaction([entry("a", 60), entry("b", 30), entry("c", 69)], 100) == (*"abc",)


def test_neighbours_that_are_more_than_a_segment_stay():
    assert plan_compaction([entry("a", 10), entry("b", 90), entry("c", 10)], 100) == ()
    assert plan_compaction([entry("a", 10)], 100) == ()
    assert plan_compaction([], 100) == ()


def test_segments_with_deleted_documents_are_rewritten():
    assert plan_compaction([entry("a", 90, n_dead=1), entry("b", 90)], 100) == ("a",)
    assert plan_compaction([entry("a", 10), entry("b", 99, n_dead=1)], 100) == ("a", "b")
    assert plan_compaction([entry("a", 11), entry("b", 99, n_dead=1)], 100) == ("b",)


def test_a_full_sound_segment_is_never_rewritten():
    assert plan_compaction([entry("a", 50), entry("b", 1000), entry("c", 100)], 100) == ()


def test_a_segment_may_be_full_of_units():
    half = MAX_UNITS // 2
    assert plan_compaction([entry("a", 1, n_units=half), entry("b", 1, n_units=half)], 100)
    more = [entry("a", 1, n_units=half), entry("b", 1, n_units=half + 1)]
    assert plan_compaction(more, 100) == ()


# Upkeep


def test_a_commit_merges_only_a_crowd_of_like_size():
    small = [entry(f"s{i}", 10, n_rows=i) for i in range(3)]  # weights 10 to 12
    large = [entry(f"l{i}", 40, n_rows=500) for i in range(2)]
    assert plan_upkeep([*large, *small], 100, 4) == ()
    assert plan_upkeep([*large, *small], 100, 3) == ("s0", "s1", "s2")
    assert plan_upkeep([*large, *small[1:]], 100, 2) == ("s1", "s2")
    assert plan_upkeep(large, 100, 2) == ("l0", "l1")


def test_a_commit_leaves_full_segments_alone():
    assert plan_upkeep([entry(f"s{i}", 50) for i in range(9)], 100, 2) == ()
    assert plan_upkeep([entry(f"s{i}", 1, n_units=MAX_UNITS // 2) for i in range(9)], 100, 2) == ()
    assert plan_upkeep([], 100, 2) == ()


def named(sizes):
    """Segments named by their place, of these weights to the base 10; -1 are full."""
    return [
        entry(str(n), 60 if size < 0 else 1, n_rows=10**size - 10 if size > 0 else 0)
        for n, size in enumerate(sizes)
    ]


def planned(*sizes, n_alike=4):
    """Return the places of the segments that are merged."""
    return [int(name) for name in plan_upkeep(named(sizes), 100, n_alike)]


def test_the_last_run_waits_for_its_like_and_takes_what_is_smaller_with_it():
    assert planned(3, 2, 2, 1, 1, 1) == []
    assert planned(3, 2, 2, 1, 1, 1, 1) == [3, 4, 5, 6]
    assert planned(3, 2, 1, 2, 1, 2, 1, 2, 1) == [1, 2, 3, 4, 5, 6, 7, 8]
    assert planned(-1, 1, 1, 1) == []


def test_runs_that_will_not_grow_are_merged_once_that_saves_as_much():
    assert planned(1, 1, 3, 1, 1) == []  # each run would save one
    assert planned(1, 1, 3, 1, 1, 1, 3) == [3, 4, 5]
    assert planned(1, 1, -1, 1, 1, 1, -1) == [3, 4, 5]
    assert planned(1, 1, 3, 1, 1, 3, 1, 1) == [0, 1]  # the growing run saves one, but not yet
    assert planned(-1, 2, 1, -1, 2, 1, -1, 2, 1, -1) == [1, 2]  # of the larger size, all three


def test_single_segments_between_larger_ones_stay():
    assert planned(1, 3, -1, *[1, -1] * 50) == []


weights = st.floats(0, 7).map(lambda power: round(math.exp(power)))


class Growing:
    """Segments as the policy leaves them; a byte and a unit a document, nothing is deleted.

    Attributes:
        segments: as they are now.
        n_rewrites: of each segment, how often one of its documents was rewritten at most.
    """

    def __init__(self, full_bytes, n_alike):
        self.full_bytes, self.n_alike = full_bytes, n_alike
        self.segments, self.n_rewrites = [], {}
        self._names = count()

    def made(self, n, n_rewrites):
        name = str(next(self._names))
        self.n_rewrites[name] = n_rewrites
        return SegmentEntry(name, n, n, {}, n)

    def add(self, n):
        self.segments.append(self.made(n, 0))
        while ids := plan_upkeep(self.segments, self.full_bytes, self.n_alike):
            first = [e.segment_id for e in self.segments].index(ids[0])
            own = slice(first, first + len(ids))
            sources = self.segments[own]
            assert [e.segment_id for e in sources] == list(ids)  # neighbours
            self.segments[own] = self.merged(sources)

    def merged(self, sources):
        full, rest = divmod(sum(e.n_documents for e in sources), self.full_bytes)
        times = 1 + max(self.n_rewrites[e.segment_id] for e in sources)
        sizes = [self.full_bytes] * full + [rest] * bool(rest)
        assert len(sizes) < len(sources)
        return [self.made(n, times) for n in sizes]

    @property
    def n_full(self):
        return sum(e.n_bytes >= self.full_bytes / 2 for e in self.segments)


@settings(max_examples=300, deadline=None)
@given(st.lists(weights, min_size=1, max_size=200), st.sampled_from([2, 3, 4, 10]))
def test_there_are_never_many_segments_and_documents_are_not_rewritten_often(came, n_alike):
    index = Growing(1000, n_alike)
    levels = 1 + math.ceil(math.log(500, n_alike))
    for n in came:
        index.add(n)
        # At each level: `n_alike` - 1 of the size, as many runs between them, and the spare ones.
        assert len(index.segments) <= 2 * index.n_full + (3 * n_alike - 4) * levels + n_alike
    assert sum(e.n_documents for e in index.segments) == sum(came)
    assert max(index.n_rewrites.values()) <= 2 * levels + 1


@settings(max_examples=100, deadline=None)
@given(st.lists(weights, max_size=60))
def test_a_compaction_leaves_no_neighbours_that_fit_into_one(came):
    segments = [SegmentEntry(str(i), n, n, {}, n) for i, n in enumerate(came)]
    chosen = plan_compaction(segments, 1000)
    kept = [e for e in segments if e.segment_id not in chosen]
    for left, right in pairwise(segments):
        if left in kept and right in kept:
            assert left.n_bytes + right.n_bytes >= 1000
    assert all(len(run) > 1 for run in runs_of([e.segment_id for e in segments], chosen))
