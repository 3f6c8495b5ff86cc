"""Clock or pizza: gradient symmetricity and distance irrelevance of members (Zhong et al. 2023)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from grokjax.analysis.circuits import IRRELEVANT, SYMMETRIC, label_circuits
from grokjax.plots.decorations import add_heading, add_legend, add_legend_below
from grokjax.plots.style import BLACK, BLUE, GREY, VERMILLION, axes_or_new, figure, styled
from grokjax.runtime.arguments import sequence, takes

LABELS = {"clock": (BLUE, "o"), "pizza": (VERMILLION, "^"), "neither": (GREY, "x")}
"""Colour and marker of each label."""

MEASURES = {"gradient symmetricity": SYMMETRIC, "distance irrelevance": IRRELEVANT}
"""The two measures, with the bound of a pizza."""


@styled
@takes(gradient_symmetricity=sequence, distance_irrelevance=sequence, accuracy=sequence)
def circuit_plane(
    gradient_symmetricity: ArrayLike,
    distance_irrelevance: ArrayLike,
    accuracy: ArrayLike,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw members in the plane of both measures, by their label, with the bounds dashed.

    Args:
      gradient_symmetricity: `[M]`.
      distance_irrelevance: `[M]`.
      accuracy: `[M]`, on all pairs or on the test split; see `label_circuits`.
    """
    is_given, ax = ax is not None, axes_or_new(ax)
    x, y = (np.asarray(each, float) for each in (distance_irrelevance, gradient_symmetricity))
    _scatter(ax, x, y, label_circuits(y, x, accuracy))
    ax.axvline(IRRELEVANT, color=BLACK, linestyle=":", linewidth=1)
    ax.axhline(SYMMETRIC, color=BLACK, linestyle=":", linewidth=1)
    ax.set(xlabel="distance irrelevance", ylabel="gradient symmetricity", title=title)
    add_legend(ax, is_given)
    return ax


@styled
@takes(
    values=sequence,
    gradient_symmetricity=sequence,
    distance_irrelevance=sequence,
    accuracy=sequence,
)
def circuits_against(
    name: str,
    values: ArrayLike,
    gradient_symmetricity: ArrayLike,
    distance_irrelevance: ArrayLike,
    accuracy: ArrayLike,
    title: str = "",
    published: Any = None,
    note: str = "Dotted: the bounds of a pizza.",
    labels: ArrayLike | None = None,
    names: Sequence[str] = tuple(MEASURES),
) -> Figure:
    """Draw both measures against a setting: a mark for each member, and medians of each value.

    This is the phase figure of Zhong et al. (2023) where the setting is the attention rate.

    Args:
      name: label of the horizontal axes.
      values: the setting, `[M]`.
      gradient_symmetricity: `[M]`.
      distance_irrelevance: `[M]`.
      accuracy: `[M]`, on all pairs or on the test split; see `label_circuits`.
      published: medians to draw beside ours: (edges `[n + 1]` of the setting, medians of the first
        and of the second measure, `[n]` each); None: none.
      note: a line below the title.
      labels: `[M]`, such as `circuits` returns; None: those of `label_circuits`. To be given if
        `distance_irrelevance` is that of the largest wrong logit, which has other bounds.
      names: labels of the vertical axes; a bound is drawn for those of `MEASURES`.
    """
    x = np.asarray(values, float)
    if labels is None:
        labels = label_circuits(gradient_symmetricity, distance_irrelevance, accuracy)
    measured = [np.asarray(y, float) for y in (gradient_symmetricity, distance_irrelevance)]
    fig, axes = figure(10.5, 4.4, 2)
    for i, (ax, label) in enumerate(zip(axes, names, strict=True)):
        y = measured[i]
        _scatter(ax, x, y, np.asarray(labels))
        distinct = np.unique(x)
        medians = [np.median(y[x == each]) for each in distinct]
        ax.plot(distinct, medians, color=BLACK, linewidth=1.2, label="median")
        if published is not None:
            edges, *columns = published
            look = {"color": GREY, "linewidth": 2, "label": "published median"}
            ax.stairs(columns[i], edges, baseline=None, **look)
        if label in MEASURES:
            ax.axhline(MEASURES[label], color=BLACK, linestyle=":", linewidth=1)
        ax.set(xlabel=name, ylabel=label)
    add_legend_below(axes[0])
    add_heading(fig, title, note)
    return fig


def _scatter(ax: Axes, x: np.ndarray, y: np.ndarray, labels: np.ndarray) -> None:
    """Draw a mark for each member, by its label."""
    for label, (color, marker) in LABELS.items():
        chosen = labels == label
        if chosen.any():
            text = f"{label} ({chosen.sum()})"
            ax.scatter(x[chosen], y[chosen], s=22, c=color, marker=marker, alpha=0.7, label=text)
