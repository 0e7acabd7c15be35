"""JSON of answers, as the values that an embedded library gives."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from io import BytesIO
from typing import Any, cast, get_args

from PIL import Image

from latelight.app.adding import JobState, JobSummary
from latelight.app.hits import ExplainedHit
from latelight.app.stats import Stats, StoredDocument
from latelight.client.steps import Answer
from latelight.explain.row_map import RowMap
from latelight.pipelines.progress import Failure, Progress, RunState
from latelight.pipelines.spec import PipelineSpec, canonical_json, parse_spec
from latelight.pipelines.stages import Stage
from latelight.releases.catalog import Generation
from latelight.releases.jobs import JobRecord
from latelight.releases.plan import parse_plan
from latelight.releases.state import Move, Release
from latelight.releases.store import LogEntry
from latelight.types import Document, TokenEvidence, Unit


@dataclass(frozen=True)
class Told:
    """The outcome of a search, not yet bound to what draws it.

    Attributes:
        mode: what was asked for.
        by_text: whether a text was searched with, which can be asked about again.
    """

    query: str
    hits: tuple[ExplainedHit, ...]
    stages: tuple[Stage, ...] = ()
    search_id: str = ""
    mode: str = "auto"
    by_text: bool = True


@dataclass(frozen=True)
class Explanation:
    """Why a unit matches: the hit, and every stored row of the unit in the spaces that ranked."""

    hit: ExplainedHit
    maps: tuple[RowMap, ...]


@dataclass(frozen=True)
class Described:
    """A collection: what it holds, and its live pipeline."""

    stats: Stats
    spec: PipelineSpec


@dataclass(frozen=True)
class JobNow:
    """A job at one moment.

    Attributes:
        record: what is written down of it, as far as servers tell.
        state: also `waiting`, until the server has room for it.
        n_failures: items that could not be added so far.
    """

    record: JobRecord
    state: str
    n_failures: int

    @property
    def is_under_way(self) -> bool:
        """Whether it runs, or will."""
        return self.state in ("running", "waiting")

    @property
    def summary(self) -> JobSummary:
        """As `Library.jobs` tells it; a job that waits for its turn is running."""
        state = "running" if self.state == "waiting" else self.state
        return JobSummary(self.record, cast("JobState", state))


@dataclass(frozen=True)
class ReleaseStatus:
    """How a release stands, as a server tells it.

    Attributes:
        release: where it stands.
        next_moves: what can be done.
        counted: by stage, step and arm: searches, errors, clicks, latencies.
        guards: of the ramp.
        wins: of interleaved searches: live (`a`), candidate (`b`), ties, unclicked (empty).
        preference_p: always-valid p-value that people prefer neither.
        ratio_p: always-valid p-value that the ramp's arms got their shares.
        owed: documents that a generation has still to follow in, by its store.
        left_out: documents that the candidate cannot hold.
        log: the audit log, oldest first.
        filling: how far the candidate is filled, while it is being built; else None.
        stepping: whether a step is being taken.
        last_step: what the last one came to: `moved`, `said`, the `state` and `version`
            that the release had then, or `error`, a problem.
    """

    release: Release
    next_moves: tuple[Move, ...]
    counted: tuple[Mapping[str, Any], ...]
    guards: tuple[Mapping[str, Any], ...]
    wins: Mapping[str, int]
    preference_p: float
    ratio_p: float
    owed: Mapping[str, int]
    left_out: tuple[Mapping[str, Any], ...]
    log: tuple[LogEntry, ...]
    filling: Mapping[str, int] | None = None
    stepping: bool = False
    last_step: Mapping[str, Any] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        own = {one.name: getattr(self, one.name) for one in fields(self)}
        return {
            **own,
            "release": self.release.to_dict(),
            "log": [entry.to_dict() for entry in self.log],
        }


def nothing(answer: Answer) -> None:
    """Read an answer that says no more than that it was done."""


def told_of(parts: Mapping[str, Any]) -> Told:
    """Return the outcome of a search."""
    query = parts["query"]
    return Told(
        query,
        tuple(hit_of(one, query) for one in parts["hits"]),
        tuple(Stage(**one) for one in parts.get("stages", ())),
        parts["search_id"],
    )


def hit_of(parts: Mapping[str, Any], query: str) -> ExplainedHit:
    """Return one hit."""
    return ExplainedHit(
        rank=parts["rank"],
        score=parts["score"],
        score_norm=parts["score_norm"],
        document=Document.from_dict(parts),
        unit=Unit.from_dict(parts),
        evidence=tuple(TokenEvidence.from_dict(one) for one in parts["evidence"]),
        rerank_score=parts.get("rerank_score"),
        query=query,
    )


def explanation_of(answer: Answer) -> Explanation:
    """Return why a unit matches."""
    parts = answer.json()
    hit = hit_of(parts["hit"], parts["query"])
    maps = tuple(RowMap.from_dict(one, hit.unit.locator) for one in parts["rows"])
    return Explanation(hit, maps)


def stored_of(answer: Answer) -> StoredDocument:
    """Return a document with its units."""
    parts = answer.json()
    units = tuple(Unit.from_dict(one) for one in parts["units"])
    return StoredDocument(Document.from_dict(parts), units)


def described_of(parts: Mapping[str, Any]) -> Described:
    """Return what a collection is and holds."""
    stats = Stats(**{one.name: parts[one.name] for one in fields(Stats)})
    return Described(stats, parse_spec(canonical_json(parts["spec"])))


def generation_of(parts: Mapping[str, Any]) -> Generation:
    """Return a version; its lock is not told."""
    return Generation(parts["digest"], canonical_json(parts["spec"]), "", parts["created_at"])


def picture_of(answer: Answer) -> Image.Image:
    """Return a picture, read."""
    picture = Image.open(BytesIO(answer.content))
    picture.load()
    return picture


def job_of(parts: Mapping[str, Any]) -> JobNow:
    """Return a job at this moment."""
    state = parts["state"]
    record = JobRecord(
        job_id=parts["job_id"],
        namespace=parts["namespace"],
        collection=parts["collection"],
        digest="",
        key="",
        inputs="{}",
        said=parts["said"],
        state=run_state(state),
        request="",
        attempt=0,
        process=0,
        created_at=parts["created_at"],
        updated_at=parts["updated_at"],
        progress=progress_of(parts["progress"]),
        error=parts["error"],
    )
    return JobNow(record, state, parts["n_failures"])


def run_state(state: str) -> RunState:
    """Return what a job's state means for its last run."""
    if state == "waiting":
        return "running"
    return cast("RunState", state if state in get_args(RunState) else "failed")


