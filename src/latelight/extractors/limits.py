"""Checks that come before anything large is allocated."""

from latelight.errors import EmptyFileError, FileTooLargeError
from latelight.extractors.protocol import ExtractionOptions
from latelight.types import Source


def check_bytes(source: Source, options: ExtractionOptions) -> None:
    """Raise when the file is empty or longer than allowed."""
    n_bytes = len(source.data)
    if n_bytes == 0:
        raise EmptyFileError(
            f"{source.name}: 0 bytes, expected at least one; copy the file again or leave it out."
        )
    if n_bytes > options.max_bytes:
        raise FileTooLargeError(
            f"{source.name}: {n_bytes:,} bytes, at most {options.max_bytes:,} are read; "
            "split the file or raise max_bytes."
        )


def check_characters(name: str, n_characters: int, options: ExtractionOptions) -> None:
    """Raise when a document's text is longer than allowed."""
    if n_characters > options.max_characters:
        raise FileTooLargeError(
            f"{name}: {n_characters:,} characters of text, at most {options.max_characters:,} are "
            "read; split the file or raise max_characters."
        )


def check_pixels(name: str, size: tuple[int, int], options: ExtractionOptions) -> None:
    """Raise when a picture's header announces more pixels than are decoded."""
    width, height = size
    if width * height > options.max_pixels:
        raise FileTooLargeError(
            f"{name}: a picture of {width:,} x {height:,} = {width * height:,} pixels, at most "
            f"{options.max_pixels:,} are decoded; scale it down or raise max_pixels."
        )


def check_pages(name: str, n_pages: int, options: ExtractionOptions) -> None:
    """Raise when a document announces more pages than are read."""
    if n_pages > options.max_pages:
        raise FileTooLargeError(
            f"{name}: announces {n_pages:,} pages, at most {options.max_pages:,} are read; "
            "split the file or raise max_pages."
        )


def check_seconds(name: str, seconds: float, options: ExtractionOptions) -> None:
    """Raise when more of a recording was decoded than allowed, whatever its header announces."""
    if seconds > options.max_seconds:
        raise FileTooLargeError(
            f"{name}: more than {options.max_seconds:,.0f} seconds of sound or video, the longest "
            "that is read; split the file or raise max_seconds."
        )
