"""What every extractor is: one file's bytes in, units out."""

from dataclasses import dataclass
from typing import Literal, Protocol, get_args

from latelight.errors import SettingError
from latelight.types import Extraction, ExtractorInfo, Source

OcrMode = Literal["auto", "always", "never"]

MEBIBYTE = 1 << 20


@dataclass(frozen=True)
class ExtractionOptions:
    """How files are read, and how much one file may cost.

    Attributes:
        passage_characters: passages are packed with whole sentences up to this length.
        ocr: `auto` reads pictures, and pages without a usable text layer; `always` reads every
            page's picture and ignores text layers; `never` reads no pictures.
        ocr_threads: for each process; 0 uses the machine's cores, at most 4.
        dpi: resolution of page pictures, for OCR and for `Unit.image`.
        render_images: fill `Unit.image` for encoders that look at the page.
        max_bytes: longest file.
        max_pixels: largest picture that is decoded or drawn; PDF pages are drawn smaller to fit.
        max_pages: longest PDF.
        max_frames: most frames of a multi-frame TIFF; further ones are left out with a warning.
        max_characters: longest text of one document.
        timeout_s: longest time that a worker process may spend without finishing a page.
        memory_bytes: address space of a worker process.
        max_seconds: longest time that one file may take, however many pages it finishes.
        max_cpu_seconds: the same for processor time, of all threads of its worker process.
    """

    passage_characters: int = 1600
    ocr: OcrMode = "auto"
    ocr_threads: int = 0
    dpi: int = 150
    render_images: bool = False
    max_bytes: int = 512 * MEBIBYTE
    max_pixels: int = 50_000_000
    max_pages: int = 5_000
    max_frames: int = 200
    max_characters: int = 50_000_000
    timeout_s: float = 120.0
    memory_bytes: int = 4096 * MEBIBYTE
    max_seconds: float = 14_400.0
    max_cpu_seconds: int = 14_400

    def __post_init__(self) -> None:
        if self.ocr not in get_args(OcrMode):
            raise SettingError(
                f"ocr is {self.ocr!r}; it must be one of {', '.join(get_args(OcrMode))}."
            )
        for name, least in _LEAST.items():
            value = getattr(self, name)
            if not value >= least:
                raise SettingError(f"{name} is {value}; it must be at least {least}.")


_LEAST: dict[str, float] = {
    "passage_characters": 40,
    "ocr_threads": 0,
    "dpi": 18,
    "max_bytes": 1,
    "max_pixels": 4096,
    "max_pages": 1,
    "max_frames": 1,
    "max_characters": 1,
    "timeout_s": 0.001,
    "memory_bytes": 512 * MEBIBYTE,
    "max_seconds": 0.001,
    "max_cpu_seconds": 1,
}

DEFAULT_OPTIONS = ExtractionOptions()


class Extractor(Protocol):
    """Reads some media types.

    The same source and options always give the same extraction, in any process.
    """

    info: ExtractorInfo

    def extract(self, source: Source, options: ExtractionOptions) -> Extraction:
        """Return the source's text and units.

        Raises:
            ExtractionError: this file cannot be read; its subclass says why.
        """
        ...
