"""Units and queries to multi-vectors."""

from latelight.encoders.protocol import Encoder, Progress, no_progress
from latelight.encoders.registry import create_encoder, encoder_names

__all__ = ["Encoder", "Progress", "create_encoder", "encoder_names", "no_progress"]
