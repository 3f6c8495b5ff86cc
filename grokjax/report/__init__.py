"""One self-contained HTML page of a run: `grokjax report DIR`."""

from grokjax.report.page import write

__all__ = ["write"]
