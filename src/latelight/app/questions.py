"""Questions to try on a collection that nobody has asked anything yet."""

import re

from latelight.app.collection import Collection
from latelight.types import Document

N_QUESTIONS = 3
FEWEST_WORDS, MOST_WORDS = 5, 14
_SENTENCE = re.compile(r"[^.!?\n]+")


def sample_questions(target: Collection) -> tuple[str, ...]:
    """Return up to three searches made of the documents' own words.

    The documents are spread evenly over the collection; of each, the sentence with the most
    letters among those of five to fourteen words is taken, else its title or file name.
    """
    documents = target.documents()
    step = max(len(documents) // N_QUESTIONS, 1)
    chosen = documents[::step][:N_QUESTIONS]
    return tuple(dict.fromkeys(_question(target, document) for document in chosen))


def _question(target: Collection, document: Document) -> str:
    texts = [unit.text for unit in target.get(document.doc_id).units]
    sentences = [" ".join(m.group().split()) for text in texts for m in _SENTENCE.finditer(text)]
    good = [s for s in sentences if FEWEST_WORDS <= len(s.split()) <= MOST_WORDS]
    if good:
        return max(good, key=_n_letters)
    return document.title or document.source.rsplit("/", 1)[-1]


def _n_letters(sentence: str) -> int:
    return sum(character.isalpha() for character in sentence)
