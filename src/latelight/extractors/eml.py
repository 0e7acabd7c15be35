"""E-mail -> passages of the message, and the units of every attachment under its name."""

from collections.abc import Callable
from dataclasses import replace

from latelight.errors import ExtractionError, FileTooLargeError
from latelight.extractors.composition import Composition
from latelight.extractors.detect import detect_media_type
from latelight.extractors.docx import finished
from latelight.extractors.embedded import MIN_SIDE
from latelight.extractors.html import read_html
from latelight.extractors.limits import check_bytes
from latelight.extractors.mail_parts import MAIL, Attachment, Mail, mail_metadata, read_mail
from latelight.extractors.pictures import FORMATS, open_picture
from latelight.extractors.progress import Progress, silent
from latelight.extractors.protocol import ExtractionOptions
from latelight.types import Extraction, ExtractorInfo, Source

MAX_DEPTH = 8
"""Mails within mails."""

Reader = Callable[[Source, ExtractionOptions, int], Extraction]
"""What reads an attachment: its source, the options, and how many mails it is in."""


class EmlExtractor:
    """Mails; each attachment goes to the extractor of its own content."""

    info = ExtractorInfo(
        name="eml",
        version="1",
        media_types=(MAIL,),
        unit_kinds=("passage", "page", "image", "frame", "audio"),
        licence="Apache-2.0",
    )

    def __init__(self, read: Reader, progress: Progress = silent, depth: int = 0) -> None:
        """Prepare; `depth` is how many mails the source is in."""
        self.read = read
        self.progress = progress
        self.depth = depth

    def extract(self, source: Source, options: ExtractionOptions) -> Extraction:
        """Return the message's passages `c0`, …, and the units of attachment n as `an.…`.

        An attachment's units have its name in their locators' `part`. One that cannot be read is
        a warning: the message is there all the same.

        Raises:
            DamagedFileError: the message cannot be parsed.
            EmptyFileError: there is nothing to read in it.
            FileTooLargeError: beyond a limit, or mails nested without end.
        """
        check_bytes(source, options)
        if self.depth > MAX_DEPTH:
            raise FileTooLargeError(
                f"{source.name}: a mail within {self.depth} mails, at most {MAX_DEPTH} are opened; "
                "save it and add it by itself."
            )
        mail = read_mail(source.data, source.name)
        metadata = mail_metadata(mail)
        composition = Composition(source.name, options)
        _put_message(mail, composition)
        warnings = self._put_attachments(mail, composition)
        found = finished(composition, MAIL, metadata, warnings)
        return replace(found, title=metadata.get("title", ""))

    def _put_attachments(self, mail: Mail, into: Composition) -> tuple[str, ...]:
        warnings: list[str] = []
        most = into.options.max_attachments
        for number, one in enumerate(mail.attachments[:most], 1):
            try:
                found = self._attached(one, into.options)
            except ExtractionError as error:
                warnings.append(f"The attachment {one.name!r} was left out: {error}")
                continue
            if found is not None:
                into.include(found, f"a{number}.", one.name, found.title or one.name)
                warnings += [f"In the attachment {one.name!r}: {told}" for told in found.warnings]
            self.progress(number, len(mail.attachments))
        n_more = len(mail.attachments) - most
        if n_more > 0:
            warnings.append(f"{n_more:,} attachments were left out; raise max_attachments.")
        return tuple(warnings)

    def _attached(self, one: Attachment, options: ExtractionOptions) -> Extraction | None:
        """Return an attachment, read; None for the small pictures of signatures."""
        source = Source(one.name, one.data)
        media_type = detect_media_type(source)
        if media_type in FORMATS and _is_small(one, media_type, options):
            return None
        return self.read(source, options, self.depth + 1)


def _is_small(one: Attachment, media_type: str, options: ExtractionOptions) -> bool:
    return min(open_picture(one.data, media_type, one.name, options).size) < MIN_SIDE


def _put_message(mail: Mail, into: Composition) -> None:
    subject = mail.headers.get("Subject", "")
    if subject:
        into.heading(1, subject)
    lines = [f"{name}: {value}" for name, value in mail.headers.items() if name != "Subject"]
    into.paragraph("\n".join(lines))
    if mail.text is not None and mail.text.strip():
        into.paragraph(mail.text)
    elif mail.html is not None:
        page = read_html(mail.html)
        into.passages(page.text, page.structure)
