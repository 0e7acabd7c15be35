"""A LlamaIndex retriever: `pip install 'latelight[llama-index]'`.

```python
from latelight.integrations.llama_index import LatelightRetriever

retriever = LatelightRetriever(latelight.open("./library").collection("reports"), k=5)
for found in retriever.retrieve("what drove the cost of sales?"):
    print(found.score, found.node.metadata["place"], found.node.get_content()[:80])
```
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from llama_index.core.callbacks import CallbackManager
from llama_index.core.retrievers import BaseRetriever
from llama_index.core.schema import (
    NodeRelationship,
    NodeWithScore,
    QueryBundle,
    RelatedNodeInfo,
    TextNode,
)

from latelight.app.hits import ExplainedHit
from latelight.client.awaited import AsyncCollection
from latelight.integrations.passages import (
    AnyCollection,
    Options,
    id_of,
    metadata_of,
    searched,
    searched_async,
)
from latelight.pipelines.request import GroupBy
from latelight.pipelines.spec import SearchMode

NOT_FOR_MODELS = ["evidence", "locator", "unit", "kind", "score", "score_norm", "rank"]
"""Metadata that is for programs: it would fill a prompt with numbers."""


class LatelightRetriever(BaseRetriever):
    """Finds the units of a collection that answer a query, best first."""

    def __init__(  # noqa: PLR0913  what users name
        self,
        collection: AnyCollection,
        *,
        k: int = 10,
        filter: Mapping[str, Any] | None = None,
        group_by: GroupBy | None = None,
        mode: SearchMode = "auto",
        explain: bool = True,
        callback_manager: CallbackManager | None = None,
    ) -> None:
        """Retrieve from a collection.

        Args:
            collection: of a library here, behind a server, or of an `AsyncClient` (for
                `aretrieve`).
            k: how many at most.
            filter: metadata filter, such as `{"year": {"$gte": 2023}}`.
            group_by: `"document"` keeps the best unit of each document.
            mode: `"maxsim"`, `"bm25"`, `"hybrid"` or `"auto"`.
            explain: whether metadata carries the evidence.
            callback_manager: of LlamaIndex.
        """
        super().__init__(callback_manager=callback_manager)
        self._collection = collection
        self._options: Options = {
            "k": k,
            "filter": filter,
            "group_by": group_by,
            "mode": mode,
            "explain": explain,
        }

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return _nodes(searched(self._collection, query_bundle.query_str, self._options))

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        query = query_bundle.query_str
        if isinstance(self._collection, AsyncCollection):
            return _nodes(await searched_async(self._collection, query, self._options))
        return _nodes(await asyncio.to_thread(searched, self._collection, query, self._options))


def _nodes(hits: Sequence[ExplainedHit]) -> list[NodeWithScore]:
    return [NodeWithScore(node=_node(hit), score=float(hit.score)) for hit in hits]


def _node(hit: ExplainedHit) -> TextNode:
    span = hit.unit.locator.span
    return TextNode(
        id_=id_of(hit),
        text=hit.unit.text,
        metadata=metadata_of(hit),
        start_char_idx=span.start if span else None,
        end_char_idx=span.end if span else None,
        mimetype="text/plain",
        excluded_llm_metadata_keys=NOT_FOR_MODELS,
        excluded_embed_metadata_keys=NOT_FOR_MODELS,
        relationships={NodeRelationship.SOURCE: RelatedNodeInfo(node_id=hit.doc_id)},
    )
