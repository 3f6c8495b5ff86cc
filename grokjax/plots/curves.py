"""What evaluations recorded, against epochs: medians and quartiles over members."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from grokjax.analysis.timing import band
from grokjax.plots.style import OTHERS, TEST, TRAIN, axes, figure, styled

SPLITS = (("train", TRAIN), ("test", TEST))


def _bands(ax: Axes, history: Any, named: dict[str, tuple[Any, str]], log_epochs: bool) -> None:
    """Label to (values `[M, T]`, colour); on log axes epoch 0 has no place."""
    x = history.epoch.values
    shown = x > 0 if log_epochs else x >= 0
    drawn = False
    for label, (values, color) in named.items():
        low, middle, high = band(np.asarray(values))[:, shown]
        ax.fill_between(x[shown], low, high, color=color, alpha=0.25, linewidth=0)
        ax.plot(x[shown], middle, color=color, label=label)
        drawn |= bool(np.isfinite(middle).any())
    # A log axis without anything on it cannot be laid out.
    ax.set(xlabel="epoch", xscale="log" if log_epochs and drawn else "linear")


@styled
def accuracy(history: Any, ax: Axes | None = None, log_epochs: bool = False) -> Axes:
    """Accuracy of both splits against epochs: the notebook's first figure, for an ensemble.

    Args:
      history: as `Run.history`.
      ax: where to draw; none: on a new figure.
      log_epochs: whether epochs are on a log axis.

    Returns:
      The axes drawn on.
    """
    ax = axes(ax)
    named = {split: (history[f"{split}_accuracy"], color) for split, color in SPLITS}
    _bands(ax, history, named, log_epochs)
    ax.set(ylabel="accuracy", ylim=(-0.02, 1.02))
    ax.legend(loc="center right")
    return ax


@styled
def loss(history: Any, ax: Axes | None = None, log_epochs: bool = False) -> Axes:
    """Cross-entropy of both splits on a log axis: the notebook's second figure; see `accuracy`."""
    ax = axes(ax)
    named = {split: (history[f"{split}_loss"], color) for split, color in SPLITS}
    _bands(ax, history, named, log_epochs)
    finite = [values.values[np.isfinite(values.values)] for values, _ in named.values()]
    positive = any(np.any(each > 0) for each in finite)
    ax.set(ylabel="cross-entropy", yscale="log" if positive else "linear")
    ax.legend(loc="best")
    return ax


@styled
def norms(history: Any, ax: Axes | None = None, log_epochs: bool = False) -> Axes:
    """Weight norms of the layers against epochs; see `accuracy`."""
    ax = axes(ax)
    named = {
        str(layer.item()): (history.layer_norm.sel(layer=layer), OTHERS[i % len(OTHERS)])
        for i, layer in enumerate(history.layer)
    }
    _bands(ax, history, named, log_epochs)
    ax.set(ylabel="norm of the weights", ylim=(0, None))
    ax.legend(loc="best")
    return ax


@styled
def curves(history: Any, title: str = "", log_epochs: bool = False) -> Figure:
    """Accuracy and loss of both splits against epochs, over all members of a history."""
    fig, (left, right) = figure(9.5, 3.8, columns=2)
    accuracy(history, left, log_epochs)
    loss(history, right, log_epochs)
    right.get_legend().remove()
    members = history.sizes["member"]
    fig.suptitle(
        title or f"median and quartiles of {members} members, stopped ones at their last value"
    )
    return fig
