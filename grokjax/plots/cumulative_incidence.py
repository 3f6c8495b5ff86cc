"""Cumulative incidence: the share of members that had memorised or grokked, against epochs."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from grokjax.analysis.incidence import Incidence
from grokjax.analysis.incidence import incidence as estimate_incidence
from grokjax.analysis.times import Times
from grokjax.config import labels
from grokjax.plots.decorations import add_heading, add_legend
from grokjax.plots.style import CATEGORIES, axes_or_new, figure, styled
from grokjax.plots.sweep_panels import arrange_sweep, sweep_title
from grokjax.runtime.arguments import history_like, takes

MAX_BANDED = 3
"""Number of values of a setting up to which bands are drawn; more would hide each other."""


@styled
@takes(named=dict)
def incidence(
    named: dict[str, Incidence], title: str = "", unit: str = "epoch", ax: Axes | None = None
) -> Axes:
    """Draw cumulative incidences against epochs, each with its 95% band.

    A curve ends where its members were last evaluated; if none of them can still reach the
    event, it continues level.

    Args:
      named: label to `analysis.incidence.incidence`; eight can be told apart.
    """
    is_given, ax = ax is not None, axes_or_new(ax)
    latest = max((curve.last_epoch for curve in named.values()), default=0)
    for color, (label, curve) in zip(itertools.cycle(CATEGORIES), named.items(), strict=False):
        _draw_curve(ax, curve, latest, color, label=f"{label}: {curve.counts()}")
    ax.set(xlabel=unit, ylabel="share of members", title=title)
    add_legend(ax, is_given)
    return ax


@styled
@takes(history=history_like, named=dict)
def incidences(history: Any, named: dict[str, Times], title: str = "") -> Figure:
    """Draw cumulative incidences against epochs for each value of the swept settings.

    Args:
      history: such as `Run.history`.
      named: label to the times of its members, such as `times.Events.grokked`.

    Returns:
      The figure, a column of panels for each label. The swept setting with the most values
      is drawn in colours; each combination of further settings is a row, at most six of them.
    """
    sweep = arrange_sweep(history)
    rows = max(1, len(sweep.panels))
    fig, grid = figure(9.5, 1.4 + 2.6 * rows, len(named), rows, squeeze=False)
    latest = max((np.nanmax(t.observed, initial=0.0) for t in named.values()), default=0.0)
    banded = len(sweep.values) <= MAX_BANDED
    for row, panel in zip(grid, sweep.panels, strict=False):
        for ax, (label, times) in zip(row, named.items(), strict=True):
            for group in panel.groups:
                curve = estimate_incidence(times[group.rows])
                _draw_curve(ax, curve, latest, sweep.color(group), banded)
            ax.set(
                xlabel=labels.epochs(history),
                ylabel=f"share that had {label}",
                title=panel.title,
                xlim=(0, latest or None),
            )
    sweep.add_color_key(fig)
    add_heading(fig, title or sweep_title(history), sweep.note)
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
    ax.step(x, middle, where="post", color=color, **style)
    if banded:
        band: Any = {"step": "post", "color": color, "alpha": 0.18, "linewidth": 0}
        ax.fill_between(x[1:], low[1:], high[1:], **band)
    ax.set(ylim=(-0.02, 1.02), xlim=(0, None))
