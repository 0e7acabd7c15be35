"""Pipelines: how files become a searchable collection, and how a search runs."""
