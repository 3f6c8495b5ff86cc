"""The report of a run, one self-contained HTML page: `grokjax report DIR`."""

from grokjax.report.page import write

__all__ = ["write"]
