"""A model's files on this disk: found, recognised, hashed, and held back by their licence."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from latelight.encoders.catalog import ModelCard, find_card
from latelight.encoders.hub import find_snapshot, hub_cache, is_repository
from latelight.encoders.licences import check_licence
from latelight.errors import ModelError, WeightsNotFoundError
from latelight.weights import sha256_of

Layout = Literal[
    "adapter",
    "multi-vector",
    "pylate",
    "stanford",
    "retrieval",
    "dense",
    "cross-encoder",
    "onnx",
    "encoder",
]
LAYOUT_FILES: dict[Layout, str] = {
    "adapter": "adapter_config.json with adapter_model.safetensors",
    "multi-vector": "modules.json of sentence-transformers' MultiVectorEncoder",
    "pylate": "modules.json and config_sentence_transformers.json of PyLate",
    "stanford": 'config.json with the architecture "HF_ColBERT"',
    "retrieval": 'config.json with an architecture "…ForRetrieval"',
    "dense": "modules.json of sentence-transformers' SentenceTransformer",
    "cross-encoder": 'config.json with an architecture "…ForSequenceClassification"',
    "onnx": "model.onnx with tokenizer.json",
    "encoder": "config.json of another transformers model",
}
ONNX_PLACES = ("model.onnx", "onnx/model.onnx")
_SHAPING = {".json", ".safetensors", ".txt", ".model", ".jinja", ".metadata", ".onnx", ".py"}
_SHORTER = {
    "config.json": ("matryoshka_dimensions", "matryoshka_dims"),
    "config_sentence_transformers.json": (
        "matryoshka_dimensions",
        "matryoshka_dims",
        "truncate_dim",
    ),
}
_TELLING = {"latelight-licence.json", "README.md", "requirements.txt", "results.json"}


@dataclass(frozen=True)
class Checkpoint:
    """One model's directory.

    Attributes:
        directory: where its files lie.
        layout: how they are laid out.
        card: what the catalogue says of it, None for a directory that the user named.
        base: the directory of the model that an adapter adapts, None for whole models.
        repository: `owner/name` on the hub; empty for a directory that the user named.
    """

    directory: Path
    layout: Layout
    card: ModelCard | None = None
    base: Path | None = None
    repository: str = ""

    @property
    def name(self) -> str:
        """What it is called: the catalogue's name, else its repository's or its directory's."""
        return self.card.name if self.card else self.repository or self.directory.name

    @property
    def onnx(self) -> Path | None:
        """The export for ONNX Runtime, None without one."""
        places = (self.directory / place for place in ONNX_PLACES)
        return next((path for path in places if path.is_file()), None)

    @property
    def licence(self) -> str:
        """SPDX name of its licence: the card's, else the README's, else `NOASSERTION`."""
        if self.card and self.card.licence:
            return self.card.licence
        return _readme_licence(self.directory / "README.md") or "NOASSERTION"

    @property
    def truncated_dims(self) -> tuple[int, ...]:
        """Lengths to which vectors may be cut: the card's, and those that its own files state.

        Stated by `matryoshka_dimensions` or `matryoshka_dims` in config.json, and by these or
        `truncate_dim` in config_sentence_transformers.json. Some may be no shorter than a row.

        Raises:
            ModelError: a file states something else than whole numbers from 1 on.
        """
        found = set(self.card.truncated_dims if self.card else ())
        for name, keys in _SHORTER.items():
            config = self.read_json(name)
            for key in keys:
                found |= _lengths(config.get(key), f"{key} in {self.directory / name}")
        return tuple(sorted(found))

    def read_json(self, name: str) -> dict[str, Any]:
        """Return the object in one of its JSON files, an empty one where there is no such file.

        Raises:
            ModelError: the file holds something else.
        """
        value = _read_json(self.directory / name)
        if not isinstance(value, dict):
            raise ModelError(
                f"{self.directory / name} holds {type(value).__name__}; expected a JSON object. "
                "The checkpoint is damaged: download it again."
            )
        return value

    def digests(self) -> dict[str, str]:
        """Return the sha256 of every file that shapes vectors, by its path in the directory.

        Those of an adapter's base have `base/` before them. Reads every byte.
        """
        found = {str(p): sha256_of(self.directory / p) for p in _shaping_files(self.directory)}
        if self.base is not None:
            found |= {f"base/{p}": sha256_of(self.base / p) for p in _shaping_files(self.base)}
        return found


