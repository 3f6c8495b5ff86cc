"""When members got there, against a setting."""

from __future__ import annotations

import itertools

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from grokjax import labels
from grokjax.analysis.incidence import Incidence, by_value
from grokjax.analysis.timing import Events, Times
from grokjax.arguments import positive, sequence, takes
from grokjax.plots.style import CATEGORIES, axes, legend_below, log_scale, styled

MARKS = {"max_epochs": "x", "running": "^", "diverged": "D", "stopped": "s"}
"""Markers of members that did not get there, by why; see `timing.Times`."""

NOTES = {
    "max_epochs": "not within max_epochs",
    "running": "running, not yet",
    "diverged": "diverged",
    "stopped": "stopped before",
}


@styled
@takes(values=sequence, named=dict, limit=positive)
def times_against(
    name: str,
    values: np.ndarray,
    named: dict[str, Times],
    limit: float,
    title: str = "",
    unit: str = "epoch",
    ax: Axes | None = None,
) -> Axes:
    """Times against a setting: every member a mark, and per value the median with quartiles.

    A bar that ends in an arrow has its upper quartile later than all that was seen, or nowhere.

    Args:
      name: what is on the horizontal axis.
      values: the setting `[M]`, evenly spaced on the axis, as labels.
      named: label to the times of all members, such as `timing.Events.grokked`.
      limit: until when members train at most, shown where any trained so long.
      title: above the axes.
      unit: of the times and the limit.
      ax: where to draw; None: on a new figure.

    Returns:
      The axes drawn on.
    """
    given, ax = ax is not None, axes(ax)
    distinct, place = np.unique(values, return_inverse=True)
    reached = any(np.any(np.isnan(t.epochs) & (t.end == "max_epochs")) for t in named.values())
    latest = max((np.nanmax(times.until, initial=0.0) for times in named.values()), default=0.0)
    top = limit if reached or not latest else latest
    among = np.array([np.sum(place[:j] == place[j]) for j in range(len(place))]) % 8
    for i, (label, times) in enumerate(named.items()):
        shift = (i - (len(named) - 1) / 2) * 0.16
        _members(ax, place + shift + among * 0.018 - 0.06, times, top, i)
        _medians(ax, np.arange(len(distinct)) + shift, by_value(values, times), top, i, label)
    if reached:
        ax.axhline(limit, color="0.6", linewidth=0.8, linestyle=":")
    setting = name.replace(" ", "_")
    ax.set_xticks(range(len(distinct)), [labels.value(setting, value) for value in distinct])
    ax.set(xlabel=name, ylabel=unit, title=title, ylim=(0, 1.18 * top))
    handles = [*ax.get_legend_handles_labels()[0], *_key(named)]
    if given:
        ax.legend(handles=handles, loc="best")
    else:
        legend_below(ax, handles)
    return ax


def _members(ax: Axes, x: np.ndarray, times: Times, top: float, i: int) -> None:
    """Every member: a dot where it got there; else a mark of its end, where it was last seen."""
    there, color = ~np.isnan(times.epochs), CATEGORIES[i]
    ax.plot(x[there], times.epochs[there], ".", color=color, alpha=0.45, markersize=5)
    for end, marker in MARKS.items():
        mine = ~there & (times.end == end)
        above = np.full(mine.sum(), top * (1.06 + 0.05 * i))
        y = above if end == "max_epochs" else times.seen[mine]
        ax.plot(x[mine], y, marker, color=color, alpha=0.6, markersize=4, fillstyle="none")


def _medians(
    ax: Axes, x: np.ndarray, curves: dict[float, Incidence], top: float, i: int, label: str
) -> None:
    """The median of every value with its quartiles; an arrow for an upper one that is not known."""
    low, middle, high = np.array([curve.quartiles() for curve in curves.values()]).T
    beyond = np.isnan(high) & ~np.isnan(middle)
    ax.errorbar(
        x,
        middle,
        [middle - low, np.where(beyond, middle, high) - middle],
        color=CATEGORIES[i],
        marker="os^vDP*"[i % 7],
        markersize=6,
        capsize=3,
        linewidth=1.4,
        label=label,
    )
    for at, start in zip(x[beyond], middle[beyond], strict=True):
        _arrow(ax, at, start, top, CATEGORIES[i])


