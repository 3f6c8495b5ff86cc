"""One number over two axes of a sweep."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from grokjax import labels
from grokjax.arguments import takes
from grokjax.plots.style import axes, colorbar, styled
from grokjax.settings import refuse

WRITTEN = 120
"""Cells up to which each has its number written in it."""


def _table(name: str, value: Any) -> None:
    """Refuses what is not labelled along two dimensions."""
    if len(getattr(value, "dims", ())) != 2 or not hasattr(value, "coords"):
        raise refuse(name, value, "give an xarray DataArray with two dimensions")


@styled
@takes(values=_table)
def heat_map(values: Any, label: str = "", title: str = "", ax: Axes | None = None) -> Axes:
    """A table of numbers in colours; cells that are not known are hatched.

    Args:
      values: an xarray DataArray with two dimensions that have coordinates, the
        first upwards, the second to the right.
      label: of the colours.
      title: above the axes.
      ax: where to draw; none: on a new figure.

    Returns:
      The axes drawn on.
    """
    ax = axes(ax)
    table = np.asarray(values.values, float)  # [Y, X]
    up, right = values.dims
    ax.set_facecolor("0.92")
    ax.patch.set(hatch="///", edgecolor="0.7")
    image = ax.pcolormesh(np.ma.masked_invalid(table))
    finite = table[np.isfinite(table)]
    if not len(finite):
        middle = {"ha": "center", "va": "center", "transform": ax.transAxes}
        ax.text(0.5, 0.5, "not known in any cell", backgroundcolor="w", **middle)
        ax.grid(False)
    else:
        colorbar(ax, image, label)
    if len(finite) and table.size <= WRITTEN:
        low, high = finite.min(), finite.max()
        digits = 0 if high >= 10 or np.all(finite == np.round(finite)) else 2
        for (i, j), value in np.ndenumerate(table):
            if np.isfinite(value):
                dark = (value - low) < 0.5 * (high - low)
                text = f"{value:.{digits}f}"
                color = "white" if dark else "black"
                ax.text(j + 0.5, i + 0.5, text, ha="center", va="center", color=color, fontsize=8)
    for axis, name in ((ax.xaxis, right), (ax.yaxis, up)):
        marks = values[name].values
        every = max(1, len(marks) // 12)
        texts = [labels.value(str(name), mark) for mark in marks[::every]]
        axis.set_ticks(np.arange(len(marks))[::every] + 0.5, texts)
        axis.set_label_text(labels.setting(str(name)))
    ax.set_title(title)
    return ax
