"""A small invented library to try things on: a report, a scan, notes, a web page and a picture."""

from pathlib import Path

LIBRARY = Path(__file__).parent / "library"

# A row of a table, a page that has to be read from its picture, a sentence in other words, a chart.
SAMPLE_QUERIES: tuple[str, str, str, str] = (
    "How much did the new fog signal compressor cost?",
    "Which ship ran aground in December 1962?",
    "How should food be protected from rodents?",
    "line chart of puffin pairs",
)


def sample_files() -> list[Path]:
    """Return the sample library's files, sorted by name."""
    return sorted(path for path in LIBRARY.iterdir() if path.is_file())
