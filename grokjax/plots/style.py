"""The style sheet, and how figures are made and saved."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Literal

import matplotlib as mpl
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import (
    FuncFormatter,
    LogLocator,
    MaxNLocator,
    NullFormatter,
)

from grokjax import paths
from grokjax.arguments import positive, takes, whole
from grokjax.files import replacing
from grokjax.settings import refuse

STYLE: Any = {
    "figure.dpi": 110,
    "savefig.dpi": 150,
    "font.size": 10,
    "axes.titlesize": 10.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.alpha": 0.25,
    "legend.frameon": False,
    "image.cmap": "cividis",
}
# Okabe & Ito 2008, told apart with any common colour blindness.
TRAIN, TEST, OTHER = "#0072B2", "#D55E00", "#009E73"
OTHERS = ("#0072B2", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
CATEGORIES = (TRAIN, TEST, OTHER, "#CC79A7", "#56B4E9", "#E69F00", "#000000", "#999999")
"""Colours of values that have no order."""
LAYERS = (OTHER, "#CC79A7", "#56B4E9", "#E69F00", "#000000", "#999999")
"""Colours of layers, which are neither train nor test; `page.css` has the same order."""

styled = mpl.rc_context(STYLE)
"""Decorator: what is drawn inside has the style, whatever the caller's own is."""

NARROW = 3.7
"""Inches across of a figure for a phone: 96 to an inch make 355 px, with lettering in full size."""

_narrow: ContextVar[bool] = ContextVar("narrow", default=False)


@contextmanager
def narrow() -> Iterator[None]:
    """Inside, figures are as wide as a phone, their panels one below the other."""
    token = _narrow.set(True)
    try:
        yield
    finally:
        _narrow.reset(token)


@styled
@takes(width=positive, height=positive, columns=whole(1), rows=whole(1))
def figure(
    width: float = 7.0, height: float = 4.2, columns: int = 1, rows: int = 1, **options: Any
) -> tuple[Figure, Any]:
    """A styled figure and its axes (an array of them for several).

    Args:
      width: inches; inside `narrow` that of a phone.
      height: inches; inside `narrow` in proportion.
      columns: of panels.
      rows: of panels. Inside `narrow` all panels are one below the other, in reading
        order, and the array still has this shape.
      **options: of `Figure.subplots`.
    """
    if not _narrow.get():
        fig = Figure(figsize=(width, height), layout="constrained")
        return fig, fig.subplots(rows, columns, **options)
    panels = rows * columns
    each = max(2.8, height / rows * min(1, NARROW / (width / columns)))
    fig = Figure(figsize=(NARROW, each * panels), layout="constrained")
    found = np.ravel(fig.subplots(panels, 1, **options))
    if panels == 1:
        return fig, found[0] if options.get("squeeze", True) else found.reshape(1, 1)
    squeezed = options.get("squeeze", True) and 1 in (rows, columns)
    return fig, found if squeezed else found.reshape(rows, columns)


def axes(ax: Axes | None) -> Axes:
    """The axes to draw on: those given, or new ones."""
    if ax is not None and not isinstance(ax, Axes):
        raise refuse("ax", ax, "give matplotlib Axes, or None for a new figure")
    return figure(7.5, 4.6)[1] if ax is None else ax


def columns_of(texts: Sequence[str], width: float) -> int:
    """Columns of a legend with these texts in a figure so many inches wide."""
    column = 0.68 + 0.082 * max(map(len, texts), default=1)  # handle and gaps, letters of 10 pt
    return max(1, min(len(texts), int(width / column)))


