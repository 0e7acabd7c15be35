"""An encoder whose units have fewer rows."""

from collections.abc import Collection, Sequence
from dataclasses import replace

from latelight.encoders.pooling import Pooling, pool, truncate
from latelight.encoders.protocol import Encoder, Progress, encode_queries, no_progress
from latelight.errors import SettingError
from latelight.types import EncoderInfo, MultiVector, QueryVectors, Unit


class PooledEncoder:
    """An `Encoder` that pools the rows of another one's units; queries keep all their rows.

    Each row keeps the places of every row that it stands for, so a heat map of a pooled page still
    shows patches.
    """

    def __init__(
        self, encoder: Encoder, pooling: Pooling, *, truncatable: Collection[int] = ()
    ) -> None:
        """Wrap an encoder.

        Args:
            encoder: whose rows are pooled.
            pooling: how.
            truncatable: the lengths to which the model was trained to be cut; those that are no
                shorter than its rows do not count.

        Raises:
            SettingError: the rows are to be cut to another length.
        """
        if pooling.dim:
            _check_dim(pooling.dim, encoder.info, truncatable)
        self._encoder = encoder
        self._pooling = pooling

    @property
    def info(self) -> EncoderInfo:
        """Name, geometry and provenance: the other encoder's, and how its rows are pooled."""
        info = self._encoder.info
        return replace(
            info,
            dim=self._pooling.dim or info.dim,
            rendering={**info.rendering, **self._pooling.describe()},
        )

    @property
    def inner(self) -> Encoder:
        """The encoder whose rows are pooled."""
        return self._encoder

    def load(self) -> None:
        """Read and check the weights; later calls do nothing."""
        self._encoder.load()

    def encode_query(self, text: str) -> QueryVectors:
        """Return the rows of a query, none of them pooled: (n_query_tokens, dim) float32.

        Raises:
            QueryError: `text` holds no token.
        """
        return self._cut(self._encoder.encode_query(text))

    def encode_queries(self, texts: Sequence[str]) -> list[QueryVectors]:
        """Return the rows of each query, in order.

        Raises:
            QueryError: a text holds no token.
        """
        return [self._cut(query) for query in encode_queries(self._encoder, texts)]

    def encode_documents(
        self, units: Sequence[Unit], *, progress: Progress = no_progress
    ) -> list[MultiVector]:
        """Return one multi-vector per unit, in order, with fewer rows than the model made."""
        encoded = self._encoder.encode_documents(units, progress=progress)
        return [pool(rows, self._pooling) for rows in encoded]

    def _cut(self, query: QueryVectors) -> QueryVectors:
        if not self._pooling.dim:
            return query
        return QueryVectors(truncate(query.vectors, self._pooling.dim), query.tokens)


def _check_dim(dim: int, info: EncoderInfo, truncatable: Collection[int]) -> None:
    shorter = [one for one in sorted(truncatable) if one < info.dim]
    if dim not in shorter:
        allowed = ", ".join(map(str, shorter)) or "none"
        raise SettingError(
            f"dim is {dim}; {info.name}, whose rows have {info.dim}, was trained to be cut to: "
            f"{allowed}. Leave dim at 0. Where a model in a directory of yours was trained for it, "
            f'write "matryoshka_dimensions": [{dim}] into its config.json.'
        )
