import json
from importlib import resources

import numpy as np
import pytest

from latelight.encoders import answerai, minilm
from latelight.encoders.head import ShippedHead, load_head, project
from latelight.errors import DigestMismatchError


def test_projected_rows_have_length_one() -> None:
    matrix = np.array([[1, 0], [0, 1], [0, 0]], np.float32)
    rows = project(np.array([[3, 4, 9]], np.float32), matrix)
    np.testing.assert_allclose(rows, [[0.6, 0.8]], rtol=1e-6)
    assert rows.dtype == np.float32


def test_a_row_that_the_head_cannot_see_stays_zero() -> None:
    matrix = np.array([[1], [0]], np.float32)
    np.testing.assert_array_equal(project(np.array([[0, 2]], np.float32), matrix), [[0]])


def test_a_head_with_another_digest_is_refused() -> None:
    with pytest.raises(DigestMismatchError, match="latelight-small-128"):
        load_head(ShippedHead("latelight-small-128.npy", "0" * 64))


@pytest.mark.parametrize("head", [answerai.HEAD, minilm.HEAD])
def test_every_shipped_head_is_the_one_on_its_card(head: ShippedHead) -> None:
    card = resources.files("latelight.encoders").joinpath(f"heads/{head.file[:-4]}.json")
    told = json.loads(card.read_text(encoding="utf-8"))
    assert told["sha256"] == head.sha256
    assert list(load_head(head).shape) == told["shape"] == [384, 128]
