"""OOXML packages: parts, the relationships between them, and what a file says of itself."""

import posixpath
from collections.abc import Iterable, Iterator
from urllib.parse import unquote
from xml.etree.ElementTree import Element

from latelight.errors import DamagedFileError
from latelight.extractors.archive import Archive
from latelight.extractors.protocol import ExtractionOptions
from latelight.extractors.xml_reader import read_elements, read_root, text_of
from latelight.types import Source

_CORE = "docProps/core.xml"
_MAIN = "/officeDocument"
_METADATA = {
    "title": "title",
    "creator": "author",
    "subject": "subject",
    "keywords": "keywords",
    "created": "created",
}


class Package:
    """A DOCX, PPTX or XLSX file."""

    def __init__(self, source: Source, options: ExtractionOptions) -> None:
        self.name = source.name
        self.archive = Archive(source.data, source.name, options)

    def main_part(self) -> str:
        """Return the name of the part that everything hangs on.

        Raises:
            DamagedFileError: there is none.
        """
        for kind, target in self.relations("").values():
            if kind.endswith(_MAIN) and target in self.archive:
                return target
        raise DamagedFileError(
            f"{self.name}: no main part is named in it, expected an office document; "
            "open and save the file anew, or leave it out."
        )

    def relations(self, part: str) -> dict[str, tuple[str, str]]:
        """Return the kind and target part of each of a part's relationships, by id.

        Links to other files are left out: nothing is fetched.
        """
        folder, name = posixpath.split(part)
        member = posixpath.join(folder, "_rels", f"{name}.rels")
        if member not in self.archive:
            return {}
        found: dict[str, tuple[str, str]] = {}
        for element in self.elements(member, frozenset({"Relationship"})):
            if element.get("TargetMode") != "External":
                target = _target(folder, element.get("Target", ""))
                found[element.get("Id", "")] = (element.get("Type", ""), target)
        return found

    def related(self, part: str, kind: str) -> str | None:
        """Return the first part of a kind that `part` refers to and that is there."""
        targets = (t for k, t in self.relations(part).values() if k.endswith(kind))
        return next((target for target in targets if target in self.archive), None)

    def root(self, part: str) -> Element:
        """Return a part's XML, whole."""
        return read_root(self.archive.chunks(part), f"{self.name}: {part}")

    def elements(
        self, part: str, wanted: frozenset[str], marks: frozenset[str] = frozenset()
    ) -> Iterator[Element]:
        """Yield a part's elements one at a time; see `read_elements`."""
        where = f"{self.name}: {part}"
        return read_elements(self.archive.chunks(part), wanted, where, marks)

    def metadata(self) -> dict[str, str]:
        """Return title, author, subject, keywords and created (ISO date), where given."""
        part = self.related("", "/core-properties") or _CORE
        if part not in self.archive:
            return {}
        found: dict[str, str] = {}
        for element in self.root(part):
            name, value = _METADATA.get(element.tag), plain_value(text_of(element))
            if name and value:
                found[name] = value[:10] if name == "created" else value
        return found

    def pictures(self, parts: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        """Yield the pictures that some parts refer to, each once and with its part's name."""
        relations = (relation for part in parts for relation in self.relations(part).values())
        targets = dict.fromkeys(target for kind, target in relations if kind.endswith("/image"))
        for target in targets:
            if target in self.archive:
                yield target, self.archive.read(target)


def plain_value(value: str) -> str:
    """Return a metadata value on one line, at most 500 characters."""
    return " ".join(value.split())[:500]


def _target(folder: str, target: str) -> str:
    target = unquote(target)
    if target.startswith("/"):
        return target.lstrip("/")
    return posixpath.normpath(posixpath.join(folder, target))
