"""Cumulative incidence: the share of members that had memorised or grokked, against epochs."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from grokjax.analysis.incidence import Incidence
from grokjax.analysis.incidence import incidence as estimate_incidence
from grokjax.analysis.times import Times
from grokjax.config import labels
from grokjax.plots.decorations import add_heading, add_legend
from grokjax.plots.overlay import (
    DASHES,
    add_run_legend,
    joined_label,
    panels_of,
    run_style,
)
from grokjax.plots.style import CATEGORIES, axes_or_new, figure, styled
from grokjax.plots.sweep_panels import arrange_sweep, sweep_title
from grokjax.runtime.arguments import history_like, takes

MAX_BANDED = 3
"""Number of values of a setting up to which bands are drawn; more would hide each other."""


@styled
@takes(named=dict)
def incidence(
    named: dict[str, Incidence],
    title: str = "",
    unit: str = "epoch",
    ax: Axes | None = None,
    label: str = "",
    color: Any = None,
) -> Axes:
    """Draw cumulative incidences against epochs, each with its 95% band.

    A curve ends where its members were last evaluated; if none of them can still reach the
    event, it continues level.

    Args:
      named: label to `analysis.incidence.incidence`; eight can be told apart.
      label: of the run, if the axes have several; it goes before the labels of the curves, which
        then have one colour and differ in their dashes.
      color: that colour; None: the next one.
    """
    run = run_style(label, color, ax)
    is_given, ax = ax is not None, axes_or_new(ax)
    latest = max((curve.last_epoch for curve in named.values()), default=0)
    for i, (name, curve) in enumerate(named.items()):
        style: dict[str, Any] = {"color": CATEGORIES[i % len(CATEGORIES)]}
        if run is not None:
            style = {"color": run.color, "linestyle": DASHES[i % len(DASHES)]}
        text = f"{joined_label(label, name)}: {curve.counts()}"
        _draw_curve(ax, curve, latest, label=text, **style)
    ax.set(xlabel=unit, ylabel="share of members", title=title)
    add_legend(ax, is_given or run is not None)
    return ax


@styled
@takes(history=history_like, named=dict)
def incidences(
    history: Any,
    named: dict[str, Times],
    title: str = "",
    label: str = "",
    color: Any = None,
    fig: Figure | None = None,
) -> Figure:
    """Draw cumulative incidences against epochs for each value of the swept settings.

    Args:
      history: such as `Run.history`.
      named: label to the times of its members, such as `times.Events.grokked`.
      label: of the run, if the figure has several; all of its curves then have one colour.
      color: that colour; None: the next one.
      fig: the figure that this function made for another run, to draw on its axes.

    Returns:
      The figure, a column of panels for each label. The swept setting with the most values
      is drawn in colours; each combination of further settings is a row, at most six of them.
    """
    axes = panels_of(fig, len(named), "incidences")
    sweep = arrange_sweep(history, run=run_style(label, color, axes[0] if axes else None))
    rows = max(1, len(sweep.panels))
    if axes is None or fig is None:
        fig, grid = figure(9.5, 1.4 + 2.6 * rows, len(named), rows, squeeze=False)
    else:
        grid = np.array([axes])
    latest = max((np.nanmax(t.observed, initial=0.0) for t in named.values()), default=0.0)
    banded = len(sweep.values) <= MAX_BANDED
    for row, panel in zip(grid, sweep.panels, strict=False):
        for ax, (event, times) in zip(row, named.items(), strict=True):
            for group in panel.groups:
                curve, text = estimate_incidence(times[group.rows]), sweep.run_label(group, panel)
                _draw_curve(ax, curve, latest, sweep.color(group), banded, label=text)
            ax.set(
                xlabel=labels.epochs(history),
                ylabel=f"share that had {event}",
                title=panel.title,
                xlim=(0, max(latest, 0 if axes is None else ax.get_xlim()[1]) or None),
            )
            if sweep.run is not None:
                add_run_legend(ax, ())
    if axes is not None:
        return fig
    sweep.add_color_key(fig)
    own = sweep_title(history) if sweep.run is None else history.attrs.get("task", "")
    add_heading(fig, title or own, sweep.note)
    return fig


def _draw_curve(
    ax: Axes, curve: Incidence, latest: float, color: Any, banded: bool = True, **style: Any
) -> None:
    """One curve, and its band from the first event on."""
    # The curve stays level if no member can reach the event later, or if those that can
    # were counted as later.
    is_level = not curve.censored or np.isfinite(curve.known_until)
    x = np.append(curve.epochs, latest if is_level else curve.last_epoch)
    middle, low, high = (np.append(y, y[-1]) for y in (curve.share, curve.low, curve.high))
    ax.set_autoscale_on(True)  # another run may be on the axes, which were fitted to its curves
    ax.step(x, middle, where="post", color=color, **style)
    if banded:
        band: Any = {"step": "post", "color": color, "alpha": 0.18, "linewidth": 0}
        ax.fill_between(x[1:], low[1:], high[1:], **band)
    ax.set(ylim=(-0.02, 1.02), xlim=(0, None))
