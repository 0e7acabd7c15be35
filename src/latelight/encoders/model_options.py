"""How a published model is run: device, number type, and what its user consented to."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from latelight.errors import SettingError

Dtype = Literal["auto", "float32", "float16", "bfloat16"]
Backend = Literal["auto", "torch", "onnx"]

_DEVICE = re.compile(r"cpu|mps|cuda(:\d+)?")
_IDLE: Mapping[str, object] = {
    "device": "auto",
    "dtype": "auto",
    "backend": "auto",
    "batch_tokens": 0,
    "trust_remote_code": False,
}


@dataclass(frozen=True)
class ModelOptions:
    """Options of `create_encoder`.

    Attributes:
        device: `cpu`, `cuda`, `cuda:1`, `mps`, or `auto`: a graphics card when there is one.
            Several with commas: the model gets a copy on each.
            A model that has nothing but an export for ONNX Runtime runs on the processor.
        dtype: of weights and activations; rows are float32 always. `auto` is float32 for models of
            text, and what suits the device for visual ones.
        backend: `torch`, `onnx`, or `auto`: torch where the checkpoint has weights for it. There is
            a choice for late-interaction models of text alone.
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
        for name in self.device.split(","):
            if self.device != "auto" and not _DEVICE.fullmatch(name.strip()):
                raise SettingError(
                    f"device is {self.device!r}, and {name.strip()!r} is none; expected auto, cpu, "
                    "mps, cuda or cuda:NUMBER, or several of them with commas. Correct device, or "
                    "LATELIGHT_DEVICE."
                )
        if self.dtype not in get_args(Dtype):
            raise SettingError(
                f"dtype is {self.dtype!r}; expected one of: {', '.join(get_args(Dtype))}."
            )
        if self.backend not in get_args(Backend):
            raise SettingError(
                f"backend is {self.backend!r}; expected one of: {', '.join(get_args(Backend))}."
            )
        if self.batch_tokens < 0:
            raise SettingError(
                f"batch_tokens is {self.batch_tokens}; expected 0 (by the device) or more."
            )


@dataclass(frozen=True)
class Runtime:
    """What runs an encoder, and which options have an effect there.

    Attributes:
        told: how it is run, behind its name.
        takes: the options that have an effect, each with the values that it may have; an empty
            tuple takes any.
    """

    told: str
    takes: Mapping[str, tuple[object, ...]] = field(default_factory=dict)

    def check(self, name: str, options: ModelOptions) -> None:
        """Refuse options that would change nothing: whoever set them expects that they do.

        Args:
            name: of the encoder.
            options: as its user gave them.

        Raises:
            SettingError: one of them has no effect.
        """
        for option, idle in _IDLE.items():
            value, allowed = getattr(options, option), self.takes.get(option, (idle,))
            if allowed and value not in allowed:
                expected = " or ".join(map(str, allowed))
                raise SettingError(
                    f"{option} is {value!r}, which would change nothing: {name} {self.told}. "
                    f"Expected {expected}; leave {option} out."
                )


CARRIED = Runtime(
    "is carried by a package and run by ONNX Runtime on the processor, with the weights' own "
    "number type",
    {"device": ("auto", "cpu")},
)
SERVED = Runtime("is run by its server, which chooses all that")
EXPORTED = Runtime(
    "is run by ONNX Runtime on the processor, with the number type of its export",
    {"device": ("auto", "cpu"), "backend": ("auto", "onnx")},
)
FOUND_EXPORTED = Runtime(EXPORTED.told, {**EXPORTED.takes, "device": ()})
"""Nobody asked for ONNX Runtime: there was nothing else, and a device is the machine's wish."""
VISUAL = Runtime(
    "looks at pictures or listens: torch alone runs it, batches follow the device's memory, and it "
    "needs no code of the checkpoint",
    {"device": (), "dtype": ()},
)
WHOLE = Runtime(
    "gives one vector or score a text: torch alone runs it",
    {"device": (), "dtype": (), "batch_tokens": (), "trust_remote_code": ()},
)
