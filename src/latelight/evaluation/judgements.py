"""Judgement sets: what was asked, and which answers and which places in them are right."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from latelight.errors import DamagedFileError, InputError, NotFoundError
from latelight.evaluation.runs import Qrels
from latelight.types import Locator

FORMAT = 1


@dataclass(frozen=True)
class EvidenceJudgement:
    """A place in a document that is right for a topic.

    Attributes:
        topic: whose answer it is.
        doc_id: the document.
        place: the characters, the box on a page or picture, or the time range; `place.page` says
            on which page a box lies.
        unit_id: the unit, where the page does not name it; empty for any.
    """

    topic: str
    doc_id: str
    place: Locator
    unit_id: str = ""

    def __post_init__(self) -> None:
        kinds = (self.place.span, self.place.box, self.place.time)
        if sum(kind is not None for kind in kinds) != 1:
            raise InputError(
                f"The judged place of topic {self.topic!r} in {self.doc_id!r} is "
                f"{self.place.to_dict()}; give one of: characters (`span`), a box, a time range."
            )
        _check_extent(self)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "topic": self.topic,
            "doc_id": self.doc_id,
            "unit_id": self.unit_id,
            "place": self.place.to_dict(),
        }


@dataclass(frozen=True)
class JudgementSet:
    """Topics, relevance judgements and, where there are any, judged places.

    Attributes:
        name: what people call it.
        topics: text by topic.
        qrels: gains by topic and document; a document may also be a unit, `report#p3`.
        evidence: right places.
        source: where the judgements come from, in words.
    """

    name: str
    topics: Mapping[str, str]
    qrels: Qrels
    evidence: tuple[EvidenceJudgement, ...] = ()
    source: str = ""

    def __post_init__(self) -> None:
        judged = set(self.qrels.gains) | {one.topic for one in self.evidence}
        nameless = sorted(judged - set(self.topics))
        if nameless:
            raise InputError(
                f"Judgement set {self.name!r} judges topics without a text: "
                f"{_some(nameless)}. Give each topic's text, or leave its judgements out."
            )
        empty = sorted(topic for topic, text in self.topics.items() if not text.strip())
        if empty:
            raise InputError(f"Judgement set {self.name!r}: empty texts of {_some(empty)}.")

    @property
    def digest(self) -> str:
        """16 hex digits of what decides the numbers: texts and judgements, in no order."""
        decisive = self.to_dict() | {"name": "", "source": ""}
        decisive["evidence"] = sorted(decisive["evidence"], key=_canonical)
        return hashlib.sha256(_canonical(decisive).encode()).hexdigest()[:16]

    @property
    def judged(self) -> dict[str, str]:
        """The texts of topics with a relevant document: those that are searched and averaged."""
        return {topic: self.topics[topic] for topic in self.qrels.topics}

    def places(self, topic: str) -> tuple[EvidenceJudgement, ...]:
        """Return the judged places of a topic."""
        return tuple(one for one in self.evidence if one.topic == topic)

    def only(self, topics: Iterable[str]) -> "JudgementSet":
        """Return the set of these topics alone.

        Raises:
            NotFoundError: a topic is not in the set.
        """
        wanted = list(dict.fromkeys(topics))
        missing = [topic for topic in wanted if topic not in self.topics]
        if missing:
            raise NotFoundError(f"Judgement set {self.name!r} has no topics {_some(missing)}.")
        return JudgementSet(
            self.name,
            {topic: self.topics[topic] for topic in wanted},
            Qrels({t: self.qrels.gains[t] for t in wanted if t in self.qrels.gains}),
            tuple(one for one in self.evidence if one.topic in wanted),
            self.source,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form that `save` writes."""
        return {
            "format": FORMAT,
            "name": self.name,
            "source": self.source,
            "topics": dict(self.topics),
            "qrels": {topic: dict(gains) for topic, gains in self.qrels.gains.items()},
            "evidence": [one.to_dict() for one in self.evidence],
        }

    @classmethod
    def from_dict(cls, parts: Mapping[str, Any], origin: str = "") -> "JudgementSet":
        """Return the set of a JSON form.

        Raises:
            DamagedFileError: it is not such a form, or of another version.
        """
        where = origin or "the judgements"
        if not isinstance(parts, Mapping) or parts.get("format") != FORMAT:
            raise DamagedFileError(
                f"{where}: not a judgement set of format {FORMAT}; write it with "
                "JudgementSet.save, or give a BEIR folder, TREC qrels or a CSV file."
            )
        try:
            return cls(
                str(parts["name"]),
                {str(topic): str(text) for topic, text in parts["topics"].items()},
                Qrels({str(t): _gains(docs) for t, docs in parts["qrels"].items()}),
                tuple(_evidence(one) for one in parts.get("evidence", ())),
                str(parts.get("source", "")),
            )
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            if isinstance(error, InputError):
                raise
            raise DamagedFileError(f"{where}: a part is missing or malformed ({error}).") from error

    def save(self, path: str | Path) -> None:
        """Write the set as JSON."""
        text = json.dumps(self.to_dict(), ensure_ascii=False, indent=1)
        Path(path).write_text(text + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: str | Path) -> "JudgementSet":
        """Return a set that `save` wrote.

        Raises:
            NotFoundError: there is no such file.
            DamagedFileError: it holds something else.
        """
        file = Path(path)
        if not file.is_file():
            raise NotFoundError(f"There is no file {str(file)!r}; give that of a judgement set.")
        try:
            parts = json.loads(file.read_text(encoding="utf-8"))
        except ValueError as error:
            raise DamagedFileError(f"{file}: not JSON ({error}).") from error
        return cls.from_dict(parts, str(file))


