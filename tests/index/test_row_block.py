import numpy as np

from latelight.index.row_block import RowBlock
from latelight.index.rows import SpaceSpec, store_rows
from latelight.index.segment import Segment, StoredDocument, encode_segment
from tests.index.making import SPACES, axis_rows, document, passages

SPEC = SPACES["text"]


def segment(*axes: list[int]) -> Segment:
    """A segment of one document with a unit for each list of axes."""
    rows = {"text": store_rows(SPEC, [axis_rows(*unit) for unit in axes])}
    units = tuple(passages(*(f"u{i}" for i in range(len(axes)))))
    stored = StoredDocument(document("d"), units, rows, [()] * len(axes))
    data = memoryview(encode_segment("s", SPACES, [stored]))
    return Segment.over("s", data, SPACES)


def axes_of(block: RowBlock) -> list[list[int]]:
    rows = block.rows("text", SPEC)
    return [
        rows.of(unit)[0].argmax(axis=1).tolist() if rows.filled[unit] else []
        for unit in range(len(rows.offsets) - 1)
    ]


def test_rows_of_segments_lie_one_after_the_other():
    block = RowBlock()
    for part in (segment([1, 2], [3]), segment(), segment([]), segment([4], [], [5, 6])):
        block = block.extended("text", part)
    assert axes_of(block) == [[1, 2], [3], [], [4], [], [5, 6]]
    rows = block.rows("text", SPEC)
    assert rows.rows.values.flags.c_contiguous
    assert not rows.rows.values.flags.writeable
    assert rows.rows.scales.tolist() == [np.float32(1 / 127)] * 6
    assert rows.coded is None


def test_a_block_stays_as_it_is_while_longer_ones_share_its_memory():
    blocks = [RowBlock().extended("text", segment([0]))]
    for axis in range(1, 8):
        blocks.append(blocks[-1].extended("text", segment([axis])))
    assert [axes_of(block) for block in blocks] == [[[a] for a in range(n)] for n in range(1, 9)]
    memories = {id(block.columns["values"].memory) for block in blocks}
    assert len(memories) < len(blocks)


def test_two_ways_on_from_one_block_do_not_meet():
    """As when a commit is taken back, and another one comes instead."""
    block = RowBlock().extended("text", segment([0], [1], [2]))
    taken_back, instead = (block.extended("text", segment([axis])) for axis in (6, 7))
    assert axes_of(block.extended("text", segment([5])))[-1] == [5]
    assert axes_of(taken_back) == [[0], [1], [2], [6]]
    assert axes_of(instead) == [[0], [1], [2], [7]]


def test_float16_rows_have_no_scales():
    page = SpaceSpec(8, "float16")
    rows = {"text": store_rows(page, [axis_rows(3)])}
    stored = StoredDocument(document("d"), tuple(passages("u")), rows, [()])
    data = memoryview(encode_segment("s", {"text": page}, [stored]))
    block = RowBlock().extended("text", Segment.over("s", data, {"text": page}))
    found = block.rows("text", page).rows
    assert (found.values.dtype, found.scales) == (np.float16, None)
