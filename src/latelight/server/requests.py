"""The bodies of requests, checked before anything is done with them."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from latelight.pipelines.request import MAX_K, MAX_QUERY_CHARACTERS

MAX_BATCH = 1000
MAX_IDS = 10_000
MAX_TOPICS = 10_000
Name = Annotated[str, Field(min_length=1, max_length=64)]
Text = Annotated[str, Field(min_length=1, max_length=MAX_QUERY_CHARACTERS)]
Mode = Literal["auto", "maxsim", "bm25", "hybrid"]
Pipeline = str | dict[str, Any]


class Body(BaseModel):
    """A body without fields that nobody knows."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class SearchOptions(Body):
    """How to search."""

    k: Annotated[int, Field(ge=1, le=MAX_K, strict=True)] | None = None
    filter: dict[str, Any] | None = None
    group_by: Literal["document"] | None = None
    explain: bool = False
    exact: bool = False
    mode: Mode = "auto"
    recall: Literal["fast", "balanced", "best"] = "balanced"
    key: Annotated[str, Field(max_length=256)] | None = None
    profile: bool = False
    version: str | None = None
    pipeline: dict[str, Any] | None = None


class Search(SearchOptions):
    """One search."""

    text: Text


class SearchBatch(SearchOptions):
    """Several searches with the same options."""

    texts: list[Text] = Field(min_length=1, max_length=MAX_BATCH)


class Similar(Body):
    """More like a stored unit, or like a region of it."""

    doc_id: str
    unit_id: str
    box: list[float] | None = Field(None, min_length=4, max_length=4)
    span: list[int] | None = Field(None, min_length=2, max_length=2)
    time: list[float] | None = Field(None, min_length=2, max_length=2)
    k: Annotated[int, Field(ge=1, le=MAX_K, strict=True)] | None = None
    filter: dict[str, Any] | None = None
    group_by: Literal["document"] | None = None
    explain: bool = False
    exact: bool = False
    mode: Mode = "auto"
    recall: Literal["fast", "balanced", "best"] = "balanced"
    profile: bool = False
    version: str | None = None
    pipeline: dict[str, Any] | None = None


class Explain(Body):
    """Why a unit matches, in the live version or in another one, or under a pipeline on trial."""

    text: Text
    mode: Mode = "auto"
    version: str | None = None
    pipeline: dict[str, Any] | None = None


class Create(Body):
    """A collection's pipeline: a preset's name, or a whole spec."""

    pipeline: Pipeline = "default"


class Records(Body):
    """Records to add."""

    records: list[dict[str, Any]] = Field(min_length=1)
    metadata: dict[str, Any] = Field(default_factory=dict)


class Delete(Body):
    """Documents to delete."""

    doc_ids: list[str] = Field(max_length=MAX_IDS)


class Start(Body):
    """A release to begin."""

    pipeline: Pipeline
    plan: dict[str, Any] | None = None


class Evaluate(Body):
    """Judged topics to search, in which versions."""

    queries: dict[str, Text] = Field(min_length=1, max_length=MAX_TOPICS)
    qrels: dict[str, dict[str, int]] = Field(min_length=1, max_length=MAX_TOPICS)
    measures: list[str] = Field(default_factory=lambda: ["nDCG@10"], min_length=1, max_length=8)
    versions: list[str] = Field(default_factory=lambda: ["live"], min_length=1, max_length=8)


class Compare(Body):
    """Two versions to compare on one query."""

    text: Text
    a: str = "live"
    b: str = "candidate"
    doc_ids: list[str] = Field(default_factory=list, max_length=100)
    k: int = Field(10, ge=1, le=100, strict=True)
    depth: int = Field(100, ge=1, le=MAX_K, strict=True)
    filter: dict[str, Any] | None = None
    mode: Mode = "auto"
    most: int = Field(3, ge=0, le=100, strict=True)


class Note(Body):
    """Why a release is moved, for its audit log."""

    note: Annotated[str, Field(min_length=1, max_length=1000)] | None = None


class Interaction(Body):
    """Somebody used a document of a search."""

    namespace: Name
    collection: Name
    search_id: Annotated[str, Field(min_length=1, max_length=64)]
    doc_id: str
