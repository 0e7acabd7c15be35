"""What a collection of a server can be asked, with the arguments of an embedded one."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Unpack

import msgspec

from latelight.app.serving import keys_of
from latelight.app.similar import SearchOptions, likeness
from latelight.app.stats import Stats, StoredDocument
from latelight.client import calls, jobs
from latelight.client.answers import JobNow, Told
from latelight.client.calls import Place
from latelight.client.jobs import Sent
from latelight.client.lists import every
from latelight.client.parcels import Files, Packed, Parcel, Records
from latelight.client.steps import Call, Talking, Work
from latelight.errors import FileTooLargeError, InputError, NotFoundError
from latelight.index.candidates import RecallLevel
from latelight.pipelines.inputs import sort_given
from latelight.pipelines.items import Addable
from latelight.pipelines.progress import Failure, Watch, watch_nothing
from latelight.pipelines.records import check_metadata
from latelight.pipelines.request import GroupBy, SearchRequest
from latelight.pipelines.spec import PRESETS, PipelineSpec, SearchMode, load_spec
from latelight.releases.catalog import Generation
from latelight.types import Document, Metadata

MOST_IDS = 5000
"""Of one request to delete."""
MOST_TEXTS = 1000
"""Of one batch of searches."""
_DEFAULTS: Mapping[str, Any] = {
    "k": None,
    "filter": None,
    "group_by": None,
    "explain": False,
    "exact": False,
    "mode": "auto",
    "recall": "balanced",
}


# -- writing ---------------------------------------------------------------------------------


def add(  # noqa: PLR0913  as `Collection.add`
    place: Place,
    what: Addable,
    *,
    metadata: Metadata | None = None,
    doc_id: str = "",
    name: str = "",
    progress: Watch = watch_nothing,
    wait: bool = True,
) -> Talking[Sent]:
    """Add files, folders, globs, bytes or records; return the job, finished or running.

    Everything is on the server's disk when this returns; what is there already, unchanged, is
    skipped. Folders and globs are walked here, and files are streamed as they are read. What cannot
    be read here is among the job's failures.

    Args:
        what: a path, folder or glob; bytes (with `name`); a record `{"id", "title", "text",
            ...}`, or with `path`, `bytes` or `vectors`; or several of these, also from a
            generator. A `.jsonl` file holds records.
        metadata: filterable values for every document of this call.
        doc_id: the id of a single document; new content under it replaces the old.
        name: what bytes are called.
        progress: is called with events while somebody waits for the job.
        wait: False returns when everything is sent; the server goes on.

    Raises:
        NotFoundError: a path names nothing, or there is no such collection.
        InputError: metadata or records are malformed.
        JobRunningError: just this is being added.
    """
    packed = Packed(sort_given(what, check_metadata(metadata or {}), name=name, doc_id=doc_id))
    parcels, ids, refused = packed.parcels(), [], []
    while (parcel := (yield from Work(partial(next, parcels, None)))) is not None:
        try:
            job = yield from _sent(place, parcel)
        except FileTooLargeError as error:
            if not (isinstance(parcel, Files) and len(parcel.parts) == 1):
                raise
            refused.append(Failure.of(parcel.parts[0].name, error))
        else:
            ids.append(job.record.job_id)
    failures = (*packed.failures, *refused)
    sent = Sent(tuple(ids), failures, tuple(packed.warnings), progress)
    if wait:
        yield from jobs.wait(sent)
    return sent


def job(place: Place, job_id: str, *, progress: Watch = watch_nothing) -> Talking[Sent]:
    """Return a job of this collection, to look at or to take up again.

    Raises:
        NotFoundError: it has no such job.
    """
    found = yield from jobs.find(job_id)
    now = yield from calls.get_job(found.ids[0])
    if (now.record.namespace, now.record.collection) != (place.namespace, place.name):
        raise NotFoundError(f"Job {job_id!r} is of collection {now.record.collection!r}.")
    return Sent(found.ids, watch=progress)


def delete(place: Place, doc_ids: Iterable[str]) -> Talking[int]:
    """Delete documents by id and return how many were there."""
    if isinstance(doc_ids, str):
        raise InputError(f"delete takes a list of ids; write delete([{doc_ids!r}]).")
    wanted = list(dict.fromkeys(doc_ids))
    n_deleted = 0
    for start in range(0, len(wanted), MOST_IDS):
        n_deleted += yield from calls.delete_documents(place, wanted[start : start + MOST_IDS])
    return n_deleted


# -- searching -------------------------------------------------------------------------------


def search(  # noqa: PLR0913  as `Collection.search`
    place: Place,
    text: str | None = None,
    *,
    image: str | Path | bytes | None = None,
    k: int | None = None,
    filter: Mapping[str, Any] | None = None,
    group_by: GroupBy | None = None,
    explain: bool = False,
    exact: bool = False,
    mode: SearchMode = "auto",
    recall: RecallLevel = "balanced",
    key: str | None = None,
) -> Talking[Told]:
    """Return the best units for a query, best first.

    Args:
        text: the query.
        image: a picture (path or bytes) to search with instead.
        k: how many hits at most; the pipeline's default is 10.
        filter: metadata filter, such as `{"year": {"$gte": 2023}}`.
        group_by: `"document"` keeps the best unit of each document.
        explain: give hits their evidence, so that `snippet()` and `heatmap()` work.
        exact: score every allowed unit.
        mode: `"maxsim"`, `"bm25"`, `"hybrid"`, or `"auto"` for the pipeline's choice.
        recall: `"fast"`, `"balanced"` or `"best"`.
        key: names the caller, who is answered by the same version while a release goes on.

    Raises:
        QueryError: there is nothing to search for.
        FilterError: the filter cannot be understood.
    """
    options: SearchOptions = {
        "k": k, "filter": filter, "group_by": group_by, "explain": explain, "exact": exact,
        "mode": mode, "recall": recall,
    }  # fmt: skip
    return (yield from searched(place, text, image, options, {"key": key} if key else {}))


def search_batch(  # noqa: PLR0913  as `Collection.search_batch`
    place: Place,
    texts: Iterable[str],
    *,
    k: int | None = None,
    filter: Mapping[str, Any] | None = None,
    group_by: GroupBy | None = None,
    explain: bool = False,
    exact: bool = False,
    mode: SearchMode = "auto",
    recall: RecallLevel = "balanced",
    key: str | Sequence[str | None] | None = None,
) -> Talking[list[Told]]:
    """Return the hits of several queries, in order, each thousand from one state.

    Args:
        texts: the queries.
        k, filter, group_by, explain, exact, mode, recall: as for `search`.
        key: of one caller for all, or as many as there are queries.

    Raises:
        InputError: there are not as many keys as queries.
        QueryError: in one of them there is nothing to search for.
        FilterError: the filter cannot be understood.
    """
    asked = several(texts)
    keys = keys_of(key, len(asked))
    options: SearchOptions = {
        "k": k, "filter": filter, "group_by": group_by, "explain": explain, "exact": exact,
        "mode": mode, "recall": recall,
    }  # fmt: skip
    own = [
        ({"key": one} if one else {}, [n for n, each in enumerate(keys) if each == one])
        for one in dict.fromkeys(keys)
    ]
    return (yield from batched(place, asked, options, own))


def similar(
    place: Place,
    doc_id: str,
    unit_id: str,
    *,
    box: Sequence[float] | None = None,
    span: Sequence[int] | None = None,
    time: Sequence[float] | None = None,
    **options: Unpack[SearchOptions],
) -> Talking[Told]:
    """Return the units that are most like a stored one, or like a region of it, best first.

    Args:
        doc_id, unit_id: which unit.
        box: left, top, right, bottom of a region of its page or picture, in 0–1.
        span: start and end of characters of the document's text.
        time: start and end in seconds of its sound.
        options: k, filter, group_by, explain, exact, mode and recall, as for `search`.

    Raises:
        NotFoundError: there is no such document or unit.
        InputError: nothing stored lies in the region, or it is none.
    """
    region = {"box": box, "span": span, "time": time}
    return (yield from alike(place, doc_id, unit_id, region, options, {}))


def explain(
    place: Place, text: str, doc_id: str, *, unit_id: str = "", mode: SearchMode = "auto"
) -> Talking[Told]:
    """Return a document's units with evidence for a query, best first, however they rank.

    Args:
        text: the query.
        doc_id: the document.
        unit_id: one unit of it; all when empty.
        mode: as for `search`.

    Raises:
        NotFoundError: there is no such document or unit.
    """
    return (yield from explained(place, (doc_id, unit_id), text, mode, {}))


def interact(place: Place, search_id: str, doc_id: str) -> Call[None]:
    """Count that somebody used a document of a search, where a release wants to know.

    Args:
        search_id: of the hits.
        doc_id: what was used.

    Raises:
        NotFoundError: the search takes part in no release of this collection.
    """
    return calls.interact(place, search_id, doc_id)


# -- looking ---------------------------------------------------------------------------------


def get(place: Place, doc_id: str) -> Call[StoredDocument]:
    """Return a document with its units.

    Raises:
        NotFoundError: there is no such document.
    """
    return calls.get_document(place, doc_id)


def documents(place: Place) -> Talking[list[Document]]:
    """Return every document, by ascending id."""
    found: list[Document] = yield from every(partial(calls.list_documents, place))
    return found


def stats(place: Place) -> Talking[Stats]:
    """Return what the collection holds."""
    return (yield from calls.get_collection(place)).stats


def spec(place: Place) -> Talking[PipelineSpec]:
    """The live pipeline."""
    return (yield from calls.get_collection(place)).spec


def digest(place: Place) -> Talking[str]:
    """The live version's."""
    return (yield from stats(place)).digest


