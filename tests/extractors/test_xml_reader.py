import pytest

from latelight.errors import DamagedFileError
from latelight.extractors.xml_reader import MAX_DEPTH, read_elements, read_root, text_of

LAUGHS = b"""<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><x>&b;</x>"""
OUTSIDE = b"""<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x>&a;</x>"""
PARAMETER = b"""<!DOCTYPE x [<!ENTITY % a SYSTEM "http://127.0.0.1/x">%a;]><x/>"""


@pytest.mark.parametrize("data", [LAUGHS, OUTSIDE, PARAMETER])
def test_declared_entities_are_refused(data: bytes) -> None:
    with pytest.raises(DamagedFileError, match=r"a\.xml declares the entity 'a'"):
        read_root([data], "a.xml")


def test_a_document_type_elsewhere_is_not_fetched() -> None:
    data = b'<!DOCTYPE x PUBLIC "-//X" "http://127.0.0.1:9/x.dtd"><x>a&nbsp;b</x>'
    assert text_of(read_root([data], "a.xml")) == "ab"


def test_nesting_is_limited() -> None:
    deep = b"<a>" * (MAX_DEPTH + 1)
    with pytest.raises(DamagedFileError, match="nested deeper"):
        read_root([deep], "a.xml")


@pytest.mark.parametrize("data", [b"", b"<a>", b"<a></b>", b"no xml", b"<a/><b/>"])
def test_what_is_not_well_formed_is_damage(data: bytes) -> None:
    with pytest.raises(DamagedFileError, match="no well-formed XML"):
        read_root([data], "a.xml")


def test_names_lose_their_namespace_but_relationships_keep_a_mark() -> None:
    data = b'<p:a xmlns:p="x" xmlns:r="y/relationships" p:id="1" r:id="2"><p:b/></p:a>'
    root = read_root([data], "a.xml")
    assert (root.tag, root.attrib, root[0].tag) == ("a", {"id": "1", "r:id": "2"}, "b")


def test_only_wanted_elements_are_kept_and_come_one_by_one() -> None:
    pieces = [b"<s><t n='1'><row>a<b>c</b>d</row>", b"<row/></t><t n='2'><x>lost</x>", b"</t></s>"]
    found = read_elements(pieces, frozenset({"row"}), "a.xml", frozenset({"t"}))
    assert [(e.tag, text_of(e), e.attrib) for e in found] == [
        ("t", "", {"n": "1"}),
        ("row", "acd", {}),
        ("row", "", {}),
        ("t", "", {"n": "2"}),
    ]
