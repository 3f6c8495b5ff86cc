"""Recorded values against epochs: medians and quartiles over seeds.

Swept settings are never pooled: they are colours and panels (see `grokjax.plots.sweep_panels`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from grokjax.plots.decorations import (
    add_heading,
    share_limits,
    use_log_scale,
)
from grokjax.plots.epoch_lines import draw_line, label_axes, loss_label, title_and_note
from grokjax.plots.overlay import RunStyle, add_run_legend, panels_of, run_style
from grokjax.plots.style import TEST, TRAIN, axes_or_new, figure, figure_of, styled
from grokjax.plots.sweep_panels import Panel, SweepPanels, arrange_sweep
from grokjax.results.history import is_defined
from grokjax.results.seed_groups import swept_settings
from grokjax.runtime.arguments import history_like, takes

SPLITS: tuple[tuple[str, str, Any], ...] = (("train", TRAIN, "--"), ("test", TEST, "-"))


@styled
@takes(history=history_like)
def accuracy(
    history: Any,
    ax: Axes | None = None,
    log_epochs: bool = False,
    label: str = "",
    color: Any = None,
) -> Axes:
    """Draw the accuracy of both splits against epochs, the notebook's first figure.

    Seeds are drawn as median and quartiles, and one swept setting as colours. With a `label` or a
    `color` all lines have that colour: call it for each run, with the same `ax`.

    Raises ValueError if several settings are swept, which would need several panels.
    """
    return _single_panel(history, ax, "accuracy", log_epochs, run_style(label, color, ax))


@styled
@takes(history=history_like)
def loss(
    history: Any,
    ax: Axes | None = None,
    log_epochs: bool = False,
    label: str = "",
    color: Any = None,
) -> Axes:
    """Draw the loss of both splits on a log axis, the notebook's second figure; see `accuracy`."""
    return _single_panel(history, ax, "loss", log_epochs, run_style(label, color, ax))


@styled
@takes(history=history_like)
def curves(
    history: Any,
    title: str = "",
    log_epochs: bool = False,
    label: str = "",
    color: Any = None,
    fig: Figure | None = None,
) -> Figure:
    """Draw accuracy and loss of both splits against epochs.

    Args:
      history: such as `Run.history`; without accuracies, or where none is defined, the figure has
        the loss alone.
      label: of the run, if the figure has several; all of its lines then have one colour.
      color: that colour; None: the next one.
      fig: the figure that this function made for another run, to draw on its axes.

    Returns:
      The figure. The swept setting with the most values is drawn in colours; each combination
      of further settings is a row, at most six of them, as the title says.
    """
    metrics = [name for name in ("accuracy", "loss") if is_defined(history, f"test_{name}")]
    axes = panels_of(fig, len(metrics), "curves")
    run = run_style(label, color, axes[0] if axes else None)
    sweep = arrange_sweep(history, run=run)
    rows = max(1, len(sweep.panels))
    if axes is None or fig is None:
        fig, grid = figure(9.5, 1.4 + 2.6 * rows, len(metrics), rows, squeeze=False)
    else:
        grid = np.array([axes])
    for row, panel in zip(grid, sweep.panels, strict=False):
        for ax, metric in zip(row, metrics, strict=True):
            _draw_panel(ax, history, sweep, panel, metric, log_epochs)
    for column in grid.T:
        share_limits(column)
    _add_split_legend(grid[0, 0], sweep)
    sweep.add_color_key(fig)
    if axes is None:
        add_heading(fig, *title_and_note(history, sweep, title, "test "))
    return fig


def _single_panel(
    history: Any, ax: Axes | None, metric: str, log_epochs: bool, run: RunStyle | None
) -> Axes:
    """One panel with its legend; a new figure also has a heading."""
    sweep, is_new = arrange_sweep(history, run=run), ax is None
    if sweep.combinations > 1:
        names = ", ".join(swept_settings(history))
        raise ValueError(
            f"plots.{metric} shows one swept setting; {names} are swept; select values, or use "
            "plots.curves"
        )
    ax = axes_or_new(ax)
    panel = sweep.panels[0] if sweep.panels else Panel("", [])
    _draw_panel(ax, history, sweep, panel, metric, log_epochs)
    _add_split_legend(ax, sweep)
    sweep.add_color_key(figure_of(ax))
    if is_new:
        add_heading(figure_of(ax), *title_and_note(history, sweep, "", "test "))
    return ax


def _draw_panel(
    ax: Axes, history: Any, sweep: SweepPanels, panel: Panel, metric: str, log_epochs: bool
) -> None:
    """Accuracy or loss of both splits, for the groups of one panel."""
    for group in panel.groups:
        for split, color, dashes in SPLITS:
            values = history[f"{split}_{metric}"].values[group.rows]
            if sweep.is_by_kind:
                draw_line(ax, history, values, log_epochs, color, label=split)
            else:
                banded, color = split == "test" and sweep.is_listed, sweep.color(group)
                style = {"linestyle": dashes}
                if split == "test":
                    style["label"] = sweep.run_label(group, panel)
                draw_line(ax, history, values, log_epochs, color, banded, **style)
    if metric == "accuracy":
        label = "accuracy"
        ax.set(ylim=(-0.02, 1.02))
    else:
        label = loss_label(history, panel.groups)
        use_log_scale(ax, "y")
    label_axes(ax, history, log_epochs, label)
    ax.set_title(panel.title)


def _add_split_legend(ax: Axes, sweep: SweepPanels) -> None:
    """Explain the lines of the splits by a legend, and the colours of several runs."""
    names, colors, dashes = zip(*SPLITS, strict=True)
    if sweep.is_by_kind:
        lines = [Line2D([], [], color=c, label=n) for n, c in zip(names, colors, strict=True)]
        ax.legend(handles=lines, loc="best")
    else:
        add_run_legend(ax, names, dashes)
