"""Inverse participation ratios of hidden neurons: through training, and one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes

from grokjax import labels
from grokjax.plots.style import OTHER, OTHERS, axes, styled, whole_numbers

if TYPE_CHECKING:
    import xarray as xr


@styled
def ipr_over_training(
    history: xr.Dataset, chance: float | None = None, title: str = "", ax: Axes | None = None
) -> Axes:
    """Mean inverse participation ratio of the neurons of every member, a line each.

    Args:
      history: `Run.history` with `neuron_ipr`.
      chance: of random weights, about 2 / (P // 2 + 2); None: not drawn.
      title: above the axes.
      ax: where to draw; None: on a new figure.

    Returns:
      The axes drawn on.
    """
    ax = axes(ax)
    alpha = max(0.15, min(0.8, 6 / max(1, history.sizes["member"])))
    values = history.neuron_ipr.values
    ax.plot(history.epoch.values, values.T, color=OTHERS[0], alpha=alpha, linewidth=1)
    if chance is not None:
        ax.axhline(chance, color="0.5", linewidth=0.9, linestyle=":")
    ax.set(
        xlabel=labels.epochs(history),
        ylabel="inverse participation ratio",
        title=title,
        ylim=(0, 1.02),
    )
    whole_numbers(ax.xaxis)
    return ax


@styled
def periodicity(
    frequency: np.ndarray, ipr: np.ndarray, title: str = "", ax: Axes | None = None
) -> Axes:
    """Hidden neurons of one member: their frequency, and how much they are one wave.

    Args:
      frequency: `[H]`, from `analysis.neurons.neurons`.
      ipr: `[H]`, inverse participation ratios from `analysis.periodicity`.
      title: above the axes.
      ax: where to draw; None: on a new figure.

    Returns:
      The axes drawn on.
    """
    ax = axes(ax)
    # Side by side instead of on top of each other, in the order of the ratio.
    order = np.argsort(np.argsort(ipr)) / max(1, len(ipr) - 1) - 0.5
    ax.plot(frequency + 0.6 * order, ipr, ".", color=OTHER, markersize=4, alpha=0.7)
    ax.set(
        xlabel="frequency of the neuron",
        ylabel="inverse participation ratio",
        title=title,
        ylim=(0, 1.02),
    )
    whole_numbers(ax.xaxis)
    return ax