def versions(place: Place) -> Talking[dict[str, Generation]]:
    """Return the collection's versions by their digest, oldest first; without their locks."""
    found: list[Generation] = yield from every(partial(calls.list_versions, place))
    return {one.digest: one for one in sorted(found, key=lambda one: one.created_at)}


# -- also of views: `own` is what a question carries beside its options ---------------------


def searched(
    place: Place,
    text: str | None,
    image: str | Path | bytes | None,
    options: SearchOptions,
    own: Mapping[str, Any],
) -> Talking[Told]:
    """Return the outcome of a search by text or by picture."""
    if (text is None) == (image is None):
        raise InputError("Give either a text or an image to search with.")
    mode = options.get("mode", "auto")
    body = {**_options("some" if text is None else text, options), **own}
    if image is None:
        told = yield from calls.search(place, {"text": text, **body})
        return replace(told, mode=mode)
    picture = yield from Work(partial(_picture, image))
    told = yield from calls.search_image(place, picture, body)
    return replace(told, mode=mode, by_text=False)


def several(texts: Iterable[str]) -> list[str]:
    """Return the texts of a batch.

    Raises:
        InputError: there is one text alone.
    """
    if isinstance(texts, str):
        raise InputError(f"search_batch takes a list of texts; write [{texts!r}].")
    return list(texts)


