"""Fourier spectra: of one member, through training, over members, and in two dimensions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from grokjax.arguments import filled, sequence, takes
from grokjax.plots.apart import keep_apart
from grokjax.plots.style import (
    OTHER,
    OTHERS,
    axes,
    colorbar,
    legend_below,
    log_scale,
    styled,
    whole_numbers,
)

LINES = tuple(color for color in OTHERS if color != OTHER)


@styled
@takes(shares=filled, key="K")
def spectrum(
    shares: dict[str, np.ndarray], key: np.ndarray, title: str = "", ax: Axes | None = None
) -> Axes:
    """Share of the power at each frequency, of up to six tables of one member.

    Args:
      shares: label to `[K]`, as from `analysis.fourier.shares`; the first is
        drawn as bars, the others as lines.
      key: bool `[K]`, the key frequencies, whose bars are coloured and numbered.
      title: above the axes.
      ax: where to draw; none: on a new figure.

    Returns:
      The axes drawn on.
    """
    ax = axes(ax)
    (label, bars), *others = shares.items()
    k = np.arange(1, len(bars) + 1)
    # An edge keeps a bar visible that is narrower than a pixel; key ones are on top.
    for of, color, name, order in ((~key, "0.7", label, 1), (key, OTHER, "key frequency", 2.5)):
        style = {"color": color, "edgecolor": color, "linewidth": 0.7, "zorder": order}
        if of.any():
            ax.bar(k[of], bars[of], label=name, **style)
    names = [
        ax.annotate(str(k[i]), (k[i], bars[i]), ha="center", va="bottom", fontsize=8)
        for i in sorted(np.flatnonzero(key), key=lambda i: -bars[i])
    ]
    keep_apart(ax, names)
    for (name, values), color in zip(others, LINES, strict=False):
        ax.plot(k, values, "o-", color=color, markersize=3, linewidth=0.8, label=name)
    ax.set(xlabel="frequency", ylabel="share of the power", title=title)
    ax.set_xlim(0.3, len(bars) + 0.7)
    whole_numbers(ax.xaxis)
    legend_below(ax)
    return ax


@styled
@takes(power="T K", epochs="T")
def spectrum_over_training(
    power: np.ndarray,
    epochs: np.ndarray,
    title: str = "",
    ax: Axes | None = None,
    log_epochs: bool = False,
    unit: str = "epoch",
) -> Axes:
    """Power at each frequency as one member trains.

    Args:
      power: `[T, K]`, such as `history.embedding_power`; NaN after it stopped.
      epochs: `[T]`, evenly spaced from 0.
      title: above the axes.
      ax: where to draw; none: on a new figure.
      log_epochs: whether epochs are on a log axis; epoch 0 then has no place.
      unit: label of the epochs.

    Returns:
      The axes drawn on.
    """
    ax = axes(ax)
    shown = ~np.isnan(power).all(axis=1) & (epochs > 0 if log_epochs else True)
    if shown.sum() > 1 and power.shape[1] > 1:
        k = np.arange(1, power.shape[1] + 1)
        image = ax.pcolormesh(epochs[shown], k, power[shown].T, shading="nearest")
        colorbar(ax, image, "power")
    ax.set(xlabel=unit, ylabel="frequency", title=title)
    whole_numbers(ax.xaxis, ax.yaxis)
    if log_epochs:
        log_scale(ax, "x")
    return ax


@styled
@takes(shares="M K", members=sequence)
def spectrum_of_members(
    shares: np.ndarray,
    members: Sequence[Any],
    title: str = "",
    ax: Axes | None = None,
    groups: Sequence[str] = (),
    name: str = "",
) -> Axes:
    """Share of the power at each frequency, a row a member, from the top.

    Args:
      shares: `[M, K]`; NaN for a member without parameters.
      members: their numbers, or other names of the rows.
      title: above the axes.
      ax: where to draw; None: on a new figure.
      groups: what each row belongs to, such as the value of a setting, rows of a group
        together. Lines part the groups, and they are named instead of the members.
      name: what the groups are values of.

    Returns:
      The axes drawn on.
    """
    ax = axes(ax)
    count, frequencies = shares.shape
    extent = (0.5, frequencies + 0.5, count - 0.5, -0.5)
    image = ax.imshow(shares, aspect="auto", interpolation="nearest", extent=extent)
    colorbar(ax, image, "share of the power")
    starts = [i for i in range(count) if groups and groups[i] not in groups[:i]]
    if len(set(groups)) > 1:
        ends = [*starts[1:], count]
        middles = [(start + end - 1) / 2 for start, end in zip(starts, ends, strict=True)]
        ax.set_yticks(middles, [groups[start] for start in starts], fontsize=8)
        for start in starts[1:]:
            ax.axhline(start - 0.5, color="white", linewidth=1)
        ax.set_ylabel(name)
    else:
        every = max(1, -(-count // 16))
        ax.set_yticks(range(0, count, every), [str(m) for m in members[::every]])
        ax.set_ylabel("member")
    ax.set(xlabel="frequency", title=title)
    whole_numbers(ax.xaxis)
    return ax


@styled
@takes(power="A B")
def spectrum_2d(power: np.ndarray, title: str = "", ax: Axes | None = None) -> Axes:
    """Power by frequency in a and in b, `[K + 1, K + 1]` (see `analysis.neurons`), as shares."""
    ax = axes(ax)
    image = ax.imshow(power.T / (power.sum() or 1.0), origin="lower", interpolation="nearest")
    colorbar(ax, image, "share of the power")
    ax.set(xlabel="frequency in a", ylabel="frequency in b", title=title)
    whole_numbers(ax.xaxis, ax.yaxis)
    return ax


@styled
@takes(counts="M")
def key_counts(counts: np.ndarray, title: str = "", ax: Axes | None = None) -> Axes:
    """How many members have how many key frequencies: whole numbers `[M]`."""
    ax = axes(ax)
    values, members = np.unique(counts, return_counts=True)
    ax.bar(values, members, color=OTHERS[0], width=0.7)
    for value, number in zip(values, members, strict=True):
        ax.annotate(str(number), (value, number), ha="center", va="bottom", fontsize=9)
    ax.set(xlabel="key frequencies", ylabel="members", title=title)
    if len(values):
        ax.set_xlim(values.min() - 1, values.max() + 1)
    whole_numbers(ax.xaxis, ax.yaxis)
    return ax


@styled
@takes(frequency="H", share="H", key="K")
def neurons(
    frequency: np.ndarray,
    share: np.ndarray,
    key: np.ndarray,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Hidden neurons of one member: their frequency, and how much of each it explains.

    Args:
      frequency: `[H]`, from `analysis.neurons.neurons`.
      share: `[H]`, the same.
      key: bool `[K]`, the key frequencies, which are shaded.
      title: above the axes.
      ax: where to draw; none: on a new figure.

    Returns:
      The axes drawn on.
    """
    ax = axes(ax)
    for n, i in enumerate(np.flatnonzero(key)):
        label = None if n else "key frequency"
        ax.axvspan(i + 0.6, i + 1.4, color=OTHER, alpha=0.15, linewidth=0, label=label)
    # Side by side instead of on top of each other, in the order of the share.
    order = np.argsort(np.argsort(share)) / max(1, len(share) - 1) - 0.5
    ax.plot(
        frequency + 0.6 * order,
        share,
        ".",
        color=OTHERS[0],
        markersize=4,
        alpha=0.7,
        label="neuron",
    )
    ax.set(
        xlabel="frequency of the neuron",
        ylabel="share of its variance explained",
        title=title,
        ylim=(0, 1.02),
    )
    whole_numbers(ax.xaxis)
    legend_below(ax)
    return ax
