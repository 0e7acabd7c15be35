"""The shapes of answers, for the OpenAPI document; answers themselves are written by msgspec."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict


class Shape(BaseModel):
    """An object that may have more fields than are named."""

    model_config = ConfigDict(extra="allow")


class Problem(Shape):
    """An error (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    remedy: str
    request_id: str


class WhoAmI(Shape):
    """The caller."""

    key: str | None
    namespaces: dict[str, Literal["read", "write", "admin"]]
    version: str
    open: bool


class Named(Shape):
    """Something with a name."""

    name: str


class Page(Shape):
    """A page of a list."""

    items: list[dict[str, Any]]
    next_cursor: str | None


class NamespacePage(Shape):
    """Namespaces."""

    items: list[Named]
    next_cursor: str | None


class CollectionShape(Shape):
    """A collection, and what it holds."""

    namespace: str
    name: str
    n_documents: int
    n_units: int
    n_rows: int
    n_segments: int
    n_bytes: int
    n_original_bytes: int
    pipeline: str
    digest: str
    spaces: dict[str, dict[str, Any]]
    spec: dict[str, Any]


class CollectionPage(Shape):
    """Collections."""

    items: list[CollectionShape]
    next_cursor: str | None


class DocumentShape(Shape):
    """A document."""

    doc_id: str
    title: str
    source: str
    media_type: str
    metadata: dict[str, Any]
    n_units: int
    created_at: float
    sha256: str
    n_bytes: int


class UnitShape(Shape):
    """A unit of a document."""

    unit_id: str
    kind: Literal["passage", "page", "image", "frame", "audio"]
    locator: dict[str, Any]
    text: str
    heading: list[str]


class FullDocument(DocumentShape):
    """A document with its units."""

    units: list[UnitShape]


class DocumentPage(Shape):
    """Documents, by ascending id."""

    items: list[DocumentShape]
    next_cursor: str | None


class Deleted(Shape):
    """How many documents were there, and are deleted."""

    deleted: int


class HitShape(Shape):
    """One ranked unit."""

    rank: int
    score: float
    score_norm: float
    doc_id: str
    title: str
    source: str
    media_type: str
    metadata: dict[str, Any]
    created_at: float
    sha256: str
    n_bytes: int
    unit_id: str
    kind: str
    locator: dict[str, Any]
    text: str
    heading: list[str]
    evidence: list[dict[str, Any]]
    has_preview: bool


class Answer(Shape):
    """The hits of one search, best first."""

    search_id: str
    query: str
    took_ms: float
    hits: list[HitShape]


class Answers(Shape):
    """The answers of several searches, in order."""

    answers: list[Answer]


class Explanation(Shape):
    """Why a unit matches a query, however it ranks."""

    query: str
    hit: HitShape
    score: float
    contributions_sum: float


class Comparison(Shape):
    """What moved between two versions on one query, and why."""

    query: str
    a: dict[str, str]
    b: dict[str, str]
    k: int
    moves: list[dict[str, Any]]
    documents: list[dict[str, Any]]


class JobShape(Shape):
    """A job."""

    job_id: str
    namespace: str
    collection: str
    state: Literal["waiting", "running", "paused", "cancelled", "failed", "done", "interrupted"]
    said: str
    progress: dict[str, Any]
    error: str
    created_at: float
    updated_at: float
    n_failures: int


class JobPage(Shape):
    """Jobs, newest first."""

    items: list[JobShape]
    next_cursor: str | None


class FailureShape(Shape):
    """An item that could not be added."""

    source: str
    code: str
    message: str


class FailurePage(Shape):
    """Failures, by source."""

    items: list[FailureShape]
    next_cursor: str | None


class Valid(Shape):
    """A pipeline can be read, and what it names is installed."""

    valid: bool


class VersionPage(Shape):
    """Versions, oldest first."""

    items: list[dict[str, Any]]
    next_cursor: str | None


class ReleaseStatus(Shape):
    """How a release stands."""

    release: dict[str, Any]
    next_moves: list[str]
    stepping: bool
    last_step: dict[str, Any] | None


class Stepping(Shape):
    """A step is being taken."""

    stepping: bool


class EvaluationId(Shape):
    """Where the result will be."""

    evaluation_id: str


class EvaluationShape(Shape):
    """An evaluation."""

    evaluation_id: str
    state: Literal["waiting", "running", "done", "failed"]
    created_at: float
    updated_at: float
    error: str
    versions: list[str]
    measures: list[str]
    result: dict[str, Any] | None


class EvaluationPage(Shape):
    """Evaluations, newest first."""

    items: list[EvaluationShape]
    next_cursor: str | None


class Health(Shape):
    """Whether the server lives, or can answer."""

    status: str
