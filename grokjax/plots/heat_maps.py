"""One value over two settings: heat maps of numbers, and phase diagrams."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis, XAxis
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from grokjax.config import labels
from grokjax.errors import invalid
from grokjax.plots.decorations import add_colorbar, add_legend_below
from grokjax.plots.style import BLUE, GREEN, ORANGE, PURPLE, SKY, VERMILLION, axes_or_new, styled
from grokjax.runtime.arguments import sequence, takes

MAX_WRITTEN = 120
"""Number of cells up to which each has its number written in it."""

MAX_CHARACTERS = 36
"""Characters up to which the names of all columns fit below a panel side by side."""

PHASE_COLORS = (GREEN, SKY, BLUE, VERMILLION, "#BBBBBB", ORANGE, PURPLE)


def _check_table(name: str, value: Any) -> None:
    if len(getattr(value, "dims", ())) != 2 or not hasattr(value, "coords"):
        raise invalid(name, value, "must be an xarray DataArray with two dimensions")


@styled
@takes(values=_check_table)
def heat_map(
    values: Any,
    label: str = "",
    title: str = "",
    ax: Axes | None = None,
    limits: tuple[float, float] | None = None,
) -> Axes:
    """Draw a table of numbers as colours; cells without a number are hatched.

    Args:
      values: an xarray DataArray with two dimensions that have coordinates: the first is
        the vertical axis, the second the horizontal axis.
      label: of the colour bar.
      limits: the values of the first and the last colour; None: the least and the largest.
    """
    ax = axes_or_new(ax)
    table = np.asarray(values.values, float)  # [Y, X]
    ax.set_facecolor("0.92")
    ax.patch.set(hatch="///", edgecolor="0.7")
    image = ax.pcolormesh(np.ma.masked_invalid(table))
    if np.isfinite(table).any():
        image.set_clim(limits)
        add_colorbar(ax, image, label)
        _write_numbers(ax, table, *image.get_clim())
    else:
        middle = {"ha": "center", "va": "center", "transform": ax.transAxes}
        ax.text(0.5, 0.5, "not known in any cell", backgroundcolor="w", **middle)
        ax.grid(False)
    for axis, name in zip((ax.yaxis, ax.xaxis), map(str, values.dims), strict=True):
        texts = [labels.value(name, value) for value in values[name].values]
        _name_cells(axis, labels.setting(name), texts)
    ax.set_title(title)
    return ax


def _name_cells(axis: Axis, label: str, texts: Sequence[str]) -> None:
    """Label an axis, and the middles of its cells; of many cells only some, evenly spaced."""
    every = -(-len(texts) // 12)
    shown = texts[::every]
    crowded = isinstance(axis, XAxis) and sum(map(len, shown)) > MAX_CHARACTERS
    slanted = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"} if crowded else {}
    axis.set_ticks(np.arange(len(texts))[::every] + 0.5, shown, **slanted)
    axis.set_label_text(label)


def _write_numbers(ax: Axes, table: np.ndarray, low: float, high: float) -> None:
    """Write the number in each cell of a small table, legible on the cell's colour."""
    if table.size > MAX_WRITTEN:
        return
    finite = table[np.isfinite(table)]
    digits = 0 if finite.max() >= 10 or np.all(finite == np.round(finite)) else 2
    for (i, j), value in np.ndenumerate(table):
        if np.isfinite(value):
            color = "white" if (value - low) < 0.5 * (high - low) else "black"
            style = {"ha": "center", "va": "center", "color": color, "fontsize": 8}
            ax.text(j + 0.5, i + 0.5, f"{value:.{digits}f}", **style)


@styled
@takes(codes="Y X S", names=sequence, x=tuple, y=tuple)
def phase_diagram(
    codes: np.ndarray,
    names: Sequence[str],
    x: tuple[str, np.ndarray],
    y: tuple[str, np.ndarray],
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw phases over two settings; each cell has a stripe for each seed.

    Args:
      codes: index into `names`, `[Y, X, S]`; a negative one means unknown and is white.
      names: of the phases, at most seven.
      x: name and values `[X]` of the setting on the horizontal axis.
      y: name and values `[Y]` of the setting on the vertical axis.
    """
    ax = axes_or_new(ax)
    rows, columns, seeds = codes.shape
    stripes = np.ma.masked_less(codes.reshape(rows, columns * seeds), 0)
    edges = np.linspace(0, columns, columns * seeds + 1)
    colors, last = ListedColormap(PHASE_COLORS[: len(names)]), len(names) - 0.5
    ax.pcolormesh(edges, np.arange(rows + 1), stripes, cmap=colors, vmin=-0.5, vmax=last)
    for i in range(1, columns):
        ax.axvline(i, color="white", linewidth=1.5)
    for i in range(1, rows):
        ax.axhline(i, color="white", linewidth=1.5)
    for axis, (name, values) in ((ax.xaxis, x), (ax.yaxis, y)):
        _name_cells(axis, name, [f"{value:.2g}" for value in values])
    ax.grid(False)
    ax.set_title(title)
    return ax


@styled
@takes(fig=Figure, names=sequence)
def phase_legend(fig: Figure, names: Sequence[str]) -> None:
    """Add a legend of the colours of `phase_diagram` below all panels of a figure."""
    colors = zip(PHASE_COLORS, names, strict=False)
    add_legend_below(fig, [Patch(color=color, label=name) for color, name in colors])
