"""Legacy office files (.doc, .xls, .ppt) -> units, through LibreOffice where it is installed.

LibreOffice makes the format of today of them, which keeps headings, slides and cells; printed as
PDF, columns that are too narrow would read `###`.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from latelight.errors import (
    DamagedFileError,
    EncryptedFileError,
    ExtractionTimeoutError,
    UnsupportedMediaError,
)
from latelight.extractors.detect import detect_media_type
from latelight.extractors.docx import DocxExtractor
from latelight.extractors.limits import check_bytes
from latelight.extractors.ole import ENCRYPTED, LEGACY
from latelight.extractors.pptx import PptxExtractor
from latelight.extractors.progress import Progress, silent
from latelight.extractors.protocol import ExtractionOptions
from latelight.extractors.xlsx import XlsxExtractor
from latelight.types import Extraction, ExtractorInfo, Source

PROGRAMS = ("soffice", "libreoffice")
_TIME_SHARE = 0.8  # of the longest silence, so that this process stops the converter first


@dataclass(frozen=True)
class _Way:
    """From a legacy format's suffix to one of today and the extractor that reads that."""

    before: str
    after: str
    reader: type[DocxExtractor] | type[XlsxExtractor] | type[PptxExtractor]


_WAYS = {
    "application/msword": _Way(".doc", "docx", DocxExtractor),
    "application/vnd.ms-excel": _Way(".xls", "xlsx", XlsxExtractor),
    "application/vnd.ms-powerpoint": _Way(".ppt", "pptx", PptxExtractor),
}


class LegacyExtractor:
    """Word, Excel and PowerPoint files of before 2007."""

    info = ExtractorInfo(
        name="legacy-office",
        version="1",
        media_types=(*LEGACY, ENCRYPTED),
        unit_kinds=("passage", "page", "image"),
        licence="Apache-2.0",
    )

    def __init__(self, progress: Progress = silent) -> None:
        self.progress = progress

    def extract(self, source: Source, options: ExtractionOptions) -> Extraction:
        """Return what the DOCX, XLSX or PPTX extractor reads in the converted file.

        Raises:
            DamagedFileError: it cannot be converted.
            EncryptedFileError: a password is needed.
            ExtractionTimeoutError: the conversion took longer than allowed.
            UnsupportedMediaError: LibreOffice is not installed.
        """
        check_bytes(source, options)
        media_type = detect_media_type(source)
        if media_type == ENCRYPTED:
            raise EncryptedFileError(
                f"{source.name}: an office file locked with a password, expected a readable one; "
                "save it without a password."
            )
        way = _WAYS.get(media_type)
        if way is None:
            raise UnsupportedMediaError(
                f"{source.name}: the content is {media_type}, expected {', '.join(LEGACY)}; "
                "convert it or leave it out."
            )
        program = _program(source.name)
        with tempfile.TemporaryDirectory(prefix="latelight-office-") as folder:
            data = _converted(program, source, way, Path(folder), options)
        found = way.reader(self.progress).extract(Source(source.name, data), options)
        return replace(found, media_type=media_type)


def _program(name: str) -> str:
    found = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if found is None:
        raise UnsupportedMediaError(
            f"{name}: an office file of before 2007, which only LibreOffice reads, and no "
            f"{PROGRAMS[0]!r} is on the PATH; install LibreOffice (for example: apt-get install "
            "libreoffice), or save the file as .docx, .xlsx, .pptx or PDF."
        )
    return found


def _converted(
    program: str, source: Source, way: _Way, folder: Path, options: ExtractionOptions
) -> bytes:
    """Return the file in the other format, made with a profile that is thrown away."""
    original = folder / f"original{way.before}"  # the file's own name never becomes a path
    original.write_bytes(source.data)
    profile = (folder / "profile").as_uri()
    command = [
        program,
        f"-env:UserInstallation={profile}",
        *("--headless", "--norestore", "--nolockcheck", "--nodefault", "--nofirststartwizard"),
        *("--convert-to", way.after, "--outdir", str(folder / "out"), str(original)),
    ]
    said = _run(command, source.name, folder, _TIME_SHARE * options.timeout_s)
    made = folder / "out" / f"original.{way.after}"
    if not made.is_file():
        raise DamagedFileError(
            f"{source.name}: LibreOffice made no {way.after} of it ({said or 'it said nothing'}); "
            "open and save the file anew, or leave it out."
        )
    return made.read_bytes()


def _run(command: list[str], name: str, folder: Path, seconds: float) -> str:
    """Run the converter in a process group of its own and return the last line that it printed."""
    with (folder / "log").open("w+b") as log:
        process = subprocess.Popen(
            _bounded(command, seconds),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env={**os.environ, "HOME": str(folder), "SAL_USE_VCLPLUGIN": "svp"},
            start_new_session=True,
        )
        try:
            process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            raise ExtractionTimeoutError(
                f"{name}: LibreOffice did not finish within {seconds:g} s; split the file, or "
                "raise timeout_s."
            ) from None
        finally:
            _stop(process)
        log.seek(0)
        lines = log.read(100_000).decode(errors="replace").split("\n")
    return next((line.strip()[:300] for line in reversed(lines) if line.strip()), "")


def _stop(process: "subprocess.Popen[bytes]") -> None:
    with suppress(ProcessLookupError, PermissionError):
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _bounded(command: list[str], seconds: float) -> list[str]:
    """Return the command with a limit that holds even when the process that starts it is killed."""
    if sys.platform == "win32":
        return command
    return ["/bin/sh", "-c", 'ulimit -t "$0" && exec "$@"', str(int(seconds) + 60), *command]
