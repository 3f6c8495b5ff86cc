"""The terminal: live display, printed commands, and output that cannot be written."""
