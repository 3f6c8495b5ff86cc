"""Which phase every member of a grid ended in."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from grokjax.arguments import sequence, takes
from grokjax.plots.style import axes, legend_below, styled

COLORS = ("#009E73", "#56B4E9", "#0072B2", "#D55E00", "#BBBBBB", "#E69F00", "#CC79A7")


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
    """Phases over two settings; a cell is as many stripes as it has seeds.

    Args:
      codes: index into `names`, `[Y, X, S]`; negative: not known, left white.
      names: of the phases, at most seven.
      x: name and values `[X]` of the setting to the right.
      y: the same `[Y]` upwards.
      title: above the axes.
      ax: where to draw; none: on a new figure.

    Returns:
      The axes drawn on.
    """
    ax = axes(ax)
    rows, columns, seeds = codes.shape
    flat = np.ma.masked_less(codes.reshape(rows, columns * seeds), 0)
    edges = np.linspace(0, columns, columns * seeds + 1)
    colors = ListedColormap(COLORS[: len(names)])
    ax.pcolormesh(edges, np.arange(rows + 1), flat, cmap=colors, vmin=-0.5, vmax=len(names) - 0.5)
    for i in range(1, columns):
        ax.axvline(i, color="white", linewidth=1.5)
    for i in range(1, rows):
        ax.axhline(i, color="white", linewidth=1.5)
    for set_ticks, (name, values), label in (
        (ax.set_xticks, x, ax.set_xlabel),
        (ax.set_yticks, y, ax.set_ylabel),
    ):
        every = max(1, len(values) // 9)
        set_ticks(np.arange(len(values))[::every] + 0.5, [f"{v:.2g}" for v in values[::every]])
        label(name)
    ax.grid(False)
    ax.set_title(title)
    return ax


@styled
@takes(fig=Figure, names=sequence)
def phase_legend(fig: Figure, names: Sequence[str]) -> None:
    """The colours of `phase_diagram`, below all panels of a figure."""
    handles = [Patch(color=color, label=name) for color, name in zip(COLORS, names, strict=False)]
    legend_below(fig, handles)