def progress_of(parts: Mapping[str, Any]) -> Progress:
    """Return how far a run is."""
    return Progress(**{one.name: parts[one.name] for one in fields(Progress)})


def failure_of(parts: Mapping[str, Any]) -> Failure:
    """Return an item that could not be added."""
    return Failure(parts["source"], parts["code"], parts["message"])


def release_of(parts: Mapping[str, Any]) -> Release:
    """Return a release."""
    return Release(
        release_id=parts["id"],
        live=parts["live"],
        candidate=parts["candidate"],
        plan=parse_plan(canonical_json(parts["plan"])),
        state=parts["state"],
        ramp_step=parts["ramp_step"],
        version=parts["version"],
        changed_at=parts["changed_at"],
        note=parts["note"],
    )


def status_of(answer: Answer) -> ReleaseStatus:
    """Return how a release stands."""
    parts = answer.json()
    return ReleaseStatus(
        release=release_of(parts["release"]),
        next_moves=tuple(parts["next_moves"]),
        counted=tuple(parts["counted"]),
        guards=tuple(parts["guards"]),
        wins=parts["wins"],
        preference_p=parts["preference_p"],
        ratio_p=parts["ratio_p"],
        owed=parts["owed"],
        left_out=tuple(parts["left_out"]),
        log=tuple(LogEntry(**one) for one in parts["log"]),
        filling=parts.get("filling"),
        stepping=parts.get("stepping", False),
        last_step=parts.get("last_step"),
    )
