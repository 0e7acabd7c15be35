"""A picture as a query: the words in it."""

from dataclasses import replace
from pathlib import Path

from latelight.errors import NotFoundError, QueryError
from latelight.extractors.protocol import ExtractionOptions
from latelight.extractors.registry import extract
from latelight.types import Source


def text_of_picture(image: str | Path | bytes, options: ExtractionOptions) -> str:
    """Return the words that character recognition reads in a picture.

    Raises:
        NotFoundError: there is no such file.
        ExtractionError: it is not a picture that can be read.
        QueryError: there are no words in it.
    """
    source = _source(image)
    # Foreign code runs in worker processes only; this is the caller's own.
    text = extract(source, replace(options, plugins=())).text.strip()
    if not text:
        raise QueryError(
            f"No words were found in {source.name}; this pipeline searches with pictures by the "
            "words in them. Search with a text that describes it."
        )
    return text


def _source(image: str | Path | bytes) -> Source:
    if isinstance(image, bytes):
        return Source("the picture", image)
    path = Path(image).expanduser()
    if not path.is_file():
        raise NotFoundError(f"There is no file {str(path)!r} to search with.")
    return Source(path.name, path.read_bytes())
