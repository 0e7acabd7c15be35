"""What every encoder offers: units and queries in, multi-vectors out."""

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

from latelight.types import EncoderInfo, Float32Array, MultiVector, QueryVectors, Unit

Progress = Callable[[int], None]


def no_progress(n_units: int) -> None:
    """Take a count of finished units and do nothing with it."""


class Encoder(Protocol):
    """One model: its own query side, its own document side.

    The constructor is cheap and `info` can be read at once; `load` does the heavy part. The
    vectors of a unit depend on that unit alone: never on its neighbours, their order, or the
    number of threads.
    """

    @property
    def info(self) -> EncoderInfo:
        """Name, geometry and provenance, known before `load`."""
        ...

    def load(self) -> None:
        """Read and check the weights; later calls do nothing.

        Raises:
            WeightsNotFoundError: what carries the weights is missing.
            DigestMismatchError: the weights are not the recorded ones.
        """
        ...

    def encode_query(self, text: str) -> QueryVectors:
        """Return the rows of a query: vectors (n_query_tokens, dim) float32, normalised.

        Raises:
            QueryError: `text` holds no token.
        """
        ...

    def encode_documents(
        self, units: Sequence[Unit], *, progress: Progress = no_progress
    ) -> list[MultiVector]:
        """Return one multi-vector per unit, in order; a unit without text has 0 rows.

        `progress` is called now and then, from this thread, with how many more units are done.
        """
        ...


@runtime_checkable
class BatchEncoder(Encoder, Protocol):
    """An encoder that takes less for several queries together than for one after the other."""

    def encode_queries(self, texts: Sequence[str]) -> list[QueryVectors]:
        """Return the rows of each query, in order: the very ones that `encode_query` returns.

        Raises:
            QueryError: a text holds no token.
        """
        ...


def encode_queries(encoder: Encoder, texts: Sequence[str]) -> list[QueryVectors]:
    """Return the rows of each query, encoded together where the encoder can.

    Raises:
        QueryError: a text holds no token.
    """
    if isinstance(encoder, BatchEncoder) and len(texts) > 1:
        return encoder.encode_queries(texts)
    return [encoder.encode_query(text) for text in texts]


@runtime_checkable
class NamingEncoder(Encoder, Protocol):
    """An encoder that can say what its rows of things seen stand for."""

    def names_of(self, rows: Float32Array) -> list[str]:
        """Return a name for each of (n_rows, dim) stored rows that have a box and no characters."""
        ...


@runtime_checkable
class ImageQueryEncoder(Encoder, Protocol):
    """An encoder that takes a picture as a query."""

    def encode_image_query(self, image: bytes) -> QueryVectors:
        """Return the rows of an encoded picture (PNG, JPEG …), those of patches of kind `patch`.

        Raises:
            ExtractionError: it cannot be decoded.
        """
        ...
