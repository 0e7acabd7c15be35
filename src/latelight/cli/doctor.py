"""`latelight doctor`: is this machine ready, and if not, what to do."""

import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path

from rich.text import Text

from latelight import __version__
from latelight.app import diagnosis
from latelight.cli.console import Failed, out, print_json
from latelight.cli.options import JsonOption, LibraryOption
from latelight.errors import LatelightError
from latelight.settings import read_settings

LEAST_FREE_BYTES = 10**9


@dataclass(frozen=True)
class Check:
    """One thing looked at.

    Attributes:
        name: what.
        ok: whether it is as it should be.
        told: what was found, or what to do.
    """

    name: str
    ok: bool
    told: str


def doctor(library: LibraryOption = None, as_json: JsonOption = False) -> None:
    """Check the installation: versions, kernels, models, recognition, disk, library."""
    checks = list(_checks(Path(library or read_settings().library)))
    if as_json:
        print_json([asdict(check) for check in checks])
    else:
        for check in checks:
            mark = ("ok    ", "green") if check.ok else ("wrong ", "bold red")
            out.print(Text.assemble(mark, (f"{check.name:<12}", "bold"), check.told))
    if not all(check.ok for check in checks):
        raise Failed


def _checks(library: Path) -> Iterator[Check]:
    yield Check("latelight", True, f"{__version__} on Python {platform.python_version()}")
    yield Check("platform", True, f"{platform.system()} {platform.machine()}, {sys.executable}")
    for package in ("numpy", "onnxruntime", "pypdfium2", "rapidocr"):
        yield _guarded(package, partial(version, package))
    yield _kernels()
    for name, look in diagnosis.MODELS.items():
        yield _guarded(name, look)
    yield _disk(library)
    yield _guarded("library", lambda: diagnosis.library_state(library))


def _guarded(name: str, look: Callable[[], str]) -> Check:
    try:
        return Check(name, True, look())
    except (LatelightError, ImportError, OSError) as error:
        remedy = "reinstall with `pip install --force-reinstall latelight`"
        return Check(name, False, f"{error} ({remedy})")


def _kernels() -> Check:
    chosen, known = diagnosis.kernels()
    remedy = " - the native module is missing; reinstall from a wheel" if chosen == "numpy" else ""
    return Check("kernels", chosen != "numpy", f"{chosen} of {', '.join(known)}{remedy}")


def _disk(library: Path) -> Check:
    place = next(p for p in (library.resolve(), *library.resolve().parents) if p.exists())
    free = shutil.disk_usage(place).free
    return Check("disk", free >= LEAST_FREE_BYTES, f"{free / 1e9:.1f} GB free at {place}")