def batched(
    place: Place,
    texts: Sequence[str],
    options: SearchOptions,
    own: Sequence[tuple[Mapping[str, Any], Sequence[int]]],
) -> Talking[list[Told]]:
    """Return the outcomes of several searches, in order; `own` says which numbers carry what."""
    mode = options.get("mode", "auto")
    bodies = [_options(text, options) for text in texts]  # all are checked before any is asked
    found: dict[int, Told] = {}
    for carried, every_number in own:
        for start in range(0, len(every_number), MOST_TEXTS):
            numbers = every_number[start : start + MOST_TEXTS]
            body = {**bodies[numbers[0]], **carried, "texts": [texts[n] for n in numbers]}
            told = yield from calls.search_batch(place, body)
            found.update(zip(numbers, told, strict=True))
    return [replace(found[number], mode=mode) for number in range(len(texts))]


def alike(
    place: Place,
    doc_id: str,
    unit_id: str,
    region: Mapping[str, Sequence[float] | Sequence[int] | None],
    options: SearchOptions,
    own: Mapping[str, Any],
) -> Talking[Told]:
    """Return the outcome of a search with what is stored."""
    every_region: Mapping[str, Any] = region
    likeness(doc_id, unit_id, **every_region)  # refuses what is no region
    given = {name: list(ends) for name, ends in region.items() if ends is not None}
    body = {"doc_id": doc_id, "unit_id": unit_id, **given, **_options("some", options), **own}
    return replace((yield from calls.similar(place, body)), by_text=False)


def explained(
    place: Place, unit: tuple[str, str], text: str, mode: SearchMode, own: Mapping[str, Any]
) -> Talking[Told]:
    """Return why a document's units match, or one of them."""
    doc_id, unit_id = unit
    body = {"text": text, "mode": mode, **own}
    if not unit_id:
        return replace((yield from calls.explain_document(place, doc_id, body)), mode=mode)
    found = yield from calls.explain_unit(place, doc_id, unit_id, body)
    return Told(found.hit.query, (found.hit,), mode=mode)


# -- of several ------------------------------------------------------------------------------


def wire_pipeline(pipeline: str | Path | PipelineSpec) -> str | Mapping[str, Any]:
    """Return a pipeline for the way: a preset by its name, anything else as a whole spec.

    Raises:
        NotFoundError, SettingError: a path names no file, or the file is no pipeline.
    """
    if isinstance(pipeline, PipelineSpec):
        chosen = pipeline
    elif str(pipeline) in PRESETS:
        return str(pipeline)
    else:
        chosen = load_spec(pipeline)
    built: Mapping[str, Any] = msgspec.to_builtins(chosen)
    return built


def _sent(place: Place, parcel: Parcel) -> Call[JobNow]:
    if isinstance(parcel, Records):
        return calls.add_records(place, parcel.values)
    return calls.add_files(place, parcel.parts, parcel.metadata, parcel.doc_id)


def _options(text: str, given: SearchOptions) -> dict[str, Any]:
    """Return how to search, for the way: what differs from the defaults, checked as embedded.

    Raises:
        QueryError, InputError: as `SearchRequest`.
    """
    every_option: Mapping[str, Any] = given
    asked = {name: one for name, one in every_option.items() if one != _DEFAULTS[name]}
    SearchRequest(text, **asked)
    return {**asked, "profile": True}


def _picture(image: str | Path | bytes) -> bytes:
    if isinstance(image, bytes):
        return image
    path = Path(image).expanduser()
    if not path.is_file():
        raise NotFoundError(f"There is no file {str(path)!r} to search with.")
    return path.read_bytes()
