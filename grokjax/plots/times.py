"""When members got there: survival curves, and times against a setting."""

from __future__ import annotations

import itertools

import numpy as np
from matplotlib.axes import Axes

from grokjax.analysis.timing import Survival
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
