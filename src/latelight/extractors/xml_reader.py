"""XML -> elements, one at a time and without entities.

Built on expat directly: nothing outside the text is ever fetched, a declared entity is refused,
and only the elements that are asked for are kept. Names lose their namespace (strict and
transitional OOXML differ in nothing else), except that attributes of relationships begin with `r:`.
"""

from collections.abc import Iterable, Iterator
from xml.etree.ElementTree import Element
from xml.parsers import expat

from latelight.errors import DamagedFileError

MAX_DEPTH = 256
_RELATIONSHIPS = "/relationships"
_SEPARATOR = "\n"


def read_root(chunks: Iterable[bytes], where: str) -> Element:
    """Return the root element of an XML text.

    Raises:
        DamagedFileError: it is not well-formed, too deep, or declares entities; see `where`.
    """
    roots = list(read_elements(chunks, None, where))
    return roots[0]


def read_elements(
    chunks: Iterable[bytes],
    wanted: frozenset[str] | None,
    where: str,
    marks: frozenset[str] = frozenset(),
) -> Iterator[Element]:
    """Yield the outermost elements with a wanted name, each whole, in order.

    Args:
        chunks: the text, in pieces.
        wanted: local names; None wants the root.
        where: file and part, for errors.
        marks: names of elements around wanted ones that are also yielded, without content, where
            they begin.

    Raises:
        DamagedFileError: see `read_root`.
    """
    builder = _Builder(wanted, marks, where)
    for chunk in chunks:
        builder.feed(chunk)
        yield from builder.taken()
    builder.feed(b"", last=True)
    yield from builder.taken()


def text_of(element: Element) -> str:
    """Return all characters of an element, those of its children included."""
    return "".join(element.itertext())


def outermost(element: Element, name: str) -> Iterator[Element]:
    """Yield the elements with a name below `element` that are in no other one of that name."""
    for inner in element:
        if inner.tag == name:
            yield inner
        else:
            yield from outermost(inner, name)


def child(element: Element | None, *path: str) -> Element | None:
    """Return the first child of the first child ... by name, None where there is none."""
    for name in path:
        element = element.find(name) if element is not None else None
    return element


class _Builder:
    """What expat tells, made into elements."""

    def __init__(self, wanted: frozenset[str] | None, marks: frozenset[str], where: str) -> None:
        self._wanted, self._marks, self._where = wanted, marks, where
        self._open: list[Element] = []
        self._pieces: list[str] = []
        self._done: list[Element] = []
        self._depth = 0
        self._parser = expat.ParserCreate(namespace_separator=_SEPARATOR)
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._pieces.append
        self._parser.EntityDeclHandler = self._entity

    def feed(self, chunk: bytes, last: bool = False) -> None:
        try:
            self._parser.Parse(chunk, last)
        except (expat.ExpatError, LookupError, ValueError) as error:
            raise self._damaged(f"is no well-formed XML ({error})") from error

    def taken(self) -> list[Element]:
        done, self._done = self._done, []
        return done

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._damaged(f"is nested deeper than {MAX_DEPTH} elements")
        self._flush()
        local = _local(name)
        if self._open or self._wanted is None or local in self._wanted:
            element = Element(local, _plain(attributes))
            if self._open:
                self._open[-1].append(element)
            self._open.append(element)
        elif local in self._marks:
            self._done.append(Element(local, _plain(attributes)))

    def _end(self, name: str) -> None:
        self._depth -= 1
        self._flush()
        if self._open:
            element = self._open.pop()
            if not self._open:
                self._done.append(element)

    def _flush(self) -> None:
        """Give the characters since the last tag to the element that they stand in."""
        if self._pieces and self._open:
            parent = self._open[-1]
            text = "".join(self._pieces)
            if len(parent):
                parent[-1].tail = text
            else:
                parent.text = text
        self._pieces.clear()

    def _entity(self, name: str, *_: object) -> None:
        raise self._damaged(f"declares the entity {name[:80]!r}, and entities are not expanded")

    def _damaged(self, what: str) -> DamagedFileError:
        return DamagedFileError(
            f"{self._where} {what}, expected plain XML; open and save the file anew, "
            "or leave it out."
        )


def _local(name: str) -> str:
    return name.rpartition(_SEPARATOR)[2]


def _plain(attributes: dict[str, str]) -> dict[str, str]:
    plain: dict[str, str] = {}
    for name, value in attributes.items():
        uri, _, local = name.rpartition(_SEPARATOR)
        plain["r:" + local if uri.endswith(_RELATIONSHIPS) else local] = value
    return plain
