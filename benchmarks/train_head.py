"""Train a projection head (width -> dim) over the hidden states that head_states.py wrote.

    python benchmarks/train_head.py --states DIR --out head.npy

Needs torch 2.13.0 beside Latelight's own dependencies. The head starts as the uncentred PCA of
document rows, then learns to put each query's document first (cross-entropy over the batch and
mined negatives) while keeping the unprojected rows' ranking (Kullback-Leibler divergence, as in
Hinton et al., 2015). Scores are MaxSim sums. Seeded; the held-out pairs choose the best step.
What is written is a weighted mean of the start and that step (Wortsman et al., 2022): it keeps
most of the gain and loses less on texts unlike the training pairs.
"""

import argparse
import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from latelight.encoders.answerai import TOKENIZER
from latelight.encoders.wordpieces import CLS, MASK, SEP, WordpieceTokenizer
from latelight.weights import locate

N_MARKERS = 3  # ids 0 to 2: padding and the two markers
WEIGHTS = {"wordnet": 1.0, "debian": 1.0, "sections": 1.0, "sentences": 0.5}
MEAN_ROWS = 96  # of a text, when negatives are mined
HELD_OUT = 80  # pairs of each source that are never trained on


@dataclass(frozen=True)
class Options:
    """How to train."""

    dim: int = 128
    n_steps: int = 600
    learning_rate: float = 1e-3
    kl_weight: float = 1.0
    start_share: float = 0.3
    temperature: float = 1.0
    n_queries: int = 24
    n_mined: int = 1
    max_rows: int = 160
    seed: int = 7
    evaluate_every: int = 50


class Rows:
    """A set of texts as kept, normalised rows; `of(i)` is (n, width) float32."""

    def __init__(self, path: Path, dropped: np.ndarray) -> None:
        meta = np.load(path.with_name(f"{path.name}.meta.npz"))
        self.ids = [str(i) for i in meta["ids"]]
        self._rows = np.load(path.with_name(f"{path.name}.rows.npy"), mmap_mode="r")
        self._offsets = np.r_[0, np.cumsum(meta["lens"])]
        special = (meta["tokens"] < N_MARKERS) | np.isin(meta["tokens"], (CLS, SEP, MASK))
        self._kept = ~(special | dropped[meta["tokens"]])
        self.skip = np.zeros(len(self.ids), int)

    def __len__(self) -> int:
        return len(self.ids)

    def n_kept(self, i: int) -> int:
        return int(self._kept[self._offsets[i] : self._offsets[i + 1]].sum())

    def of(self, i: int, max_rows: int | None = None) -> torch.Tensor:
        """Return the kept rows of text `i`, without the first `skip[i]` of them."""
        begin, end = self._offsets[i], self._offsets[i + 1]
        numbers = np.flatnonzero(self._kept[begin:end])[self.skip[i] :][:max_rows]
        rows = torch.from_numpy(self._rows[begin:end][numbers].astype(np.float32))
        return torch.nn.functional.normalize(rows, dim=1)

    def means(self) -> np.ndarray:
        """Return (n_texts, width): one normalised mean row each, for mining negatives."""
        means = np.stack([self.of(i, MEAN_ROWS).mean(dim=0).numpy() for i in range(len(self))])
        return means / np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-9)


@dataclass
class Source:
    """One kind of pairs: queries, documents, and which documents answer each query."""

    name: str
    weight: float
    queries: Rows
    documents: Rows
    positives: dict[int, list[int]]
    train: list[int]
    held_out: list[int]
    mined: dict[int, np.ndarray]


def split(name: str, n_queries: int) -> tuple[list[int], list[int]]:
    """Return the queries to train on and the held-out ones, shuffled by the source's name."""
    seed = int(hashlib.sha256(name.encode()).hexdigest()[:8], 16)
    order = np.random.default_rng(seed).permutation(n_queries).tolist()
    return order[HELD_OUT:], order[:HELD_OUT]


def mine(source: Source, documents: np.ndarray, n_kept: int = 24) -> None:
    """Fill `source.mined`: for each query the nearest wrong documents by mean rows."""
    similarity = source.queries.means() @ documents.T
    for query, right in source.positives.items():
        similarity[query, right] = -1
        source.mined[query] = np.argsort(-similarity[query])[:n_kept]


