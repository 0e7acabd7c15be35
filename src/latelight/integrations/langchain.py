"""A LangChain retriever: `pip install 'latelight[langchain]'`.

```python
from latelight.integrations.langchain import LatelightRetriever

retriever = LatelightRetriever(collection=latelight.open("./library").collection("reports"), k=5)
for document in retriever.invoke("what drove the cost of sales?"):
    print(document.metadata["doc_id"], document.metadata["place"], document.page_content[:80])
```
"""

from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.callbacks import (
    AsyncCallbackManagerForRetrieverRun,
    CallbackManagerForRetrieverRun,
)
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables.config import run_in_executor
from pydantic import ConfigDict

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


class LatelightRetriever(BaseRetriever):
    """Finds the units of a collection that answer a query, best first.

    Attributes:
        collection: of a library here, behind a server, or of an `AsyncClient` (for `ainvoke`).
        k: how many at most.
        filter: metadata filter, such as `{"year": {"$gte": 2023}}`.
        group_by: `"document"` keeps the best unit of each document.
        mode: `"maxsim"`, `"bm25"`, `"hybrid"` or `"auto"`.
        explain: whether metadata carries the evidence.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    collection: AnyCollection
    k: int = 10
    filter: Mapping[str, Any] | None = None
    group_by: GroupBy | None = None
    mode: SearchMode = "auto"
    explain: bool = True

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun
    ) -> list[Document]:
        return _documents(searched(self.collection, query, self._options))

    async def _aget_relevant_documents(
        self, query: str, *, run_manager: AsyncCallbackManagerForRetrieverRun
    ) -> list[Document]:
        if isinstance(self.collection, AsyncCollection):
            return _documents(await searched_async(self.collection, query, self._options))
        return _documents(
            await run_in_executor(None, searched, self.collection, query, self._options)
        )

    @property
    def _options(self) -> Options:
        return {
            "k": self.k,
            "filter": self.filter,
            "group_by": self.group_by,
            "mode": self.mode,
            "explain": self.explain,
        }


def _documents(hits: Sequence[ExplainedHit]) -> list[Document]:
    return [
        Document(id=id_of(hit), page_content=hit.unit.text, metadata=metadata_of(hit))
        for hit in hits
    ]
