"""The patch encoder: what can be seen on a page, as regions with rows of the text space."""

from latelight.encoders.sight.encoder import PatchEncoder, Region

__all__ = ["PatchEncoder", "Region"]