def open_checkpoint(
    directory: Path,
    card: ModelCard | None = None,
    *,
    repository: str = "",
    accept_licence: bool = False,
) -> Checkpoint:
    """Return the checkpoint in a directory.

    Args:
        directory: with the files of one model.
        card: what the catalogue says of it; its licence is checked.
        repository: on the hub that it was downloaded from, where that is known.
        accept_licence: whether the caller accepts a licence that is not permissive.

    Raises:
        WeightsNotFoundError: there is no such directory, or the base of an adapter is missing.
        ModelError: its files are of no known layout, or pickled.
        LicenceError: its licence has to be accepted first.
    """
    if not directory.is_dir():
        raise WeightsNotFoundError(
            f"There is no directory {str(directory)!r}; expected one with the files of a model."
        )
    if card is not None:
        check_licence(card, directory, accepted=accept_licence)
    layout = recognise(directory)
    _refuse_pickles(directory, layout)
    base = _adapter_base(directory) if layout == "adapter" else None
    return Checkpoint(directory, layout, card, base, repository or (card.source if card else ""))


def find_checkpoint(
    name: str, weights: Path | None = None, *, accept_licence: bool = False
) -> Checkpoint | None:
    """Return the checkpoint of a name or directory; None for what can be neither.

    Args:
        name: of a card, of any repository on the hub, or the path of a directory. A directory goes
            before a repository that the catalogue does not know.
        weights: a directory that may hold `<name>/` or `<owner>/<name>/`; it goes before the
            hub's cache.
        accept_licence: as in `open_checkpoint`.

    Raises:
        WeightsNotFoundError: it is a name of the catalogue or a repository's, but its files are
            not here.
        ModelError: as `open_checkpoint`.
    """
    card = find_card(name)
    if card is not None:
        directory = locate_card(card, weights)
        if directory is None:
            told, command = f"{card.name} ({card.source})", f"latelight models get {card.name}"
            raise WeightsNotFoundError(_not_here(told, weights, command))
        return open_checkpoint(directory, card, accept_licence=accept_licence)
    if Path(name).is_dir():
        return open_checkpoint(Path(name))
    if not is_repository(name):
        return None
    directory = _locate(name, weights)
    if directory is None:
        command = f"hf download {name}"
        hint = " If a directory was meant, there is none of this path; look at its spelling."
        raise WeightsNotFoundError(_not_here(name, weights, command) + hint)
    return open_checkpoint(directory, repository=name)


def _not_here(told: str, weights: Path | None, command: str) -> str:
    places = [*([str(weights)] if weights else []), f"the hub's cache ({hub_cache()})"]
    listed = f"neither in {places[0]} nor in {places[1]}" if weights else f"not in {places[0]}"
    return (
        f"The files of {told} are not on this machine: {listed}. Nothing is downloaded "
        f"on its own; get them with `{command}`."
    )


def _locate(repository: str, weights: Path | None, revision: str = "") -> Path | None:
    if weights is not None and (weights / repository).is_dir():
        return weights / repository
    return find_snapshot(repository, revision)


def locate_card(card: ModelCard, weights: Path | None = None) -> Path | None:
    """Return the directory with a card's files, None when they are not on this machine."""
    if weights is not None and (weights / card.name).is_dir():
        return weights / card.name
    return _locate(card.source, weights, card.revision)


def recognise(directory: Path) -> Layout:
    """Return the layout of a directory's files.

    Raises:
        ModelError: they are of no known layout.
    """
    if (directory / "adapter_config.json").is_file():
        return "adapter"
    if (directory / "modules.json").is_file():
        return _recognise_modules(directory)
    if (directory / "config.json").is_file():
        if not any(directory.glob("*.safetensors")) and _has_onnx(directory):
            return "onnx"
        return _recognise_architecture(directory)
    if _has_onnx(directory):
        return "onnx"
    listed = "; ".join(LAYOUT_FILES.values())
    raise ModelError(f"{directory} holds no model of a known layout; expected one of: {listed}.")


