"""A collection's judgement sets, and what people mean who name one."""

from pathlib import Path

import msgspec

from latelight.errors import InputError, NotFoundError, SettingError
from latelight.evaluation import JudgementSet, Measure, read_beir, read_judgements
from latelight.releases.judgements import JudgementStore, SavedJudgements
from latelight.releases.plan import OWN_SET, GatePlan, ReleasePlan


class Judgements:
    """The judgement sets that are kept with a collection: `collection.judgements`."""

    def __init__(self, store: JudgementStore) -> None:
        """Keep them in the catalog, which backups hold."""
        self._store = store

    def save(self, judgements: JudgementSet, *, replace: bool = False) -> SavedJudgements:
        """Keep a set under its name, at once and durably; the very same set changes nothing.

        Args:
            judgements: the set; `name` is what it is found by.
            replace: put it in the place of another one of that name.

        Raises:
            InputError: the name is not one of 1 to 64 letters, digits, '-', '_' or '.'.
            AlreadyExistsError: another set has the name, and `replace` is false.
        """
        return self._store.save(judgements, replace=replace)

    def get(self, name: str) -> JudgementSet:
        """Return a set by its name.

        Raises:
            NotFoundError: there is none of that name.
        """
        return self._store.get(name)

    def find(
        self, which: str, *, topics: str | Path | None = None, split: str = "test"
    ) -> JudgementSet:
        """Return what somebody names: files, or a set that is kept; a path goes first.

        Args:
            which: a path that `evaluation.read_judgements` reads, or a name; `@NAME` is the set
                whatever lies around.
            topics: the file of topics, for TREC qrels.
            split: of a BEIR folder.

        Raises:
            NotFoundError: there is neither.
            DamagedFileError: a file is malformed.
            InputError: TREC qrels without topics.
        """
        return find_judgements(which, self._store, topics, split)

    def list(self) -> tuple[SavedJudgements, ...]:
        """Return what there is, by name."""
        return tuple(self._store.all())

    def delete(self, name: str) -> None:
        """Forget a set.

        Raises:
            NotFoundError: there is none of that name.
        """
        self._store.delete(name)


def find_judgements(
    which: str, store: JudgementStore, topics: str | Path | None = None, split: str = "test"
) -> JudgementSet:
    """Return what somebody names; see `Judgements.find`."""
    if which.startswith(OWN_SET):
        return store.get(which.removeprefix(OWN_SET))
    path = Path(which)
    if path.is_dir():
        return read_beir(path, split)
    if path.exists() or topics is not None:
        return read_judgements(path, topics)
    kept = [one.name for one in store.all()]
    if which in kept:
        return store.get(which)
    raise NotFoundError(
        f"There is nothing at {which!r}, and the collection keeps no judgement set of that name "
        f"(it has: {', '.join(kept) or 'none'}). Give a BEIR folder, a set in JSON, a CSV file, "
        "TREC qrels with their topics, or import one with `latelight eval judgements import`."
    )


def pinned(plan: ReleasePlan, store: JudgementStore) -> ReleasePlan:
    """Return a plan whose gate means the same judgements wherever a later step is taken."""
    gate = plan.gate
    if gate is None or not gate.judgements or gate.judgements.startswith(OWN_SET):
        return plan
    if Path(gate.judgements).exists():
        files = {"judgements": gate.judgements, "topics": gate.topics}
        named = {name: str(Path(path).resolve()) for name, path in files.items() if path}
    elif gate.judgements in {one.name for one in store.all()}:
        named = {"judgements": OWN_SET + gate.judgements}
    else:
        return plan  # which names nothing: `check_gate` says so
    return msgspec.structs.replace(plan, gate=msgspec.structs.replace(gate, **named))


def check_gate(plan: GatePlan | None, store: JudgementStore) -> None:
    """Refuse a gate that could never be passed, before anything is filled for it.

    Raises:
        SettingError: it names no judgements, none of them is relevant, or a measure is none.
        NotFoundError, DamagedFileError, InputError: the judgements cannot be read.
    """
    if plan is None:
        return
    if not plan.judgements:
        raise SettingError(
            "The release's gate names no judgements. Give a plan (`--plan`) with "
            "gate.judgements, a set that the collection keeps or a file or folder that "
            "`latelight eval` reads, or with `gate: null` to go without."
        )
    try:
        for name in plan.measures:
            Measure.parse(name)
    except InputError as error:
        raise SettingError(f"gate.measures: {error}") from error
    if not plan.measures:
        raise SettingError("gate.measures is empty; name at least one, such as nDCG@10.")
    if not judgements_of(plan, store).judged:
        raise SettingError(
            f"gate.judgements is {plan.judgements!r}, where no topic has a relevant document; give "
            "at least one a gain above 0."
        )


def judgements_of(plan: GatePlan, store: JudgementStore) -> JudgementSet:
    """Return the judgements that a gate names.

    Raises:
        NotFoundError, DamagedFileError, InputError: they cannot be read.
    """
    try:
        return find_judgements(plan.judgements, store, plan.topics or None)
    except NotFoundError as error:
        raise NotFoundError(f"gate.judgements: {error}") from error
    except OSError as error:
        raise NotFoundError(
            f"gate.judgements is {plan.judgements!r}, which cannot be read ({error}). Give a file "
            "or folder that `latelight eval` reads, or a set that the collection keeps."
        ) from error
