"""The library as its users see it: everything wired together."""

from latelight.app.collection import Collection, Stats, StoredDocument
from latelight.app.hits import Hits, SearchHit
from latelight.app.job import Job
from latelight.app.library import Library, open, restore  # noqa: A004
from latelight.app.questions import sample_questions

__all__ = [
    "Collection",
    "Hits",
    "Job",
    "Library",
    "SearchHit",
    "Stats",
    "StoredDocument",
    "open",
    "restore",
    "sample_questions",
]
