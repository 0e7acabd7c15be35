"""Published late-interaction models, as far as their facts are known: one card for each.

A card tells what the publisher states. Whatever a checkpoint's own files say (prompts, lengths,
dim) is read from them when it is opened, and goes before the card. What is not known is left empty.
"""

from dataclasses import dataclass
from typing import Literal, get_args

from latelight.errors import SettingError
from latelight.types import Similarity

Family = Literal[
    "colbert",
    "colpali",
    "colqwen2",
    "colqwen2.5",
    "colqwen3",
    "idefics3",
    "colmodernvbert",
    "omni",
    "neomme",
]
FAMILIES: tuple[Family, ...] = get_args(Family)
VISUAL_FAMILIES: frozenset[Family] = frozenset(FAMILIES) - {"colbert"}

Layout = Literal[
    "multi-vector", "pylate", "stanford", "retrieval", "adapter", "remote-code", "dense", "onnx", ""
]
Modality = Literal["text", "image", "audio", "video"]
Expansion = Literal["", "none", "fixed"]

NOT_TRIED = "Not tried: no checkpoint in its publisher's layout was opened here yet."
_EVIE = f"Its body is a Qwen3.5 by its publisher; only Qwen3-VL bodies are opened. {NOT_TRIED}"

TEXT: tuple[Modality, ...] = ("text",)
PAGES: tuple[Modality, ...] = ("text", "image")
EVERYTHING: tuple[Modality, ...] = ("text", "image", "audio", "video")


@dataclass(frozen=True)
class ModelCard:
    """What is known of one published model before its files are at hand.

    Attributes:
        name: short and stable, ours.
        source: the repository on the hub, `owner/name`.
        family: which adapter opens it.
        licence: SPDX name of the weights' licence; `LicenseRef-…` for others, empty when it was
            not read.
        is_permissive: whether anybody may use the weights for anything; everything else has to be
            accepted first.
        dim: length of a row; None when it is not known.
        modalities: what it encodes as documents; queries are text.
        layout: how its repository is laid out; empty when it was not read.
        revision: commit, tag or branch to take; empty for the main branch.
        query_prompt: what goes before a query; empty when there is none or it was not read.
        document_prompt: the same for documents.
        query_length: tokens of a query with its markers.
        document_length: tokens of a document with its markers; longer ones are read in windows.
        expansion: whether short queries are filled up with mask tokens.
        similarity: how row maxima add up.
        truncated_dims: shorter lengths to which rows may be cut (Matryoshka training).
        notes: what a user should know beside that.
    """

    name: str
    source: str
    family: Family
    licence: str
    is_permissive: bool
    dim: int | None
    modalities: tuple[Modality, ...] = TEXT
    layout: Layout = ""
    revision: str = ""
    query_prompt: str = ""
    document_prompt: str = ""
    query_length: int | None = None
    document_length: int | None = None
    expansion: Expansion = ""
    similarity: Similarity = "sum"
    truncated_dims: tuple[int, ...] = ()
    notes: str = ""

    @property
    def is_visual(self) -> bool:
        """Whether it looks at pictures (or listens), so that a visual adapter opens it."""
        return self.family in VISUAL_FAMILIES

    @property
    def licence_name(self) -> str:
        """The licence as a reader is told it."""
        return self.licence or "not known here"


