"""What evaluations recorded, against epochs: medians and quartiles over seeds.

A swept setting is never pooled: its values are colours, further settings are
panels (see `grokjax.plots.facets`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from grokjax import labels
from grokjax.analysis.timing import band
from grokjax.arguments import labelled, takes
from grokjax.cells import Cell, cells, sweep_in_words
from grokjax.plots.facets import LISTED, Facets, Panel
from grokjax.plots.style import (
    LAYERS,
    TEST,
    TRAIN,
    axes,
    figure,
    figure_of,
    heading,
    legend_below,
    log_scale,
    same_limits,
    styled,
    whole_numbers,
)

SPLITS: tuple[tuple[str, str, Any], ...] = (("train", TRAIN, "--"), ("test", TEST, "-"))


@styled
@takes(history=labelled)
def accuracy(history: Any, ax: Axes | None = None, log_epochs: bool = False) -> Axes:
    """Accuracy of both splits against epochs: the notebook's first figure, for an ensemble.

    One swept setting is drawn in colours, seeds as median and quartiles.

    Args:
      history: as `Run.history`.
      ax: where to draw; None: on a new figure.
      log_epochs: whether epochs are on a log axis.

    Returns:
      The axes drawn on.

    Raises:
      ValueError: several settings are swept, which take several panels.
    """
    return _alone(history, ax, "accuracy", log_epochs)


@styled
@takes(history=labelled)
def loss(history: Any, ax: Axes | None = None, log_epochs: bool = False) -> Axes:
    """Loss of both splits on a log axis: the notebook's second figure; see `accuracy`."""
    return _alone(history, ax, "loss", log_epochs)


@styled
@takes(history=labelled)
def curves(history: Any, title: str = "", log_epochs: bool = False) -> Figure:
    """Accuracy and loss of both splits against epochs: a row of panels a combination of settings.

    Args:
      history: as `Run.history`.
      title: instead of the task and what is swept.
      log_epochs: whether epochs are on a log axis.

    Returns:
      The figure. The swept setting with the most values is in colours; of further
      settings each combination is a row, at most six of them, as the title says.
    """
    facets = Facets.of(history)
    rows = max(1, len(facets.panels))
    fig, grid = figure(9.5, 1.4 + 2.6 * rows, 2, rows, squeeze=False)
    for pair, panel in zip(grid, facets.panels, strict=False):
        for ax, what in zip(pair, ("accuracy", "loss"), strict=True):
            _panel(ax, history, facets, panel, what, log_epochs)
    for column in grid.T:
        same_limits(column)
    grid[0, 0].legend(handles=_styles(facets), loc="best")
    facets.key(fig)
    heading(fig, *_words(history, facets, title, "test "))
    return fig


