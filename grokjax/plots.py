"""Pictures. Each draws on an `ax` or makes a figure, and computes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

STYLE: Any = {
    "figure.dpi": 110,
    "savefig.dpi": 150,
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "legend.frameon": False,
}
# Okabe & Ito 2008, told apart with any common colour blindness.
TRAIN, TEST, OTHER = "#0072B2", "#D55E00", "#009E73"
OTHERS = ("#0072B2", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")


def figure(width: float = 7.0, height: float = 4.2, columns: int = 1) -> tuple[Figure, Any]:
    """A styled figure and its axes (an array of them for several columns)."""
    with mpl.rc_context(STYLE):
        fig = Figure(figsize=(width, height), layout="constrained")
        return fig, fig.subplots(1, columns)


def _axes(ax: Axes | None) -> Axes:
    return figure(7.5, 4.6)[1] if ax is None else ax


def save(drawn: Figure | Axes, path: str | Path) -> Path:
    """Writes a figure, or the one that axes are on, making its folder; returns the path."""
    fig = drawn.get_figure(root=True) if isinstance(drawn, Axes) else drawn
    assert fig is not None
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context(STYLE):
        fig.savefig(path)
    return path


def band(ax: Axes, x: np.ndarray, values: np.ndarray, label: str, color: str) -> None:
    """Median over members and the band between quartiles; `values [M, T]`, NaN once stopped.

    A member that stopped keeps its last value, so that the band is over all of
    them from end to end.
    """
    last = np.maximum.accumulate(np.where(np.isnan(values), 0, np.arange(values.shape[1])), axis=1)
    held = np.take_along_axis(values, last, axis=1)
    low, middle, high = np.nanquantile(held, (0.25, 0.5, 0.75), axis=0)
    ax.fill_between(x, low, high, color=color, alpha=0.25, linewidth=0)
    ax.plot(x, middle, color=color, label=label)


def curves(history: Any, title: str = "") -> Figure:
    """Accuracy and loss of both splits against epochs, over all members of a history."""
    fig, (left, right) = figure(9.5, 3.8, columns=2)
    x = history.epoch.values
    for split, color in (("train", TRAIN), ("test", TEST)):
        band(left, x, history[f"{split}_accuracy"].values, split, color)
        band(right, x, history[f"{split}_loss"].values, split, color)
    left.set(xlabel="epoch", ylabel="accuracy", ylim=(-0.02, 1.02))
    right.set(xlabel="epoch", ylabel="cross-entropy", yscale="log")
    left.legend(loc="center right")
    fig.suptitle(title or _default_title(history.sizes["member"]))
    return fig


def _default_title(members: int) -> str:
    return f"median and quartiles of {members} members, stopped ones at their last value"


def times(named: dict[str, np.ndarray], title: str = "", ax: Axes | None = None) -> Axes:
    """Cumulative share of members against the epoch at which they got there.

    Args:
      named: label to epochs `[M]`, NaN for never; up to three.
      title: above the axes.
      ax: where to draw; none: on a new figure.

    Returns:
      The axes drawn on.
    """
    ax = _axes(ax)
    for color, (label, epochs) in zip((TRAIN, OTHER, TEST), named.items(), strict=False):
        known = np.sort(epochs[~np.isnan(epochs)])
        share = np.arange(1, len(known) + 1) / len(epochs)
        x, y = np.concatenate([known[:1], known]), np.concatenate([[0.0], share])
        ax.step(x, y, where="post", color=color, label=f"{label} ({len(known)}/{len(epochs)})")
        ax.plot(known, np.full(len(known), -0.03), "|", color=color, markersize=9)
    ax.set(xlabel="epoch", ylabel="share of members", title=title)
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.11), ncols=len(named))
    return ax


def times_against(
    name: str,
    values: np.ndarray,
    named: dict[str, tuple[np.ndarray, np.ndarray]],
    limit: float,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Times against a setting: every member a dot, and per value the median with quartiles.

    Args:
      name: what is on the horizontal axis.
      values: the setting `[M]`, evenly spaced on the axis, as labels.
      named: label to (epochs `[M]`, NaN for never; quartiles `[V, 3]` of the V
        distinct values, ascending, NaN where not known); up to three.
      limit: epochs trained at most; members that never got there stand above it.
      title: above the axes.
      ax: where to draw; none: on a new figure.

    Returns:
      The axes drawn on.
    """
    ax = _axes(ax)
    distinct = np.unique(values)
    place = np.searchsorted(distinct, values)
    for i, (label, (epochs, quartiles)) in enumerate(named.items()):
        color, marker = (TRAIN, TEST, OTHER)[i], "os^"[i]
        shift = (i - (len(named) - 1) / 2) * 0.16
        spread = np.array([np.sum(place[:j] == place[j]) for j in range(len(place))]) % 8 * 0.018
        never = np.isnan(epochs)
        x = place + shift + spread - 0.06
        ax.plot(x[~never], epochs[~never], ".", color=color, alpha=0.45, markersize=5)
        ax.plot(
            x[never],
            np.full(never.sum(), limit * (1.06 + 0.05 * i)),
            "x",
            color=color,
            alpha=0.6,
            markersize=4,
        )
        low, middle, high = quartiles.T
        at = np.arange(len(distinct)) + shift
        # An unknown upper quartile is beyond the budget.
        high = np.where(np.isnan(high) & ~np.isnan(middle), limit, high)
        ax.errorbar(
            at,
            middle,
            [middle - low, high - middle],
            color=color,
            marker=marker,
            markersize=6,
            capsize=3,
            linewidth=1.4,
            label=label,
        )
    ax.axhline(limit, color="0.6", linewidth=0.8, linestyle=":")
    note = {"xycoords": ("axes fraction", "data"), "fontsize": 8, "color": "0.4", "ha": "center"}
    ax.annotate("crosses: not within the budget", (0.55, limit * 1.02), **note)
    ax.set_xticks(range(len(distinct)), [f"{value:g}" for value in distinct])
    ax.set(xlabel=name, ylabel="epoch", title=title, ylim=(0, limit * 1.18))
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.11), ncols=len(named))
    return ax