_TEXT_CARDS = (
    ModelCard(
        "colbertv2.0",
        "colbert-ir/colbertv2.0",
        "colbert",
        "MIT",
        True,
        128,
        layout="stanford",
        query_prompt="[unused0] ",
        document_prompt="[unused1] ",
        query_length=32,
        document_length=180,
        expansion="fixed",
        notes="Queries are filled up with [MASK] tokens that nobody attends to.",
    ),
    ModelCard(
        "answerai-colbert-small-v1",
        "answerdotai/answerai-colbert-small-v1",
        "colbert",
        "Apache-2.0",
        True,
        96,
        layout="stanford",
        query_prompt="[unused0] ",
        document_prompt="[unused1] ",
        query_length=32,
        expansion="fixed",
        notes="33 M parameters; a package carries its body: see latelight-small and colbert-small.",
    ),
    ModelCard(
        "gte-moderncolbert-v1",
        "lightonai/GTE-ModernColBERT-v1",
        "colbert",
        "Apache-2.0",
        True,
        128,
        layout="pylate",
        query_prompt="[Q] ",
        document_prompt="[D] ",
        query_length=32,
        document_length=300,
        notes="149 M parameters. Publications differ on the query's length and expansion; the "
        "checkpoint's own files decide.",
    ),
    ModelCard(
        "lateon",
        "lightonai/LateOn",
        "colbert",
        "Apache-2.0",
        True,
        128,
        layout="pylate",
        document_length=300,
        expansion="none",
        notes="149 M parameters.",
    ),
    ModelCard(
        "mlateon",
        "lightonai/mLateOn",
        "colbert",
        "Apache-2.0",
        True,
        128,
        query_prompt="[Q] ",
        document_prompt="[D] ",
        document_length=8192,
        notes="Many languages, 307 M parameters.",
    ),
    ModelCard(
        "mxbai-edge-colbert-v0-17m",
        "mixedbread-ai/mxbai-edge-colbert-v0-17m",
        "colbert",
        "",
        False,
        48,
        layout="pylate",
        query_prompt="[Q] ",
        document_prompt="[D] ",
        query_length=48,
        document_length=512,
        expansion="none",
        notes="17 M parameters; texts are lower-cased. Its README names no licence.",
    ),
    ModelCard(
        "mxbai-edge-colbert-v0-32m",
        "mixedbread-ai/mxbai-edge-colbert-v0-32m",
        "colbert",
        "Apache-2.0",
        True,
        64,
        layout="pylate",
        query_prompt="[Q] ",
        document_prompt="[D] ",
        query_length=48,
        document_length=512,
        expansion="none",
        notes="32 M parameters; texts are lower-cased.",
    ),
    ModelCard(
        "jina-colbert-v2",
        "jinaai/jina-colbert-v2",
        "colbert",
        "CC-BY-NC-4.0",
        False,
        128,
        layout="stanford",
        query_prompt="[QueryMarker] ",
        document_prompt="[DocumentMarker] ",
        query_length=32,
        expansion="fixed",
        notes="89 languages, 560 M parameters. It runs with code of "
        "jinaai/xlm-roberta-flash-implementation alone, which has to be downloaded and asked for "
        "by name (trust_remote_code); only a stand-in for that code was run here. Rows may be cut "
        "to 96 or 64 dims.",
        truncated_dims=(96, 64),
    ),
)

