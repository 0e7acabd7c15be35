"""How a published model is run: device, number type, and what its user consented to."""

from dataclasses import dataclass
from typing import Literal, get_args

from latelight.errors import SettingError

Dtype = Literal["auto", "float32", "float16", "bfloat16"]
Backend = Literal["auto", "torch", "onnx"]


@dataclass(frozen=True)
class ModelOptions:
    """Options of `create_encoder`.

    Attributes:
        device: `cpu`, `cuda`, `cuda:1`, `mps`, or `auto`: a graphics card when there is one.
        dtype: of weights and activations; rows are float32 always. `auto` is float32 for models of
            text, and what suits the device for visual ones.
        backend: `torch`, `onnx`, or `auto`: torch where the checkpoint has weights for it.
        batch_tokens: most tokens that run together; 0 chooses by the device.
        accept_licence: whether a licence that is not permissive is accepted.
        trust_remote_code: whether code that comes with the checkpoint may be run.
    """

    device: str = "auto"
    dtype: Dtype = "auto"
    backend: Backend = "auto"
    batch_tokens: int = 0
    accept_licence: bool = False
    trust_remote_code: bool = False

    @property
    def text_dtype(self) -> str:
        """The number type of a model of text."""
        return "float32" if self.dtype == "auto" else self.dtype

    def __post_init__(self) -> None:
        if self.dtype not in get_args(Dtype):
            raise SettingError(
                f"dtype is {self.dtype!r}; expected one of: {', '.join(get_args(Dtype))}."
            )
        if self.batch_tokens < 0:
            raise SettingError(
                f"batch_tokens is {self.batch_tokens}; expected 0 (by the device) or more."
            )
