"""Self-contained HTML pages: of a run, `grokjax report DIR`, and of several, `grokjax compare`."""

from grokjax.report.comparison_page import compare
from grokjax.report.page import write

__all__ = ["compare", "write"]