_PAGE_CARDS = (
    ModelCard(
        "colpali-v1.3",
        "vidore/colpali-v1.3-hf",
        "colpali",
        "LicenseRef-Gemma",
        False,
        128,
        PAGES,
        layout="retrieval",
        query_prompt="Question: ",
        notes="1,024 rows a page. The adapter's card says MIT; its base, PaliGemma, is under the "
        "Gemma terms.",
    ),
    ModelCard(
        "colqwen2-v1.0",
        "vidore/colqwen2-v1.0-hf",
        "colqwen2",
        "Apache-2.0",
        True,
        128,
        PAGES,
        layout="retrieval",
        query_prompt="Query: ",
        notes="At most 768 rows a page.",
    ),
    ModelCard(
        "colqwen2.5-v0.2",
        "vidore/colqwen2.5-v0.2",
        "colqwen2.5",
        "Apache-2.0",
        False,
        128,
        PAGES,
        layout="adapter",
        notes="At most 768 rows a page. The licence is the README's; that of the base model was "
        "not read, so it has to be accepted.",
    ),
    ModelCard(
        "colnomic-3b",
        "nomic-ai/colnomic-embed-multimodal-3b",
        "colqwen2.5",
        "",
        False,
        128,
        PAGES,
        layout="adapter",
        notes=NOT_TRIED,
    ),
    ModelCard(
        "colnomic-7b",
        "nomic-ai/colnomic-embed-multimodal-7b",
        "colqwen2.5",
        "",
        False,
        128,
        PAGES,
        layout="adapter",
        notes=NOT_TRIED,
    ),
    ModelCard(
        "jina-embeddings-v4",
        "jinaai/jina-embeddings-v4",
        "colqwen2.5",
        "LicenseRef-Qwen-Research",
        False,
        128,
        PAGES,
        layout="remote-code",
        notes=f"Research only. Its vectors of one row may be cut, not its rows. {NOT_TRIED}",
    ),
    ModelCard(
        "tomoro-colqwen3-embed-4b",
        "TomoroAI/tomoro-colqwen3-embed-4b",
        "colqwen3",
        "Apache-2.0",
        True,
        320,
        PAGES,
        layout="remote-code",
        notes=NOT_TRIED,
    ),
    ModelCard(
        "tomoro-colqwen3-embed-8b",
        "TomoroAI/tomoro-colqwen3-embed-8b",
        "colqwen3",
        "Apache-2.0",
        True,
        320,
        PAGES,
        layout="remote-code",
        notes=NOT_TRIED,
    ),
    ModelCard(
        "evie-preview-4.5b",
        "tencent/EVIE-Preview-4.5B",
        "colqwen3",
        "Apache-2.0",
        True,
        128,
        PAGES,
        notes=_EVIE,
    ),
    ModelCard(
        "evie-4.5b",
        "tencent/EVIE-4.5B",
        "colqwen3",
        "Apache-2.0",
        True,
        128,
        PAGES,
        truncated_dims=(64, 128, 256, 512, 1_024, 2_048),
        notes=f"{_EVIE} Trained so that its rows may be cut to 64, 128, 256, 512, 1,024 or 2,048 "
        "dims.",
    ),
    ModelCard(
        "colsmol-256m",
        "vidore/colSmol-256M",
        "idefics3",
        "Apache-2.0",
        True,
        128,
        PAGES,
        layout="adapter",
        notes="64 rows a tile of 512 pixels. Its README says Apache-2.0, its card MIT.",
    ),
    ModelCard(
        "colsmol-500m",
        "vidore/colSmol-500M",
        "idefics3",
        "Apache-2.0",
        True,
        128,
        PAGES,
        layout="adapter",
        notes="64 rows a tile of 512 pixels. Its README says Apache-2.0, its card MIT.",
    ),
    ModelCard(
        "colmodernvbert",
        "ModernVBERT/colmodernvbert",
        "colmodernvbert",
        "MIT",
        True,
        128,
        PAGES,
        layout="retrieval",
        notes="250 M parameters, 64 rows a tile of 512 pixels.",
    ),
    ModelCard(
        "colqwen-omni-v0.1",
        "vidore/colqwen-omni-v0.1",
        "omni",
        "MIT",
        False,
        128,
        EVERYTHING,
        layout="adapter",
        notes="At most 1,024 rows a page, 25 rows a second of sound. The licence is the card's; "
        "that of the base model was not read, so it has to be accepted.",
    ),
    ModelCard(
        "neomme-260m",
        "Hcompany/NeoMME-260M-Retriever",
        "neomme",
        "Apache-2.0",
        True,
        128,
        PAGES,
        layout="retrieval",
        similarity="mean",
        notes="Reads up to 16,384 tokens; a dense head beside the rows.",
    ),
    ModelCard(
        "neomme-800m",
        "Hcompany/NeoMME-800M-Retriever",
        "neomme",
        "Apache-2.0",
        True,
        128,
        PAGES,
        layout="retrieval",
        similarity="mean",
        notes="Reads up to 16,384 tokens; a dense head beside the rows.",
    ),
)

CATALOG: tuple[ModelCard, ...] = _TEXT_CARDS + _PAGE_CARDS
_BY_NAME = {key.casefold(): card for card in CATALOG for key in (card.name, card.source)}


def find_card(name: str) -> ModelCard | None:
    """Return the card with this name or repository (letters' case is ignored), None without one."""
    return _BY_NAME.get(name.casefold())


def card_of(name: str) -> ModelCard:
    """Return the card with this name or repository.

    Raises:
        SettingError: there is none.
    """
    card = find_card(name)
    if card is None:
        known = ", ".join(one.name for one in CATALOG)
        raise SettingError(f"No model {name!r} in the catalogue; expected one of: {known}.")
    return card
