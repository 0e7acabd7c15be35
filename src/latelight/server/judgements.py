"""Judgements that came over HTTP with an evaluation, and the gates of releases that name it."""

from collections.abc import Mapping
from typing import Any

from latelight.app import Collection
from latelight.errors import SettingError
from latelight.evaluation import JudgementSet, Qrels
from latelight.releases.plan import OWN_SET, ReleasePlan
from latelight.server.service import Service
from latelight.server.specs import plan_from

DIRECTORY = "judgements"


def judgements_of(name: str, asked: Mapping[str, Any]) -> JudgementSet:
    """Return the judgements of an evaluation.

    Raises:
        InputError: a judged topic has no text.
    """
    qrels = Qrels({topic: dict(docs) for topic, docs in asked["qrels"].items()})
    return JudgementSet(name, dict(asked["queries"]), qrels, source="sent over HTTP")


def plan_with_judgements(
    service: Service, target: Collection, value: dict[str, Any] | None
) -> ReleasePlan:
    """Return a release's plan, whose gate may name a set that is kept, or an evaluation by its id.

    Raises:
        SettingError: it is not valid, or its gate names files.
        NotFoundError: there is no such evaluation.
    """
    gate = (value or {}).get("gate")
    if not isinstance(gate, dict) or not (gate.get("judgements") or gate.get("topics")):
        return plan_from(value)
    named = gate.get("judgements")
    if gate.get("topics") or not isinstance(named, str):
        raise SettingError(
            "gate.topics would be a file of the server; give the name of a judgement set that the "
            "collection keeps, or the id of an evaluation, as gate.judgements."
        )
    if named.removeprefix(OWN_SET) in {one.name for one in target.judgements.list()}:
        kept = OWN_SET + named.removeprefix(OWN_SET)
        return plan_from({**(value or {}), "gate": {**gate, "judgements": kept}})
    place = (target.namespace, target.name)
    asked = service.evaluations.get(named, place).asked
    file = service.library.root / DIRECTORY / f"{named}.json"
    file.parent.mkdir(exist_ok=True)
    judgements_of(named, asked).save(file)
    return plan_from({**(value or {}), "gate": {**gate, "judgements": str(file)}})
