"""Every request, one function for each route of the HTTP API: pure, and read back into values."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote

from PIL import Image

from latelight.app.stats import StoredDocument
from latelight.client import answers
from latelight.client.answers import Described, Explanation, JobNow, ReleaseStatus, Told
from latelight.client.steps import Answer, Call, FilePart, Form
from latelight.pipelines.progress import Failure
from latelight.releases.catalog import Generation
from latelight.types import Document, Metadata

T = TypeVar("T")
PAGE = 500
WIDEST = 2000
"""Pixels of a preview at most."""


@dataclass(frozen=True)
class Place:
    """A collection of a server."""

    namespace: str
    name: str

    @property
    def path(self) -> str:
        """Where it is."""
        return f"/v1/namespaces/{part(self.namespace)}/collections/{part(self.name)}"

    def document(self, doc_id: str) -> str:
        """Return where a document is."""
        return f"{self.path}/documents/{part(doc_id)}"

    def unit(self, doc_id: str, unit_id: str) -> str:
        """Return where a unit is."""
        return f"{self.document(doc_id)}/units/{part(unit_id)}"


@dataclass(frozen=True)
class Page:
    """A page of a list, and the cursor of the next one."""

    items: tuple[Any, ...]
    next_cursor: str | None


def part(name: str) -> str:
    """Return a name as one part of a path, whatever is in it."""
    quoted = quote(name, safe="", errors="surrogatepass")
    return quoted.replace(".", "%2E") if quoted in (".", "..") else quoted


# -- namespaces, collections -----------------------------------------------------------------


def whoami() -> Call[Mapping[str, Any]]:
    """Who the key's owner is, and what they may do."""
    return Call("GET", "/v1/whoami", Answer.json)


def list_namespaces(cursor: str | None = None) -> Call[Page]:
    """A page of the names of namespaces."""
    return _page("/v1/namespaces", lambda one: one["name"], cursor)


def list_collections(namespace: str, cursor: str | None = None) -> Call[Page]:
    """A page of the names of collections with what they hold."""

    def read(one: Mapping[str, Any]) -> tuple[str, Described]:
        return one["name"], answers.described_of(one)

    return _page(f"/v1/namespaces/{part(namespace)}/collections", read, cursor)


def create_collection(place: Place, pipeline: str | Mapping[str, Any]) -> Call[Described]:
    """A collection, made."""
    read = _json(answers.described_of)
    return Call("PUT", place.path, read, body={"pipeline": pipeline})


def get_collection(place: Place) -> Call[Described]:
    """What a collection is and holds."""
    return Call("GET", place.path, _json(answers.described_of))


def drop_collection(place: Place) -> Call[None]:
    """Nothing, with the collection gone."""
    return Call("DELETE", place.path, answers.nothing)


def list_versions(place: Place, cursor: str | None = None) -> Call[Page]:
    """A page of versions, oldest first."""
    return _page(f"{place.path}/versions", _generation, cursor)


def list_aliases(place: Place, cursor: str | None = None) -> Call[Page]:
    """A page of versions, each with the aliases that point at it."""

    def read(one: Mapping[str, Any]) -> tuple[Generation, tuple[str, ...]]:
        return answers.generation_of(one), tuple(one["aliases"])

    return _page(f"{place.path}/versions", read, cursor)


# -- documents -------------------------------------------------------------------------------


def add_files(
    place: Place, files: Sequence[FilePart], metadata: Metadata, doc_id: str = ""
) -> Call[JobNow]:
    """The job that adds files."""
    fields = {"metadata": json.dumps(dict(metadata), ensure_ascii=False)}
    if doc_id:
        fields["doc_id"] = doc_id
    path, form = f"{place.path}/documents", Form(fields, files)
    return Call("POST", path, _json(answers.job_of), form=form)


def add_records(place: Place, records: Sequence[Mapping[str, Any]]) -> Call[JobNow]:
    """The job that adds records."""
    path, body = f"{place.path}/documents", {"records": list(records)}
    return Call("POST", path, _json(answers.job_of), body=body)


def list_documents(place: Place, cursor: str | None = None) -> Call[Page]:
    """A page of documents."""
    return _page(f"{place.path}/documents", Document.from_dict, cursor)


def get_document(place: Place, doc_id: str) -> Call[StoredDocument]:
    """A document with its units."""
    return Call("GET", place.document(doc_id), answers.stored_of)


def delete_documents(place: Place, doc_ids: Sequence[str]) -> Call[int]:
    """How many documents were there, and are deleted."""
    path, body = f"{place.path}/documents/delete", {"doc_ids": list(doc_ids)}
    return Call("POST", path, lambda answer: int(answer.json()["deleted"]), body=body)


def get_preview(
    place: Place, doc_id: str, unit_id: str, *, width: int = WIDEST
) -> Call[Image.Image]:
    """A unit's page, picture or frame, or the spectrogram of sound."""
    path = f"{place.unit(doc_id, unit_id)}/preview"
    return Call("GET", path, answers.picture_of, query={"width": width})


# -- searching -------------------------------------------------------------------------------


def search(place: Place, body: Mapping[str, Any]) -> Call[Told]:
    """The outcome of a search by text."""
    return Call("POST", f"{place.path}/search", _json(answers.told_of), body=body)


def search_batch(place: Place, body: Mapping[str, Any]) -> Call[list[Told]]:
    """The outcomes of several searches, in order."""

    def read(answer: Answer) -> list[Told]:
        return [answers.told_of(one) for one in answer.json()["answers"]]

    return Call("POST", f"{place.path}/search/batch", read, body=body)


