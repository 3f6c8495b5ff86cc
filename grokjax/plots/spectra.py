"""Fourier spectra: of one member, through training, over members, and in two dimensions."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from grokjax.plots.decorations import (
    add_colorbar,
    add_legend_below,
    hide_overlaps,
    use_log_scale,
    use_whole_ticks,
)
from grokjax.plots.overlay import DASHES, joined_label, run_style
from grokjax.plots.style import BLACK, BLUE, KEY, ORANGE, PURPLE, SKY, axes_or_new, styled
from grokjax.runtime.arguments import nonempty_dict, sequence, takes

LINES = (BLUE, PURPLE, SKY, ORANGE, BLACK)
"""Colours of further tables of a spectrum; none is that of key frequencies."""


@styled
@takes(shares=nonempty_dict, key="K")
def spectrum(
    shares: dict[str, np.ndarray],
    key: np.ndarray,
    title: str = "",
    ax: Axes | None = None,
    frequency_label: str = "frequency",
    label: str = "",
    color: Any = None,
) -> Axes:
    """Draw the share of the power at each frequency, for up to six tables of one member.

    Args:
      shares: label to `[K]`, from `analysis.fourier.shares`; the first is drawn as bars,
        the others as lines.
      key: bool `[K]`, the key frequencies, whose bars are coloured and numbered.
      frequency_label: label of the axis of frequencies (`TokenGroup.frequency`).
      label: of the run, if the axes have several; all tables are then lines of one colour with
        different dashes, and large dots are key frequencies.
      color: that colour; None: the next one.
    """
    run = run_style(label, color, ax)
    ax = axes_or_new(ax)
    (first, bars), *others = shares.items()
    k = np.arange(1, len(bars) + 1)
    if run is not None:
        for (name, values), dashes in zip(shares.items(), itertools.cycle(DASHES), strict=False):
            style = {"color": run.color, "linestyle": dashes, "linewidth": 1, "markersize": 3}
            ax.plot(k, values, "o", label=joined_label(label, name), **style)
        ax.plot(k[key], bars[key], "o", color=run.color, markersize=7)
        ax.set(xlabel=frequency_label, ylabel="share of the power", title=title)
        use_whole_ticks(ax.xaxis)
        ax.legend(loc="best")
        return ax
    # An edge keeps a bar visible that is narrower than a pixel; key frequencies are on top.
    for chosen, color, name, order in ((~key, "0.7", first, 1), (key, KEY, "key frequency", 2.5)):
        style = {"color": color, "edgecolor": color, "linewidth": 0.7, "zorder": order}
        if chosen.any():
            ax.bar(k[chosen], bars[chosen], label=name, **style)
    numbers = [
        ax.annotate(str(k[i]), (k[i], bars[i]), ha="center", va="bottom", fontsize=8)
        for i in sorted(np.flatnonzero(key), key=lambda i: -bars[i])
    ]
    hide_overlaps(ax, numbers)
    for (name, values), color in zip(others, LINES, strict=False):
        ax.plot(k, values, "o-", color=color, markersize=3, linewidth=0.8, label=name)
    ax.set(xlabel=frequency_label, ylabel="share of the power", title=title)
    ax.set_xlim(0.3, len(bars) + 0.7)
    use_whole_ticks(ax.xaxis)
    add_legend_below(ax)
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
    frequency_label: str = "frequency",
) -> Axes:
    """Draw the power at each frequency while one member trains.

    Args:
      power: `[T, K]`, such as `history.embedding_power`; NaN after the member stopped.
      epochs: `[T]`, evenly spaced from 0.
      log_epochs: whether the axis of epochs is logarithmic, which leaves out epoch 0.
      unit: label of the epochs.
      frequency_label: label of the axis of frequencies (`TokenGroup.frequency`).
    """
    ax = axes_or_new(ax)
    shown = ~np.isnan(power).all(axis=1) & (epochs > 0 if log_epochs else True)
    if shown.sum() > 1 and power.shape[1] > 1:
        k = np.arange(1, power.shape[1] + 1)
        image = ax.pcolormesh(epochs[shown], k, power[shown].T, shading="nearest")
        add_colorbar(ax, image, "power")
    ax.set(xlabel=unit, ylabel=frequency_label, title=title)
    use_whole_ticks(ax.xaxis, ax.yaxis)
    if log_epochs:
        use_log_scale(ax, "x")
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
    frequency_label: str = "frequency",
) -> Axes:
    """Draw the share of the power at each frequency, with a row for each member.

    Args:
      shares: `[M, K]`, the first row on top; NaN for a member without parameters.
      members: their numbers, or other names of the rows.
      groups: group of each row, such as its value of a setting; rows of a group follow one
        another. Several groups are separated by lines and named instead of the members.
      name: the setting that the groups are values of.
      frequency_label: label of the axis of frequencies (`TokenGroup.frequency`).
    """
    ax = axes_or_new(ax)
    count, frequencies = shares.shape
    extent = (0.5, frequencies + 0.5, count - 0.5, -0.5)
    image = ax.imshow(shares, aspect="auto", interpolation="nearest", extent=extent)
    add_colorbar(ax, image, "share of the power")
    if len(set(groups)) > 1:
        starts = [i for i in range(count) if groups[i] not in groups[:i]]
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
    ax.set(xlabel=frequency_label, title=title)
    use_whole_ticks(ax.xaxis)
    return ax


@styled
@takes(power="A B")
def spectrum_2d(
    power: np.ndarray, title: str = "", ax: Axes | None = None, frequency_label: str = "frequency"
) -> Axes:
    """Draw power by frequency in a and in b, `[K + 1, K + 1]`, as shares of its sum."""
    ax = axes_or_new(ax)
    image = ax.imshow(power.T / (power.sum() or 1.0), origin="lower", interpolation="nearest")
    add_colorbar(ax, image, "share of the power")
    ax.set(xlabel=f"{frequency_label} in a", ylabel=f"{frequency_label} in b", title=title)
    use_whole_ticks(ax.xaxis, ax.yaxis)
    return ax


@styled
@takes(counts="M")
def key_counts(
    counts: np.ndarray,
    title: str = "",
    ax: Axes | None = None,
    label: str = "",
    color: Any = None,
) -> Axes:
    """Draw how many members have each number of key frequencies, whole numbers `[M]`.

    label: of the run, if the axes have several, whose bars stand one behind the other. color: of
    the bars; None: the next one.
    """
    run = run_style(label, color, ax)
    ax = axes_or_new(ax)
    before = ax.get_xlim() if ax.patches else (np.inf, -np.inf)
    values, members = np.unique(counts, return_counts=True)
    if run is None:
        ax.bar(values, members, color=BLUE, width=0.7)
    else:
        style = {"edgecolor": run.color, "label": label, "alpha": 0.5}
        ax.bar(values, members, color=run.color, width=0.7, **style)
        ax.legend(loc="best")
    for value, number in zip(values, members, strict=True):
        ax.annotate(str(number), (value, number), ha="center", va="bottom", fontsize=9)
    ax.set(xlabel="key frequencies", ylabel="members", title=title)
    if len(values):
        ax.set_xlim(min(before[0], values.min() - 1), max(before[1], values.max() + 1))
    use_whole_ticks(ax.xaxis, ax.yaxis)
    return ax
