from latelight.index.manifest import SegmentEntry
from latelight.index.merge_policy import plan_compaction, plan_upkeep


def entry(name, n_bytes, n_dead=0, n_rows=0):
    return SegmentEntry(name, 10, 10, {"text": n_rows}, n_bytes, None, n_dead)


def test_small_segments_are_merged():
    assert plan_compaction([entry("a", 10), entry("b", 90), entry("c", 49)], 100) == ("a", "c")


def test_one_small_segment_stays():
    assert plan_compaction([entry("a", 10), entry("b", 90)], 100) == ()
    assert plan_compaction([entry("a", 10)], 100) == ()
    assert plan_compaction([], 100) == ()


def test_segments_with_deleted_documents_are_rewritten_with_the_small_ones():
    assert plan_compaction([entry("a", 90, n_dead=1), entry("b", 90)], 100) == ("a",)
    assert plan_compaction([entry("a", 10), entry("b", 90, n_dead=1)], 100) == ("a", "b")


def test_a_full_sound_segment_is_never_rewritten():
    assert plan_compaction([entry("a", 50), entry("b", 1000)], 100) == ()


def test_a_commit_merges_only_a_crowd_of_like_size():
    small = [entry(f"s{i}", 10, n_rows=i) for i in range(3)]  # weights 10 to 12
    large = [entry(f"l{i}", 40, n_rows=500) for i in range(2)]
    assert plan_upkeep([*large, *small], 100, 4) == ()
    assert plan_upkeep([*large, *small], 100, 3) == ("s0", "s1", "s2")
    assert plan_upkeep([*large, *small[1:]], 100, 2) == ("s1", "s2")
    assert plan_upkeep(large, 100, 2) == ("l0", "l1")


def test_a_commit_leaves_full_segments_alone():
    assert plan_upkeep([entry(f"s{i}", 50) for i in range(9)], 100, 2) == ()
    assert plan_upkeep([], 100, 2) == ()
