"""Sound and video, told from their first bytes."""

from collections.abc import Mapping

# Container of each media type as FFmpeg's demuxers are called. Naming the demuxer keeps playlists
# and concatenation scripts, which open other files, from being tried on the bytes.
DEMUXERS: Mapping[str, str] = {
    "audio/wav": "wav",
    "audio/mpeg": "mp3",
    "audio/flac": "flac",
    "audio/ogg": "ogg",
    "audio/mp4": "mov",
    "audio/aac": "aac",
    "audio/aiff": "aiff",
    "audio/basic": "au",
    "audio/amr": "amr",
    "audio/x-caf": "caf",
    "video/mp4": "mov",
    "video/quicktime": "mov",
    "video/webm": "matroska",
    "video/x-matroska": "matroska",
    "video/x-msvideo": "avi",
    "video/ogg": "ogg",
    "video/x-ms-asf": "asf",
    "video/x-flv": "flv",
    "video/mp2t": "mpegts",
    "video/mpeg": "mpeg",
}
AUDIO_MEDIA_TYPES = tuple(kind for kind in DEMUXERS if kind.startswith("audio/"))
VIDEO_MEDIA_TYPES = tuple(kind for kind in DEMUXERS if kind.startswith("video/"))

_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"ID3\x02", "audio/mpeg"),
    (b"ID3\x03", "audio/mpeg"),
    (b"ID3\x04", "audio/mpeg"),
    (b"fLaC", "audio/flac"),
    (b".snd\x00\x00", "audio/basic"),
    (b"#!AMR\n", "audio/amr"),
    (b"#!AMR-WB\n", "audio/amr"),
    (b"caff\x00\x01", "audio/x-caf"),
    (b"FLV\x01", "video/x-flv"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "video/x-ms-asf"),
    (b"\x00\x00\x01\xba", "video/mpeg"),
    (b"\x00\x00\x01\xb3", "video/mpeg"),
)
_RIFF = {b"WAVE": "audio/wav", b"AVI ": "video/x-msvideo"}
_FORM = {b"AIFF": "audio/aiff", b"AIFC": "audio/aiff"}
_BRANDS = {
    b"M4A ": "audio/mp4",
    b"M4B ": "audio/mp4",
    b"qt  ": "video/quicktime",
    b"avif": "image/avif",
    b"avis": "image/avif",
    b"heic": "image/heic",
    b"heix": "image/heic",
    b"mif1": "image/heic",
    b"msf1": "image/heic",
}
_EBML = b"\x1aE\xdf\xa3"
_TS_PACKET = 188
_MPEG_RESERVED_VERSION, _MPEG_LAYERS_2_AND_3 = 1, (1, 2)
_MPEG_BAD_BITRATE, _MPEG_BAD_RATE = 15, 3


def media_type_of(data: bytes) -> str | None:
    """Return the media type of sound, video, or a picture in an MP4 box; None for anything else."""
    for magic, media_type in _MAGIC:
        if data.startswith(magic):
            return media_type
    return _container_type(data) or _stream_type(data)


def _container_type(data: bytes) -> str | None:
    if data[:4] in (b"RIFF", b"RF64"):
        return _RIFF.get(data[8:12])
    if data[:4] == b"FORM":
        return _FORM.get(data[8:12])
    if data[4:8] == b"ftyp":
        return _BRANDS.get(data[8:12], "video/mp4")
    if data[:4] == b"OggS":
        return "video/ogg" if b"theora" in data[:512] else "audio/ogg"
    if data.startswith(_EBML):
        return "video/webm" if b"webm" in data[:64] else "video/x-matroska"
    return None


def _stream_type(data: bytes) -> str | None:
    """Return the type of a bare stream: frames or packets that begin with a mark of a few bits."""
    if len(data) < 4:
        return None
    if data[0] == 0xFF and data[1] & 0xF6 == 0xF0:
        return "audio/aac"
    if data[0] == 0xFF and data[1] & 0xE0 == 0xE0 and _is_mpeg_header(data):
        return "audio/mpeg"
    return "video/mp2t" if _is_transport_stream(data) else None


def _is_transport_stream(data: bytes) -> bool:
    """Whether three packets in a row begin with the mark, a "G", and are no text."""
    marks = data[: 3 * _TS_PACKET : _TS_PACKET]
    return len(marks) == 3 and set(marks) == {0x47} and not data[:_TS_PACKET].isascii()


def _is_mpeg_header(data: bytes) -> bool:
    """Whether four bytes can begin an MPEG sound frame of layer II or III.

    Layer I, which nobody uses, would take in UTF-16 text: its mark is a byte-order mark too.
    """
    version, layer = data[1] >> 3 & 3, data[1] >> 1 & 3
    bitrate, rate = data[2] >> 4, data[2] >> 2 & 3
    is_frame = version != _MPEG_RESERVED_VERSION and layer in _MPEG_LAYERS_2_AND_3
    return is_frame and bitrate != _MPEG_BAD_BITRATE and rate != _MPEG_BAD_RATE
