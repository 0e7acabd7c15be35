"""Which pipeline version of a collection is the live one."""

from latelight.releases.catalog import Catalog, Generation, Place

__all__ = ["Catalog", "Generation", "Place"]
