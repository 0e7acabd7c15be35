"""What pages are drawn with: fonts, words, photographs, clip art and country shapes from packages.

`--packages DIR` names a folder with unpacked Debian packages and wheels (README.md lists them with
their licences). Fonts are needed; what a missing package of pictures offers is drawn by hand.
"""

import functools
import struct
import zlib
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from training.sight.canvas import Random, chance, pick

SERIF = ("LiberationSerif", "Caladea", "EBGaramond", "texgyretermes", "texgyrepagella",
         "texgyrebonum", "texgyreschola", "DejaVuSerif")  # fmt: skip
SANS = ("LiberationSans", "Carlito", "OpenSans", "Lato", "Roboto", "Cantarell", "texgyreheros",
        "texgyreadventor", "DejaVuSans")  # fmt: skip
MONO = ("LiberationMono", "DejaVuSansMono", "Inconsolata", "texgyrecursor")
HAND = ("Kristi", "femkeklaver", "breip", "Delphine", "steve", "rufscript", "HumorSans",
        "dkg", "DancingScript", "KaushanScript")  # fmt: skip
STYLES = ("default", "classic", "ggplot", "bmh", "seaborn-v0_8-whitegrid", "seaborn-v0_8-ticks",
          "fivethirtyeight", "grayscale", "seaborn-v0_8-darkgrid", "Solarize_Light2")  # fmt: skip
SYMBOLS = ("fontawesome-webfont",)
# Permissively licensed photographs: CC0 or public domain, and CC BY 4.0.
PHOTOGRAPHS = (
    "aitzgorri_by_Aitzol_Berasategi.jpg", "friends_by_Aitzol_Berasategi.jpg",
    "life_by_Aitzol_Berasategi.jpg", "picosdeeuropa_by_Aitzol_Berasategi.jpg",
    "Picture_0B_by_freespace.jpg", "Picture_1A_by_freespace.jpg",
    "seeding_by_Clements_Engelhardt.jpg", "sunset_by_Aitzol_Berasategi.jpg",
    "umang_by_Abhishek_Mudgal.jpg", "Wine_by_Jakkub_Mede.jpg", "astronaut.png", "coffee.png",
    "chelsea.png", "rocket.jpg", "camera.png", "hubble_deep_field.jpg", "moon.png", "china.jpg",
    "flower.jpg",
)  # fmt: skip
CLIP_ART = (
    "animals", "buildings", "food", "plants", "people", "recreation", "transportation", "tools",
    "office", "computer", "education", "geography", "science", "household",
)  # fmt: skip
_WORDS = """
the of and to in for is on that by with as are from at or was be this which an not our have has
its may we other these any such total including income net company assets financial statements
cash year ended december revenue operating tax interest shares stock market value fair debt
notes rate capital expenses cost sales business products services customers growth management
risk results operations increase decrease compared primarily due million thousand quarter annual
report plan program section table figure method data model result study water energy policy
health system state national government public research department agreement payment account
balance liability equity investment credit loan amount period date contract employee pension
benefit compensation board director committee audit control accounting standard consolidated
subsidiary segment international european foreign currency exchange
"""
WORDS = tuple(_WORDS.split())
_MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec"
_FEWEST_FONTS = 2


@dataclass(frozen=True)
class Fonts:
    """Font files by family."""

    serif: tuple[str, ...]
    sans: tuple[str, ...]
    mono: tuple[str, ...]
    hand: tuple[str, ...]
    symbols: tuple[str, ...]


@dataclass(frozen=True)
class Assets:
    """Fonts, files of photographs and clip art, and countries as rings of longitude, latitude."""

    fonts: Fonts
    photographs: tuple[str, ...]
    clip_art: tuple[str, ...]
    countries: tuple[tuple[np.ndarray, ...], ...]
    styles: tuple[str, ...] = STYLES

    def part(self, *, held_out: bool) -> "Assets":
        """Return the share of fonts, pictures and styles kept for evaluation, or all the others."""

        def of(files: tuple[str, ...]) -> tuple[str, ...]:
            kept = tuple(one for one in files if _is_held_out(one) == held_out)
            return kept or files

        text = Fonts(of(self.fonts.serif), of(self.fonts.sans), of(self.fonts.mono),
                     of(self.fonts.hand), self.fonts.symbols)  # fmt: skip
        return Assets(text, of(self.photographs), of(self.clip_art), self.countries,
                      of(self.styles))  # fmt: skip


def _is_held_out(name: str) -> bool:
    """Return whether a file, by its own name, belongs to the fifth that training never sees."""
    return zlib.crc32(Path(name).name.encode()) % 5 == 0


