"""Recorded values against epochs: medians and quartiles over seeds.

Swept settings are never pooled: they are colours and panels (see `grokjax.plots.sweep_panels`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from grokjax.analysis.quartiles import quartile_band
from grokjax.config import labels
from grokjax.plots.decorations import (
    add_heading,
    add_legend_below,
    share_limits,
    use_log_scale,
    use_whole_ticks,
)
from grokjax.plots.style import LAYERS, TEST, TRAIN, axes_or_new, figure, figure_of, styled
from grokjax.plots.sweep_panels import Panel, SweepPanels, arrange_sweep, sweep_title
from grokjax.results.history import is_defined
from grokjax.results.seed_groups import SeedGroup, seed_groups, swept_settings
from grokjax.runtime.arguments import history_like, takes

SPLITS: tuple[tuple[str, str, Any], ...] = (("train", TRAIN, "--"), ("test", TEST, "-"))


@styled
@takes(history=history_like)
def accuracy(history: Any, ax: Axes | None = None, log_epochs: bool = False) -> Axes:
    """Draw the accuracy of both splits against epochs, the notebook's first figure.

    Seeds are drawn as median and quartiles, and one swept setting as colours.

    Raises ValueError if several settings are swept, which would need several panels.
    """
    return _single_panel(history, ax, "accuracy", log_epochs)


@styled
@takes(history=history_like)
def loss(history: Any, ax: Axes | None = None, log_epochs: bool = False) -> Axes:
    """Draw the loss of both splits on a log axis, the notebook's second figure; see `accuracy`."""
    return _single_panel(history, ax, "loss", log_epochs)


@styled
@takes(history=history_like)
def curves(history: Any, title: str = "", log_epochs: bool = False) -> Figure:
    """Draw accuracy and loss of both splits against epochs.

    Args:
      history: such as `Run.history`; without accuracies, or where none is defined, the figure has
        the loss alone.

    Returns:
      The figure. The swept setting with the most values is drawn in colours; each combination
      of further settings is a row, at most six of them, as the title says.
    """
    sweep = arrange_sweep(history)
    metrics = [name for name in ("accuracy", "loss") if is_defined(history, f"test_{name}")]
    rows = max(1, len(sweep.panels))
    fig, grid = figure(9.5, 1.4 + 2.6 * rows, len(metrics), rows, squeeze=False)
    for row, panel in zip(grid, sweep.panels, strict=False):
        for ax, metric in zip(row, metrics, strict=True):
            _draw_panel(ax, history, sweep, panel, metric, log_epochs)
    for column in grid.T:
        share_limits(column)
    grid[0, 0].legend(handles=_split_lines(sweep), loc="best")
    sweep.add_color_key(fig)
    add_heading(fig, *_title_and_note(history, sweep, title, "test "))
    return fig


@styled
@takes(history=history_like)
def metric(history: Any, name: str, title: str = "", log_epochs: bool = False) -> Figure:
    """Draw a recorded number against epochs, such as a metric of your own, dims `member, eval`."""
    sweep = arrange_sweep(history)
    panels = [(panel, history[name].values) for panel in sweep.panels]
    fig = _value_panels(history, sweep, panels, log_epochs, labels.setting(name))
    share_limits(fig.axes)
    sweep.add_color_key(fig)
    add_heading(fig, *_title_and_note(history, sweep, title))
    return fig


@styled
@takes(history=history_like)
def norms(history: Any, title: str = "", log_epochs: bool = False) -> Figure:
    """Draw weight norms against epochs, a line or a panel for each layer.

    Args:
      history: such as `Run.history`, with `layer_norm` and `weight_norm`.

    Returns:
      The figure: one panel with a colour for each layer; with one swept setting a panel for
      each layer; with several the norm of all weights, a panel for each combination.
    """
    sweep = arrange_sweep(history)
    if sweep.combinations > 1:
        return metric(history, "weight_norm", title, log_epochs)
    values = history.layer_norm.values
    by_layer = {str(name): values[:, :, i] for i, name in enumerate(history.layer.values)}
    label = "norm of the weights"
    if sweep.color_setting is None:
        fig, ax = figure(7.5, 4.6)
        for i, (layer, norm) in enumerate(by_layer.items()):
            dashes = "-" if i < len(LAYERS) else "--"
            color = LAYERS[i % len(LAYERS)]
            draw_line(ax, history, norm, log_epochs, color, label=layer, linestyle=dashes)
        label_axes(ax, history, log_epochs, label)
        add_legend_below(fig)
    else:
        groups = sweep.panels[0].groups
        panels = [(Panel(layer, groups), norm) for layer, norm in by_layer.items()]
        fig = _value_panels(history, sweep, panels, log_epochs, label)
    sweep.add_color_key(fig)
    add_heading(fig, *_title_and_note(history, sweep, title))
    return fig


