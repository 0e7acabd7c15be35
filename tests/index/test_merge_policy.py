from latelight.index.manifest import SegmentEntry
from latelight.index.merge_policy import plan_merge


def entry(name, n_bytes, n_dead=0):
    return SegmentEntry(name, 10, 10, {}, n_bytes, None, n_dead)


def test_small_segments_are_merged():
    assert plan_merge([entry("a", 10), entry("b", 90), entry("c", 49)], 100) == ("a", "c")


def test_one_small_segment_stays():
    assert plan_merge([entry("a", 10), entry("b", 90)], 100) == ()
    assert plan_merge([entry("a", 10)], 100) == ()
    assert plan_merge([], 100) == ()


def test_segments_with_deleted_documents_are_rewritten_with_the_small_ones():
    assert plan_merge([entry("a", 90, n_dead=1), entry("b", 90)], 100) == ("a",)
    assert plan_merge([entry("a", 10), entry("b", 90, n_dead=1)], 100) == ("a", "b")


def test_a_full_sound_segment_is_never_rewritten():
    assert plan_merge([entry("a", 50), entry("b", 1000)], 100) == ()
