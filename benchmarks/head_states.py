"""Hidden states of training texts, computed once and kept as files.

    python benchmarks/head_states.py --packages DIR --apt-lists DIR --out DIR

A set is `<name>.rows.npy` (n_tokens, width) float16 with `<name>.meta.npz` (lens, tokens, ids):
the states of every token of every text, special tokens included.
"""

import argparse
import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from head_texts import sources

from latelight.encoders import answerai, minilm
from latelight.encoders.onnx_model import OnnxModel
from latelight.encoders.wordpieces import CLS, MASK, SEP, WordpieceTokenizer
from latelight.types import Float32Array, Int32Array
from latelight.weights import locate

WINDOW = 509
N_TITLES = 1500
_States = tuple[Float32Array, Int32Array]


@dataclass(frozen=True)
class StateMaker:
    """A carried encoder, without any head; markers are the ids after [CLS]."""

    tokenizer: WordpieceTokenizer
    model: OnnxModel
    query_marker: tuple[int, ...]
    document_marker: tuple[int, ...]
    query_length: int = 0

    def query(self, text: str) -> _States:
        """Return states (n, 384) and ids (n,) of a query, filled up with [MASK] if asked."""
        pieces = self.tokenizer.split(text).ids[:WINDOW]
        ids = np.concatenate([[CLS, *self.query_marker], pieces, [SEP]]).astype(np.int32)
        masks = np.full(max(self.query_length - len(ids), 0), MASK, np.int32)
        sequence = np.concatenate([ids, masks])
        return self.model.hidden_states(sequence, attended=len(ids)), sequence

    def document(self, text: str) -> _States:
        """Return states (n, 384) and ids (n,) of a document, window by window."""
        pieces = self.tokenizer.split(text).ids
        windows = [self._window(pieces[i : i + WINDOW]) for i in range(0, len(pieces) or 1, WINDOW)]
        return np.concatenate([w[0] for w in windows]), np.concatenate([w[1] for w in windows])

    def _window(self, pieces: Int32Array) -> _States:
        ids = np.concatenate([[CLS, *self.document_marker], pieces, [SEP]]).astype(np.int32)
        return self.model.hidden_states(ids), ids


def make_encoder(name: str) -> StateMaker:
    """Return the carried encoder behind `latelight-small` or `minilm`."""
    tokenizer = WordpieceTokenizer(locate(answerai.TOKENIZER))
    if name == "minilm":
        return StateMaker(tokenizer, OnnxModel(locate(minilm.MODEL), minilm.OUTPUT), (), ())
    model = OnnxModel(locate(answerai.MODEL), answerai.OUTPUT)
    return StateMaker(tokenizer, model, (answerai.QUERY_MARKER,), (answerai.DOCUMENT_MARKER,))


def write_set(
    path: Path, ids: Sequence[str], texts: Sequence[str], encode: Callable[[str], _States]
) -> None:
    """Write the states of `texts` as the set `path`; does nothing if it is there."""
    if path.with_name(f"{path.name}.meta.npz").exists():
        return
    with ThreadPoolExecutor(2) as pool:
        states = list(pool.map(encode, texts))
    rows = np.concatenate([s[0].astype(np.float16) for s in states])
    np.save(path.with_name(f"{path.name}.rows.npy"), rows)
    np.savez(
        path.with_name(f"{path.name}.meta.npz"),
        lens=np.array([len(s[1]) for s in states]),
        tokens=np.concatenate([s[1] for s in states]),
        ids=np.array(ids),
    )
    print(f"{path.name}: {len(texts)} texts, {len(rows)} tokens", flush=True)


def read_jsonl(path: Path) -> list[dict[str, str]]:
    """Return the records of a JSONL file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def write_all(options: argparse.Namespace) -> None:
    """Write every training set under `options.out`."""
    maker = make_encoder(options.encoder)
    out: Path = options.out
    out.mkdir(parents=True, exist_ok=True)
    for name, make in sources(options.packages, options.apt_lists).items():
        pairs = make()
        numbers = [str(i) for i in range(len(pairs))]
        write_set(out / f"{name}.queries", numbers, [p.query for p in pairs], maker.query)
        write_set(out / f"{name}.docs", numbers, [p.document for p in pairs], maker.document)
    if options.encoder == "latelight-small":
        write_scifact(options, maker)


def write_scifact(options: argparse.Namespace, maker: StateMaker) -> None:
    """Write SciFact's abstracts, some of their titles, and its claims."""
    out: Path = options.out
    corpus = read_jsonl(options.scifact / "corpus.jsonl")
    claims = read_jsonl(options.scifact / "queries.jsonl")
    ids = [r["_id"] for r in corpus]
    titled = [f"{r['title']} {r['text']}".strip() for r in corpus]
    titles = [r["title"] for r in corpus][:N_TITLES]
    write_set(out / "titles.queries", ids[:N_TITLES], titles, maker.query)
    write_set(out / "scifact.docs", ids, titled, maker.document)
    write_set(
        out / "scifact.queries",
        [r["_id"] for r in claims],
        [r["text"] for r in claims],
        maker.query,
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--encoder", choices=["latelight-small", "minilm"], default="latelight-small"
    )
    parser.add_argument("--packages", type=Path, required=True, help="unpacked Debian packages")
    parser.add_argument("--apt-lists", type=Path, required=True, help="with Translation-en files")
    parser.add_argument("--scifact", type=Path, default=Path("../shared/data/text/scifact"))
    parser.add_argument("--out", type=Path, required=True)
    write_all(parser.parse_args())
