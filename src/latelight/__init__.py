"""Self-hosted late-interaction retrieval that shows why each hit matched."""

__version__ = "0.1.0"