def load_sources(states: Path, scifact: Path) -> list[Source]:
    """Return the training sources that have states; SciFact gives its train claims only."""
    punctuation = WordpieceTokenizer(locate(TOKENIZER)).is_punctuation
    none = np.zeros_like(punctuation)
    sources = []
    for name, weight in WEIGHTS.items():
        queries = Rows(states / f"{name}.queries", none)
        documents = Rows(states / f"{name}.docs", punctuation)
        pairs = {i: [i] for i in range(len(queries))}
        sources.append(
            Source(name, weight, queries, documents, pairs, *split(name, len(pairs)), {})
        )
    means = [source.documents.means() for source in sources]
    if (states / "scifact.docs.meta.npz").exists():
        sources.append(_claims(states, scifact, punctuation, none))
        sources.append(_titles(states, punctuation, none))
        means += [sources[-2].documents.means()] * 2  # both search the same abstracts
    for source, documents in zip(sources, means, strict=True):
        mine(source, documents)
        print(f"{source.name}: {len(source.train)} to train on", flush=True)
    return sources


def _titles(states: Path, punctuation: np.ndarray, none: np.ndarray) -> Source:
    queries = Rows(states / "titles.queries", none)
    titles = Rows(states / "titles.queries", punctuation)
    documents = Rows(states / "scifact.docs", punctuation)
    documents.skip[: len(titles)] = [titles.n_kept(i) for i in range(len(titles))]
    usable = [i for i in range(len(queries)) if documents.n_kept(i) > documents.skip[i] + 20]
    pairs = {i: [i] for i in usable}
    train, held_out = split("titles", len(usable))
    parts = [usable[i] for i in train], [usable[i] for i in held_out]
    return Source("titles", 0.5, queries, documents, pairs, *parts, {})


def _claims(states: Path, scifact: Path, punctuation: np.ndarray, none: np.ndarray) -> Source:
    queries = Rows(states / "scifact.queries", none)
    documents = Rows(states / "scifact.docs", punctuation)
    query_number = {name: i for i, name in enumerate(queries.ids)}
    document_number = {name: i for i, name in enumerate(documents.ids)}
    pairs: dict[int, list[int]] = {}
    for line in (scifact / "qrels" / "train.tsv").read_text(encoding="utf-8").splitlines()[1:]:
        query, document, _ = line.split("\t")
        pairs.setdefault(query_number[query], []).append(document_number[document])
    known = sorted(pairs)
    train, held_out = split("claims", len(known))
    parts = [known[i] for i in train], [known[i] for i in held_out]
    return Source("claims", 1.5, queries, documents, pairs, *parts, {})


# -- scores ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ragged:
    """Rows of several texts, flat: `rows` (n_rows, width), `lens` of the texts."""

    rows: torch.Tensor
    lens: list[int]

    @classmethod
    def stack(cls, parts: list[torch.Tensor]) -> "Ragged":
        return cls(torch.cat(parts), [len(p) for p in parts])

    def project(self, head: torch.Tensor) -> "Ragged":
        return Ragged(torch.nn.functional.normalize(self.rows @ head, dim=1), self.lens)


def maxsim(queries: Ragged, documents: Ragged) -> torch.Tensor:
    """Return (n_queries, n_documents) MaxSim sums; the winners are picked without gradients."""
    with torch.no_grad():
        similarity = queries.rows @ documents.rows.T  # (n_query_rows, n_document_rows)
        winners, start = [], 0
        for n in documents.lens:
            winners.append(similarity[:, start : start + n].argmax(dim=1) + start)
            start += n
        winning = torch.stack(winners, dim=1)  # (n_query_rows, n_documents)
    if not (queries.rows.requires_grad or documents.rows.requires_grad):
        best = similarity.gather(1, winning)
    else:
        picked = documents.rows[winning.reshape(-1)].reshape(*winning.shape, -1)
        best = torch.einsum("qd,qnd->qn", queries.rows, picked)
    owner = torch.repeat_interleave(torch.arange(len(queries.lens)), torch.tensor(queries.lens))
    return torch.zeros(len(queries.lens), len(documents.lens)).index_add(0, owner, best)


# -- training ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Batch:
    """Queries, documents, and (n_queries, n_documents) bool: which answer which."""

    queries: Ragged
    documents: Ragged
    right: torch.Tensor
    target: torch.Tensor


def make_batch(source: Source, random: np.random.Generator, options: Options) -> Batch:
    """Return random training queries with one right document and mined wrong ones each."""
    chosen = random.choice(source.train, options.n_queries, replace=False)
    firsts = [int(random.choice(source.positives[q])) for q in chosen]
    wrong = [int(d) for q in chosen for d in random.choice(source.mined[q], options.n_mined)]
    numbers = list(dict.fromkeys(firsts + wrong))
    right = torch.tensor([[d in source.positives[q] for d in numbers] for q in chosen])
    return Batch(
        Ragged.stack([source.queries.of(q) for q in chosen]),
        Ragged.stack([source.documents.of(d, options.max_rows) for d in numbers]),
        right,
        torch.tensor([numbers.index(d) for d in firsts]),
    )