def _arrow(ax: Axes, x: float, start: float, end: float, color: str) -> None:
    style = {"arrowstyle": "-|>", "color": color, "shrinkA": 0, "shrinkB": 0, "linewidth": 1.4}
    ax.annotate("", (x, end), (x, start), arrowprops=style)


def _key(named: dict[str, Times]) -> list[Line2D]:
    """Explains the marks of members."""
    ends = {end for t in named.values() for end in t.end[np.isnan(t.epochs) & ~np.isnan(t.seen)]}
    style = {"color": "0.4", "linestyle": "none", "markersize": 4, "fillstyle": "none"}
    marks = {"each member": "."} | {NOTES[end]: MARKS[end] for end in MARKS if end in ends}
    return [Line2D([], [], marker=marker, label=label, **style) for label, marker in marks.items()]


@styled
@takes(values=sequence, found=Events, limit=positive)
def learning_times(
    name: str,
    values: np.ndarray,
    found: Events,
    limit: float,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Epochs to memorise and to grok against a setting (see `times_against`).

    Args:
      name: what is on the horizontal axis.
      values: the setting `[M]`.
      found: `analysis.timing.events`.
      limit: epochs trained at most.
      title: above the axes.
      ax: where to draw; None: on a new figure.

    Returns:
      The axes drawn on.
    """
    named = {
        "memorised: median and quartiles": found.memorised,
        "grokked: median and quartiles": found.grokked,
    }
    return times_against(name, values, named, limit, title, ax=ax)


@styled
@takes(named=dict)
def medians(
    name: str,
    named: dict[str, dict[float, Incidence]],
    title: str = "",
    unit: str = "epoch",
    ax: Axes | None = None,
) -> Axes:
    """Median times against a number, quartiles as a band, on a logarithmic scale.

    A median that is not known is above the last time seen: an arrow head where members
    may still get there, a cross where the others never will, with how many of them got
    there. An arrow goes up from a band without an upper quartile.

    Args:
      name: what is on the horizontal axis.
      named: label to {number: its members' times}, as from `analysis.incidence.by_value`.
      title: above the axes.
      unit: of the times.
      ax: where to draw; None: on a new figure.

    Returns:
      The axes drawn on.
    """
    given, ax = ax is not None, axes(ax)
    for color, (label, curves) in zip(itertools.cycle(CATEGORIES), named.items(), strict=False):
        x = np.array(list(curves), float)
        low, middle, high = np.array([curve.quartiles() for curve in curves.values()]).T
        last = np.array([curve.last for curve in curves.values()])
        never, beyond = np.isnan(middle), np.isnan(high) & ~np.isnan(middle)
        top = np.where(beyond, last, high)
        ax.fill_between(x, low, top, where=~never, color=color, alpha=0.2, linewidth=0)
        ax.plot(x, middle, "o-", color=color, markersize=4, label=label)
        for at, start, end in zip(x[beyond], middle[beyond], last[beyond], strict=True):
            _arrow(ax, at, start, 1.15 * end, color)
        for value, curve in curves.items():
            if np.isnan(curve.quantile(0.5)):
                _not_reached(ax, value, curve, color)
    ax.set(xlabel=name, ylabel=unit, title=title)
    log_scale(ax, "y")
    if len(named) > 1 and given:
        ax.legend(loc="best")
    elif len(named) > 1:
        legend_below(ax)
    return ax


def _not_reached(ax: Axes, x: float, curve: Incidence, color: str) -> None:
    """A mark for a median that is not known, with how many got there."""
    marker = "^" if curve.may_still else "x"
    ax.plot([x], [1.25 * curve.last], marker, color=color, fillstyle="none")
    if curve.got_there:
        note = {"fontsize": 7, "color": color, "ha": "center", "va": "bottom"}
        ax.annotate(f"{curve.got_there}/{curve.members}", (x, 1.45 * curve.last), **note)
