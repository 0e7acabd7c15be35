import pytest

from latelight.extractors.detect import UNKNOWN, detect_media_type
from latelight.testing.media import sound_bytes, spoken_tones, wav_bytes
from latelight.types import Source

TONE = spoken_tones(["ferry"])


@pytest.mark.parametrize(
    ("container", "codec", "expected"),
    [
        ("mp3", "libmp3lame", "audio/mpeg"),
        ("flac", "flac", "audio/flac"),
        ("ogg", "libopus", "audio/ogg"),
        ("ipod", "aac", "audio/mp4"),
        ("adts", "aac", "audio/aac"),
        ("aiff", "pcm_s16be", "audio/aiff"),
        ("au", "pcm_s16be", "audio/basic"),
        ("caf", "pcm_s16le", "audio/x-caf"),
        ("mp4", "aac", "video/mp4"),
        ("mov", "aac", "video/quicktime"),
        ("webm", "libopus", "video/webm"),
        ("matroska", "pcm_s16le", "video/x-matroska"),
        ("avi", "pcm_s16le", "video/x-msvideo"),
        ("mpegts", "aac", "video/mp2t"),
        ("mpeg", "mp2", "video/mpeg"),
        ("flv", "aac", "video/x-flv"),
    ],
)
def test_a_container_is_known_by_its_content(container: str, codec: str, expected: str) -> None:
    data = sound_bytes(TONE, container, codec)
    assert detect_media_type(Source("talk.txt", data)) == expected


def test_wav_is_known() -> None:
    assert detect_media_type(Source("x", wav_bytes(TONE))) == "audio/wav"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("Plain words.".encode("utf-16"), "text/plain"),
        ("Mots simples.".encode("utf-16-be"), "text/plain"),
        (b"ID3 tags are for music.", "text/plain"),
        (b"RIFF is a container.", "text/plain"),
        (b"GGGGGGGG" * 80, "text/plain"),
        (b"\x00\x00\x00\x1cftypheic", "image/heic"),
        (b"\xff\xe0\x00\x00" + bytes(64), UNKNOWN),
    ],
)
def test_what_only_looks_like_sound_is_not_taken_for_it(data: bytes, expected: str) -> None:
    assert detect_media_type(Source("x", data)) == expected
