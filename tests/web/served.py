"""`latelight serve` with the fake encoder: nothing heavy is loaded, everything else is real."""

import time
from collections.abc import Sequence

from latelight.app import engine
from latelight.cli.main import main
from latelight.encoders.protocol import Progress, no_progress
from latelight.testing.encoders import FakeEncoder
from latelight.testing.hearing import FakeHearingEncoder
from latelight.types import MultiVector, Unit

SLOWLY = "slowly"
SLOW_SECONDS = 1.0


class Encoder(FakeEncoder):
    """The fake encoder, which takes its time for batches whose text asks for it."""

    def encode_documents(
        self, units: Sequence[Unit], *, progress: Progress = no_progress
    ) -> list[MultiVector]:
        """Return one multi-vector per unit."""
        if any(SLOWLY in unit.text for unit in units):
            time.sleep(SLOW_SECONDS)
        return super().encode_documents(units, progress=progress)


def encoder(name: str, **options: object) -> FakeEncoder:
    """Return the encoder of a name: `ears` hears, others read."""
    return FakeHearingEncoder(dim=64) if name == "ears" else Encoder(dim=64)


if __name__ == "__main__":
    engine.create_encoder = encoder
    main()
