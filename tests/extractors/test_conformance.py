"""The built-in extractors under the suite that plugins inherit."""

from latelight.extractors.audio import AudioExtractor
from latelight.extractors.html import HtmlExtractor
from latelight.extractors.image import ImageExtractor
from latelight.extractors.markdown import MarkdownExtractor
from latelight.extractors.pdf import PdfExtractor
from latelight.extractors.protocol import Extractor
from latelight.extractors.text import TextExtractor
from latelight.extractors.video import VideoExtractor
from latelight.testing.extractors import ExtractorConformance
from latelight.testing.files import picture_bytes, text_pdf, text_picture
from latelight.testing.media import (
    FakeTranscriber,
    sound_bytes,
    spoken_tones,
    video_bytes,
    wav_bytes,
)
from latelight.types import Source

WORDS = "Some words of a sentence. And another one follows it here. " * 60


class TestText(ExtractorConformance):
    def extractor(self) -> Extractor:
        return TextExtractor()

    def good_source(self) -> Source:
        return Source("good.txt", WORDS.encode())

    def damaged_source(self) -> Source:
        return Source("bad.txt", bytes(range(256)))


class TestMarkdown(ExtractorConformance):
    def extractor(self) -> Extractor:
        return MarkdownExtractor()

    def good_source(self) -> Source:
        return Source("good.md", f"# Title\n\n{WORDS}\n\n## Part\n\n{WORDS}".encode())

    def damaged_source(self) -> Source:
        return Source("bad.md", bytes(range(256)))


class TestHtml(ExtractorConformance):
    def extractor(self) -> Extractor:
        return HtmlExtractor()

    def good_source(self) -> Source:
        return Source("good.html", f"<h1>Title</h1><p>{WORDS}</p><p>{WORDS}".encode())

    def damaged_source(self) -> Source:
        return Source("bad.html", b"<script>only()</script>")


class TestPdf(ExtractorConformance):
    def extractor(self) -> Extractor:
        return PdfExtractor()

    def good_source(self) -> Source:
        return Source("good.pdf", text_pdf("First page.\nTwo lines.", "", "Third page."))

    def damaged_source(self) -> Source:
        return Source("bad.pdf", text_pdf("First page.")[:120])


class TestImage(ExtractorConformance):
    def extractor(self) -> Extractor:
        return ImageExtractor()

    def good_source(self) -> Source:
        return Source("good.png", picture_bytes(text_picture(["words"])))

    def damaged_source(self) -> Source:
        return Source("bad.png", picture_bytes(text_picture(["words"]))[:200])


TONES = spoken_tones(["ferry", "left", "harbour", "stop."] * 12)


class TestAudio(ExtractorConformance):
    def extractor(self) -> Extractor:
        return AudioExtractor(make_transcriber=lambda _: FakeTranscriber())

    def good_source(self) -> Source:
        return Source("good.wav", wav_bytes(TONES))

    def damaged_source(self) -> Source:
        return Source("bad.m4a", sound_bytes(TONES, "ipod", "aac")[:200])


class TestVideo(ExtractorConformance):
    def extractor(self) -> Extractor:
        return VideoExtractor(make_transcriber=lambda _: FakeTranscriber())

    def good_source(self) -> Source:
        pictures = [text_picture(["First"]), text_picture(["Second", "picture"])]
        return Source("good.mkv", video_bytes(pictures, samples=TONES))

    def damaged_source(self) -> Source:
        return Source("bad.mp4", video_bytes([text_picture(["x"])], container="mp4")[:200])
