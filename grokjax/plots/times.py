"""When members got there: survival curves, and times against a setting."""

from __future__ import annotations

import itertools

import numpy as np
from matplotlib.axes import Axes

from grokjax.analysis.timing import Events, Survival, by_value
from grokjax.plots.style import OTHER, OTHERS, TEST, TRAIN, axes, styled

COLORS = (TRAIN, TEST, OTHER, *(c for c in OTHERS if c not in (TRAIN, OTHER)))


@styled
def survival(named: dict[str, Survival], title: str = "", ax: Axes | None = None) -> Axes:
    """Share of members that are not there yet, against epochs, with its 95% band.

    Args:
      named: label to `analysis.timing.kaplan_meier`; seven can be told apart.
      title: above the axes.
      ax: where to draw; none: on a new figure.

    Returns:
      The axes drawn on.
    """
    ax = axes(ax)
    texts: list[str] = []
    for color, (label, found) in zip(itertools.cycle(COLORS), named.items(), strict=False):
        x = np.concatenate([[0.0], found.epochs, [found.last]])
        curves = (
            np.concatenate([[1.0], curve, curve[-1:] if len(curve) else [1.0]])
            for curve in (found.share, found.low, found.high)
        )
        middle, low, high = curves
        texts.append(f"{label} ({found.got_there} of {found.members})")
        ax.step(x, middle, where="post", color=color, label=texts[-1])
        ax.fill_between(x, low, high, step="post", color=color, alpha=0.18, linewidth=0)
    ax.set(
        xlabel="epoch",
        ylabel="share of members not there yet",
        title=title,
        ylim=(-0.02, 1.02),
        xlim=(0, None),
    )
    if texts:
        columns = min(3, len(texts)) if max(map(len, texts)) < 25 else 1  # wider than the axes
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.11), ncols=columns)
    return ax


def _members(
    ax: Axes, x: np.ndarray, epochs: np.ndarray, seen: np.ndarray, limit: float, i: int
) -> None:
    """Every member: a dot where it got there, a cross above the limit, an arrow if it trains on."""
    color, never = COLORS[i], np.isnan(epochs)
    ax.plot(x[~never], epochs[~never], ".", color=color, alpha=0.45, markersize=5)
    over = never & (seen >= limit)
    crosses = np.full(over.sum(), limit * (1.06 + 0.05 * i))
    ax.plot(x[over], crosses, "x", color=color, alpha=0.6, markersize=4)
    ongoing = never & (seen < limit)
    ax.plot(x[ongoing], seen[ongoing], "^", color=color, alpha=0.6, markersize=4, fillstyle="none")


@styled
def times_against(
    name: str,
    values: np.ndarray,
    named: dict[str, tuple[np.ndarray, np.ndarray]],
    seen: np.ndarray,
    limit: float,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Times against a setting: every member a dot, and per value the median with quartiles.

    Args:
      name: what is on the horizontal axis.
      values: the setting `[M]`, evenly spaced on the axis, as labels.
      named: label to (epochs `[M]`, NaN for never; quartiles `[V, 3]` of the V
        distinct values, ascending, NaN where not known).
      seen: `[M]`, until when each member was looked at, `timing.Events.seen`. Those
        that did not get there are crosses above the limit, or arrows where they
        were last looked at; NaN for members that are left out.
      limit: epochs trained at most.
      title: above the axes.
      ax: where to draw; none: on a new figure.

    Returns:
      The axes drawn on.
    """
    ax = axes(ax)
    distinct, place = np.unique(values, return_inverse=True)
    among = np.array([np.sum(place[:j] == place[j]) for j in range(len(place))]) % 8
    for i, (label, (epochs, quartiles)) in enumerate(named.items()):
        shift = (i - (len(named) - 1) / 2) * 0.16
        x = place + shift + among * 0.018 - 0.06
        _members(ax, x, epochs, seen, limit, i)
        low, middle, high = quartiles.T
        # An unknown upper quartile is beyond the budget.
        high = np.where(np.isnan(high) & ~np.isnan(middle), limit, high)
        ax.errorbar(
            np.arange(len(distinct)) + shift,
            middle,
            [middle - low, high - middle],
            color=COLORS[i],
            marker="os^vDP*"[i % 7],
            markersize=6,
            capsize=3,
            linewidth=1.4,
            label=label,
        )
    ax.axhline(limit, color="0.6", linewidth=0.8, linestyle=":")
    note = {"xycoords": ("axes fraction", "data"), "fontsize": 8, "color": "0.4", "ha": "center"}
    ax.annotate("crosses: not within the budget", (0.55, limit * 1.02), **note)
    ax.set_xticks(range(len(distinct)), [v if isinstance(v, str) else f"{v:g}" for v in distinct])
    ax.set(xlabel=name, ylabel="epoch", title=title, ylim=(0, limit * 1.18))
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.11), ncols=len(named))
    return ax


@styled
def learning_times(
    name: str,
    values: np.ndarray,
    found: Events,
    limit: float,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Both times, to memorise and to grok, against a setting (see `times_against`).

    Args:
      name: what is on the horizontal axis.
      values: the setting `[M]`.
      found: `analysis.timing.events`.
      limit: epochs trained at most.
      title: above the axes.
      ax: where to draw; none: on a new figure.

    Returns:
      The axes drawn on.
    """
    named = {}
    for label, times in (("train accuracy", found.memorised), ("test accuracy", found.grokked)):
        curves = by_value(values, times, found.seen)
        spread = np.array([curve.quartiles() for curve in curves.values()])
        named[f"{label} at 99% (median, quartiles)"] = (times, spread)
    return times_against(name, values, named, found.seen, limit, title, ax)


@styled
def medians(
    name: str,
    named: dict[str, dict[float, Survival]],
    title: str = "",
    unit: str = "epoch",
    ax: Axes | None = None,
) -> Axes:
    """Median times against a number, quartiles as a band, on a logarithmic scale.

    A median that is not known is a triangle above the last time looked at, with
    the number of members that got there, if any did; so a band may end in one.

    Args:
      name: what is on the horizontal axis.
      named: label to {number: its members' times}, as from `analysis.timing.by_value`.
      title: above the axes.
      unit: of the times.
      ax: where to draw; none: on a new figure.

    Returns:
      The axes drawn on.
    """
    ax = axes(ax)
    for color, (label, curves) in zip(itertools.cycle(COLORS), named.items(), strict=False):
        x = np.array(list(curves), float)
        low, middle, high = np.array([curve.quartiles() for curve in curves.values()]).T
        last = np.array([curve.last for curve in curves.values()])
        never = np.isnan(middle)
        top = np.where(np.isnan(high), last, high)
        ax.fill_between(x, low, top, where=~never, color=color, alpha=0.2, linewidth=0)
        ax.plot(x, middle, "o-", color=color, markersize=4, label=label)
        ax.plot(x[never], 1.25 * last[never], "^", color=color, fillstyle="none")
        for value, curve in curves.items():
            if np.isnan(curve.quantile(0.5)) and curve.got_there:
                note = {"fontsize": 7, "color": color, "ha": "center", "va": "bottom"}
                ax.annotate(f"{curve.got_there}", (value, 1.45 * curve.last), **note)
    ax.set(xlabel=name, ylabel=unit, title=title, yscale="log")
    if len(named) > 1:
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.13), ncols=min(3, len(named)))
    return ax
