"""Bytes -> units: one extractor for each family of media types."""
