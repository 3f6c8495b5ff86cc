"""The table of what became of the members at each setting: statistics over seeds alone."""

from __future__ import annotations

from typing import Any

import numpy as np

from grokjax import labels
from grokjax.analysis.incidence import delay_of_grokked, incidence
from grokjax.analysis.timing import Events, Times
from grokjax.cells import Cell, axes, cells, seeds_of
from grokjax.report.group import Group
from grokjax.report.members import last_of
from grokjax.run import Run

COLUMNS = ("seeds", "memorised", "at epoch", "grokked", "at epoch", "delay", "test accuracy")


def by_setting(run: Run, found: Events, of_shape: list[Group]) -> dict[str, Any]:
    """Text, columns and rows of the table; no rows where nothing but seeds is swept."""
    history = run.history
    names, every = axes(history), cells(history)
    if not names:
        return {"text": "", "columns": [], "rows": []}
    keys = _key_counts(run, of_shape)
    accuracy = last_of(history.test_accuracy.values)
    rows = [
        [
            *(labels.value(name, cell.settings[name]) for name in names),
            str(len(cell.rows)),
            *_share_and_median(found.memorised[cell.rows]),
            *_share_and_median(found.grokked[cell.rows]),
            _delay(found, cell),
            _median(accuracy[cell.rows], "{:.1%}"),
            _median(keys[cell.rows], "{:g}"),
        ]
        for cell in every
    ]
    text = (
        f"{seeds_of(every).capitalize()}. How many memorised and grokked, and median epochs with "
        "quartiles where half of them did; the delay is of those that grokked. Test accuracy: the "
        "median of the last values. Key frequencies: the median over the members that grokked."
    )
    columns = [*map(labels.setting, names), *COLUMNS, "key frequencies"]
    return {"text": text, "columns": columns, "rows": rows}


def _share_and_median(times: Times) -> tuple[str, str]:
    """How many got there, and the median epoch with its quartiles over all of them."""
    curve = incidence(times)
    low, middle, high = (f"{q:,.0f}" if np.isfinite(q) else "later" for q in curve.quartiles())
    when = "-" if middle == "later" else f"{middle} ({low} to {high})"
    return f"{curve.got_there} of {len(times)}", when


def _delay(found: Events, cell: Cell) -> str:
    """The median delay of the members of a cell that grokked."""
    chosen = Events(*(times[cell.rows] for times in found))
    middle = delay_of_grokked(chosen).quantile(0.5)
    return f"{middle:,.0f}" if np.isfinite(middle) else "-"


def _median(values: np.ndarray, form: str) -> str:
    known = values[np.isfinite(values)]
    return form.format(np.median(known)) if len(known) else "-"


def _key_counts(run: Run, of_shape: list[Group]) -> np.ndarray:
    """Key frequencies of every member that grokked, float `[M]`; NaN for the others."""
    counts = dict.fromkeys(run.members.index.tolist(), np.nan)
    for group in of_shape:
        own = group.found.key.sum("frequency").values
        counts |= {m: own[i] for i, m in enumerate(group.run.members.index) if group.grokked[i]}
    return np.array(list(counts.values()), float)
