"""The patch encoder: what can be seen on a page, as regions with rows of the text space."""
