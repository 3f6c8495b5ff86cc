"""Times to grok beside published quartiles, and the delay law fitted to them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from numpy.typing import ArrayLike

from grokjax.analysis.accelerated_times import AcceleratedTimes
from grokjax.analysis.incidence import incidence
from grokjax.analysis.times import Times
from grokjax.plots.decorations import add_legend
from grokjax.plots.style import BLUE, GREY, VERMILLION, axes_or_new, styled
from grokjax.runtime.arguments import sequence, takes

Quartiles = tuple[float, float, float]
"""First quartile, median, third quartile; NaN where fewer members got so far."""


@styled
@takes(named=dict)
def times_beside(
    named: Mapping[str, Times],
    published: Mapping[str, Quartiles] | None = None,
    title: str = "",
    unit: str = "step",
    ax: Axes | None = None,
) -> Axes:
    """Draw members' times on a log axis, a row for each group, with quartiles and published ones.

    Args:
      named: label of a row to the times of its members. A member without a time is a triangle where
        it was last seen.
      published: label of a row to quartiles to draw below ours.
      unit: of the times.
    """
    is_given, ax = ax is not None, axes_or_new(ax)
    for row, (name, times) in enumerate(named.items()):
        place = row + np.linspace(-0.12, 0.12, len(times))
        has = ~np.isnan(times.epochs)
        ax.plot(times.epochs[has], place[has], ".", color=BLUE, alpha=0.4, markersize=4)
        ax.plot(times.follow_up[~has], place[~has], ">", color=BLUE, alpha=0.6, markersize=4)
        _bar(ax, row - 0.2, incidence(times).quartiles(), BLUE)
        if published and name in published:
            _bar(ax, row + 0.2, published[name], GREY)
    shown = {
        "each member": (BLUE, "."),
        "not yet": (BLUE, ">"),
        "median and quartiles": (BLUE, "o"),
    }
    if published:
        shown["published"] = GREY, "o"
    handles = [
        Line2D([], [], color=color, marker=marker, linestyle="none", label=label)
        for label, (color, marker) in shown.items()
    ]
    ax.set_yticks(range(len(named)), list(named))
    ax.set(xscale="log", xlabel=unit, title=title)
    ax.invert_yaxis()
    add_legend(ax, is_given, handles)
    return ax


def _bar(ax: Axes, y: float, quartiles: Quartiles, color: str) -> None:
    low, middle, high = quartiles
    if np.isnan(middle):
        return
    ends = [[middle - np.nan_to_num(low, nan=middle)], [np.nan_to_num(high, nan=middle) - middle]]
    ax.errorbar([middle], [y], xerr=ends, fmt="o", color=color, capsize=3, markersize=5)


@styled
@takes(ratio=sequence, times=Times)
def delay_law(
    ratio: ArrayLike,
    times: Times,
    fit: AcceleratedTimes | None = None,
    published: Mapping[float, Quartiles] | None = None,
    title: str = "",
    unit: str = "step",
    ax: Axes | None = None,
) -> Axes:
    """Draw times to grok on a log axis against the ratio at which a norm is held, with the fit.

    Args:
      ratio: `[M]`, of the norm that is held to the reference norm.
      times: of the M members; one without a time is a triangle where it was last seen.
      fit: of these times against ratio - 1.
      published: ratio to quartiles to draw beside ours.
    """
    is_given, ax = ax is not None, axes_or_new(ax)
    ratio, has = np.asarray(ratio, float), ~np.isnan(times.epochs)
    x = ratio + _spread(ratio)
    ax.plot(x[has], times.epochs[has], ".", color=BLUE, alpha=0.45, markersize=5, label="members")
    if not has.all():
        left = ~has & ~np.isnan(times.follow_up)
        ax.plot(x[left], times.follow_up[left], "^", color=BLUE, markersize=4, label="not yet")
    for i, (value, quartiles) in enumerate((published or {}).items()):
        low, middle, high = quartiles
        bars = [[middle - low], [high - middle]]
        style = {"color": GREY, "capsize": 3, "markersize": 5}
        label = None if i else "published quartiles"
        ax.errorbar([value], [middle], bars, fmt="o", label=label, **style)
    if fit is not None:
        line = np.linspace(ratio.min(), ratio.max(), 50)
        low, high = fit.interval
        text = f"median of the fit, $\\alpha$ = {fit.slope:.2f} ({low:.2f} to {high:.2f})"
        ax.plot(line, fit.median(line - 1), color=VERMILLION, linewidth=1.4, label=text)
    ax.set(xlabel="norm / reference norm", ylabel=unit, yscale="log", title=title)
    add_legend(ax, is_given)
    return ax


def _spread(values: np.ndarray) -> np.ndarray:
    """Return small shifts that set members of one value apart, `[M]`."""
    distinct, place = np.unique(values, return_inverse=True)
    gap = np.min(np.diff(distinct), initial=0.1)
    rank = np.array([np.sum(place[:j] == place[j]) for j in range(len(place))])
    return gap * 0.25 * (rank / max(1, rank.max(initial=1)) - 0.5)
