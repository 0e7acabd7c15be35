"""Make labelled pages: JPEG files with `labels.jsonl` beside them, the same bytes for a seed.

    python -m training.sight.make_pages --packages DIR --out DIR [--n 20000] [--seed 1]

Pages are numbered; each depends on the seed and its number alone, so an interrupted run goes on
where it stopped, and several runs may share the work by `--first`. `--held-out` draws with fonts,
photographs, clip art and chart styles that are never used otherwise.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
from PIL import Image

from latelight.encoders.sight.picture import fit
from training.sight.assets import Assets, find_assets
from training.sight.canvas import Label
from training.sight.page import cut_labels, draw_page
from training.sight.scan import worn

PER_FOLDER = 100
QUALITY = 92


def make_page(seed: int, number: int, assets: Assets) -> tuple[Image.Image, list[Label], str]:
    """Return one page of the size the network reads, its labels in pixels, and its form."""
    rng = np.random.default_rng((seed, number))
    sheet, form = draw_page(rng, assets)
    image, labels = worn(rng, sheet.image, sheet.labels)
    fitted = fit(image)
    moved = [Label(one.kind, fitted.to_pixels(one.box), one.attributes) for one in labels]
    shown = Image.fromarray(fitted.pixels)
    return shown, cut_labels(moved, shown.width, shown.height), form


def as_record(number: int, image: Image.Image, labels: list[Label], form: str) -> dict[str, object]:
    """Return what is written of a page beside its picture."""
    return {
        "page": number,
        "form": form,
        "size": [image.width, image.height],
        "labels": [
            {
                "kind": one.kind,
                "box": [round(float(v), 1) for v in one.box],
                "attributes": {name: bool(flag) for name, flag in one.attributes.items()},
            }
            for one in labels
        ],
    }


def make_folder(seed: int, folder: int, assets: Assets, out: Path, pause: Path | None) -> None:
    """Write a folder of pages; it is named when it is whole."""
    target, part = out / f"{folder:05d}", out / f".{folder:05d}"
    if target.exists():
        return
    part.mkdir(parents=True, exist_ok=True)
    records = []
    for number in range(folder * PER_FOLDER, (folder + 1) * PER_FOLDER):
        wait_while(pause)
        image, labels, form = make_page(seed, number, assets)
        image.save(part / f"{number:07d}.jpg", quality=QUALITY)
        records.append(json.dumps(as_record(number, image, labels, form)))
    (part / "labels.jsonl").write_text("\n".join(records) + "\n")
    part.rename(target)


def wait_while(sign: Path | None) -> None:
    """Sleep while a file is there: someone measures on this machine."""
    while sign is not None and sign.exists():
        time.sleep(5)


def main() -> None:
    """Read the arguments and make the pages."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--packages", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--n", type=int, default=20_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--held-out", action="store_true")
    parser.add_argument("--pause", type=Path, help="wait while this file exists")
    given = parser.parse_args()
    assets = find_assets(given.packages).part(held_out=given.held_out)
    first = given.first // PER_FOLDER
    for folder in range(first, first + -(-given.n // PER_FOLDER)):
        started = time.perf_counter()
        make_folder(given.seed, folder, assets, given.out, given.pause)
        print(f"{folder:05d} {time.perf_counter() - started:.1f} s", flush=True)


if __name__ == "__main__":
    main()
