"""The `grokjax` command, and what experiment scripts share with it."""
