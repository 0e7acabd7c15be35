"""Hits on a terminal: rank, score, place, and the words that matched."""

from rich.text import Text

from latelight.app import Hits, SearchHit
from latelight.cli.console import out
from latelight.explain.words import QueryWord, query_words
from latelight.index.analyzer import analyze_terms, is_function_term

MAX_WORDS = 8


def show_hits(hits: Hits) -> None:
    """Print hits, best first, each with its best passage when it was explained."""
    if not hits:
        out.print("No hits.")
    for hit in hits:
        out.print(headline(hit))
        if hit.evidence:
            out.print(marked(hit))
            out.print(_reasons(hit))
        elif hit.unit.text:
            out.print(Text(_first_words(hit.unit.text), style="dim"))


def marked(hit: SearchHit) -> Text:
    """Return the hit's best passage: words on colour for a terminal, in brackets elsewhere."""
    snippet = hit.snippet()
    text = Text.from_ansi(snippet.ansi()) if out.is_terminal else Text(snippet.plain())
    return Text("    ").append_text(text)


def headline(hit: SearchHit) -> Text:
    """Return one line: rank, score, title or file, place."""
    name = hit.document.title or hit.document.source.rsplit("/", 1)[-1] or hit.doc_id
    return Text.assemble(
        (f"{hit.rank:>2}. ", "bold"),
        (f"{hit.score:6.2f}  ", "cyan"),
        (name, "bold"),
        (f"  {hit.place}", "dim"),
        (f"  [{hit.doc_id}/{hit.unit.unit_id}]", "dim"),
    )


def _reasons(hit: SearchHit) -> Text:
    words = [w for w in query_words(hit.evidence, hit.query) if _is_telling(w)]
    strongest = sorted(words, key=lambda w: -w.contribution)[:MAX_WORDS]
    told = Text("    why: ", style="dim")
    for i, word in enumerate(strongest):
        told.append(" · " if i else "", style="dim")
        told.append(word.text, style="bold")
        said = heard_at(hit, word)
        told.append(f" → {found_by(hit, word)} ({word.contribution:.2f})", style="dim")
        told.append(f" at {said}" if said else "", style="dim")
    return told


def found_by(hit: SearchHit, word: QueryWord) -> str:
    """Return what a query word won with: words, or a sound that has none; a dash for no place."""
    return word.found or ("a sound" if heard_at(hit, word) else "—")


def heard_at(hit: SearchHit, word: QueryWord) -> str:
    """Return when a query word's strongest match is heard; empty where that has no moment."""
    strongest = max(word.evidence, key=lambda e: e.contribution)
    time = strongest.locator.time
    has_moment = time is not None and (bool(word.found) or time != hit.unit.locator.time)
    if hit.unit.kind != "audio" or strongest.part == "document" or not has_moment:
        return ""
    assert time is not None
    return time.clock.split("–")[0]


def _is_telling(word: QueryWord) -> bool:
    """Return whether a word says what was asked for: `the` and `?` match everywhere."""
    terms = analyze_terms(word.text)
    return word.kind == "token" and not all(is_function_term(term) for term in terms)


def _first_words(text: str, n_characters: int = 160) -> str:
    flat = " ".join(text.split())
    return f"    {flat[:n_characters]}{'…' if len(flat) > n_characters else ''}"