def search_image(place: Place, image: bytes, body: Mapping[str, Any]) -> Call[Told]:
    """The outcome of a search by picture."""
    fields = {"search": json.dumps(dict(body), ensure_ascii=False)}
    form = Form(fields, [FilePart("image", "image", image)])
    return Call("POST", f"{place.path}/search/image", _json(answers.told_of), form=form)


def similar(place: Place, body: Mapping[str, Any]) -> Call[Told]:
    """The outcome of a search with what is stored."""
    return Call("POST", f"{place.path}/similar", _json(answers.told_of), body=body)


def explain_document(place: Place, doc_id: str, body: Mapping[str, Any]) -> Call[Told]:
    """Every unit of a document with its evidence, best first."""
    return Call("POST", f"{place.document(doc_id)}/explain", _json(answers.told_of), body=body)


def explain_unit(
    place: Place, doc_id: str, unit_id: str, body: Mapping[str, Any]
) -> Call[Explanation]:
    """Why a unit matches."""
    path = f"{place.unit(doc_id, unit_id)}/explain"
    return Call("POST", path, answers.explanation_of, body=body)


def compare(place: Place, body: Mapping[str, Any], read: Callable[[Answer], T]) -> Call[T]:
    """What moved between two versions on one query, and why."""
    return Call("POST", f"{place.path}/compare", read, body=body)


def interact(place: Place, search_id: str, doc_id: str) -> Call[None]:
    """Nothing, with the interaction counted."""
    home = {"namespace": place.namespace, "collection": place.name}
    body = {**home, "search_id": search_id, "doc_id": doc_id}
    return Call("POST", "/v1/interactions", answers.nothing, body=body)


# -- releases --------------------------------------------------------------------------------


def get_release(place: Place) -> Call[ReleaseStatus]:
    """How the release that began last stands."""
    return Call("GET", f"{place.path}/release", answers.status_of)


def start_release(
    place: Place, pipeline: str | Mapping[str, Any], plan: Mapping[str, Any] | None
) -> Call[ReleaseStatus]:
    """A release, begun."""
    body = {"pipeline": pipeline, **({} if plan is None else {"plan": plan})}
    return Call("POST", f"{place.path}/release", answers.status_of, body=body)


def step_release(place: Place) -> Call[None]:
    """Nothing, with a step begun."""
    return Call("POST", f"{place.path}/release/step", answers.nothing)


def move_release(place: Place, move: str, note: str = "") -> Call[ReleaseStatus]:
    """How a release stands after it was promoted, rolled back, aborted or retired."""
    body = {"note": note} if note else None
    return Call("POST", f"{place.path}/release/{move}", answers.status_of, body=body)


# -- evaluations -----------------------------------------------------------------------------


def begin_evaluation(place: Place, asked: Mapping[str, Any]) -> Call[str]:
    """The id of an evaluation, begun."""

    def read(answer: Answer) -> str:
        return str(answer.json()["evaluation_id"])

    return Call("POST", f"{place.path}/evaluations", read, body=dict(asked))


def list_evaluations(place: Place, cursor: str | None = None) -> Call[Page]:
    """A page of evaluations, newest first."""
    return _page(f"{place.path}/evaluations", dict, cursor)


def get_evaluation(place: Place, evaluation_id: str) -> Call[Mapping[str, Any]]:
    """An evaluation at this moment."""
    return Call("GET", f"{place.path}/evaluations/{part(evaluation_id)}", Answer.json)


def get_report(place: Place, evaluation_id: str) -> Call[str]:
    """The page that an evaluation came to."""
    path = f"{place.path}/evaluations/{part(evaluation_id)}/report"
    return Call("GET", path, lambda answer: answer.content.decode())


# -- jobs ------------------------------------------------------------------------------------


def list_jobs(
    namespace: str | None, collection: str | None, cursor: str | None = None
) -> Call[Page]:
    """A page of jobs, newest first."""
    asked = {"namespace": namespace, "collection": collection}
    query = {name: value for name, value in asked.items() if value is not None}
    return _page("/v1/jobs", answers.job_of, cursor, query)


def get_job(job_id: str) -> Call[JobNow]:
    """A job at this moment."""
    return Call("GET", f"/v1/jobs/{part(job_id)}", _json(answers.job_of))


def list_failures(job_id: str, cursor: str | None = None) -> Call[Page]:
    """A page of what a job could not add."""
    return _page(f"/v1/jobs/{part(job_id)}/failures", _failure, cursor)


def ask_job(job_id: str, what: str) -> Call[JobNow]:
    """A job that was asked to pause, resume, cancel, or retry what has failed."""
    return Call("POST", f"/v1/jobs/{part(job_id)}/{what}", _json(answers.job_of))


def _failure(one: Mapping[str, Any]) -> Failure:
    return answers.failure_of(one)


def _generation(one: Mapping[str, Any]) -> Generation:
    return answers.generation_of(one)


def _page(
    path: str,
    read: Callable[[Mapping[str, Any]], Any],
    cursor: str | None,
    query: Mapping[str, str] | None = None,
) -> Call[Page]:
    def page(answer: Answer) -> Page:
        parts = answer.json()
        return Page(tuple(read(one) for one in parts["items"]), parts["next_cursor"])

    own: dict[str, str | int] = {"limit": PAGE, **(query or {})}
    return Call("GET", path, page, query=own if cursor is None else {**own, "cursor": cursor})


def _json(read: Callable[[Mapping[str, Any]], T]) -> Callable[[Answer], T]:
    return lambda answer: read(answer.json())
