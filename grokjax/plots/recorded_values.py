"""Recorded numbers against epochs: any metric, and the norms of weights.

Swept settings are never pooled: they are colours and panels (see `grokjax.plots.sweep_panels`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from grokjax.config import labels
from grokjax.plots.decorations import (
    add_heading,
    add_legend_below,
    share_limits,
)
from grokjax.plots.epoch_lines import draw_line, label_axes, title_and_note
from grokjax.plots.overlay import add_run_legend, panels_of, run_style
from grokjax.plots.style import LAYERS, figure, styled
from grokjax.plots.sweep_panels import Panel, SweepPanels, arrange_sweep
from grokjax.runtime.arguments import history_like, takes


@styled
@takes(history=history_like)
def metric(
    history: Any,
    name: str,
    title: str = "",
    log_epochs: bool = False,
    label: str = "",
    color: Any = None,
    fig: Figure | None = None,
) -> Figure:
    """Draw a recorded number against epochs, such as a metric of your own, dims `member, eval`.

    label, color, fig: of one of several runs, as for `curves`.
    """
    axes = panels_of(fig, 1, "metric")
    sweep = arrange_sweep(history, run=run_style(label, color, axes[0] if axes else None))
    panels = [(panel, history[name].values) for panel in sweep.panels]
    fig = _value_panels(history, sweep, panels, log_epochs, labels.setting(name), fig)
    if axes is not None:
        return fig
    share_limits(fig.axes)
    sweep.add_color_key(fig)
    add_heading(fig, *title_and_note(history, sweep, title))
    return fig


@styled
@takes(history=history_like)
def norms(
    history: Any,
    title: str = "",
    log_epochs: bool = False,
    label: str = "",
    color: Any = None,
    fig: Figure | None = None,
) -> Figure:
    """Draw weight norms against epochs, a line or a panel for each layer.

    Args:
      history: such as `Run.history`, with `layer_norm` and `weight_norm`.
      label, color, fig: of one of several runs, as for `curves`; each layer has a panel then.

    Returns:
      The figure: one panel with a colour for each layer; with one swept setting a panel for
      each layer; with several the norm of all weights, a panel for each combination.
    """
    axes = panels_of(fig, history.sizes["layer"], "norms")
    sweep = arrange_sweep(history, run=run_style(label, color, axes[0] if axes else None))
    if sweep.combinations > 1:
        return metric(history, "weight_norm", title, log_epochs)
    values = history.layer_norm.values
    by_layer = {str(name): values[:, :, i] for i, name in enumerate(history.layer.values)}
    of_weights = "norm of the weights"
    if sweep.is_by_kind:
        fig, ax = figure(7.5, 4.6)
        for i, (layer, norm) in enumerate(by_layer.items()):
            dashes = "-" if i < len(LAYERS) else "--"
            color = LAYERS[i % len(LAYERS)]
            draw_line(ax, history, norm, log_epochs, color, label=layer, linestyle=dashes)
        label_axes(ax, history, log_epochs, of_weights)
        add_legend_below(fig)
    else:
        groups = sweep.panels[0].groups
        panels = [(Panel(layer, groups), norm) for layer, norm in by_layer.items()]
        fig = _value_panels(history, sweep, panels, log_epochs, of_weights, fig)
    if axes is None:
        sweep.add_color_key(fig)
        add_heading(fig, *title_and_note(history, sweep, title))
    return fig


def _value_panels(
    history: Any,
    sweep: SweepPanels,
    panels: list[tuple[Panel, np.ndarray]],
    log_epochs: bool,
    label: str,
    fig: Figure | None = None,
) -> Figure:
    """Draw panels, each with the values `[M, T]` of its groups; on the axes of `fig`, if given."""
    columns = max(1, min(3, len(panels)))
    rows = max(1, -(-len(panels) // columns))
    width = 9.5 if columns > 1 else 7.5
    if fig is None:
        fig, grid = figure(width, 1.2 + 2.8 * rows, columns, rows, squeeze=False)
        for ax in grid.ravel()[len(panels) :]:
            ax.remove()
    for ax, (panel, values) in zip(fig.axes, panels, strict=False):
        for group in panel.groups:
            color, name = sweep.color(group), sweep.run_label(group, panel)
            drawn = values[group.rows]
            draw_line(ax, history, drawn, log_epochs, color, sweep.is_listed, label=name)
        if sweep.run is not None:
            add_run_legend(ax, ())
        label_axes(ax, history, log_epochs, label)
        ax.set_title(panel.title)
    return fig
