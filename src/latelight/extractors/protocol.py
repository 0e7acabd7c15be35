"""What every extractor is: one file's bytes in, units out."""

from dataclasses import dataclass
from typing import Literal, Protocol, get_args

from latelight.errors import SettingError
from latelight.types import Extraction, ExtractorInfo, Source

OcrMode = Literal["auto", "always", "never"]

MEBIBYTE = 1 << 20
ParameterValue = str | int | float | bool


@dataclass(frozen=True)
class PluginUse:
    """One extractor plugin that a pipeline names.

    Attributes:
        name: of its entry point.
        parameters: those that the pipeline sets, in name order.
        media_types: that it reads although a built-in extractor could.
        priority: of two plugins that read a media type, the one with the larger number does.
    """

    name: str
    parameters: tuple[tuple[str, ParameterValue], ...] = ()
    media_types: tuple[str, ...] = ()
    priority: int = 0


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
        max_members: most parts of an archive (office files and books are archives).
        max_unpacked_bytes: what all parts of an archive that are read may unpack to.
        max_attachments: most files that one file may carry; further ones are left out with a
            warning.
        timeout_s: longest time that a worker process may spend without finishing a page.
        memory_bytes: address space of a worker process.
        plugins: extractors of other packages that may read files; see `plugins.py`.
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
    max_members: int = 20_000
    max_unpacked_bytes: int = 1024 * MEBIBYTE
    max_attachments: int = 200
    timeout_s: float = 120.0
    memory_bytes: int = 4096 * MEBIBYTE
    plugins: tuple[PluginUse, ...] = ()

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
    "max_members": 1,
    "max_unpacked_bytes": 1,
    "max_attachments": 0,
    "timeout_s": 0.001,
    "memory_bytes": 512 * MEBIBYTE,
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
