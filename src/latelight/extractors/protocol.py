"""What every extractor is: one file's bytes in, units out."""

from dataclasses import dataclass
from typing import Literal, Protocol, get_args

from latelight.errors import SettingError
from latelight.extractors.ocr_models import OcrChoice, model_file
from latelight.types import Extraction, ExtractorInfo, Source

OcrMode = Literal["auto", "always", "never"]
SpeechMode = Literal["auto", "never"]

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
        ocr_language: a recognition model beside the one that comes with the package, which reads
            Chinese, Japanese and languages in Latin letters (see `ocr_models.LANGUAGES`).
        ocr_models: the directory that holds that model.
        ocr_threads: for each process; 0 uses the machine's cores, at most 4.
        speech: `auto` writes down what is said in sound; `never` keeps sound without words.
        speech_model: a directory with a CTranslate2 conversion of Whisper, or its name on the
            hub; empty for the carried weights.
        speech_language: such as `en`; empty lets the model tell it from the sound.
        speech_threads: for each process; 0 uses the machine's cores, at most 4.
        frames_per_minute: most frames of a video that become units, in any minute.
        max_seconds: longest sound or video.
        dpi: resolution of page pictures, for OCR and for `Unit.image`.
        render_images: fill `Unit.image` for encoders that look at the page.
        image_side: pixels of the longer side of `Unit.image` at most; 0 for all there are.
        keep_sound: fill `Unit.sound` for encoders that listen; sound between the passages of
            speech then becomes units from 3 seconds on, elsewhere from 30.
        max_kept_seconds: of a longer recording the sound is kept so far, with a warning; each hour
            is 115 MB, of which the worker holds three copies when it answers.
        max_bytes: longest file.
        max_pixels: largest picture that is decoded or drawn; PDF pages are drawn smaller to fit.
        max_pages: longest PDF.
        max_frames: most frames of a multi-frame TIFF; further ones are left out with a warning.
        max_characters: longest text of one document.
        max_members: most parts of an archive (office files and books are archives).
        max_unpacked_bytes: what all parts of an archive that are read may unpack to.
        max_attachments: most files that one file may carry; further ones are left out with a
            warning.
        timeout_s: longest time that a worker process may spend without finishing a page, a
            frame, or half a minute of sound.
        memory_bytes: address space of a worker process.
        max_wall_seconds: longest time that one file may take, however many pages it finishes.
        max_cpu_seconds: the same for processor time, of all threads of its worker process.
        plugins: extractors of other packages that may read files; see `plugins.py`.
        memo: a directory in which slow models' answers are kept for a next run; empty for none.
    """

    passage_characters: int = 1600
    ocr: OcrMode = "auto"
    ocr_language: str = ""
    ocr_models: str = ""
    ocr_threads: int = 0
    speech: SpeechMode = "auto"
    speech_model: str = ""
    speech_language: str = ""
    speech_threads: int = 0
    frames_per_minute: int = 10
    max_seconds: float = 43_200.0
    dpi: int = 150
    render_images: bool = False
    image_side: int = 0
    keep_sound: bool = False
    max_kept_seconds: float = 14_400.0
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
    max_wall_seconds: float = 14_400.0
    max_cpu_seconds: int = 14_400
    plugins: tuple[PluginUse, ...] = ()
    memo: str = ""

    def __post_init__(self) -> None:
        _check_choice("ocr", self.ocr, get_args(OcrMode))
        _check_choice("speech", self.speech, get_args(SpeechMode))
        if self.ocr_language and self.ocr != "never":
            model_file(self.ocr_language, self.ocr_models)
        for name, least in _LEAST.items():
            value = getattr(self, name)
            if not value >= least:
                raise SettingError(f"{name} is {value}; it must be at least {least}.")

    @property
    def ocr_choice(self) -> OcrChoice:
        """How pictures are read."""
        return OcrChoice(self.ocr_threads, self.ocr_language, self.ocr_models, self.memo)


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise SettingError(f"{name} is {value!r}; it must be one of {', '.join(choices)}.")


_LEAST: dict[str, float] = {
    "passage_characters": 40,
    "ocr_threads": 0,
    "speech_threads": 0,
    "frames_per_minute": 1,
    "max_seconds": 0.001,
    "dpi": 18,
    "max_kept_seconds": 0.001,
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
    "max_wall_seconds": 0.001,
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
