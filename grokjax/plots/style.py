"""The style sheet, and how figures are made and saved."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from grokjax.files import replacing

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

styled = mpl.rc_context(STYLE)
"""Decorator: what is drawn inside has the style, whatever the caller's own is."""


@styled
def figure(
    width: float = 7.0, height: float = 4.2, columns: int = 1, rows: int = 1
) -> tuple[Figure, Any]:
    """A styled figure and its axes (an array of them for several)."""
    fig = Figure(figsize=(width, height), layout="constrained")
    return fig, fig.subplots(rows, columns)


def axes(ax: Axes | None) -> Axes:
    """The axes to draw on: those given, or new ones."""
    return figure(7.5, 4.6)[1] if ax is None else ax


def figure_of(drawn: Figure | Axes) -> Figure:
    """A figure, or the one that axes are on."""
    fig = drawn.get_figure(root=True) if isinstance(drawn, Axes) else drawn
    assert fig is not None
    return fig


def colorbar(ax: Axes, image: Any, label: str) -> None:
    """A bar of colours beside an image, which needs no grid."""
    figure_of(ax).colorbar(image, ax=ax, label=label)
    ax.grid(False)


@styled
def save(drawn: Figure | Axes, path: str | Path) -> Path:
    """Writes a figure, or the one that axes are on, as a whole; makes its folder."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    content = io.BytesIO()
    figure_of(drawn).savefig(content, format=path.suffix.removeprefix(".") or None)
    with replacing(path) as temporary:
        temporary.write_bytes(content.getbuffer())
    return path
