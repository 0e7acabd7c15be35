"""Tiny checkpoints in the layouts of published models, built when a test asks for them."""
