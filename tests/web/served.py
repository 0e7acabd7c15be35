"""`latelight serve` with the fake encoder: nothing heavy is loaded, everything else is real."""

from latelight.app import engine
from latelight.cli.main import main
from latelight.testing.encoders import FakeEncoder

if __name__ == "__main__":
    engine.create_encoder = lambda *a, **k: FakeEncoder(dim=64)
    main()