def _value_panels(
    history: Any,
    sweep: SweepPanels,
    panels: list[tuple[Panel, np.ndarray]],
    log_epochs: bool,
    label: str,
) -> Figure:
    """Draw panels, each with the values `[M, T]` of its groups."""
    columns = max(1, min(3, len(panels)))
    rows = max(1, -(-len(panels) // columns))
    width = 9.5 if columns > 1 else 7.5
    fig, grid = figure(width, 1.2 + 2.8 * rows, columns, rows, squeeze=False)
    for ax in grid.ravel()[len(panels) :]:
        ax.remove()
    for ax, (panel, values) in zip(grid.ravel(), panels, strict=False):
        for group in panel.groups:
            color = sweep.color(group)
            draw_line(ax, history, values[group.rows], log_epochs, color, sweep.is_listed)
        label_axes(ax, history, log_epochs, label)
        ax.set_title(panel.title)
    return fig


def _single_panel(history: Any, ax: Axes | None, metric: str, log_epochs: bool) -> Axes:
    """One panel with its legend; a new figure also has a heading."""
    sweep, is_new = arrange_sweep(history), ax is None
    if sweep.combinations > 1:
        names = ", ".join(swept_settings(history))
        raise ValueError(
            f"plots.{metric} shows one swept setting; {names} are swept; select values, or use "
            "plots.curves"
        )
    ax = axes_or_new(ax)
    panel = sweep.panels[0] if sweep.panels else Panel("", [])
    _draw_panel(ax, history, sweep, panel, metric, log_epochs)
    ax.legend(handles=_split_lines(sweep), loc="best")
    sweep.add_color_key(figure_of(ax))
    if is_new:
        add_heading(figure_of(ax), *_title_and_note(history, sweep, "", "test "))
    return ax


def _draw_panel(
    ax: Axes, history: Any, sweep: SweepPanels, panel: Panel, metric: str, log_epochs: bool
) -> None:
    """Accuracy or loss of both splits, for the groups of one panel."""
    for group in panel.groups:
        for split, color, dashes in SPLITS:
            values = history[f"{split}_{metric}"].values[group.rows]
            if sweep.color_setting is None:
                draw_line(ax, history, values, log_epochs, color, label=split)
            else:
                banded, color = split == "test" and sweep.is_listed, sweep.color(group)
                draw_line(ax, history, values, log_epochs, color, banded, linestyle=dashes)
    if metric == "accuracy":
        label = "accuracy"
        ax.set(ylim=(-0.02, 1.02))
    else:
        label = loss_label(history, panel.groups)
        use_log_scale(ax, "y")
    label_axes(ax, history, log_epochs, label)
    ax.set_title(panel.title)


def draw_line(
    ax: Axes,
    history: Any,
    values: np.ndarray,
    log_epochs: bool,
    color: Any,
    banded: bool = True,
    **style: Any,
) -> None:
    """The median over members of `[m, T]` as a line, and the quartiles as a band."""
    x = history.epoch.values
    known = np.any(np.isfinite(values), axis=0)
    shown = np.flip(np.logical_or.accumulate(np.flip(known)))  # until all have stopped
    shown &= x > 0 if log_epochs else x >= 0  # a log axis has no place for epoch 0
    low, middle, high = quartile_band(values)[:, shown]
    if banded:
        ax.fill_between(x[shown], low, high, color=color, alpha=0.2, linewidth=0)
    ax.plot(x[shown], middle, color=color, **style)


def label_axes(ax: Axes, history: Any, log_epochs: bool, label: str) -> None:
    """Label axes of a recorded number against epochs, and choose their scales."""
    ax.set(xlabel=labels.epochs(history), ylabel=label)
    if log_epochs:
        use_log_scale(ax, "x")
    else:
        use_whole_ticks(ax.xaxis)
    if "norm" in label:
        ax.set(ylim=(0, None))


def _split_lines(sweep: SweepPanels) -> list[Line2D]:
    """Lines for a legend of the splits."""
    if sweep.color_setting is None:
        return [Line2D([], [], color=color, label=split) for split, color, _ in SPLITS]
    return [
        Line2D([], [], color="0.3", linestyle=dashes, label=split) for split, _, dashes in SPLITS
    ]


def loss_label(history: Any, groups: list[SeedGroup]) -> str:
    """Name of the loss of these groups."""
    if "loss" in history.coords:
        return labels.losses(history.loss.values[row] for group in groups for row in group.rows)
    return history.attrs.get("loss", "loss")


def _title_and_note(
    history: Any, sweep: SweepPanels, title: str, banded_split: str = ""
) -> tuple[str, str]:
    """Title of a figure, and the note that says what its lines and bands are."""
    if max((len(group.rows) for group in seed_groups(history)), default=0) < 2:
        note = "Each line is one member."
    else:
        split = banded_split if sweep.color_setting else ""
        bands = f", bands: {split}quartiles" if sweep.is_listed else ""
        note = f"Medians over seeds{bands}. Stopped members keep their last value; "
        note += "a line ends with its last member."
    return title or sweep_title(history), " ".join(filter(None, [note, sweep.note]))
