"""Write the sample library that `latelight demo` searches.

    pip install reportlab && python examples/make_sample.py [FOLDER]

Everything in it is invented: the island of Skerrin, its light, its keepers and their figures.
The same versions of the drawing packages write the same bytes each time. The files are kept in
the package (`src/latelight/sample/library`), so this runs only when they are to change.
"""

import sys
from pathlib import Path

from picture import write_picture
from report import write_report
from scan import write_scan
from words import NIGHT_WATCH, NOTES, VISITING

LIBRARY = Path(__file__).parents[1] / "src" / "latelight" / "sample" / "library"


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    write_report(folder / "annual-report-2024.pdf")
    write_scan(folder / "station-log-1962.pdf")
    write_picture(folder / "inside-the-tower.png")
    (folder / "keepers-notes.md").write_text(NOTES, encoding="utf-8")
    (folder / "night-watch.txt").write_text(NIGHT_WATCH, encoding="utf-8")
    (folder / "visiting.html").write_text(VISITING, encoding="utf-8")
    for path in sorted(folder.iterdir()):
        print(f"{path.stat().st_size:>8,} {path.name}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else LIBRARY)
