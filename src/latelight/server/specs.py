"""Pipelines that come over HTTP: nothing in them may name a file of the server, or run code."""

from pathlib import Path
from typing import Any

import msgspec

from latelight.app.engine import check_buildable
from latelight.errors import NotFoundError, SettingError, WeightsNotFoundError
from latelight.pipelines.spec import PRESETS, PipelineSpec, parse_spec
from latelight.releases.plan import DEFAULT_PLAN, ReleasePlan, parse_plan
from latelight.settings import Settings


def spec_from(value: str | dict[str, Any], settings: Settings) -> PipelineSpec:
    """Return a preset by its name, or a spec from its parts, both buildable here.

    Raises:
        NotFoundError: there is no such preset, or what it names is not installed.
        SettingError: it is not valid, or names files of the server, or code to be run.
    """
    if isinstance(value, str):
        if value not in PRESETS:
            raise NotFoundError(
                f"No pipeline {value[:80]!r}. Presets: {', '.join(PRESETS)}; or give a whole spec."
            )
        return PRESETS[value]
    spec = _parsed(value)
    check_names(spec)
    check_models(spec, settings)
    return spec


def check_models(spec: PipelineSpec, settings: Settings) -> None:
    """Make sure that what a spec names is on the server; where things lie there is not told.

    Raises:
        NotFoundError: a plugin is not installed.
        SettingError: a model does not exist, or its files are not there.
    """
    try:
        check_buildable(spec, settings)
    except WeightsNotFoundError as error:
        field = str(error).partition(":")[0]
        raise SettingError(
            f"{field} names a model whose files are not on the server. Whoever runs it can get "
            "them there (`latelight models get`, `hf download`); or name another model."
        ) from error


def check_names(spec: PipelineSpec) -> None:
    """Refuse a spec that names files of the server, or a stranger's code.

    Raises:
        SettingError: it does.
    """
    for name in _named(spec):
        _check_no_path(name)
    for space, given in spec.spaces.items():
        if given.trust_remote_code:
            raise SettingError(
                f"spaces.{space}.trust_remote_code would run a stranger's code on the server. Make "
                "the collection there, with `latelight add --pipeline`."
            )


def plan_from(value: dict[str, Any] | None) -> ReleasePlan:
    """Return a release's plan from its parts, the default for none.

    Raises:
        SettingError: it is not valid.
    """
    if value is None:
        return DEFAULT_PLAN
    try:
        return parse_plan(msgspec.json.encode(value).decode())
    except RecursionError as error:
        raise SettingError("The plan is nested without end; see docs/releases.md.") from error


def _parsed(value: dict[str, Any]) -> PipelineSpec:
    try:
        return parse_spec(msgspec.json.encode(value).decode())
    except RecursionError as error:
        raise SettingError("The pipeline is nested without end; see docs/pipelines.md.") from error


def _named(spec: PipelineSpec) -> list[str]:
    named = [one.encoder for one in spec.spaces.values()]
    return [*named, spec.search.rerank, spec.extract.ocr_models, spec.extract.speech_model]


def _check_no_path(name: str) -> None:
    try:
        is_path = name.startswith((".", "/", "~", "\\")) or (bool(name) and Path(name).exists())
    except (OSError, ValueError):
        is_path = True
    if is_path:
        raise SettingError(
            f"{name[:80]!r} is a path on the server, which pipelines that come over HTTP may not "
            "name. Make the collection there, with `latelight add --pipeline`."
        )
