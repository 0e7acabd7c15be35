"""A picture as a query: its bytes, and the words on it."""

from dataclasses import replace
from pathlib import Path

from latelight.errors import NotFoundError, QueryError
from latelight.extractors.protocol import ExtractionOptions
from latelight.extractors.registry import extract
from latelight.types import Source


def picture_query(
    image: str | Path | bytes, options: ExtractionOptions, *, needs_words: bool
) -> tuple[bytes, str]:
    """Return a picture's bytes, and the words that character recognition reads on it.

    Args:
        image: a path or the bytes.
        options: how it is read.
        needs_words: whether nothing else of it can be searched for.

    Raises:
        NotFoundError: there is no such file.
        ExtractionError: it is not a picture that can be read.
        QueryError: there are no words on it, and they are needed.
    """
    source = _source(image)
    # Foreign code runs in worker processes only; this is the caller's own.
    text = extract(source, replace(options, plugins=())).text.strip()
    if not text and needs_words:
        raise QueryError(
            f"No words were found in {source.name}; this pipeline searches with pictures by the "
            "words in them. Search with a text that describes it."
        )
    return source.data, text


def _source(image: str | Path | bytes) -> Source:
    if isinstance(image, bytes):
        return Source("the picture", image)
    path = Path(image).expanduser()
    if not path.is_file():
        raise NotFoundError(f"There is no file {str(path)!r} to search with.")
    return Source(path.name, path.read_bytes())
