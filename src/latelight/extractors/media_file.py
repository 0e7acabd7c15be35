"""Sound and video files, opened by FFmpeg's decoders (PyAV) within limits.

Only decoders are used. Timestamps are seconds from the container's own beginning, as players
show them. A broken packet costs itself, not the file.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from latelight.errors import DamagedFileError, ExtractionError, UnsupportedMediaError
from latelight.extractors.limits import check_pixels
from latelight.extractors.media_types import DEMUXERS
from latelight.extractors.protocol import ExtractionOptions

if TYPE_CHECKING:
    from av.container import InputContainer

REMEDY = 'install it with: pip install "latelight[media]"'
_MICROSECONDS = 1_000_000
_SEEK_BACK_S = 2.0  # decoders need a run-up
# Whatever the container says, no longer claim is believed.
_LONGEST_CLAIM_S = 1e8


@dataclass(eq=False)
class MediaFile:
    """One open file.

    Attributes:
        name: for messages.
        container: PyAV's.
        sound: the stream to listen to, None without sound.
        picture: the stream to look at, None without moving pictures; cover art is none.
        claimed_s: length that the container announces, 0 when it does not; never trusted.
        n_broken: packets that could not be decoded so far.
        was_cut: whether reading ended before the container's own end.
        was_sought: whether reading began somewhere else than at the beginning.
    """

    name: str
    container: "InputContainer"
    sound: Any = None
    picture: Any = None
    claimed_s: float = 0.0
    n_broken: int = 0
    was_cut: bool = False
    was_sought: bool = False

    @property
    def title(self) -> str:
        """What the file calls itself; may be empty."""
        tags = {key.lower(): value for key, value in self.container.metadata.items()}
        return " ".join(tags.get("title", "").split())[:300]

    def frames(self, stream: Any) -> Iterator[tuple[float, Any]]:
        """Yield the stream's frames as decoded, with their times in seconds, -1 for none given.

        Raises:
            DamagedFileError: nothing of the stream can be decoded.
        """
        begin = self._begin / _MICROSECONDS
        n_frames = 0
        for frame in self._decoded(stream):
            n_frames += 1
            time = frame.time
            yield (max(time - begin, 0.0) if time is not None else -1.0), frame
        if not n_frames and not self.was_sought:
            raise damaged(self.name, f"no frame of its {stream.type} can be decoded")

    def seek(self, seconds: float) -> None:
        """Go to a place from which decoding reaches `seconds`; the beginning where that is near."""
        if seconds > _SEEK_BACK_S:
            self.was_sought = True
            with suppress(*_errors()):  # what cannot be sought is read from the beginning
                self.container.seek(
                    round((seconds - _SEEK_BACK_S) * _MICROSECONDS) + self._begin, backward=True
                )

    @property
    def _begin(self) -> int:
        """The container's first timestamp in microseconds."""
        return self.container.start_time or 0

    def _decoded(self, stream: Any) -> Iterator[Any]:
        for packet in self._packets(stream):
            try:
                frames = packet.decode()
            except _errors():
                self.n_broken += 1
                continue
            yield from frames

    def _packets(self, stream: Any) -> Iterator[Any]:
        try:
            yield from self.container.demux(stream)
        except _errors():
            self.was_cut = True


@contextmanager
def opened_media(
    data: bytes, media_type: str, name: str, options: ExtractionOptions
) -> Iterator[MediaFile]:
    """Open a file's bytes for decoding.

    Raises:
        DamagedFileError: the container cannot be read.
        ExtractionError: PyAV is not installed.
        FileTooLargeError: its header announces larger pictures than are decoded.
        UnsupportedMediaError: there is neither sound nor a moving picture in it.
    """
    av = _pyav()
    try:
        container = av.open(
            io.BytesIO(data), format=DEMUXERS[media_type], metadata_errors="replace"
        )
    except _errors() as error:
        raise damaged(name, f"the {media_type} container cannot be opened ({error})") from error
    with container:
        yield _described(container, name, media_type, options)


def _described(
    container: "InputContainer", name: str, media_type: str, options: ExtractionOptions
) -> MediaFile:
    sound = next((s for s in container.streams.audio if _is_usable(s)), None)
    picture = next((s for s in container.streams.video if _is_usable(s) and _moves(s)), None)
    if sound is None and picture is None:
        raise _nothing_in(container, name, media_type)
    if picture is not None:
        check_pixels(name, (picture.codec_context.width, picture.codec_context.height), options)
    streams: list[Any] = [stream for stream in (sound, picture) if stream is not None]
    for stream in streams:
        stream.thread_type = "AUTO"
        stream.codec_context.thread_count = max(options.speech_threads, 1)
    claimed = max(container.duration or 0, 0) / _MICROSECONDS
    return MediaFile(
        name, container, sound, picture, claimed if claimed < _LONGEST_CLAIM_S else 0.0
    )


def _is_usable(stream: Any) -> bool:
    # Without a codec's parameters PyAV must not decode: FFmpeg would crash.
    return stream.codec_context is not None


def _moves(stream: Any) -> bool:
    import av.stream

    return not stream.disposition & av.stream.Disposition.attached_pic


def _nothing_in(container: "InputContainer", name: str, media_type: str) -> ExtractionError:
    if not len(container.streams):
        return damaged(name, f"its {media_type} container holds no stream")
    if any(not _is_usable(s) for s in (*container.streams.audio, *container.streams.video)):
        return damaged(name, "its streams end before they can be told apart")
    return UnsupportedMediaError(
        f"{name}: the {media_type} container holds neither sound nor a moving picture that can be "
        "decoded; export it again in another format, or leave it out."
    )


def damaged(name: str, what: str) -> DamagedFileError:
    """Return the error for a file that cannot be decoded."""
    return DamagedFileError(
        f"{name}: {what}, expected whole sound or video; copy or export it again, or leave it out."
    )


def _pyav() -> Any:
    try:
        import av
    except ImportError as error:
        raise ExtractionError(
            f"Sound and video need the package av, which cannot be imported ({error}); {REMEDY}."
        ) from error
    return av


def _errors() -> tuple[type[Exception], ...]:
    """Return what PyAV raises at bad bytes."""
    import av.error

    return (av.error.FFmpegError, ValueError, EOFError)
