"""A version of a collection, or a pipeline that is not saved, asked beside any release."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Unpack

from latelight.app.engine import checked_cross_encoder
from latelight.app.generations import as_spec
from latelight.app.hits import Hits
from latelight.app.opened import OpenGeneration
from latelight.app.similar import SearchOptions, likeness
from latelight.errors import InputError, NotFoundError, SettingError
from latelight.pipelines.query import explain_units, run_searches
from latelight.pipelines.reader import Reader
from latelight.pipelines.request import SearchRequest
from latelight.pipelines.spec import PipelineSpec, SearchMode, parse_spec
from latelight.releases.difference import steps_between
from latelight.settings import Settings

Trial = str | Path | PipelineSpec | Mapping[str, Any]
"""A pipeline to try: its name, path, spec, or sections that differ from the version's own."""


class View:
    """One version's answers; nothing is counted. Get one from `Collection.view`."""

    def __init__(self, opened: OpenGeneration, trial: Trial | None, settings: Settings) -> None:
        """Look at a version, under another pipeline where `trial` is one.

        Raises:
            SettingError, NotFoundError: the pipeline is not valid, or there is none of this name.
            InputError: it differs in more than searches.
        """
        self._opened = opened
        self._spec = opened.spec if trial is None else _tried(opened, trial)
        self._is_trial = trial is not None
        self._settings = settings

    @property
    def settings(self) -> Settings:
        """The settings that its models are found by."""
        return self._settings

    @property
    def spec(self) -> PipelineSpec:
        """The pipeline that is asked: the version's own, or the one on trial."""
        return self._spec

    def search(
        self,
        text: str | None = None,
        *,
        image: str | Path | bytes | None = None,
        **options: Unpack[SearchOptions],
    ) -> Hits:
        """Return the best units for a query; as `Collection.search`."""
        query, picture = self._opened.query(text, image)
        return self._found([SearchRequest(query, image=picture, **self._checked(options))])[0]

    def search_batch(self, texts: Iterable[str], **options: Unpack[SearchOptions]) -> list[Hits]:
        """Return the hits of several queries, in order; as `Collection.search_batch`."""
        if isinstance(texts, str):
            raise InputError(f"search_batch takes a list of texts; write [{texts!r}].")
        given = self._checked(options)
        return self._found([SearchRequest(text, **given) for text in texts])

    def similar(
        self,
        doc_id: str,
        unit_id: str,
        *,
        box: Sequence[float] | None = None,
        span: Sequence[int] | None = None,
        time: Sequence[float] | None = None,
        **options: Unpack[SearchOptions],
    ) -> Hits:
        """Return the units that are most like a stored one; as `Collection.similar`."""
        like = likeness(doc_id, unit_id, box=box, span=span, time=time)
        return self._found([SearchRequest("", like=like, **self._checked(options))])[0]

    def explain(
        self, text: str, doc_id: str, *, unit_id: str = "", mode: SearchMode = "auto"
    ) -> Hits:
        """Return a document's units with evidence for a query; as `Collection.explain`."""
        reader = self._reader()
        ordinals = reader.snapshot.find(doc_id)
        if unit_id:
            ordinals = [o for o in ordinals if reader.snapshot.unit(o).unit_id == unit_id]
            if not ordinals:
                raise NotFoundError(f"Document {doc_id!r} has no unit {unit_id!r}.")
        return self._opened.hits(reader, explain_units(reader, text, ordinals, mode))

    def _reader(self) -> Reader:
        reader = self._opened.reader()
        if not self._is_trial:
            return reader
        judge = checked_cross_encoder(self.spec, self._settings, self._opened.lock)
        return replace(reader, spec=self.spec, cross_encoder=judge)

    def _found(self, requests: list[SearchRequest]) -> list[Hits]:
        reader = self._reader()
        return [self._opened.hits(reader, found) for found in run_searches(reader, requests)]

    def _checked(self, options: SearchOptions) -> dict[str, Any]:
        given: dict[str, Any] = dict(options)
        if given.get("k") is None:
            given["k"] = self.spec.search.k
        return given


def _tried(opened: OpenGeneration, trial: Trial) -> PipelineSpec:
    """Return the pipeline that is tried, which needs nothing that is not stored."""
    spec = _with_sections(opened.spec, trial) if isinstance(trial, Mapping) else as_spec(trial)
    steps = steps_between(opened.spec, None, spec, None)
    if steps.builds:
        changed = [*steps.extract, *(c for own in steps.encode.values() for c in own), *steps.index]
        named = ", ".join(sorted({one.field for one in changed}))
        raise InputError(
            f"The pipeline differs from version {opened.version.digest} in {named}, which would "
            "ask for documents to be read, encoded or indexed anew. Change what concerns searches "
            "alone, or fill a candidate with `latelight release start`."
        )
    return spec


def _with_sections(spec: PipelineSpec, sections: Mapping[str, Any]) -> PipelineSpec:
    """Return a spec with some fields changed, however deep they are."""
    try:
        whole = merged(json.loads(spec.to_json()), sections)
        # As it is: YAML takes the halves of a character's JSON escape for two.
        text = json.dumps(whole, ensure_ascii=False)
        return parse_spec(text, origin="the pipeline that is tried")
    except RecursionError as error:
        raise SettingError("The pipeline is nested without end; see docs/pipelines.md.") from error


def merged(whole: Any, changes: Any) -> Any:
    """Return JSON values with those of `changes` in their place."""
    if not isinstance(whole, dict) or not isinstance(changes, Mapping):
        return changes
    return {**whole, **{name: merged(whole.get(name), own) for name, own in changes.items()}}