@styled
@takes(history=labelled)
def norms(history: Any, title: str = "", log_epochs: bool = False) -> Figure:
    """Weight norms against epochs: of the layers, or of all weights if several settings are swept.

    Args:
      history: as `Run.history`.
      title: instead of the task and what is swept.
      log_epochs: whether epochs are on a log axis.

    Returns:
      The figure: one panel with a colour a layer; with one swept setting a panel a
      layer; with several a panel a combination, as in `curves`.
    """
    facets = Facets.of(history)
    layers = [str(name) for name in history.layer.values]
    named = {layer: history.layer_norm.values[:, :, i] for i, layer in enumerate(layers)}
    if facets.axis is None and facets.combinations <= 1:
        fig, ax = figure(7.5, 4.6)
        for i, (layer, values) in enumerate(named.items()):
            dashes = "-" if i < len(LAYERS) else "--"
            color = LAYERS[i % len(LAYERS)]
            _line(ax, history, values, log_epochs, color, label=layer, linestyle=dashes)
        _against_epochs(ax, history, log_epochs, "norm of the weights")
        legend_below(fig)
        heading(fig, *_words(history, facets, title))
        return fig
    # A panel: its title, its cells and the values in it.
    several = facets.combinations > 1
    panels = (
        [(panel.title, panel.cells, history.weight_norm.values) for panel in facets.panels]
        if several
        else [(layer, facets.panels[0].cells, values) for layer, values in named.items()]
    )
    columns = min(3, len(panels))
    rows = -(-len(panels) // columns)
    fig, grid = figure(9.5, 1.2 + 2.8 * rows, columns, rows, squeeze=False)
    for ax in grid.ravel()[len(panels) :]:
        ax.set_visible(False)
    for ax, (name, found, values) in zip(grid.ravel(), panels, strict=False):
        for cell in found:
            _line(ax, history, values[cell.rows], log_epochs, facets.color(cell), _banded(facets))
        label = "norm of all weights" if several else "norm of the weights"
        _against_epochs(ax, history, log_epochs, label)
        ax.set_title(name)
    if several:
        same_limits(grid.ravel()[: len(panels)])
    facets.key(fig)
    heading(fig, *_words(history, facets, title))
    return fig


def _alone(history: Any, ax: Axes | None, what: str, log_epochs: bool) -> Axes:
    """One panel by itself, with its legend."""
    facets, given = Facets.of(history), ax is not None
    if facets.combinations > 1:
        names = ", ".join(dict.fromkeys(n for c in cells(history) for n in c.settings))
        raise ValueError(f"{what}: {names} are swept; select values, or use plots.curves")
    ax = axes(ax)
    panel = facets.panels[0] if facets.panels else Panel("", [])
    _panel(ax, history, facets, panel, what, log_epochs)
    ax.legend(handles=_styles(facets), loc="best")
    facets.key(figure_of(ax))
    if not given:
        heading(figure_of(ax), *_words(history, facets, "", "test "))
    return ax


def _panel(
    ax: Axes, history: Any, facets: Facets, panel: Panel, what: str, log_epochs: bool
) -> None:
    """Accuracy or loss of both splits, for the cells of one panel."""
    for cell in panel.cells:
        for split, color, dashes in SPLITS:
            values = history[f"{split}_{what}"].values[cell.rows]
            if facets.axis is None:
                _line(ax, history, values, log_epochs, color, label=split)
            else:
                banded = split == "test" and _banded(facets)
                _line(ax, history, values, log_epochs, facets.color(cell), banded, linestyle=dashes)
    if what == "accuracy":
        label = "accuracy"
        ax.set(ylim=(-0.02, 1.02))
    else:
        label = _loss_of(history, panel.cells)
        shown = [history[f"{split}_loss"].values for split, *_ in SPLITS]
        positive = any(np.any(np.isfinite(values) & (values > 0)) for values in shown)
        if positive:
            log_scale(ax, "y")
    _against_epochs(ax, history, log_epochs, label)
    ax.set_title(panel.title)


def _line(
    ax: Axes,
    history: Any,
    values: np.ndarray,
    log_epochs: bool,
    color: Any,
    banded: bool = True,
    **style: Any,
) -> None:
    """Median of `[m, T]` as a line, quartiles as a band."""
    x = history.epoch.values
    known = np.any(np.isfinite(values), axis=0)
    shown = np.flip(np.logical_or.accumulate(np.flip(known)))  # until all have stopped
    shown &= x > 0 if log_epochs else x >= 0  # a log axis has no place for epoch 0
    low, middle, high = band(values)[:, shown]
    if banded:
        ax.fill_between(x[shown], low, high, color=color, alpha=0.2, linewidth=0)
    ax.plot(x[shown], middle, color=color, **style)


def _against_epochs(ax: Axes, history: Any, log_epochs: bool, label: str) -> None:
    # A log axis without anything on it cannot be laid out.
    drawn = any(np.isfinite(line.get_ydata()).any() for line in ax.lines)
    ax.set(xlabel=labels.epochs(history), ylabel=label)
    if log_epochs and drawn:
        log_scale(ax, "x")
    else:
        whole_numbers(ax.xaxis)
    if label.startswith("norm"):
        ax.set(ylim=(0, None))


def _banded(facets: Facets) -> bool:
    """Whether quartiles are drawn: bands of very many values would hide each other."""
    return len(facets.values) <= LISTED


def _styles(facets: Facets) -> list[Line2D]:
    """The lines of a legend that says which split is which."""
    if facets.axis is None:
        return [Line2D([], [], color=color, label=split) for split, color, _ in SPLITS]
    return [
        Line2D([], [], color="0.3", linestyle=dashes, label=split) for split, _, dashes in SPLITS
    ]


def _loss_of(history: Any, found: list[Cell]) -> str:
    """The name of the loss of these cells."""
    if "loss" in history.coords:
        return labels.losses(history.loss.values[row] for cell in found for row in cell.rows)
    return history.attrs.get("loss", "loss")


def _words(history: Any, facets: Facets, title: str, banded: str = "") -> tuple[str, str]:
    """Title and explanation of a figure of these facets, in which a split alone may have bands."""
    task = history.attrs.get("task", "")
    words = title or ": ".join(filter(None, [task, sweep_in_words(history)]))
    most = max((len(cell.rows) for cell in cells(history)), default=0)
    if most < 2:
        note = "Each line is one member."
    else:
        of = banded if facets.axis else ""
        bands = f", bands: {of}quartiles" if _banded(facets) else ""
        note = (
            f"Medians over seeds{bands}. Stopped members keep their last value; "
            "a line ends with its last member."
        )
    return words, " ".join(filter(None, [note, facets.note]))
