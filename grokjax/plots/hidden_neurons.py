"""Frequencies of hidden neurons, and how periodic their weights are."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from grokjax.config import labels
from grokjax.plots.decorations import add_legend_below, use_whole_ticks
from grokjax.plots.style import BLUE, GREEN, KEY, axes_or_new, styled
from grokjax.runtime.arguments import takes


@styled
@takes(frequency="H", share="H", key="K")
def neurons(
    frequency: np.ndarray,
    share: np.ndarray,
    key: np.ndarray,
    title: str = "",
    ax: Axes | None = None,
    frequency_label: str = "frequency",
) -> Axes:
    """Draw each hidden neuron of a member by its frequency and the variance that explains.

    Args:
      frequency: `[H]`, from `analysis.neurons.neurons`.
      share: `[H]` of the variance, from the same.
      key: bool `[K]`, the key frequencies, which are shaded.
      frequency_label: label of the axis of frequencies (`TokenGroup.frequency`).
    """
    ax = axes_or_new(ax)
    for n, i in enumerate(np.flatnonzero(key)):
        label = None if n else "key frequency"
        ax.axvspan(i + 0.6, i + 1.4, color=KEY, alpha=0.15, linewidth=0, label=label)
    _draw_neurons(ax, frequency, share, BLUE, frequency_label)
    ax.set(ylabel="share of its variance explained", title=title)
    add_legend_below(ax)
    return ax


@styled
@takes(frequency="H", ipr="H")
def periodicity(
    frequency: np.ndarray,
    ipr: np.ndarray,
    title: str = "",
    ax: Axes | None = None,
    frequency_label: str = "frequency",
) -> Axes:
    """Draw each hidden neuron of a member by its frequency and inverse participation ratio.

    Args:
      frequency: `[H]`, from `analysis.neurons.neurons`.
      ipr: `[H]`, from `metrics.periodicity`; 1 if the weights are one wave.
      frequency_label: label of the axis of frequencies (`TokenGroup.frequency`).
    """
    ax = axes_or_new(ax)
    _draw_neurons(ax, frequency, ipr, GREEN, frequency_label)
    ax.set(ylabel="inverse participation ratio", title=title)
    return ax


def _draw_neurons(
    ax: Axes, frequency: np.ndarray, values: np.ndarray, color: str, frequency_label: str
) -> None:
    """A dot for each neuron: those of one frequency side by side, in the order of their values."""
    order = np.argsort(np.argsort(values)) / max(1, len(values) - 1) - 0.5
    style = {"color": color, "markersize": 4, "alpha": 0.7, "label": "neuron"}
    ax.plot(frequency + 0.6 * order, values, ".", **style)
    ax.set(
        xlabel=frequency_label.replace("frequency", "frequency of the neuron", 1), ylim=(0, 1.02)
    )
    use_whole_ticks(ax.xaxis)


@styled
def ipr_over_training(
    history: Any, chance: float | None = None, title: str = "", ax: Axes | None = None
) -> Axes:
    """Draw the mean inverse participation ratio of the neurons of each member against epochs.

    Args:
      history: `Run.history`, with `neuron_ipr`.
      chance: ratio of random weights, about 2 / (P // 2 + 2), shown as a line unless None.
    """
    ax = axes_or_new(ax)
    alpha = max(0.15, min(0.8, 6 / max(1, history.sizes["member"])))
    ax.plot(history.epoch.values, history.neuron_ipr.values.T, color=BLUE, alpha=alpha, linewidth=1)
    if chance is not None:
        ax.axhline(chance, color="0.5", linewidth=0.9, linestyle=":")
    ax.set(
        xlabel=labels.epochs(history),
        ylabel="inverse participation ratio",
        title=title,
        ylim=(0, 1.02),
    )
    use_whole_ticks(ax.xaxis)
    return ax