def legend_below(
    drawn: Figure | Axes, handles: Sequence[Artist] | None = None, title: str | None = None
) -> None:
    """A legend below a figure, in as many columns as fit; none without labels.

    Args:
      drawn: the figure, or the axes whose labels are listed, below its figure.
      handles: what to list instead.
      title: above them.
    """
    fig = figure_of(drawn)
    if handles is None:
        of = [drawn] if isinstance(drawn, Axes) else fig.axes
        handles = [h for ax in of for h in ax.get_legend_handles_labels()[0]]
    if handles and fig.get_layout_engine() is None:  # nothing would keep room below
        fig.axes[0].legend(handles=handles, loc="best", title=title)
    elif handles:
        texts = [str(handle.get_label()) for handle in handles]
        columns = columns_of(texts, fig.get_figwidth())
        _grow(fig, -(-len(texts) // columns) + bool(title))
        fig.legend(handles=handles, loc="outside lower center", ncols=columns, title=title)


def _grow(fig: Figure, lines: int) -> None:
    """Makes a figure for a phone as much higher as these lines of text take."""
    if _narrow.get():
        fig.set_figheight(fig.get_figheight() + 0.2 * lines)


def heading(fig: Figure, title: str, note: str = "") -> None:
    """A title above a figure and an explanation below the title, both wrapped to its width."""
    width = fig.get_figwidth()
    lines = textwrap.fill(title, max(20, int(width / 0.095)))
    fig.suptitle(lines, fontsize=11.5)
    if note:
        # An empty title of the uppermost axes would not keep room: the suptitle has both.
        small = textwrap.fill(note, max(20, int(width / 0.072)))
        _grow(fig, small.count("\n") + lines.count("\n"))
        fig.suptitle(f"{lines}\n{small}", fontsize=10)


def whole_numbers(*of: Axis) -> None:
    """Ticks of these axes at whole numbers only."""
    for axis in of:
        axis.set_major_locator(MaxNLocator("auto", integer=True, steps=[1, 2, 5, 10]))


def log_scale(ax: Axes, which: Literal["x", "y"]) -> None:
    """Makes an axis logarithmic once its data are drawn, with labels that read as numbers."""
    ax.set(**{f"{which}scale": "log"})
    axis = ax.xaxis if which == "x" else ax.yaxis
    low, high = sorted(axis.get_view_interval())
    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 500 * low else (1,)))
    axis.set_major_formatter(FuncFormatter(_short))
    axis.set_minor_formatter(NullFormatter())


def _short(value: float, _: int | None = None) -> str:
    """A number of a logarithmic axis: `0.02`, `5,000`, or a multiple of a power of ten."""
    if 1e-3 <= value < 1e6:
        return f"{value:,.6g}"
    factor, power = f"{value:.3e}".split("e")
    times = "" if float(factor) == 1 else f"{float(factor):g}" + r"{\times}"
    return rf"$\mathdefault{{{times}10^{{{int(power)}}}}}$"


def same_limits(several: Sequence[Axes]) -> None:
    """Gives these axes the vertical limits that hold what all of them show."""
    limits = np.array([ax.get_ylim() for ax in several])
    for ax in several:
        ax.set_ylim(limits[:, 0].min(), limits[:, 1].max())


def figure_of(drawn: Figure | Axes) -> Figure:
    """A figure, or the one that axes are on."""
    fig = drawn.get_figure(root=True) if isinstance(drawn, Axes) else drawn
    if not isinstance(fig, Figure):
        raise refuse("drawn", drawn, "give a matplotlib Figure, or Axes that are on one")
    return fig


def colorbar(ax: Axes, image: Any, label: str) -> None:
    """A bar of colours beside an image, which needs no grid."""
    figure_of(ax).colorbar(image, ax=ax, label=label)
    ax.grid(False)


@styled
def save(drawn: Figure | Axes, path: str | Path) -> Path:
    """Writes a figure, or the one that axes are on, as a whole; makes its folder.

    Args:
      drawn: a figure, or axes on it.
      path: the file; its suffix names the format, such as .png, .pdf or .svg. `~` is the
        home directory.

    Returns:
      The path.

    Raises:
      ConfigError: no such format, or the file cannot be written.
    """
    path, fig = paths.given("path", path), figure_of(drawn)
    formats = fig.canvas.get_supported_filetypes()
    format = path.suffix.removeprefix(".").lower()
    if format not in formats:
        raise refuse("path", str(path), f"it must end in one of .{', .'.join(sorted(formats))}")
    paths.writable("path", path, "name another")
    path.parent.mkdir(parents=True, exist_ok=True)
    content = io.BytesIO()
    fig.savefig(content, format=format)
    with replacing(path) as temporary:
        temporary.write_bytes(content.getbuffer())
    return path