def from_evidence(
    name: str,
    topics: Mapping[str, str],
    evidence: Sequence[EvidenceJudgement],
    *,
    by_unit: bool = False,
) -> JudgementSet:
    """Return a set made of judged places alone: what holds a right place is relevant.

    Args:
        name: what people call it.
        topics: text by topic.
        evidence: right places.
        by_unit: the qrels name units (`report#p3`, `report#c0`) rather than documents.
    """
    gains: dict[str, dict[str, int]] = {}
    for one in evidence:
        gains.setdefault(one.topic, {})[_judged_name(one) if by_unit else one.doc_id] = 1
    return JudgementSet(name, topics, Qrels(gains), tuple(evidence), "judged places")


def unit_name(doc_id: str, page: int | None, unit_id: str) -> str:
    """Return how qrels and runs call a unit: by its page where it has one, else by its id."""
    return f"{doc_id}#p{page}" if page is not None else f"{doc_id}#{unit_id}"


def _judged_name(one: EvidenceJudgement) -> str:
    if one.place.page is None and not one.unit_id:
        raise InputError(
            f"The judged place of topic {one.topic!r} in {one.doc_id!r} names neither a page nor "
            "a unit; name one, or make the set by document."
        )
    return unit_name(one.doc_id, one.place.page, one.unit_id)


def _check_extent(one: EvidenceJudgement) -> None:
    place = one.place
    right = (
        (place.span is None or 0 <= place.span.start < place.span.end)
        and (place.time is None or 0 <= place.time.start_s < place.time.end_s)
        and (place.box is None or _is_box(place.box.left, place.box.right))
        and (place.box is None or _is_box(place.box.top, place.box.bottom))
    )
    if not right:
        raise InputError(
            f"The judged place of topic {one.topic!r} in {one.doc_id!r} is {place.to_dict()}; "
            "ends must lie after beginnings, and boxes within 0 to 1."
        )


def _is_box(low: float, high: float) -> bool:
    return 0 <= low < high <= 1


def _gains(docs: Mapping[str, Any]) -> dict[str, int]:
    if any(isinstance(gain, bool) or not isinstance(gain, int) for gain in docs.values()):
        raise ValueError("a gain is no whole number")
    return {str(doc): gain for doc, gain in docs.items()}


def _evidence(parts: Mapping[str, Any]) -> EvidenceJudgement:
    return EvidenceJudgement(
        str(parts["topic"]),
        str(parts["doc_id"]),
        Locator.from_dict(parts["place"]),
        str(parts.get("unit_id", "")),
    )


def _canonical(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _some(names: Sequence[str], most: int = 5) -> str:
    shown = ", ".join(repr(name) for name in names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
