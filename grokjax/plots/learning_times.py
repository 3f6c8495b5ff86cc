"""When members memorised and grokked, against a setting."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from grokjax.analysis.incidence import Incidence, by_value
from grokjax.analysis.times import Events, Times
from grokjax.config import labels
from grokjax.errors import invalid
from grokjax.plots.decorations import add_legend, use_log_scale
from grokjax.plots.overlay import DASHES, joined_label, number_of_runs, run_style
from grokjax.plots.style import CATEGORIES, axes_or_new, styled
from grokjax.runtime.arguments import positive_number, sequence, takes

END_MARKERS = {
    "max_epochs": ("x", "not within max_epochs"),
    "running": ("^", "running, not yet"),
    "diverged": ("D", "diverged"),
    "pruned": ("v", "pruned before"),
    "stopped": ("s", "stopped before"),
}
"""Marker and legend of a member without a time, by its end (see `times.Times`)."""


@styled
@takes(values=sequence, named=dict, limit=positive_number)
def times_against(
    name: str,
    values: np.ndarray,
    named: dict[str, Times],
    limit: float,
    title: str = "",
    unit: str = "epoch",
    ax: Axes | None = None,
    label: str = "",
    color: Any = None,
) -> Axes:
    """Draw times against a setting: a mark for each member, and medians with quartiles.

    An arrow in place of the upper end of a bar means that the upper quartile is not known.

    Args:
      name: label of the horizontal axis.
      values: the setting `[M]`; its distinct values are evenly spaced on the axis.
      named: label to the times of all members, such as `times.Events.grokked`.
      limit: longest training time, shown if any member trained so long without the event.
      unit: of the times and the limit.
      label: of the run, if the axes have several with the same values; it goes before the labels of
        the times, which then have one colour and differ in their markers.
      color: that colour; None: the next one.

    Raises ConfigError if the axes have times against other values.
    """
    run, before = run_style(label, color, ax), 0 if ax is None else len(ax.containers)
    is_given, ax = ax is not None, axes_or_new(ax)
    distinct, place = np.unique(values, return_inverse=True)
    reached = any(np.any(np.isnan(t.epochs) & (t.end == "max_epochs")) for t in named.values())
    latest = max((np.nanmax(times.observed, initial=0.0) for times in named.values()), default=0.0)
    top = limit if reached or not latest else latest
    repeat = np.array([np.sum(place[:j] == place[j]) for j in range(len(place))]) % 8
    setting = name.replace(" ", "_")
    ticks = [labels.value(setting, value) for value in distinct]
    if before and ticks != (there := [text.get_text() for text in ax.get_xticklabels()]):
        requirement = f"must be those on the axes, {', '.join(there)}, for several runs"
        raise invalid("values", ", ".join(ticks), requirement, "use grokjax.concat")
    top = max(top, ax.get_ylim()[1] / 1.18) if before else top
    for i, (text, times) in enumerate(named.items(), before):
        shift = (i - (len(named) - 1) / 2) * 0.16
        shade = CATEGORIES[i % len(CATEGORIES)] if run is None else run.color
        _draw_members(ax, place + shift + repeat * 0.018 - 0.06, times, top, i, shade)
        x = np.arange(len(distinct)) + shift
        curves = by_value(values, times)
        _draw_medians(ax, x, curves, top, i, shade, joined_label(label, text))
    if reached:
        ax.axhline(limit, color="0.6", linewidth=0.8, linestyle=":")
    ax.set_xticks(range(len(distinct)), ticks)
    ax.set(xlabel=name, ylabel=unit, title=title, ylim=(0, 1.18 * top))
    add_legend(
        ax, is_given or run is not None, [*ax.get_legend_handles_labels()[0], *_marker_lines(named)]
    )
    return ax


def _draw_members(ax: Axes, x: np.ndarray, times: Times, top: float, i: int, color: Any) -> None:
    """A dot for each member's time; without one, a marker of its end where it was last seen."""
    known = ~np.isnan(times.epochs)
    ax.plot(x[known], times.epochs[known], ".", color=color, alpha=0.45, markersize=5)
    for end, (marker, _) in END_MARKERS.items():
        chosen = ~known & (times.end == end)
        above = np.full(chosen.sum(), top * (1.06 + 0.05 * i))
        y = above if end == "max_epochs" else times.follow_up[chosen]
        ax.plot(x[chosen], y, marker, color=color, alpha=0.6, markersize=4, fillstyle="none")


