"""Fourier spectra: of one member, through training, over members, and in two dimensions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from grokjax.plots.style import OTHER, OTHERS, axes, colorbar, styled

LINES = tuple(color for color in OTHERS if color != OTHER)


@styled
def spectrum(
    shares: dict[str, np.ndarray], key: np.ndarray, title: str = "", ax: Axes | None = None
) -> Axes:
    """Share of the power at each frequency, of up to six tables of one member.

    Args:
      shares: label to `[K]`, as from `analysis.fourier.shares`; the first is
        drawn as bars, the others as lines.
      key: bool `[K]`, the key frequencies, whose bars are coloured and named.
      title: above the axes.
      ax: where to draw; none: on a new figure.

    Returns:
      The axes drawn on.
    """
    ax = axes(ax)
    (label, bars), *others = shares.items()
    k = np.arange(1, len(bars) + 1)
    ax.bar(k, bars, color=np.where(key, OTHER, "0.7").tolist(), label=label)
    for i in np.flatnonzero(key):
        ax.annotate(str(k[i]), (k[i], bars[i]), ha="center", va="bottom", fontsize=8)
    for (name, values), color in zip(others, LINES, strict=False):
        ax.plot(k, values, "o-", color=color, markersize=3, linewidth=0.8, label=name)
    ax.set(xlabel="frequency", ylabel="share of the power", title=title)
    ax.set_xlim(0.3, len(bars) + 0.7)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.legend(loc="best")
    return ax


@styled
def spectrum_over_training(
    power: np.ndarray,
    epochs: np.ndarray,
    title: str = "",
    ax: Axes | None = None,
    log_epochs: bool = False,
) -> Axes:
    """Power at each frequency as one member trains.

    Args:
      power: `[T, K]`, such as `history.embedding_power`; NaN after it stopped.
      epochs: `[T]`, evenly spaced from 0.
      title: above the axes.
      ax: where to draw; none: on a new figure.
      log_epochs: whether epochs are on a log axis; epoch 0 then has no place.

    Returns:
      The axes drawn on.
    """
    ax = axes(ax)
    shown = ~np.isnan(power).all(axis=1) & (epochs > 0 if log_epochs else True)
    if shown.sum() > 1 and power.shape[1] > 1:
        k = np.arange(1, power.shape[1] + 1)
        image = ax.pcolormesh(epochs[shown], k, power[shown].T, shading="nearest")
        colorbar(ax, image, "power")
    ax.set(xlabel="epoch", ylabel="frequency", title=title)
    ax.set_xscale("log" if log_epochs else "linear")
    return ax


@styled
def spectrum_of_members(
    shares: np.ndarray, members: Sequence[int], title: str = "", ax: Axes | None = None
) -> Axes:
    """Share of the power at each frequency, a row a member, from the top.

    Args:
      shares: `[M, K]`; NaN for a member without parameters.
      members: their numbers.
      title: above the axes.
      ax: where to draw; none: on a new figure.

    Returns:
      The axes drawn on.
    """
    ax = axes(ax)
    count, frequencies = shares.shape
    extent = (0.5, frequencies + 0.5, count - 0.5, -0.5)
    image = ax.imshow(shares, aspect="auto", interpolation="nearest", extent=extent)
    colorbar(ax, image, "share of the power")
    every = max(1, -(-count // 16))
    ax.set_yticks(range(0, count, every), [str(m) for m in members[::every]])
    ax.set(xlabel="frequency", ylabel="member", title=title)
    return ax


@styled
def spectrum_2d(power: np.ndarray, title: str = "", ax: Axes | None = None) -> Axes:
    """Power by frequency in a and in b, `[K + 1, K + 1]` (see `analysis.neurons`), as shares."""
    ax = axes(ax)
    image = ax.imshow(power.T / (power.sum() or 1.0), origin="lower", interpolation="nearest")
    colorbar(ax, image, "share of the power")
    ax.set(xlabel="frequency in a", ylabel="frequency in b", title=title)
    return ax


@styled
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
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.yaxis.set_major_locator(MaxNLocator(integer=True))
    return ax


@styled
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
      key: bool `[K]`, the embedding's key frequencies.
      title: above the axes.
      ax: where to draw; none: on a new figure.

    Returns:
      The axes drawn on.
    """
    ax = axes(ax)
    for i in np.flatnonzero(key):
        ax.axvspan(i + 0.6, i + 1.4, color=OTHER, alpha=0.15, linewidth=0)
    # Side by side instead of on top of each other, in the order of the share.
    order = np.argsort(np.argsort(share)) / max(1, len(share) - 1) - 0.5
    ax.plot(frequency + 0.6 * order, share, ".", color=OTHERS[0], markersize=4, alpha=0.7)
    ax.set(
        xlabel="frequency of the neuron (shaded: key frequencies of the embedding)",
        ylabel="share of its variance explained",
        title=title,
        ylim=(0, 1.02),
    )
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    return ax
