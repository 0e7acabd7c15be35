"""Hidden states of a BERT-like ONNX model, one sequence per run."""

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from latelight.errors import ModelError
from latelight.types import Float32Array, Int32Array

ONNX_LIBRARIES = ("onnxruntime", "tokenizers")
"""What computes the rows of an export."""


def open_session(path: Path) -> Any:
    """Return a graph that runs on one thread, with the same numbers on every machine."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.enable_mem_pattern = False  # lengths differ from run to run
    # Without it AVX2 machines multiply int8 with saturation, and their vectors differ from
    # those of machines with VNNI; it costs 8 % of the speed there, elsewhere nothing.
    options.add_session_config_entry("session.x64quantprecision", "1")
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


class OnnxModel:
    """A loaded graph with inputs ids, mask and types, and hidden states as its output.

    Sequences are never put into one batch: graphs with dynamic int8 quantisation choose their
    scales from the whole tensor, so a neighbour (or padding) would change the vectors. Runs on
    one thread each; call `hidden_states` from several threads at once instead.
    """

    def __init__(self, path: Path, output: str | None) -> None:
        """Open the graph at `path`; without an `output` it is the first with a state a token."""
        self._session = open_session(path)
        self._output = output or _token_output(self._session)
        self._wants_types = any(i.name == "token_type_ids" for i in self._session.get_inputs())

    def hidden_states(self, ids: Int32Array, attended: int | None = None) -> Float32Array:
        """Return (n_tokens, width) float32, not normalised.

        Args:
            ids: (n_tokens,) the whole sequence with its special tokens.
            attended: the first so many tokens can be looked at by others; all by default.
        """
        tokens = ids[None].astype(np.int64)
        mask = np.ones_like(tokens)
        if attended is not None:
            mask[:, attended:] = 0
        feeds = {"input_ids": tokens, "attention_mask": mask}
        if self._wants_types:
            feeds["token_type_ids"] = np.zeros_like(tokens)
        (hidden,) = self._session.run([self._output], feeds)
        return np.asarray(hidden[0], np.float32)


def _token_output(session: Any) -> str:
    """Return the name of the first output with three axes: sequence, token, width.

    Raises:
        ModelError: there is none.
    """
    outputs = session.get_outputs()
    for one in outputs:
        if len(one.shape) == 3:
            return str(one.name)
    told = ", ".join(f"{one.name} {one.shape}" for one in outputs)
    raise ModelError(
        f"The graph gives {told}; expected an output (sequences, tokens, width). Export the token "
        "states, not the pooled ones."
    )
