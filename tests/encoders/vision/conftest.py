import importlib.util
import re
import socket
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest


def has_torchvision() -> bool:
    """Whether torchvision can be imported here, with its missing operators declared if need be.

    PyPI's torchvision is linked with CUDA: beside a torch without it, its operators do not load and
    its import fails on the first one that it describes. Declared, they stay without an
    implementation, and what is written in Python works: all that processors need.
    """
    spec = importlib.util.find_spec("torchvision")
    if spec is None or spec.origin is None:
        return False
    try:
        import torchvision
    except (RuntimeError, OSError):
        _declare_operators(Path(spec.origin).parent / "_meta_registrations.py")
        import torchvision  # noqa: F401
    return True


def _declare_operators(described: Path) -> None:
    import torch

    text = described.read_text("utf-8")
    names = set(re.findall(r'register_(?:meta|fake)\("(?:torchvision::)?(\w+)"', text))
    library = torch.library.Library("torchvision", "DEF")
    _libraries.append(library)  # its definitions last as long as it does
    for name in sorted(names):
        library.define(f"{name}(Tensor a) -> Tensor")


_libraries: list[object] = []


with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    has_torchvision()


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def refuse(self: socket.socket, address: object) -> None:
        raise AssertionError(f"a connection to {address} was attempted")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket.socket, "connect_ex", refuse)
    yield


@pytest.fixture(autouse=True)
def other_peoples_warnings() -> Iterator[None]:
    """Let transformers and peft warn of their own future; ours stay errors."""
    with warnings.catch_warnings():
        for module in ("transformers", "peft", "torch", "torchvision"):
            warnings.filterwarnings("ignore", module=rf"{module}(\.|$)")
        yield