def _draw_medians(
    ax: Axes,
    x: np.ndarray,
    curves: dict[float, Incidence],
    top: float,
    i: int,
    color: Any,
    label: str,
) -> None:
    """The median at each value with its quartiles; an arrow for an unknown upper quartile."""
    low, middle, high = np.array([curve.quartiles() for curve in curves.values()]).T
    unknown = np.isnan(high) & ~np.isnan(middle)
    ax.errorbar(
        x,
        middle,
        [middle - low, np.where(unknown, middle, high) - middle],
        color=color,
        marker="os^vDP*"[i % 7],
        markersize=6,
        capsize=3,
        linewidth=1.4,
        label=label,
    )
    for position, start in zip(x[unknown], middle[unknown], strict=True):
        _draw_arrow(ax, position, start, top, color)


def _draw_arrow(ax: Axes, x: float, start: float, end: float, color: str) -> None:
    style = {"arrowstyle": "-|>", "color": color, "shrinkA": 0, "shrinkB": 0, "linewidth": 1.4}
    ax.annotate("", (x, end), (x, start), arrowprops=style)


def _marker_lines(named: dict[str, Times]) -> list[Line2D]:
    """Lines for a legend of the members' markers."""
    ends = {
        end for t in named.values() for end in t.end[np.isnan(t.epochs) & ~np.isnan(t.follow_up)]
    }
    style = {"color": "0.4", "linestyle": "none", "markersize": 4, "fillstyle": "none"}
    shown = [(".", "each member"), *(END_MARKERS[end] for end in END_MARKERS if end in ends)]
    return [Line2D([], [], marker=marker, label=label, **style) for marker, label in shown]


@styled
@takes(values=sequence, found=Events, limit=positive_number)
def learning_times(
    name: str,
    values: np.ndarray,
    found: Events,
    limit: float,
    title: str = "",
    ax: Axes | None = None,
    label: str = "",
    color: Any = None,
) -> Axes:
    """Draw epochs to memorise and to grok against a setting (see `times_against`).

    Args:
      name: label of the horizontal axis.
      values: the setting `[M]`.
      found: `analysis.times.events`.
      limit: largest number of epochs trained.
      label, color: of one of several runs, as for `times_against`.
    """
    named = {
        "memorised: median and quartiles": found.memorised,
        "grokked: median and quartiles": found.grokked,
    }
    return times_against(name, values, named, limit, title, ax=ax, label=label, color=color)


@styled
@takes(named=dict)
def medians(
    name: str,
    named: dict[str, dict[float, Incidence]],
    title: str = "",
    unit: str = "epoch",
    ax: Axes | None = None,
    label: str = "",
    color: Any = None,
) -> Axes:
    """Draw median times against a number on a log axis, with quartiles as a band.

    An unknown median has a marker above the last evaluation, with the number of members that
    have a time: a triangle if other members may still reach the event, a cross if none can.
    An arrow up from the band means that the upper quartile is unknown.

    Args:
      name: label of the horizontal axis.
      named: label to {number: incidence of its members}, as from `analysis.incidence.by_value`.
      label: of the run, if the axes have several; its lines then have one colour, and differ in
        their dashes.
      color: that colour; None: the next one.
    """
    run, before = run_style(label, color, ax), number_of_runs(ax)
    is_given, ax = ax is not None, axes_or_new(ax)
    for i, (text, curves) in enumerate(named.items()):
        color, dashes = CATEGORIES[(before + i) % len(CATEGORIES)], "-"
        if run is not None:
            color, dashes = run.color, DASHES[i % len(DASHES)]
        x = np.array(list(curves), float)
        low, middle, high = np.array([curve.quartiles() for curve in curves.values()]).T
        last = np.array([curve.last_epoch for curve in curves.values()])
        known, open_ended = ~np.isnan(middle), np.isnan(high) & ~np.isnan(middle)
        top = np.where(open_ended, last, high)
        ax.fill_between(x, low, top, where=known, color=color, alpha=0.2, linewidth=0)
        style = {"color": color, "linestyle": dashes, "markersize": 4}
        ax.plot(x, middle, "o", label=joined_label(label, text), **style)
        for i in np.flatnonzero(open_ended):
            _draw_arrow(ax, x[i], middle[i], 1.15 * last[i], color)
        for value, curve in curves.items():
            if np.isnan(curve.quantile(0.5)):
                _mark_unknown_median(ax, value, curve, color)
    ax.set(xlabel=name, ylabel=unit, title=title)
    use_log_scale(ax, "y")
    if len(named) > 1 or run is not None:
        add_legend(ax, is_given or run is not None)
    return ax


def _mark_unknown_median(ax: Axes, x: float, curve: Incidence, color: str) -> None:
    marker = "^" if curve.censored else "x"
    ax.plot([x], [1.25 * curve.last_epoch], marker, color=color, fillstyle="none")
    if curve.reached:
        note = {"fontsize": 7, "color": color, "ha": "center", "va": "bottom"}
        ax.annotate(f"{curve.reached}/{curve.members}", (x, 1.45 * curve.last_epoch), **note)
