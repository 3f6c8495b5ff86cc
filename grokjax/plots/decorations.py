"""Legends, headings, colour bars, ticks, and labels that must not overlap."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from grokjax.plots.style import add_height, figure_of


def add_legend_below(
    drawn: Figure | Axes, handles: Sequence[Artist] | None = None, title: str | None = None
) -> None:
    """Add a legend below a figure, in as many columns as fit; nothing without labels.

    Args:
      drawn: the figure, or axes on it whose labels are listed.
      handles: list these instead.
      title: of the legend.
    """
    fig = figure_of(drawn)
    if handles is None:
        sources = [drawn] if isinstance(drawn, Axes) else fig.axes
        handles = [h for ax in sources for h in ax.get_legend_handles_labels()[0]]
    if handles and fig.get_layout_engine() is None:  # only a layout engine keeps room below
        fig.axes[0].legend(handles=handles, loc="best", title=title)
    elif handles:
        texts = [str(handle.get_label()) for handle in handles]
        columns = _legend_columns(texts, fig.get_figwidth())
        add_height(fig, -(-len(texts) // columns) + bool(title))
        fig.legend(handles=handles, loc="outside lower center", ncols=columns, title=title)


def _legend_columns(texts: Sequence[str], width: float) -> int:
    """Columns of a legend with these texts in a figure `width` inches wide."""
    column = 0.68 + 0.082 * max(map(len, texts), default=1)  # handle and gaps, letters of 10 pt
    return max(1, min(len(texts), int(width / column)))


def add_legend(ax: Axes, inside: bool, handles: Sequence[Artist] | None = None) -> None:
    """Add a legend inside the axes, as for axes that the caller gave, or below their figure."""
    if inside:
        ax.legend(handles=handles, loc="best")
    else:
        add_legend_below(ax, handles)


def add_heading(fig: Figure, title: str, note: str = "") -> None:
    """Add a title above a figure with an explanation below it, both wrapped to its width."""
    width = fig.get_figwidth()
    lines = textwrap.fill(title, max(20, int(width / 0.095)))
    fig.suptitle(lines, fontsize=11.5)
    if note:
        # An empty title of the uppermost axes would not keep room: the suptitle has both.
        small = textwrap.fill(note, max(20, int(width / 0.072)))
        add_height(fig, small.count("\n") + lines.count("\n"))
        fig.suptitle(f"{lines}\n{small}", fontsize=10)


def add_colorbar(ax: Axes, image: Any, label: str) -> None:
    """Add a colour bar beside an image and remove the grid."""
    figure_of(ax).colorbar(image, ax=ax, label=label)
    ax.grid(False)


def use_whole_ticks(*axes: Axis) -> None:
    """Put ticks at whole numbers only."""
    for axis in axes:
        axis.set_major_locator(MaxNLocator("auto", integer=True, steps=[1, 2, 5, 10]))


def use_log_scale(ax: Axes, which: Literal["x", "y"]) -> None:
    """Make an axis logarithmic, with plain numbers as labels; call it after drawing the data.

    It stays linear if no positive number is drawn, as a log axis could not be laid out then.
    """
    axis = ax.xaxis if which == "x" else ax.yaxis
    if not np.isfinite(axis.get_minpos()):
        return
    ax.set(**{f"{which}scale": "log"})
    low, high = sorted(axis.get_view_interval())
    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 500 * low else (1,)))
    axis.set_major_formatter(FuncFormatter(_log_label))
    axis.set_minor_formatter(NullFormatter())


def _log_label(value: float, _: int | None = None) -> str:
    """Label of a logarithmic axis: `0.02`, `5,000`, or a multiple of a power of ten."""
    if 1e-3 <= value < 1e6:
        return f"{value:,.6g}"
    factor, power = f"{value:.3e}".split("e")
    times = "" if float(factor) == 1 else f"{float(factor):g}" + r"{\times}"
    return rf"$\mathdefault{{{times}10^{{{int(power)}}}}}$"


def share_limits(several: Sequence[Axes]) -> None:
    """Give axes the same vertical limits, wide enough for all that they show."""
    limits = np.array([ax.get_ylim() for ax in several])
    for ax in several:
        ax.set_ylim(limits[:, 0].min(), limits[:, 1].max())


class OverlapHider(Artist):
    """Hides each text that would overlap an earlier one, every time the figure is drawn.

    Drawing time is the right time: it holds at any size and resolution, and in an animation.
    """

    def __init__(self, texts: Sequence[Text]) -> None:
        super().__init__()
        self.texts = list(texts)
        self.set_zorder(-1)  # drawn before the texts
        self.set_in_layout(False)

    def draw(self, renderer: Any) -> None:
        """Set which texts are visible; nothing is drawn."""
        shown = np.empty((0, 4))  # left, bottom, right, top
        for text in self.texts:
            text.set_visible(True)  # a hidden text has no extent
            box = text.get_window_extent(renderer).extents
            beside = (shown[:, 0] >= box[2]) | (shown[:, 2] <= box[0])
            free = bool((beside | (shown[:, 1] >= box[3]) | (shown[:, 3] <= box[1])).all())
            text.set_visible(free)
            if free:
                shown = np.vstack([shown, box])


def hide_overlaps(ax: Axes, texts: Sequence[Text]) -> None:
    """Show only those texts that overlap no earlier one (see `OverlapHider`)."""
    if texts:
        ax.add_artist(OverlapHider(texts))
