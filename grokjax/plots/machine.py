"""How the machine fared: lanes over time, speed against devices and against members."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator

from grokjax.arguments import filled, takes
from grokjax.plots.style import OTHERS, TEST, TRAIN, axes, legend_below, styled, whole_numbers
from grokjax.settings import refuse

MOST_SESSIONS = 100
"""Whose starts are marked; more could not be told apart."""


def _rounds(name: str, value: Any) -> None:
    """Refuses what is no table of rounds."""
    needed = {"session", "seconds", "lanes", "busy", "pending"}
    if not getattr(value, "empty", False) and not needed <= set(getattr(value, "columns", ())):
        raise refuse(name, value, "give a table of rounds, such as run.rounds")


@styled
@takes(rounds=_rounds)
def occupancy(rounds: Any, ax: Axes | None = None) -> Axes:
    """Lanes with a running member and idle lanes over time, and the members that are pending.

    Args:
      rounds: as `Run.rounds`; sessions follow each other without the time between.
      ax: where to draw; none: on a new figure.

    Returns:
      The axes drawn on.
    """
    ax = axes(ax)
    if rounds.empty:  # nothing has been trained yet
        ax.set(xlabel="minutes of training", ylabel="lanes")
        return ax
    length = rounds.groupby("session", sort=True)["seconds"].max()
    before = length.cumsum() - length  # seconds before each session
    x = (rounds["seconds"] + rounds["session"].map(before)).to_numpy() / 60
    ax.fill_between(x, rounds["lanes"], step="pre", color="0.85", linewidth=0, label="idle lanes")
    ax.fill_between(
        x, rounds["busy"], step="pre", color=TRAIN, linewidth=0, label="lanes with a running member"
    )
    for start in before.to_numpy()[1:MOST_SESSIONS]:
        ax.axvline(start / 60, color="0.3", linewidth=0.8, linestyle=":")
    most = int(rounds["lanes"].max()) if len(rounds) else 1
    ax.set(xlabel="minutes of training", ylabel="lanes", ylim=(0, 1.08 * most))
    right = ax.twinx()
    right.spines["right"].set_visible(True)
    right.plot(x, rounds["pending"], color=TEST, label="pending members")
    right.set(ylabel="pending members", ylim=(0, max(1, 1.08 * rounds["pending"].max())))
    right.grid(False)
    whole_numbers(ax.yaxis, right.yaxis)
    handles = [h for each in (ax, right) for h in each.get_legend_handles_labels()[0]]
    legend_below(ax, handles)
    return ax


@styled
@takes(speeds=filled)
def scaling(speeds: dict[int, list[float]], ax: Axes | None = None) -> Axes:
    """Member-steps a second against the number of devices: every repeat, medians, the ideal.

    Args:
      speeds: number of devices to repeats.
      ax: where to draw; none: on a new figure.

    Returns:
      The axes drawn on.
    """
    ax = axes(ax)
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


@styled
@takes(curves=filled, limits=dict)
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
    ax = axes(ax)
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