def loss_of(batch: Batch, head: torch.Tensor, options: Options) -> torch.Tensor:
    """Return cross-entropy plus the divergence from the unprojected scores."""
    scores = maxsim(batch.queries.project(head), batch.documents.project(head))
    others = batch.right.clone()
    others[torch.arange(len(batch.target)), batch.target] = False
    entropy = torch.nn.functional.cross_entropy(
        scores.masked_fill(others, -1e9) / options.temperature, batch.target
    )
    teacher = maxsim(batch.queries, batch.documents)
    divergence = torch.nn.functional.kl_div(
        torch.log_softmax(scores / options.temperature, dim=1),
        torch.log_softmax(teacher / options.temperature, dim=1),
        log_target=True,
        reduction="batchmean",
    )
    return entropy + options.kl_weight * divergence


def pca(sources: list[Source], options: Options) -> torch.Tensor:
    """Return (width, dim): the directions that keep most of the rows' energy, not centred."""
    random = np.random.default_rng(options.seed)
    parts = []
    for source in sources:
        for d in random.choice(len(source.documents), 400, replace=False):
            parts.append(source.documents.of(int(d), options.max_rows))
    rows = torch.cat(parts)
    _, vectors = torch.linalg.eigh(rows.T @ rows)
    return vectors.flip(1)[:, : options.dim].contiguous()


def evaluate(
    sources: list[Source], head: torch.Tensor | None, options: Options
) -> dict[str, float]:
    """Return by source the mean reciprocal rank of held-out queries among a few hundred documents.

    A head of None scores the unprojected rows.
    """
    return {s.name: _held_out_rank(s, head, options) for s in sources}


def _held_out_rank(source: Source, head: torch.Tensor | None, options: Options) -> float:
    numbers = sorted(
        {d for q in source.held_out for d in [*source.positives[q], *source.mined[q][:2]]}
    )
    queries = Ragged.stack([source.queries.of(q) for q in source.held_out])
    documents = Ragged.stack([source.documents.of(d, options.max_rows) for d in numbers])
    with torch.no_grad():
        if head is not None:
            queries, documents = queries.project(head), documents.project(head)
        scores = maxsim(queries, documents)
    place = {d: i for i, d in enumerate(numbers)}
    ranks = []
    for i, q in enumerate(source.held_out):
        best = max(scores[i, place[d]].item() for d in source.positives[q])
        ranks.append(1 / (1 + int((scores[i] > best).sum())))
    return float(np.mean(ranks))


def train(sources: list[Source], options: Options) -> tuple[torch.Tensor, list[dict[str, float]]]:
    """Return the start averaged with the best step by held-out rank, and all evaluations."""
    random = np.random.default_rng(options.seed)
    torch.set_num_threads(1)  # the same sums on every machine, and no waiting for busy cores
    start = pca(sources, options)
    head = start.clone().requires_grad_(True)
    optimizer = torch.optim.Adam([head], lr=options.learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, options.n_steps)
    weights = np.array([s.weight for s in sources]) / sum(s.weight for s in sources)
    history: list[dict[str, float]] = []
    _report(history, -1, evaluate(sources, None, options))
    _report(history, 0, evaluate(sources, head.detach(), options))
    best, best_head = history[-1]["mean"], head.detach().clone()
    for step in range(1, options.n_steps + 1):
        source = sources[random.choice(len(sources), p=weights)]
        loss = loss_of(make_batch(source, random, options), head, options)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % options.evaluate_every == 0:
            _report(history, step, evaluate(sources, head.detach(), options))
            if history[-1]["mean"] > best:
                best, best_head = history[-1]["mean"], head.detach().clone()
    mean = options.start_share * start + (1 - options.start_share) * best_head
    _report(history, options.n_steps + 1, evaluate(sources, mean, options))
    return mean, history


def _report(history: list[dict[str, float]], step: int, ranks: dict[str, float]) -> None:
    mean = float(np.mean(list(ranks.values())))
    history.append({"step": step, "mean": mean, **ranks})
    print({name: round(value, 4) for name, value in history[-1].items()}, flush=True)


def main() -> None:
    """Train and write the head and its history."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--states", type=Path, required=True)
    parser.add_argument("--scifact", type=Path, default=Path("../shared/data/text/scifact"))
    parser.add_argument("--out", type=Path, required=True)
    for name, value in asdict(Options()).items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(value), default=value)
    given = parser.parse_args()
    options = Options(**{name: getattr(given, name) for name in asdict(Options())})
    head, history = train(load_sources(given.states, given.scifact), options)
    np.save(given.out, head.numpy().astype(np.float32))
    digest = hashlib.sha256(given.out.read_bytes()).hexdigest()
    card = {"sha256": digest, "options": asdict(options), "history": history}
    given.out.with_suffix(".json").write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
    print(digest)


if __name__ == "__main__":
    main()
