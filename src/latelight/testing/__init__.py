"""Fakes, tiny files and conformance suites, for our tests and for those of plugins."""
