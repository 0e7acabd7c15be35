"""Pairs (query, document) for training projection heads, from text that packages carry.

Nothing here reads a test query. Sources and licences are listed in docs/models/latelight-small.md.
"""

import html
import random
import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

MAX_CHARACTERS = 700
_HEADINGS = {"h1", "h2", "h3", "h4"}
_SILENT = {"script", "style", "nav", "pre", "head"}
_TOO_GENERAL = {"see also", "examples", "example", "notes", "note", "synopsis", "overview", "name"}


@dataclass(frozen=True)
class Pair:
    """A query and a document that answers it."""

    query: str
    document: str


def debian_pairs(apt_lists: Path) -> Iterator[Pair]:
    """Yield synopsis -> long description of each package; `apt-get update` with
    `-o Acquire::Languages=en -o Dir::State::Lists=DIR` fills such a directory.
    """
    for path in sorted(apt_lists.glob("*_main_i18n_Translation-en*")):
        command = ["/usr/lib/apt/apt-helper", "cat-file", str(path)]
        text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        for record in text.split("\n\n"):
            found = re.search(r"^Description-en: (.+)\n((?: .*\n?)+)", record, re.M)
            if found:
                yield Pair(found[1], _debian_body(found[2]))


def _debian_body(lines: str) -> str:
    paragraphs = [line.strip() for line in lines.splitlines()]
    return " ".join(line for line in paragraphs if line != ".")


def wordnet_pairs(directory: Path) -> Iterator[Pair]:
    """Yield gloss -> words with their example, and a question for a word -> its gloss."""
    for name in ("data.noun", "data.verb", "data.adj", "data.adv"):
        for line in (directory / name).read_text(encoding="utf-8").splitlines():
            if not line.startswith(" ") and " | " in line:
                yield from _synset_pairs(line)


def _synset_pairs(line: str) -> Iterator[Pair]:
    fields, gloss = line.split(" | ", 1)
    parts = fields.split()
    words = [w.replace("_", " ").split("(")[0] for w in parts[4 : 4 + 2 * int(parts[3], 16) : 2]]
    examples = re.findall(r'"([^"]+)"', gloss)
    meaning = gloss.split('; "')[0].split('"')[0].strip(" ;")
    if examples and meaning:
        yield Pair(meaning, f"{', '.join(words)}: {' '.join(examples)}")
    elif meaning and len(words[0]) > 3:
        yield Pair(f"what is {words[0]}?", f"{', '.join(words)}: {meaning}")


class _Sections(HTMLParser):
    """Collects (heading, body) of a page's sections."""

    def __init__(self) -> None:
        super().__init__()
        self.sections: list[tuple[str, str]] = []
        self._silent = 0
        self._in_heading = False
        self._heading: list[str] = []
        self._body: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._silent += tag in _SILENT
        if tag in _HEADINGS:
            self.flush()
            self._in_heading = True

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in _SILENT
        if tag in _HEADINGS:
            self._in_heading = False

    def handle_data(self, data: str) -> None:
        if not self._silent:
            (self._heading if self._in_heading else self._body).append(data)

    def flush(self) -> None:
        """End the section that is being read."""
        heading = re.sub(r"^[\d.\s]+|[¶#]", "", _squeeze("".join(self._heading))).strip()
        self.sections.append((heading, _squeeze("".join(self._body))))
        self._heading, self._body = [], []


def html_pairs(directory: Path) -> Iterator[Pair]:
    """Yield heading -> body of each section of the HTML pages under `directory`."""
    for path in sorted(p for p in directory.rglob("*.html") if p.is_file()):
        parser = _Sections()
        parser.feed(path.read_text(encoding="utf-8", errors="replace"))
        parser.flush()
        for heading, body in parser.sections:
            if len(body) > 150 and heading.lower() not in _TOO_GENERAL and " " in heading:
                yield Pair(heading, body)


def sentence_pairs(pairs: Iterator[Pair]) -> Iterator[Pair]:
    """Yield one sentence of each document -> the document without it."""
    for pair in pairs:
        sentences = re.split(r"(?<=[.!?]) +", pair.document[:MAX_CHARACTERS])
        middle = len(sentences) // 2
        if len(sentences) >= 3 and len(sentences[middle]) > 40:
            rest = sentences[:middle] + sentences[middle + 1 :]
            yield Pair(sentences[middle], " ".join(rest))


def sample(pairs: Iterator[Pair], n_pairs: int, seed: int) -> list[Pair]:
    """Return `n_pairs` of the usable ones, each document once, cut to `MAX_CHARACTERS`."""
    usable: dict[str, Pair] = {}
    for pair in pairs:
        document = pair.document[:MAX_CHARACTERS].strip()
        if len(pair.query) >= 8 and len(document) >= 30:
            usable.setdefault(document, Pair(pair.query[:300], document))
    chosen = sorted(usable.values(), key=lambda pair: pair.document)
    return random.Random(seed).sample(chosen, min(n_pairs, len(chosen)))


def _squeeze(text: str) -> str:
    return re.sub(r"\s+", " ", html.unescape(text)).strip()


def sources(packages: Path, apt_lists: Path) -> dict[str, Callable[[], list[Pair]]]:
    """Return the training sets by name; `packages` is where Debian packages were unpacked."""
    share = packages / "usr/share"
    return {
        "wordnet": lambda: sample(wordnet_pairs(share / "wordnet"), 2500, seed=2),
        "debian": lambda: sample(debian_pairs(apt_lists), 1500, seed=1),
        "sections": lambda: sample(html_pairs(share), 1500, seed=3),
        "sentences": lambda: sample(sentence_pairs(html_pairs(share)), 600, seed=4),
    }
