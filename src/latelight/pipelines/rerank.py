"""The last stage of a search that asks for it: a cross-encoder orders the best units anew.

It reads the query and a unit's text together, so that nothing of its score can be ascribed to a
row: what it decides is the order alone. A hit's score and evidence stay those of late interaction.
"""

from typing import Protocol

import numpy as np

from latelight.pipelines.reader import Reader
from latelight.pipelines.stages import Stopwatch
from latelight.types import Float32Array, Int64Array


class CrossEncoder(Protocol):
    """Judges a query and a text together."""

    def score(self, query: str, texts: list[str]) -> Float32Array:
        """Return (n_texts,) float32, larger is better; what the numbers mean is the model's own."""
        ...


def reranked(
    reader: Reader, cross_encoder: CrossEncoder, query: str, ordinals: Int64Array, watch: Stopwatch
) -> tuple[Int64Array, Float32Array]:
    """Return the best units in the cross-encoder's order, and its scores; NaN beyond its depth.

    Units without text, and those beyond `rerank_depth`, keep their order behind the others.
    """
    depth = reader.spec.search.rerank_depth
    scores = np.full(len(ordinals), np.nan, np.float32)
    with watch.stage("rerank") as count:
        texts = {
            i: reader.snapshot.unit(int(ordinals[i])).text for i in range(len(ordinals[:depth]))
        }
        judged = [i for i, text in texts.items() if text.strip()]
        if judged:
            scores[judged] = cross_encoder.score(query, [texts[i] for i in judged])
        count.count = len(judged)
    # NaN sorts last, and a stable sort leaves the rest in order.
    order = np.argsort(-scores, kind="stable")
    return ordinals[order], scores[order]