def _recognise_modules(directory: Path) -> Layout:
    """Return which of sentence-transformers' layouts a directory with `modules.json` has."""
    config = _read_json(directory / "config_sentence_transformers.json")
    kind = config.get("model_type") if isinstance(config, dict) else None
    modules = _read_json(directory / "modules.json")
    types = [str(one.get("type", "")) for one in modules] if isinstance(modules, list) else []
    if kind == "ColBERT" or any(one.startswith("pylate.") for one in types):
        return "pylate"
    if kind == "MultiVectorEncoder" or any(one.endswith("MultiVectorMask") for one in types):
        return "multi-vector"
    return "cross-encoder" if kind == "CrossEncoder" else "dense"


def _recognise_architecture(directory: Path) -> Layout:
    config = _read_json(directory / "config.json")
    names = config.get("architectures") or [] if isinstance(config, dict) else []
    if "HF_ColBERT" in names:
        return "stanford"
    if any(name.endswith("ForRetrieval") for name in names):
        return "retrieval"
    if any(name.endswith("ForSequenceClassification") for name in names):
        return "cross-encoder"
    return "encoder"


def _has_onnx(directory: Path) -> bool:
    return any((directory / place).is_file() for place in ONNX_PLACES)


def _refuse_pickles(directory: Path, layout: Layout) -> None:
    """Raise where weights are there in no other form than a pickle, which can run code."""
    pickled = [p for pattern in ("*.bin", "*.pt", "*.ckpt") for p in directory.glob(pattern)]
    if layout != "onnx" and pickled and not any(directory.glob("*.safetensors")):
        raise ModelError(
            f"{directory} holds its weights as {pickled[0].name}, a pickle, which can run code "
            "when it is read; expected safetensors. Convert it, or take a revision with "
            "model.safetensors."
        )


def _adapter_base(directory: Path) -> Path:
    """Return the directory of the model that an adapter adapts."""
    config = _read_json(directory / "adapter_config.json")
    named = str(config.get("base_model_name_or_path") or "") if isinstance(config, dict) else ""
    if named and Path(named).is_dir():
        return Path(named).resolve()
    snapshot = find_snapshot(named) if named else None
    if snapshot is None:
        raise WeightsNotFoundError(
            f"The adapter {directory} needs its base model {named or '(not named)'!r}, which is "
            "neither a directory nor in the hub's cache. Download it: "
            f"hf download {named or 'OWNER/NAME'}"
        )
    return snapshot


def _shaping_files(directory: Path) -> list[Path]:
    """Return the files that shape vectors, as paths in the directory, sorted."""
    found = (
        path.relative_to(directory)
        for path in directory.rglob("*")
        if path.is_file() and (path.suffix in _SHAPING or path.name.endswith(".onnx_data"))
    )
    return sorted(p for p in found if p.name not in _TELLING and not p.parts[0].startswith("."))


def _lengths(stated: object, where: str) -> set[int]:
    """Return the whole numbers that a configuration states: one, a list, or null for none."""
    if stated is None:
        return set()
    listed = stated if isinstance(stated, list) else [stated]
    if not all(type(one) is int and one > 0 for one in listed):
        raise ModelError(
            f"{where} is {stated!r}; expected a list of lengths to which rows may be cut, such as "
            "[64, 96]. The checkpoint is damaged: download it again."
        )
    return set(listed)


def _read_json(path: Path) -> Any:
    """Return what a JSON file holds, an empty object where there is no such file."""
    if not path.is_file():
        return {}
    try:
        return json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise ModelError(
            f"{path} is no JSON ({error}). The checkpoint is damaged: download it again."
        ) from error


def _readme_licence(path: Path) -> str:
    """Return the `license:` of a README's front matter, empty without one."""
    if not path.is_file():
        return ""
    lines = path.read_text("utf-8", errors="replace").splitlines()[:100]
    if not lines or lines[0].strip() != "---":
        return ""
    for line in lines[1:]:
        if line.strip() == "---":
            break
        key, _, value = line.partition(":")
        if key.strip() == "license":
            return value.strip().strip("'\"")
    return ""
