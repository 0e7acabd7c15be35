"""One version of a server's collection, or a pipeline on trial: asked beside any release."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Unpack

from latelight.app.generations import as_spec
from latelight.app.similar import SearchOptions
from latelight.app.view import Trial, merged
from latelight.client import calls, talks
from latelight.client.answers import Told
from latelight.client.calls import Place
from latelight.client.lists import every
from latelight.client.steps import Talking
from latelight.errors import NotFoundError
from latelight.pipelines.spec import PipelineSpec, SearchMode, parse_spec


@dataclass(frozen=True)
class Viewed:
    """What is asked instead of the live version.

    Attributes:
        place: the collection.
        version: an alias, a digest, or the beginning of one.
        trial: a pipeline's sections in place of the version's own, None for its own.
    """

    place: Place
    version: str
    trial: Mapping[str, Any] | None = None

    @property
    def own(self) -> dict[str, Any]:
        """What every question carries."""
        return {"version": self.version, **({} if self.trial is None else {"pipeline": self.trial})}


def viewed(place: Place, version: str = "live", *, pipeline: Trial | None = None) -> Viewed:
    """Name a version, and what differs from it.

    Raises:
        NotFoundError, SettingError: a path names no file, or the file is no pipeline.
    """
    return Viewed(place, version, None if pipeline is None else _sections(pipeline))


def spec(view: Viewed) -> Talking[PipelineSpec]:
    """The pipeline that is asked: the version's own, or the one on trial.

    Raises:
        NotFoundError: there is no such version.
        SettingError: the pipeline on trial is not valid.
    """
    found = yield from every(partial(calls.list_aliases, view.place))
    named = view.version
    exact = [one for one, aliases in found if named == one.digest or named in aliases]
    begun = exact or [one for one, _ in found if named and one.digest.startswith(named)]
    if len(begun) != 1:
        known = ", ".join(one.digest for one, _ in found)
        raise NotFoundError(
            f"{named!r} names {len(begun)} versions of collection {view.place.name!r}; give an "
            f"alias or a digest ({known})."
        )
    if view.trial is None:
        return parse_spec(begun[0].spec, origin=f"version {begun[0].digest}")
    tried = merged(json.loads(begun[0].spec), view.trial)
    text = json.dumps(tried, ensure_ascii=False)
    return parse_spec(text, origin="the pipeline that is tried")


def search(
    view: Viewed,
    text: str | None = None,
    *,
    image: str | Path | bytes | None = None,
    **options: Unpack[SearchOptions],
) -> Talking[Told]:
    """Return the best units for a query; as the collection's `search`.

    Raises:
        NotFoundError, ReleaseStateError: there is no such version, or it is not filled yet.
        SettingError, InputError: the pipeline is not valid, or differs in more than searches.
    """
    return (yield from talks.searched(view.place, text, image, options, view.own))


def search_batch(
    view: Viewed, texts: Iterable[str], **options: Unpack[SearchOptions]
) -> Talking[list[Told]]:
    """Return the hits of several queries, in order; as the collection's `search_batch`."""
    asked = talks.several(texts)
    return (yield from talks.batched(view.place, asked, options, [(view.own, range(len(asked)))]))


def similar(
    view: Viewed,
    doc_id: str,
    unit_id: str,
    *,
    box: Sequence[float] | None = None,
    span: Sequence[int] | None = None,
    time: Sequence[float] | None = None,
    **options: Unpack[SearchOptions],
) -> Talking[Told]:
    """Return the units that are most like a stored one; as the collection's `similar`."""
    region = {"box": box, "span": span, "time": time}
    return (yield from talks.alike(view.place, doc_id, unit_id, region, options, view.own))


def explain(
    view: Viewed, text: str, doc_id: str, *, unit_id: str = "", mode: SearchMode = "auto"
) -> Talking[Told]:
    """Return a document's units with evidence for a query; as the collection's `explain`."""
    told = yield from talks.explained(view.place, (doc_id, unit_id), text, mode, view.own)
    return replace(told, mode=mode)


def _sections(pipeline: Trial) -> Mapping[str, Any]:
    if isinstance(pipeline, Mapping):
        return dict(pipeline)
    sections: Mapping[str, Any] = json.loads(as_spec(pipeline).to_json())
    return sections
