"""How fast training was: lanes over time, and speed against devices and members."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator

from grokjax.errors import invalid
from grokjax.plots.decorations import add_legend_below, use_whole_ticks
from grokjax.plots.style import CATEGORIES, GREY, TEST, TRAIN, axes_or_new, styled
from grokjax.runtime.arguments import nonempty_dict, takes

MAX_SESSIONS = 100
"""Number of sessions whose starts are marked; more could not be told apart."""

OURS = TEST
OTHERS = tuple(color for color in CATEGORIES if color not in (OURS, GREY))
"""Colours of the contenders that grokjax is compared with."""


def _check_rounds(name: str, value: Any) -> None:
    needed = {"session", "seconds", "lanes", "busy", "pending"}
    if not getattr(value, "empty", False) and not needed <= set(getattr(value, "columns", ())):
        raise invalid(name, value, "must be a table of rounds, such as run.rounds")


@styled
@takes(rounds=_check_rounds)
def occupancy(rounds: Any, ax: Axes | None = None) -> Axes:
    """Draw busy lanes, idle lanes and pending members over time.

    Args:
      rounds: such as `Run.rounds`; sessions follow each other without the time between them.
    """
    ax = axes_or_new(ax)
    if rounds.empty:  # nothing has been trained yet
        ax.set(xlabel="minutes of training", ylabel="lanes")
        return ax
    length = rounds.groupby("session", sort=True)["seconds"].max()
    before = length.cumsum() - length  # seconds trained before each session
    x = (rounds["seconds"] + rounds["session"].map(before)).to_numpy() / 60
    ax.fill_between(x, rounds["lanes"], step="pre", color="0.85", linewidth=0, label="idle lanes")
    busy = "lanes with a running member"
    ax.fill_between(x, rounds["busy"], step="pre", color=TRAIN, linewidth=0, label=busy)
    for start in before.to_numpy()[1:MAX_SESSIONS]:
        ax.axvline(start / 60, color="0.3", linewidth=0.8, linestyle=":")
    lanes, pending = int(rounds["lanes"].max()), rounds["pending"].max()
    ax.set(xlabel="minutes of training", ylabel="lanes", ylim=(0, 1.08 * lanes))
    right = ax.twinx()
    right.spines["right"].set_visible(True)
    right.plot(x, rounds["pending"], color=TEST, label="pending members")
    right.set(ylabel="pending members", ylim=(0, max(1, 1.08 * pending)))
    right.grid(False)
    use_whole_ticks(ax.yaxis, right.yaxis)
    add_legend_below(ax, [h for one in (ax, right) for h in one.get_legend_handles_labels()[0]])
    return ax


@styled
@takes(speeds=nonempty_dict)
def scaling(speeds: dict[int, list[float]], ax: Axes | None = None) -> Axes:
    """Draw member-steps a second against the number of devices: repeats, medians, and the ideal.

    Args:
      speeds: number of devices to the speeds of repeated measurements.
    """
    ax = axes_or_new(ax)
    counts = sorted(speeds)
    medians = [float(np.median(speeds[n])) for n in counts]
    ideal = [medians[0] * n / counts[0] for n in counts]
    ax.plot(counts, ideal, ":", color="0.6", label="ideal")
    ax.plot(counts, medians, "o-", color=TRAIN, label="median")
    for n in counts:
        ax.plot([n] * len(speeds[n]), speeds[n], ".", color=TRAIN, alpha=0.4)
    for n, median in zip(counts, medians, strict=True):
        text = f"{median / medians[0]:.2f} x"
        ax.annotate(text, (n, median), xytext=(6, -12), textcoords="offset points", fontsize=8)
    ax.set_xticks(counts)
    ax.set(xlabel="devices, a core each", ylabel="member-steps a second", ylim=(0, None))
    ax.legend(loc="upper left")
    return ax


@styled
@takes(curves=nonempty_dict, limits=dict)
def throughput(
    curves: dict[str, dict[int, float]], limits: dict[str, float], ax: Axes | None = None
) -> Axes:
    """Draw member-steps a second against the number of members, both on log axes.

    Args:
      curves: contender to {number of members: speed}; `grokjax` is drawn boldly.
      limits: label to a speed, drawn as a horizontal line.
    """
    ax = axes_or_new(ax)
    for i, (label, speeds) in enumerate(curves.items()):
        counts = sorted(speeds)
        ours = label == "grokjax"
        ax.plot(
            counts,
            [speeds[n] for n in counts],
            marker="osD^vP*X<>"[i % 10],
            color=OURS if ours else OTHERS[i % len(OTHERS)],
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
