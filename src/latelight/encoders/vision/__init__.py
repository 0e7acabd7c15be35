"""Models that look at pictures, listen and watch: one file for each family."""

from latelight.encoders.vision.encoder import VisualEncoder
from latelight.encoders.vision.opening import open_visual

__all__ = ["VisualEncoder", "open_visual"]
