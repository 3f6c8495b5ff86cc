"""The style of all figures: colours, sizes for screens and phones, new figures and their files."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from grokjax.errors import invalid
from grokjax.runtime import paths
from grokjax.runtime.arguments import integer_at_least, positive_number, takes
from grokjax.storage.files import atomic_write

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
# Okabe & Ito 2008: these can be told apart with any common colour blindness.
BLUE, VERMILLION, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
SKY, ORANGE, BLACK, GREY = "#56B4E9", "#E69F00", "#000000", "#999999"
TRAIN, TEST, KEY = BLUE, VERMILLION, GREEN
"""Colours of the train split, the test split and key frequencies."""
CATEGORIES = (BLUE, VERMILLION, GREEN, PURPLE, SKY, ORANGE, BLACK, GREY)
"""Colours of values that have no order."""
LAYERS = (GREEN, PURPLE, SKY, ORANGE, BLACK, GREY)
"""Colours of layers; `page.css` has the same order."""

styled = mpl.rc_context(STYLE)
"""Decorator: draw with `STYLE`, whatever the caller's own style is."""

NARROW_WIDTH = 3.7
"""Inches across of a figure for a phone: 355 px at 96 px an inch, with lettering in full size."""

_narrow: ContextVar[bool] = ContextVar("narrow", default=False)


@contextmanager
def narrow() -> Iterator[None]:
    """Context manager: make figures as wide as a phone, with one panel below the other."""
    token = _narrow.set(True)
    try:
        yield
    finally:
        _narrow.reset(token)


@styled
@takes(
    width=positive_number,
    height=positive_number,
    columns=integer_at_least(1),
    rows=integer_at_least(1),
)
def figure(
    width: float = 7.0, height: float = 4.2, columns: int = 1, rows: int = 1, **options: Any
) -> tuple[Figure, Any]:
    """Make a styled figure and its axes (an array of them for several panels).

    Args:
      width: inches; within `narrow` the width of a phone.
      height: inches; within `narrow` in proportion.
      columns: number of columns of panels.
      rows: number of rows of panels. Within `narrow` all panels are one below the other, in
        reading order, and the array still has this shape.
      **options: passed to `Figure.subplots`.
    """
    if not _narrow.get():
        fig = Figure(figsize=(width, height), layout="constrained")
        return fig, fig.subplots(rows, columns, **options)
    panels = rows * columns
    panel_height = max(2.8, height / rows * min(1, NARROW_WIDTH / (width / columns)))
    fig = Figure(figsize=(NARROW_WIDTH, panel_height * panels), layout="constrained")
    axes = np.ravel(fig.subplots(panels, 1, **options))
    if panels == 1:
        return fig, axes[0] if options.get("squeeze", True) else axes.reshape(1, 1)
    squeezed = options.get("squeeze", True) and 1 in (rows, columns)
    return fig, axes if squeezed else axes.reshape(rows, columns)


def add_height(fig: Figure, lines: int) -> None:
    """Make a figure for a phone higher by so many lines of text."""
    if _narrow.get():
        fig.set_figheight(fig.get_figheight() + 0.2 * lines)


def axes_or_new(ax: Axes | None) -> Axes:
    """Return the given axes, or those of a new figure if `ax` is None."""
    if ax is not None and not isinstance(ax, Axes):
        raise invalid("ax", ax, "must be matplotlib Axes, or None for a new figure")
    return figure(7.5, 4.6)[1] if ax is None else ax


def figure_of(drawn: Figure | Axes) -> Figure:
    """Return the figure itself, or the one that the axes are on."""
    fig = drawn.get_figure(root=True) if isinstance(drawn, Axes) else drawn
    if not isinstance(fig, Figure):
        raise invalid("drawn", drawn, "must be a matplotlib Figure, or Axes that are on one")
    return fig


@styled
def save(drawn: Figure | Axes, path: str | Path) -> Path:
    """Write a figure to a file in one step; its folder is created.

    Args:
      drawn: a figure, or axes on it.
      path: the file; its suffix names the format, such as .png, .pdf or .svg. `~` is the
        home directory.

    Returns:
      The path.

    Raises:
      ConfigError: the format is unknown, or the file cannot be written.
    """
    path, fig = paths.parse_path("path", path), figure_of(drawn)
    formats = fig.canvas.get_supported_filetypes()
    suffix = path.suffix.removeprefix(".").lower()
    if suffix not in formats:
        raise invalid("path", str(path), f"must end in one of .{', .'.join(sorted(formats))}")
    paths.require_writable("path", path, "name another")
    path.parent.mkdir(parents=True, exist_ok=True)
    content = io.BytesIO()
    fig.savefig(content, format=suffix)
    with atomic_write(path) as temporary:
        temporary.write_bytes(content.getbuffer())
    return path
