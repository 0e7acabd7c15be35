"""Judgements that came over HTTP with an evaluation, and the gates of releases that name it."""

from collections.abc import Mapping
from typing import Any

from latelight.app import Collection
from latelight.errors import SettingError
from latelight.evaluation import JudgementSet, Qrels
from latelight.releases.plan import ReleasePlan
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
    """Return a release's plan, whose gate may name an evaluation by its id.

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
            "gate.topics would be a file of the server; give the id of an evaluation as "
            "gate.judgements, whose topics and judgements are taken."
        )
    place = (target.namespace, target.name)
    asked = service.evaluations.get(named, place).asked
    file = service.library.root / DIRECTORY / f"{named}.json"
    file.parent.mkdir(exist_ok=True)
    judgements_of(named, asked).save(file)
    return plan_from({**(value or {}), "gate": {**gate, "judgements": str(file)}})
