"""Models that look at pictures, listen and watch: one file for each family."""

from latelight.encoders.vision.encoder import VisualEncoder
from latelight.encoders.vision.opening import open_visual
from latelight.encoders.vision.self_test import SelfTest, self_test

__all__ = ["SelfTest", "VisualEncoder", "open_visual", "self_test"]
