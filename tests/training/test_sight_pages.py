"""The page generator: the same for a seed, with labels that lie where ink is."""

import shutil
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from PIL import Image

from latelight.encoders.sight.vocabulary import ATTRIBUTES, ATTRIBUTES_OF, CHARTS, KINDS, UNMARKED
from training.sight import blocks, mpl_charts, own_charts
from training.sight.assets import Assets, find_assets
from training.sight.canvas import Label, ink_box
from training.sight.dataset import read_pages, varied
from training.sight.make_pages import PER_FOLDER, as_record, make_page
from training.sight.plans import plan_chart
from training.sight.targets import STRIDE, UNKNOWN, targets_of

FONTS = Path(mpl.get_data_path()) / "fonts" / "ttf"
N_PAGES = 12


@pytest.fixture(scope="module")
def assets(tmp_path_factory: pytest.TempPathFactory) -> Assets:
    """Fonts that matplotlib carries; a slanted one stands in for handwriting."""
    folder = tmp_path_factory.mktemp("packages")
    for path in FONTS.glob("DejaVu*.ttf"):
        shutil.copy(path, folder)
    shutil.copy(FONTS / "DejaVuSerif-Italic.ttf", folder / "Kristi.ttf")
    return find_assets(folder)


@pytest.fixture(scope="module")
def pages(assets: Assets) -> list[tuple[Image.Image, list[Label], str]]:
    return [make_page(3, number, assets) for number in range(N_PAGES)]


def test_a_seed_and_a_number_give_the_same_page(assets: Assets) -> None:
    for number in (0, 5):
        one, other = make_page(3, number, assets), make_page(3, number, assets)
        assert one[0].tobytes() == other[0].tobytes()
        assert as_record(number, *one) == as_record(number, *other)
    assert make_page(4, 0, assets)[0].tobytes() != make_page(3, 0, assets)[0].tobytes()


def test_labels_are_of_the_vocabulary_and_lie_on_the_page(
    pages: list[tuple[Image.Image, list[Label], str]],
) -> None:
    assert any(label.kind not in UNMARKED for _, labels, _ in pages for label in labels)
    for image, labels, _ in pages:
        for label in labels:
            assert label.kind in KINDS
            left, top, right, bottom = label.box
            assert 0 <= left < right <= image.width
            assert 0 <= top < bottom <= image.height
            assert set(label.attributes) <= set(ATTRIBUTES_OF.get(label.kind, ()))


def test_there_is_ink_in_every_label(pages: list[tuple[Image.Image, list[Label], str]]) -> None:
    for image, labels, _ in pages:
        for label in labels:
            left, top, right, bottom = (round(side) for side in label.box)
            part = np.asarray(image.convert("L").crop((left, top, right + 1, bottom + 1)), float)
            assert np.ptp(part) > 12, label


@pytest.mark.parametrize("kind", list(blocks.SHARES))
def test_every_kind_is_drawn_with_ink_across_its_tile(assets: Assets, kind: str) -> None:
    for seed in range(3):
        tile = blocks.draw(np.random.default_rng(seed), assets, kind, 240, 180)
        assert tile.kind == kind
        box = ink_box(tile.image)
        assert box is not None
        assert box[2] - box[0] > 20
        assert box[3] - box[1] > 6


@pytest.mark.parametrize("kind", CHARTS)
def test_both_renderers_draw_a_plan_and_say_what_it_shows(assets: Assets, kind: str) -> None:
    rng = np.random.default_rng(1)
    plan = plan_chart(rng, kind)
    ours = own_charts.draw_plan(rng, assets, plan, 200, 150)
    theirs = mpl_charts.draw_plan(rng, assets.styles, plan, 200, 150)
    assert ours.kind == theirs.kind == kind
    assert ours.attributes == theirs.attributes == plan.flags


def test_rising_series_end_higher_than_they_begin() -> None:
    n_rising = 0
    for seed in range(60):
        plan = plan_chart(np.random.default_rng(seed), "line chart")
        if plan.has("rising"):
            n_rising += 1
            assert (plan.values[:, -1] > plan.values[:, 0]).all()
            assert not plan.has("falling")
    assert n_rising > 5


def test_held_out_styles_are_never_trained_on(assets: Assets) -> None:
    trained, kept = assets.part(held_out=False), assets.part(held_out=True)
    assert not set(trained.styles) & set(kept.styles)
    assert set(trained.styles) | set(kept.styles) == set(assets.styles)


def test_targets_name_the_smaller_thing_on_top_and_its_distances() -> None:
    chart = Label("bar chart", (16, 16, 112, 80), {"rising": True, "legend": False})
    stamp = Label("stamp", (48, 32, 80, 48))
    found = targets_of([stamp, chart], 160, 128)
    assert found.kinds.shape == (8, 10)
    assert KINDS[found.kinds[0, 0]] == "background"
    assert KINDS[found.kinds[1, 1]] == "bar chart"
    assert KINDS[found.kinds[2, 3]] == "stamp"
    assert found.attributes[ATTRIBUTES.index("rising"), 1, 1] == 1
    assert found.attributes[ATTRIBUTES.index("legend"), 1, 1] == 0
    assert found.attributes[ATTRIBUTES.index("donut"), 1, 1] == UNKNOWN
    assert found.attributes[ATTRIBUTES.index("rising"), 2, 3] == UNKNOWN
    np.testing.assert_allclose(np.exp(found.boxes[:, 1, 1]), [0.5, 0.5, 5.5, 3.5], rtol=1e-5)
    assert not found.is_boxed[0, 0]


def test_a_thing_smaller_than_a_cell_still_has_one() -> None:
    small = Label("logo", (36, 36, 44, 42))
    found = targets_of([small], 160, 128)
    assert (found.kinds == KINDS.index("logo")).sum() == 1
    assert found.kinds[36 // STRIDE, 36 // STRIDE] == KINDS.index("logo")


def test_pages_are_read_back_and_varied_without_losing_their_labels(
    assets: Assets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from training.sight import make_pages

    assert PER_FOLDER == 100
    monkeypatch.setattr(make_pages, "PER_FOLDER", 3)
    make_pages.make_folder(3, 0, assets, tmp_path, None)
    found = read_pages(tmp_path)
    assert [len(page.labels) for page in found] == [
        len(make_page(3, number, assets)[1]) for number in range(3)
    ]
    pixels, targets = varied(found[0], np.random.default_rng(0))
    assert pixels.shape == (found[0].size[1], found[0].size[0], 3)
    assert targets.kinds.shape == (pixels.shape[0] // STRIDE, pixels.shape[1] // STRIDE)
    before = (tmp_path / "00000" / "labels.jsonl").stat().st_mtime_ns
    make_pages.make_folder(3, 0, assets, tmp_path, None)
    assert (tmp_path / "00000" / "labels.jsonl").stat().st_mtime_ns == before
