"""Mutated files of every format: no crash, no hang, no half document.

A few hundred run in this process each time. `N_FUZZ=2000` in the environment runs that many, of
sound and video too, through worker processes with the limits of a pipeline, as `add` does.
"""

import io
import os
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from email.message import EmailMessage
from zipfile import ZipFile

import pytest

from latelight.errors import ExtractionError
from latelight.extractors.plugin_choice import problem_of
from latelight.extractors.protocol import MEBIBYTE, ExtractionOptions
from latelight.extractors.registry import extract
from latelight.extractors.sandbox import ExtractionPool
from latelight.testing.files import PdfPage, make_pdf, picture_bytes, text_pdf, text_picture
from latelight.testing.media import sound_bytes, spoken_tones, video_bytes, wav_bytes
from latelight.testing.office_files import (
    make_docx,
    make_epub,
    make_mail,
    make_odf,
    make_ole,
    make_pptx,
    make_xlsx,
    make_zip,
    odf_table,
)
from latelight.types import Source

WORDS = "Some words of a sentence, and more. " * 5
CELLS = [["Year", "Cost"], ["2019", "4.2"], ["2020", "5"]]
PICTURE = text_picture(["words"], (96, 64))
PNG = picture_bytes(PICTURE)
OPTIONS = ExtractionOptions(
    ocr="never",
    speech="never",
    max_pixels=4_000_000,
    max_pages=200,
    max_characters=2_000_000,
    max_unpacked_bytes=64 * MEBIBYTE,
    timeout_s=20,
    memory_bytes=2048 * MEBIBYTE,
)
N_SHORT, SEED = 400, 20260101
N_LONG = int(os.environ.get("N_FUZZ", "0"))
SLOWEST_S = 10.0


def _mail() -> EmailMessage:
    mail = make_mail("Outer", WORDS, {"a.docx": make_docx([WORDS, CELLS]), "b.pdf": text_pdf("x")})
    mail.add_attachment(make_mail("Inner", WORDS, {"c.csv": b"a,b\n1,2\n"}))
    return mail


SEEDS: dict[str, bytes] = {
    "a.txt": WORDS.encode(),
    "b.txt": WORDS.encode("utf-16"),
    "a.md": f"# Title\n\n{WORDS}\n\n| a | b |\n|---|---|\n| 1 | 2 |\n".encode(),
    "a.html": f"<!doctype html><h1>T</h1><p>{WORDS}<table><tr><td>a<td>b</table>".encode(),
    "a.pdf": text_pdf("First page.\nSecond line.", "Other page."),
    "b.pdf": make_pdf([PdfPage(jpeg=picture_bytes(PICTURE, "JPEG"), rotate=90)]),
    "a.png": PNG,
    "a.jpg": picture_bytes(PICTURE, "JPEG"),
    "a.gif": picture_bytes(PICTURE.convert("P"), "GIF"),
    "a.webp": picture_bytes(PICTURE, "WEBP"),
    "a.bmp": picture_bytes(PICTURE, "BMP"),
    "a.tif": picture_bytes(PICTURE, "TIFF", save_all=True, append_images=[PICTURE]),
    "a.docx": make_docx(["# Title", WORDS, CELLS], picture=PNG, title="T"),
    "a.pptx": make_pptx([("One", WORDS), ("Two", WORDS)], picture=PNG),
    "a.xlsx": make_xlsx({"One": CELLS, "Two": CELLS}),
    "a.odt": make_odf("text", f"<text:h>T</text:h><text:p>{WORDS}</text:p>{odf_table('T', CELLS)}"),
    "a.ods": make_odf("spreadsheet", odf_table("T", CELLS)),
    "a.odp": make_odf("presentation", "<draw:page><text:p>words</text:p></draw:page>"),
    "a.epub": make_epub({"a.xhtml": f"<h1>A</h1>{WORDS}"}, title="Book", picture=PNG),
    "a.rtf": b"{\\rtf1\\ansi Words\\par A\\cell B\\cell\\row {\\pict " + PNG.hex().encode() + b"}}",
    "a.eml": _mail().as_bytes(),
    "a.csv": b"name;cost\n" + b'"some; name";4,5\n' * 20,
    "a.tsv": "name\tcost\nsome\t4\n".encode("utf-16"),
    "a.jsonl": b'{"title": "T", "text": "Some words."}\n{"year": 2019}\n',
    "a.doc": make_ole("Something"),
}  # fmt: skip
Read = Callable[[Source], object]


