"""Making, training and exporting the patch encoder; no part of the package that is installed."""