def scaling(speeds: dict[int, list[float]], ax: Axes | None = None) -> Axes:
    """Member-steps a second against the number of devices: every repeat, medians, the ideal.

    Args:
      speeds: number of devices to repeats.
      ax: where to draw; none: on a new figure.

    Returns:
      The axes drawn on.
    """
    ax = _axes(ax)
    counts = sorted(speeds)
    medians = [float(np.median(speeds[n])) for n in counts]
    ideal = [medians[0] * n / counts[0] for n in counts]
    ax.plot(counts, ideal, ":", color="0.6", label="ideal")
    ax.plot(counts, medians, "o-", color=TRAIN, label="median")
    for n in counts:
        ax.plot([n] * len(speeds[n]), speeds[n], ".", color=TRAIN, alpha=0.4)
    for n, middle in zip(counts, medians, strict=True):
        text = f"{middle / medians[0]:.2f} x"
        ax.annotate(text, (n, middle), xytext=(6, -12), textcoords="offset points", fontsize=8)
    ax.set_xticks(counts)
    ax.set(xlabel="devices, a core each", ylabel="member-steps a second", ylim=(0, None))
    ax.legend(loc="upper left")
    return ax


def throughput(
    curves: dict[str, dict[int, float]], limits: dict[str, float], ax: Axes | None = None
) -> Axes:
    """Member-steps a second against the number of members, both on log axes.

    Args:
      curves: contender to members to speed.
      limits: by label, speeds to compare with, as lines across.
      ax: where to draw; none: on a new figure.

    Returns:
      The axes drawn on.
    """
    ax = _axes(ax)
    for i, (label, speeds) in enumerate(curves.items()):
        counts = sorted(speeds)
        ours = label == "grokjax"
        ax.plot(
            counts,
            [speeds[n] for n in counts],
            marker="osD^vP*X<>"[i % 10],
            color=OTHERS[i % len(OTHERS)] if not ours else TEST,
            linewidth=2.4 if ours else 1.2,
            markersize=7 if ours else 5,
            zorder=3 if ours else 2,
            label=label,
        )
    for label, speed in limits.items():
        ax.axhline(speed, color="0.2", linestyle="--", linewidth=1.2)
        ax.annotate(
            f"{label}: {speed:,.0f}",
            (0.02, speed),
            xytext=(0, 4),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            fontsize=9,
        )
    ax.set(xscale="log", yscale="log", xlabel="members", ylabel="member-steps a second")
    counts = sorted({n for speeds in curves.values() for n in speeds})
    ax.set_xticks(counts, [str(n) for n in counts])
    ax.minorticks_off()
    ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    ax.yaxis.set_major_formatter("{x:,.0f}")
    ax.margins(y=0.12)
    ax.legend(fontsize=7.5, loc="upper center", bbox_to_anchor=(0.5, -0.13), ncols=2)
    return ax