def media_seeds() -> dict[str, bytes]:
    """Return a small file of each container of sound and video."""
    pytest.importorskip("av")
    words = spoken_tones(["ferry", "harbour", "lamp"])
    film = [text_picture([word], (160, 96)) for word in ("ferry", "lamp")]
    return {
        "a.wav": wav_bytes(words),
        "a.flac": sound_bytes(words, "flac", "flac", title="T"),
        "a.mp3": sound_bytes(words, "mp3", "libmp3lame"),
        "a.ogg": sound_bytes(words, "ogg", "libopus"),
        "a.mp4": video_bytes(film, samples=words, container="mp4"),
        "a.mkv": video_bytes(film, seconds_each=0.5),
    }


def mutants(count: int, seed: int, seeds: Mapping[str, bytes] = SEEDS) -> Iterator[Source]:
    """Yield mutated seeds; the same number and seed always give the same files."""
    chance = random.Random(seed)
    names = sorted(seeds)
    for number in range(count):
        name = names[number % len(names)]
        inside = seeds[name].startswith(b"PK") and chance.random() < 0.6
        change = _mutated_inside if inside else _mutated
        yield Source(name, change(seeds[name], chance))


def _mutated_inside(data: bytes, chance: random.Random) -> bytes:
    """Return an archive with whole checksums around one mutated member."""
    with ZipFile(io.BytesIO(data)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    victim = chance.choice(sorted(members))
    members[victim] = _mutated(members[victim], chance)
    return make_zip(members, first_stored=True)


def _mutated(data: bytes, chance: random.Random) -> bytes:
    mutant = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 4, 8, 32))):
        if not mutant:
            break
        place = chance.randrange(len(mutant))
        length = chance.choice((1, 2, 4, 16, 256))
        match chance.randrange(6):
            case 0:
                mutant[place] = chance.randrange(256)
            case 1:
                mutant[place] ^= 1 << chance.randrange(8)
            case 2:
                del mutant[place : place + length]
            case 3:
                mutant[place:place] = mutant[place : place + length] * chance.choice((1, 2, 40))
            case 4:
                mutant[place : place + 4] = chance.choice(
                    (b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\0\x80")
                )
            case _:
                del mutant[place:]
    return bytes(mutant)


def run(sources: Iterator[Source], read: Read) -> Counter[str]:
    """Read all files and return how many ended how; each ends within `SLOWEST_S` of CPU or wall."""
    ends: Counter[str] = Counter()
    for source in sources:
        begin = time.monotonic()
        try:
            found = read(source)
        except ExtractionError as error:
            assert len(str(error)) > 40
            ends[type(error).__name__] += 1
        else:
            problem = problem_of(found)
            assert not problem, f"{source.name} gave {problem}"
            ends["read"] += 1
        assert time.monotonic() - begin < SLOWEST_S + OPTIONS.timeout_s
    return ends


@pytest.mark.parametrize("name", sorted(set(SEEDS) - {"a.doc"}))
def test_the_seeds_are_read_whole(name: str) -> None:
    assert problem_of(extract(Source(name, SEEDS[name]), OPTIONS)) == ""


def test_some_hundred_mutated_files_are_read_or_refused() -> None:
    ends = run(mutants(N_SHORT, SEED), lambda source: extract(source, OPTIONS))
    assert ends.total() == N_SHORT
    assert ends["read"] > N_SHORT / 5
    assert ends["DamagedFileError"] > N_SHORT / 20


@pytest.mark.skipif(not N_LONG, reason="N_FUZZ says how many files")
def test_many_mutated_files_leave_the_workers_standing(capsys: pytest.CaptureFixture[str]) -> None:
    begin = time.monotonic()
    with ExtractionPool(n_workers=1) as pool:
        files = mutants(N_LONG, SEED + 1, SEEDS | media_seeds())
        ends = run(files, lambda source: pool.extract(source, OPTIONS))
    with capsys.disabled():
        print(f"\n{N_LONG} files in {time.monotonic() - begin:.0f} s: {dict(ends)}")
    assert ends.total() == N_LONG
