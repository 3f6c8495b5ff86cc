"""Several runs on one pair of axes: each has a label and one colour, for all of its lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.colors import is_color_like, to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from grokjax.errors import invalid
from grokjax.plots.style import CATEGORIES

DASHES: tuple[Any, ...] = ("-", "--", ":", "-.", (0, (1, 3)), (0, (6, 1, 1, 1, 1, 1)))
"""Dashes that tell the lines of one run apart."""


@dataclass(frozen=True)
class RunStyle:
    """The label and the colour of a run that is drawn beside others."""

    label: str
    color: Any


def run_style(label: str, color: Any, ax: Axes | None) -> RunStyle | None:
    """Return how a run is drawn beside others; None if it has no label and no colour.

    Without a colour it has the next of `CATEGORIES` that no run on the axes has.

    Raises ConfigError for a label that is no text, or a colour that matplotlib does not know.
    """
    if not isinstance(label, str):
        raise invalid("label", label, "must be text")
    if color is not None and not is_color_like(color):
        raise invalid("color", color, "must be a colour of matplotlib, such as 'C1' or '#0072B2'")
    if not label and color is None:
        return None
    if color is None:
        color = CATEGORIES[number_of_runs(ax) % len(CATEGORIES)]
    return RunStyle(label, color)


def number_of_runs(ax: Axes | None) -> int:
    """Return how many runs have been drawn on axes: how many colours have a label there."""
    return 0 if ax is None else len({_color(h) for h in ax.get_legend_handles_labels()[0]})


def _color(handle: Any) -> Any:
    """Return the colour of a labelled artist; containers, of bars or markers, are tuples."""
    artist = handle[0] if isinstance(handle, tuple) else handle
    return to_hex(artist.get_color() if isinstance(artist, Line2D) else artist.get_facecolor())


def joined_label(label: str, name: str) -> str:
    """Return the label of a run, followed by what a line of it is."""
    return f"{label}: {name}" if label and name else label or name


def add_run_legend(ax: Axes, names: Sequence[str], dashes: Sequence[Any] = DASHES) -> None:
    """Explain the colours of the runs on axes, and the dashes of their lines, by a legend."""
    runs = dict(zip(*reversed(ax.get_legend_handles_labels()), strict=True))
    lines = [Line2D([], [], color=h.get_color(), label=label) for label, h in runs.items()]
    lines += [
        Line2D([], [], color="0.3", linestyle=each, label=name)
        for name, each in zip(names, dashes, strict=False)
    ]
    ax.legend(handles=lines, loc="best")


def panels_of(fig: Figure | None, panels: int, function: str) -> list[Axes] | None:
    """Return the axes of a figure that the same function has made; None without a figure.

    Raises ConfigError if it has another number of panels.
    """
    if fig is None:
        return None
    axes = fig.axes if isinstance(fig, Figure) else []
    if len(axes) != panels:
        requirement = (
            f"must be a figure that plots.{function} made with a label, of {panels} panels"
        )
        raise invalid("fig", fig, requirement)
    return axes
