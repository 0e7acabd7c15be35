"""`latelight models`: which models there are, which are here, and whether they work."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from latelight.cli.console import Failed, out, print_json, size, table
from latelight.cli.options import JsonOption
from latelight.encoders.carried import CARRIED_MODELS
from latelight.encoders.catalog import CATALOG, ModelCard, card_of
from latelight.encoders.checkpoint import locate_card
from latelight.encoders.download import download
from latelight.encoders.golden import GoldenRows, carried_rows, read, record, save
from latelight.encoders.model_check import Finding, check_model
from latelight.encoders.model_options import ModelOptions
from latelight.encoders.protocol import Encoder
from latelight.encoders.registry import create_encoder, encoder_names
from latelight.errors import InputError
from latelight.settings import read_settings

app = typer.Typer(no_args_is_help=True, help="See, download and check published models.")

NameArgument = Annotated[
    str, typer.Argument(help="Carried, or a name in the catalogue or of its repository.")
]
AcceptOption = Annotated[
    bool, typer.Option("--accept-license", help="Accept a licence that is not permissive.")
]


@app.command("list")
def list_models(as_json: JsonOption = False) -> None:
    """List the carried encoders and the catalogue: installed or not, licence, dims, modalities."""
    weights = read_settings().weights
    found = [_carried(name) for name in encoder_names()]
    found += [_card(card, weights) for card in CATALOG]
    if as_json:
        print_json(found)
        return
    rows = table("model", "here", "licence", "dims", "reads", right=("dims",))
    rows.columns[0].no_wrap = True
    for one in found:
        here = ("carried" if one["carried"] else "yes") if one["installed"] else ""
        licence = one["licence_name"].removeprefix("LicenseRef-") + (
            "" if one["is_permissive"] else " *"
        )
        reads = ", ".join(one["modalities"])
        rows.add_row(one["name"], here, licence, str(one["dim"] or "?"), reads)
    out.print(rows)
    out.print("* has to be accepted: latelight models get NAME --accept-license")


@app.command("show")
def show(name: NameArgument, as_json: JsonOption = False) -> None:
    """Show all that is known of a carried encoder, or of a model of the catalogue."""
    told = (
        _carried_whole(name)
        if name in CARRIED_MODELS
        else _card(card_of(name), read_settings().weights)
    )
    if as_json:
        print_json(told)
        return
    for key, value in told.items():
        if value not in ("", None, ()):
            shown = _shown(value)
            out.print(Text.assemble((f"{key:<16}", "bold"), shown))


def _shown(value: Any) -> str:
    if isinstance(value, list):  # of files
        lines = (f"{one['file']} ({one['from']})\n  sha256 {one['sha256']}" for one in value)
        return "\n".join(lines).replace("\n", "\n" + " " * 16)
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


@app.command("get")
def get(name: NameArgument, accept: AcceptOption = False, as_json: JsonOption = False) -> None:
    """Download a model of the catalogue, into LATELIGHT_WEIGHTS or the hub's cache."""
    if name in CARRIED_MODELS:
        _tell_carried(name, as_json=as_json)
        return
    card = card_of(name)
    checkpoint = download(card, weights=read_settings().weights, accept_licence=accept)
    files = [path for path in checkpoint.directory.rglob("*") if path.is_file()]
    n_bytes = sum(path.stat().st_size for path in files)
    if as_json:
        told = {"directory": str(checkpoint.directory), "layout": checkpoint.layout}
        print_json({"name": card.name, **told, "files": len(files), "bytes": n_bytes})
        return
    out.print(f"{card.name}: {len(files)} files, {size(n_bytes)}, {checkpoint.layout}")
    out.print(str(checkpoint.directory), markup=False)


@app.command("check")
def check(
    name: Annotated[
        str, typer.Argument(help="Name of an encoder, path of a directory, or vllm:URL#MODEL.")
    ],
    device: Annotated[str, typer.Option("--device", help="cpu, cuda, cuda:1, mps or auto.")] = (
        "auto"
    ),
    accept: AcceptOption = False,
    remote_code: Annotated[
        bool,
        typer.Option("--trust-remote-code", help="Run code that comes with the checkpoint."),
    ] = False,
    golden: Annotated[
        Path | None,
        typer.Option("--golden", help="Compare with the rows in this file; else record them."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Load a model and try it: golden rows, the same twice and in a batch, places, speed."""
    settings = read_settings()
    options = ModelOptions(device=device, accept_licence=accept, trust_remote_code=remote_code)
    encoder = create_encoder(
        name, weights=settings.weights, n_threads=settings.n_threads, options=options
    )
    is_known = golden is not None and golden.exists()
    findings = check_model(encoder, _known_rows(name, encoder, golden if is_known else None))
    if golden is not None and not is_known:
        save(record(encoder), golden)
        findings.append(Finding("golden rows", True, f"recorded in {golden}"))
    if as_json:
        print_json([asdict(one) for one in findings])
    else:
        for one in findings:
            mark = ("ok    ", "green") if one.ok else ("wrong ", "bold red")
            out.print(Text.assemble(mark, (f"{one.name:<20}", "bold"), one.told))
    if not all(one.ok for one in findings):
        raise Failed


def _known_rows(name: str, encoder: Encoder, file: Path | None) -> GoldenRows | None:
    if file is None:
        return carried_rows(name)
    found, wanted = read(file), encoder.info.name
    if wanted not in found:
        raise InputError(
            f"{file} holds golden rows of {', '.join(found)}, not of {wanted}; give that model's "
            "file, or the name of one that is not there yet to record them."
        )
    return found[wanted]


def _carried(name: str) -> dict[str, Any]:
    info = create_encoder(name).info
    return {
        "name": name,
        "carried": True,
        "installed": not CARRIED_MODELS[name].lacks,
        "licence": info.licence,
        "licence_name": info.licence,
        "is_permissive": True,
        "dim": info.dim,
        "modalities": ("text",),
    }


def _carried_whole(name: str) -> dict[str, Any]:
    """Return what `_carried` does, with the files that are read and where they come from."""
    info, model = create_encoder(name).info, CARRIED_MODELS[name]
    own = {file.name: f"{file.package} {file.version}, {file.path}" for file in model.files}
    return {
        **_carried(name),
        "unit_kinds": info.unit_kinds,
        "similarity": info.similarity,
        "query_tokens": info.max_query_tokens,
        "packages": model.packages,
        "weights": [
            {"file": file, "from": own.get(file, "latelight"), "sha256": sha256}
            for file, sha256 in info.weights.items()
        ],
        "projection": model.repository,
        "lacks": model.lacks,
        "model_card": model.page,
    }


def _tell_carried(name: str, *, as_json: bool) -> None:
    model = CARRIED_MODELS[name]
    if as_json:
        told = {"carried": True, "packages": model.packages, "lacks": model.lacks}
        print_json({"name": name, **told, "files": 0, "bytes": 0})
        return
    rest = f"It lacks {model.lacks}" if model.lacks else "Nothing to download."
    out.print(f"{name} is carried by {', '.join(model.packages)}. {rest}", markup=False)


def _card(card: ModelCard, weights: Path | None) -> dict[str, Any]:
    where = locate_card(card, weights)
    return {
        **asdict(card),
        "carried": False,
        "installed": where is not None,
        "directory": str(where) if where else "",
        "licence_name": card.licence_name,
    }