def find_assets(packages: Path) -> Assets:
    """Return what a folder of unpacked packages offers, in the order of the names.

    Raises:
        SystemExit: fonts for text are missing.
    """
    files = sorted(str(path) for path in packages.rglob("*") if path.is_file())
    fonts = _fonts([one for one in files if one.lower().endswith((".ttf", ".otf"))])
    if min(len(fonts.serif), len(fonts.sans)) < _FEWEST_FONTS or not fonts.mono or not fonts.hand:
        raise SystemExit(
            f"{packages} holds {len(fonts.serif)} serif and {len(fonts.sans)} sans fonts; expected "
            f"{_FEWEST_FONTS} of each, and some of fixed width and of handwriting. Unpack the "
            "packages that training/sight/README.md lists."
        )
    photographs = tuple(
        one for one in files if Path(one).name in PHOTOGRAPHS and "clipart" not in one
    )
    clip_art = tuple(
        one for one in files
        if one.endswith(".png") and "openclipart" in one and any(f"/{k}/" in one for k in CLIP_ART)
    )  # fmt: skip
    shapes = [one for one in files if one.endswith("naturalearth_lowres.shp")]
    return Assets(fonts, photographs, clip_art, _countries(shapes[0]) if shapes else ())


def _fonts(files: list[str]) -> Fonts:
    def of(names: tuple[str, ...]) -> tuple[str, ...]:
        found = [one for one in files if Path(one).stem.lower().startswith(names_lower(names))]
        return tuple(one for one in found if "Oblique" not in one and "Display" not in one)

    def names_lower(names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(name.lower() for name in names)

    mono = of(MONO)
    sans = tuple(one for one in of(SANS) if one not in mono)
    return Fonts(of(SERIF), sans, mono, of(HAND), of(SYMBOLS))


def _countries(path: str) -> tuple[tuple[np.ndarray, ...], ...]:
    """Return the polygons of an ESRI shapefile (its published layout), one tuple per record."""
    data = Path(path).read_bytes()
    at, records = 100, []
    while at < len(data):
        length = struct.unpack(">i", data[at + 4 : at + 8])[0] * 2
        body = data[at + 8 : at + 8 + length]
        n_parts, n_points = struct.unpack("<ii", body[36:44])
        starts = [*struct.unpack(f"<{n_parts}i", body[44 : 44 + 4 * n_parts]), n_points]
        points = np.frombuffer(body, "<f8", 2 * n_points, 44 + 4 * n_parts).reshape(-1, 2)
        records.append(tuple(points[a:b] for a, b in pairwise(starts) if b - a > 5))
        at += 8 + length
    return tuple(record for record in records if record)


@functools.lru_cache(maxsize=512)
def font(path: str, size: int) -> ImageFont.FreeTypeFont:
    """Return a font file at a size in pixels."""
    return ImageFont.truetype(path, max(5, size))


@functools.lru_cache(maxsize=48)
def photograph(path: str) -> Image.Image:
    """Return a photograph, at most 900 pixels wide and high."""
    with Image.open(path) as image:
        copy = image.convert("RGB")
    copy.thumbnail((900, 900))
    return copy


def a_font(rng: Random, fonts: Fonts) -> str:
    """Return a font for text, with serifs or without."""
    return pick(rng, fonts.serif if chance(rng, 0.5) else fonts.sans)


def text_width(draw: ImageDraw.ImageDraw, text: str, face: ImageFont.FreeTypeFont) -> float:
    """Return how wide a text is in pixels."""
    return float(draw.textlength(text, font=face))


def words(rng: Random, n: int) -> str:
    """Return `n` words, the first with a capital; common ones come more often."""
    chosen = (rng.random(n) ** 1.6 * len(WORDS)).astype(int)
    text = " ".join(WORDS[i] for i in chosen)
    return text[:1].upper() + text[1:]


def sentence(rng: Random) -> str:
    """Return a sentence of words, some with numbers."""
    text = words(rng, int(rng.integers(6, 24)))
    if chance(rng, 0.3):
        text += f" of ${rng.integers(1, 999)}.{rng.integers(0, 9)} million"
    return text + ". "


def amount(rng: Random) -> str:
    """Return a number as tables print it."""
    form = rng.random()
    value = int(10 ** between_log(rng))
    if form < 0.5:
        return f"{value:,}"
    if form < 0.65:
        return f"({value:,})"
    if form < 0.78:
        return f"{rng.random() * 100:.1f}%"
    if form < 0.88:
        return f"{rng.random() * 100:.2f}"
    return "—" if form < 0.94 else f"${value:,}"


def between_log(rng: Random) -> float:
    """Return a decimal exponent of an amount."""
    return float(rng.uniform(0.5, 6))


def time_labels(rng: Random, n: int) -> list[str]:
    """Return `n` labels of a time axis: years, months or quarters."""
    start = int(rng.integers(1985, 2024))
    form = rng.random()
    if form < 0.45:
        return [str(start + i) for i in range(n)]
    if form < 0.6:
        return [f"{(start + i) % 100:02d}" if n > 8 else f"FY{(start + i) % 100:02d}"
                for i in range(n)]  # fmt: skip
    if form < 0.8:
        months = _MONTHS.split()
        return [months[(start + i) % 12] for i in range(n)]
    if form < 0.92:
        return [f"Q{(start + i) % 4 + 1}" for i in range(n)]
    return [f"12/{(start + i) % 100:02d}" for i in range(n)]
