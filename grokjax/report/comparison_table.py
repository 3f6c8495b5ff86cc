"""The table that compares the values of a swept setting: ratios of medians, and tests."""

from __future__ import annotations

import numpy as np

from grokjax.analysis.comparison import compare_settings, comparison_texts
from grokjax.config import labels
from grokjax.report.section import PageTable
from grokjax.results.run import Run
from grokjax.results.seed_groups import seed_groups

MOST_ROWS = 40
"""Rows up to which a table is made; a larger one is for `compare_settings` in a notebook."""


def comparison_table(run: Run, setting: str) -> PageTable | None:
    """Compare times to grok between the values of a swept setting.

    None if groups have one seed each, if there are too many, or if no member has grokked.
    """
    sizes = [len(group.rows) for group in seed_groups(run.history)]
    if max(sizes) < 2 or len(sizes) > MOST_ROWS:
        return None
    table = compare_settings(run, setting)
    if not np.any(table["reached"]):
        return None
    texts, names = comparison_texts(table), list(table.index.names)
    rows = []
    for key, cells in zip(table.index, texts.to_numpy().tolist(), strict=True):
        values = key if len(names) > 1 else (key,)
        rows.append([*map(labels.value, names, values), *cells])
    caption = (
        f"Times to grok by {labels.setting(setting)}: the median with its 95% band, its ratio to "
        "that of the row without a ratio (95% of 2,000 draws of seeds; the same draws where both "
        "have the same seeds), and the p of a log-rank test against that row, alone and adjusted "
        "for all rows (Holm). Members that diverged count as never grokking."
    )
    return PageTable(caption, [*map(labels.setting, names), *texts.columns], rows)
