"""What a search works on: a view of the index, the encoders, and the encoded query."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from latelight.encoders.protocol import Encoder
from latelight.index import Snapshot
from latelight.index.analyzer import Term
from latelight.index.self_check import SelfCheck
from latelight.pipelines.spec import PipelineSpec
from latelight.types import Float32Array, QueryVectors

if TYPE_CHECKING:
    from latelight.pipelines.rerank import CrossEncoder


@dataclass(frozen=True, eq=False)
class Reader:
    """What searching needs: one frozen view of the index and the encoders that filled it.

    `cross_encoder` is what orders the best units anew, where the pipeline asks for one.
    """

    snapshot: Snapshot
    encoders: Mapping[str, Encoder]
    spec: PipelineSpec
    n_threads: int = 1
    self_check: SelfCheck = field(default_factory=SelfCheck)
    cross_encoder: "CrossEncoder | None" = None


@dataclass(frozen=True, eq=False)
class EncodedQuery:
    """A query as every signal needs it.

    Attributes:
        text: as given.
        vectors: by space.
        weights: by space, what each row counts in MaxSim, (n_query_tokens,) float32 of mean 1.
        terms: for BM25, with their characters in `text`.
    """

    text: str
    vectors: Mapping[str, QueryVectors]
    weights: Mapping[str, Float32Array]
    terms: tuple[Term, ...]

    def has_rows(self, space: str) -> bool:
        """Return whether the query has rows in a space."""
        return space in self.vectors and len(self.vectors[space].tokens) > 0

    def weighted(self, space: str) -> Float32Array:
        """Return the rows times their weights: their MaxSim is the weighted one."""
        return self.vectors[space].vectors * self.weights[space][:, None]

    @property
    def n_tokens(self) -> int:
        """Rows of all spaces together; what `score_norm` divides by."""
        return sum(len(query.tokens) for query in self.vectors.values()) or len(self.terms) or 1
