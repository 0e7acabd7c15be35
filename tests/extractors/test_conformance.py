"""The built-in extractors under the suite that plugins inherit."""

from latelight.extractors.audio import AudioExtractor
from latelight.extractors.csv_table import CsvExtractor
from latelight.extractors.docx import DocxExtractor
from latelight.extractors.eml import EmlExtractor
from latelight.extractors.epub import EpubExtractor
from latelight.extractors.html import HtmlExtractor
from latelight.extractors.image import ImageExtractor
from latelight.extractors.markdown import MarkdownExtractor
from latelight.extractors.odf import OdfExtractor
from latelight.extractors.pdf import PdfExtractor
from latelight.extractors.pptx import PptxExtractor
from latelight.extractors.protocol import Extractor
from latelight.extractors.records import JsonlExtractor
from latelight.extractors.registry import extractor_for
from latelight.extractors.rtf import RtfExtractor
from latelight.extractors.text import TextExtractor
from latelight.extractors.video import VideoExtractor
from latelight.extractors.xlsx import XlsxExtractor
from latelight.testing.extractors import ExtractorConformance
from latelight.testing.files import picture_bytes, text_pdf, text_picture
from latelight.testing.media import (
    FakeTranscriber,
    sound_bytes,
    spoken_tones,
    video_bytes,
    wav_bytes,
)
from latelight.testing.office_files import (
    make_docx,
    make_epub,
    make_mail,
    make_odf,
    make_pptx,
    make_xlsx,
    odf_table,
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


CELLS = [["Year", "Cost", "Remark"], *([str(2000 + i), str(i), WORDS[:60]] for i in range(90))]


class TestDocx(ExtractorConformance):
    def extractor(self) -> Extractor:
        return DocxExtractor()

    def good_source(self) -> Source:
        return Source("good.docx", make_docx(["# Title", WORDS, CELLS, "# Part", WORDS]))

    def damaged_source(self) -> Source:
        return Source("bad.docx", make_docx([WORDS])[:-90])


class TestPptx(ExtractorConformance):
    def extractor(self) -> Extractor:
        return PptxExtractor()

    def good_source(self) -> Source:
        return Source("good.pptx", make_pptx([("One", WORDS), ("", ""), ("Three", WORDS)]))

    def damaged_source(self) -> Source:
        return Source("bad.pptx", make_pptx([("One", WORDS)])[:-90])


class TestXlsx(ExtractorConformance):
    def extractor(self) -> Extractor:
        return XlsxExtractor()

    def good_source(self) -> Source:
        return Source("good.xlsx", make_xlsx({"One": CELLS, "Empty": [], "Two": CELLS[5:9]}))

    def damaged_source(self) -> Source:
        return Source("bad.xlsx", make_xlsx({"One": CELLS})[:-90])


class TestOdf(ExtractorConformance):
    def extractor(self) -> Extractor:
        return OdfExtractor()

    def good_source(self) -> Source:
        body = f"<text:h>Title</text:h><text:p>{WORDS}</text:p>{odf_table('T', CELLS)}"
        return Source("good.odt", make_odf("text", body))

    def damaged_source(self) -> Source:
        return Source("bad.odt", make_odf("text", "<text:p>words</text:p>")[:-90])


class TestEpub(ExtractorConformance):
    def extractor(self) -> Extractor:
        return EpubExtractor()

    def good_source(self) -> Source:
        chapters = {"a.xhtml": f"<h1>A</h1><p>{WORDS}", "b.xhtml": f"<p>{WORDS}<h2>B</h2>{WORDS}"}
        return Source("good.epub", make_epub(chapters, title="Book"))

    def damaged_source(self) -> Source:
        return Source("bad.epub", make_epub({"a.xhtml": WORDS}, title="Book")[:-90])


class TestRtf(ExtractorConformance):
    def extractor(self) -> Extractor:
        return RtfExtractor()

    def good_source(self) -> Source:
        return Source("good.rtf", rb"{\rtf1 Words\par A\cell B\cell\row " + WORDS.encode() + b"}")

    def damaged_source(self) -> Source:
        return Source("bad.rtf", b"{\\rt")


class TestCsv(ExtractorConformance):
    def extractor(self) -> Extractor:
        return CsvExtractor()

    def good_source(self) -> Source:
        return Source("good.csv", "\n".join(",".join(row) for row in CELLS).encode())

    def damaged_source(self) -> Source:
        return Source("bad.csv", bytes(range(256)))


class TestJsonl(ExtractorConformance):
    def extractor(self) -> Extractor:
        return JsonlExtractor()

    def good_source(self) -> Source:
        return Source("good.jsonl", b'{"title": "T", "text": "Some words."}\n{"year": 2019}\n')

    def damaged_source(self) -> Source:
        return Source("bad.jsonl", b"{no record")


class TestEml(ExtractorConformance):
    def extractor(self) -> Extractor:
        extractor = extractor_for("message/rfc822")
        assert isinstance(extractor, EmlExtractor)
        return extractor

    def good_source(self) -> Source:
        files = {"a.docx": make_docx([WORDS]), "b.pdf": text_pdf("One page.", "Two.")}
        return Source("good.eml", make_mail("Subject", WORDS, files).as_bytes())

    def damaged_source(self) -> Source:
        return Source("bad.eml", b"\n\n")
