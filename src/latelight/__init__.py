"""Self-hosted late-interaction retrieval that shows why each hit matched.

```python
import latelight

db = latelight.open("./library")
reports = db.collection("reports", create=True)
reports.add("filings/")
for hit in reports.search("what drove the cost of sales?", explain=True):
    print(hit.score, hit.doc_id, hit.snippet().plain())
```
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from latelight.app import Collection, Hits, Job, Library, SearchHit, restore
    from latelight.client.awaited import AsyncClient
    from latelight.client.opening import open  # noqa: A004
    from latelight.client.waiting import Client
    from latelight.errors import LatelightError
    from latelight.index import MultiVectorIndex
    from latelight.kernels.maxsim import maxsim

# Loaded at first use, so that importing the package costs next to nothing.
_HOMES = {
    "AsyncClient": "latelight.client.awaited",
    "Client": "latelight.client.waiting",
    "Collection": "latelight.app",
    "Hits": "latelight.app",
    "Job": "latelight.app",
    "Library": "latelight.app",
    "SearchHit": "latelight.app",
    "open": "latelight.client.opening",
    "restore": "latelight.app",
    "LatelightError": "latelight.errors",
    "MultiVectorIndex": "latelight.index",
    "maxsim": "latelight.kernels.maxsim",
}

__all__ = [
    "AsyncClient",
    "Client",
    "Collection",
    "Hits",
    "Job",
    "LatelightError",
    "Library",
    "MultiVectorIndex",
    "SearchHit",
    "maxsim",
    "open",
    "restore",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'latelight' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
