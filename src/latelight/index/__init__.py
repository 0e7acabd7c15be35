"""Segments, manifests and snapshots: what a library keeps and how it is searched."""
