"""The `latelight` command: one file per command."""
