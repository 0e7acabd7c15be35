"""Random and mutated files end in an extraction or an ExtractionError, and soon."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from latelight.errors import ExtractionError
from latelight.extractors.protocol import ExtractionOptions
from latelight.extractors.registry import extract
from latelight.testing.files import (
    PdfPage,
    PdfText,
    make_pdf,
    picture_bytes,
    text_pdf,
    text_picture,
)
from latelight.testing.media import sound_bytes, spoken_tones, video_bytes, wav_bytes
from latelight.types import Extraction, Source

OPTIONS = ExtractionOptions(
    ocr="never", speech="never", max_pixels=4_000_000, max_pages=50, max_seconds=600
)
PICTURE = text_picture(["words"], (96, 64))
TONES = spoken_tones(["ferry", "stop."])
GOOD = {
    "a.txt": "Plain words. Caf\u00e9!\n\nMore of them.".encode(),
    "b.txt": "Plain words in UTF-16.".encode("utf-16"),
    "a.md": b"# Title\n\n```\ncode\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |\n",
    "a.html": b"<!doctype html><title>T</title><p>One &amp; two<table><tr><td>a<td>b</table>",
    "a.pdf": text_pdf("First page.\nSecond line.", "Other page."),
    "b.pdf": make_pdf([PdfPage((PdfText("x", 9, 9),), rotate=90, crop_box=(0, 0, 300, 300),
                       jpeg=picture_bytes(PICTURE, "JPEG"))]),
    "a.png": picture_bytes(PICTURE, "PNG"),
    "a.jpg": picture_bytes(PICTURE, "JPEG"),
    "a.gif": picture_bytes(PICTURE.convert("P"), "GIF"),
    "a.webp": picture_bytes(PICTURE, "WEBP"),
    "a.bmp": picture_bytes(PICTURE, "BMP"),
    "a.wav": wav_bytes(TONES),
    "a.flac": sound_bytes(TONES, "flac", "flac"),
    "a.mp3": sound_bytes(TONES, "mp3", "libmp3lame"),
    "a.ogg": sound_bytes(TONES, "ogg", "libopus"),
    "a.m4a": sound_bytes(TONES, "ipod", "aac"),
    "a.mkv": video_bytes([PICTURE], samples=TONES),
    "a.mp4": video_bytes([PICTURE], samples=TONES, container="mp4"),
    "a.ts": sound_bytes(TONES, "mpegts", "aac"),
    "a.tif": picture_bytes(PICTURE, "TIFF", save_all=True, append_images=[PICTURE]),
}  # fmt: skip


def read(name: str, data: bytes) -> Extraction | None:
    try:
        found = extract(Source(name, data), OPTIONS)
    except ExtractionError as error:
        assert name in str(error)
        assert len(str(error)) > 40
        return None
    found.text.encode("utf-8")
    return found


@pytest.mark.parametrize("name", GOOD)
def test_the_whole_files_are_read(name: str) -> None:
    assert read(name, GOOD[name]) is not None


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=600), st.sampled_from(sorted(GOOD)))
def test_random_bytes_under_any_name(data: bytes, name: str) -> None:
    read(name, data)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300), st.sampled_from(sorted(GOOD)))
def test_random_bytes_behind_a_right_beginning(data: bytes, name: str) -> None:
    read(name, GOOD[name][:24] + data)


@settings(max_examples=250, deadline=None)
@given(st.data())
def test_mutations_of_good_files(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(GOOD)))
    mutant = bytearray(GOOD[name])
    places = st.integers(0, len(mutant) - 1)
    for place, byte in data.draw(st.lists(st.tuples(places, st.integers(0, 255)), max_size=12)):
        mutant[place] = byte
    cut, again = data.draw(places), data.draw(places)
    keep = data.draw(st.sampled_from(["all", "cut", "repeat"]))
    tail = {"all": b"", "cut": b"", "repeat": bytes(mutant[again:])}[keep]
    read(name, bytes(mutant[:cut] if keep == "cut" else mutant) + tail)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("line.txt", b"x" * 3_000_000),
        ("words.txt", b"word " * 600_000),
        ("stops.txt", b"a.b. " * 600_000),
        ("blank.txt", b"\n \n" * 1_000_000),
        ("nested.html", b"<div>" * 200_000 + b"x"),
        ("quotes.md", b"> " * 500_000 + b"x"),
        ("pipes.md", b"a|b\n" * 5 + b"|" * 1_000_000 + b"x"),
        ("headings.md", b"# x\n" * 50_000),
        ("hashes.md", b"#" * 1_000_000),
        ("nul.txt", b"word " * 100_000 + b"\x00" * 10_000),
        ("braces.rtf", b"{\\rtf1" + b"{\\b x}" * 100_000),
        ("bytes.rtf", b"{\\rtf1" + b"\\'41" * 500_000),
        ("words.rtf", b"{\\rtf1" + b"\\par x" * 100_000),
        ("skips.rtf", b"{\\rtf1" + b"\\uc8\\u65x" * 100_000),
        ("quote.csv", b'a,b\n"' + b"x,\n" * 500_000),
        ("cells.csv", b"a,b\n" + b"," * 1_000_000 + b"x"),
        ("rows.csv", b"a,b\n" + b"1,2\n" * 150_000),
        ("deep.jsonl", b"[" * 1_000_000),
        ("fields.eml", b"From: a\nTo: b\n" + b"X-A: b\n" * 200_000),
        ("parameters.eml", b"From: a\nTo: b\nContent-Type: a/b" + b";" * 1_000_000),
        ("folded.eml", b"From: a\nTo: b\nContent-Type: a/b" + b";\n " * 300_000),
        (
            "bounds.eml",
            b"From: a\nTo: b\nContent-Type: multipart/x; boundary=x\n\n" + b"--x\n" * 99_999,
        ),
        ("subject.eml", b"From: " + b"(" * 500_000 + b"\nTo: b\nSubject: " + b"=?" * 500_000),
        ("deep.pdf", b"%PDF-1.7\n" + b"[" * 500_000 + b"\ntrailer << /Root " + b"<<" * 100_000),
    ],
)
def test_monotonous_files_take_linear_time(name: str, data: bytes) -> None:
    start = time.process_time()
    read(name, data)
    assert time.process_time() - start < 20


def test_a_bomb_of_pixels_is_refused_by_its_header() -> None:
    bomb = picture_bytes(Image.new("1", (4000, 4000)))
    with pytest.raises(ExtractionError, match="16,000,000 pixels"):
        extract(Source("bomb.png", bomb), OPTIONS)
