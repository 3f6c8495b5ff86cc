"""The share of members that had got there, against epochs."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from grokjax import labels
from grokjax.analysis.incidence import Incidence
from grokjax.analysis.incidence import incidence as incidence_of
from grokjax.analysis.timing import Times
from grokjax.arguments import labelled, takes
from grokjax.cells import sweep_in_words
from grokjax.plots.facets import Facets
from grokjax.plots.style import CATEGORIES, axes, figure, heading, legend_below, styled

BANDED = 3
"""Values of a setting up to which the bands are drawn: more of them would hide each other."""


@styled
@takes(named=dict)
def incidence(
    named: dict[str, Incidence], title: str = "", unit: str = "epoch", ax: Axes | None = None
) -> Axes:
    """Share of members that had got there, against epochs, with its 95% band.

    A curve ends where its members were last evaluated, unless nobody is left to get there.

    Args:
      named: label to `analysis.incidence.incidence`; eight can be told apart.
      title: above the axes.
      unit: of the times.
      ax: where to draw; None: on a new figure.

    Returns:
      The axes drawn on.
    """
    given, ax = ax is not None, axes(ax)
    latest = max((found.last for found in named.values()), default=0)
    for color, (label, found) in zip(itertools.cycle(CATEGORIES), named.items(), strict=False):
        _curve(ax, found, latest, color, label=f"{label}: {found.counts()}")
    ax.set(xlabel=unit, ylabel="share of members that got there", title=title)
    if given:
        ax.legend(loc="best")
    else:
        legend_below(ax)
    return ax


@styled
@takes(history=labelled, named=dict)
def incidences(history: Any, named: dict[str, Times], title: str = "") -> Figure:
    """Share of members that had got there, by the values of the swept settings.

    Args:
      history: as `Run.history`.
      named: label to the times of its members, such as `timing.Events.grokked`.
      title: instead of the task and what is swept.

    Returns:
      The figure, a column of panels for each label. The swept setting with the most
      values is in colours; of further settings each combination is a row, at most six.
    """
    facets = Facets.of(history)
    rows = max(1, len(facets.panels))
    fig, grid = figure(9.5, 1.4 + 2.6 * rows, len(named), rows, squeeze=False)
    latest = max((np.nanmax(t.until, initial=0.0) for t in named.values()), default=0.0)
    for row, panel in zip(grid, facets.panels, strict=False):
        for ax, (label, times) in zip(row, named.items(), strict=True):
            for cell in panel.cells:
                found, banded = incidence_of(times[cell.rows]), len(facets.values) <= BANDED
                _curve(ax, found, latest, facets.color(cell), banded)
            ax.set(
                xlabel=labels.epochs(history),
                ylabel=f"share that had {label}",
                title=panel.title,
                xlim=(0, latest or None),
            )
    facets.key(fig)
    words = ": ".join(filter(None, [history.attrs.get("task", ""), sweep_in_words(history)]))
    heading(fig, title or words, facets.note)
    return fig


def _curve(
    ax: Axes, found: Incidence, latest: float, color: Any, banded: bool = True, **style: Any
) -> None:
    """One curve and its band, from the first member that got there."""
    # Where nobody may still get there, and where the others count as later, it stays level.
    level = not found.may_still or np.isfinite(found.known_until)
    x = np.append(found.epochs, latest if level else found.last)
    middle, low, high = (np.append(y, y[-1]) for y in (found.share, found.low, found.high))
    ax.step(x, middle, where="post", color=color, **style)
    if banded:
        band: Any = {"step": "post", "color": color, "alpha": 0.18, "linewidth": 0}
        ax.fill_between(x[1:], low[1:], high[1:], **band)
    ax.set(ylim=(-0.02, 1.02), xlim=(0, None))
