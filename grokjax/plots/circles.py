"""The embedding in planes: pairs of principal components, and the planes of frequencies.

A token is written as its number where that overlaps no other number. Pairs of components
that mix frequencies are in the other colour.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Annotation
from numpy.typing import ArrayLike

from grokjax.analysis.circles import Reading
from grokjax.arguments import sequence, takes
from grokjax.plots.apart import keep_apart
from grokjax.plots.style import TEST, TRAIN, figure, heading, legend_below, styled

MOST_NUMBERED = 120
"""Tokens up to which each may be written as its number; above, every fifth."""

PURE, MIXED = "one frequency, joined in its step", "mixed frequencies, or no circle"
"""What the two colours mean."""


def token_texts(ax: Axes, points: np.ndarray) -> dict[int, Annotation]:
    """Numbers of tokens `[P, 2]` in a plane, by token, outside of their points and kept apart."""
    every = 1 if len(points) <= MOST_NUMBERED else 5
    found = {}
    for token in range(0, len(points), every):
        found[token] = ax.annotate(
            str(token),
            points[token],
            outwards(points[token]),
            textcoords="offset points",
            fontsize=6.5,
            ha="center",
            va="center",
        )
    keep_apart(ax, list(found.values()))
    return found


def outwards(point: np.ndarray) -> tuple[float, float]:
    """Where a token's number is from its point, in points: further from the middle."""
    away = np.hypot(*point)
    x, y = 6 * point / away if np.isfinite(away) and away > 0 else (0.0, 6.0)
    return float(x), float(y)


@takes(ax=Axes, points="P 2")
def panel(ax: Axes, points: np.ndarray, title: str, step: int = 0, color: str = TRAIN) -> None:
    """Tokens `[P, 2]` as numbers in a plane, joined to a circle by steps of `step`."""
    modulus = len(points)
    if step:
        around = points[np.arange(modulus + 1) * step % modulus]
        ax.plot(*around.T, color=color, alpha=0.25, linewidth=1)
    ax.plot(*points.T, ".", color=color, alpha=0.6, markersize=3)
    token_texts(ax, points)
    ax.set_title(title, fontsize=9)
    ax.set_aspect("equal", adjustable="datalim")
    ax.margins(0.1)
    ax.tick_params(labelsize=7)


def panels(number: int, title: str) -> tuple[Figure, list[Axes]]:
    """That many square axes, three to a row; those left over are hidden."""
    rows = max(1, -(-number // 3))
    fig, grid = figure(9.6, 3.3 * rows, columns=3, rows=rows)
    every = list(np.ravel(grid))
    for ax in every[number:]:
        ax.set_visible(False)
    if title:
        heading(fig, title)
    return fig, every[:number]


@styled
@takes(scores="P C", explained="C", readings=sequence)
def components(
    scores: np.ndarray, explained: np.ndarray, readings: Sequence[Reading], title: str = ""
) -> Figure:
    """The notebook's figure: tokens in each pair of principal components, named.

    Args:
      scores: `[P, C]` of one member, from `analysis.pca.pca`.
      explained: `[C]`, share of the variance.
      readings: of each pair, from `analysis.circles.read`; mixed pairs are drawn
        in the other colour.
      title: above the panels.

    Returns:
      The figure, a panel a pair.
    """
    fig, axes = panels(len(readings), title)
    for j, (ax, reading) in enumerate(zip(axes, readings, strict=True)):
        first, second = 2 * j, 2 * j + 1  # numbered from 1 as in papers
        color = TRAIN if reading.frequency else TEST
        panel(ax, scores[:, first : second + 1], reading.text, reading.step, color)
        for axis, c in ((ax.xaxis, first), (ax.yaxis, second)):
            axis.set_label_text(f"component {c + 1} ({explained[c]:.1%})", fontsize=8)
    legend_below(fig, colors_of(readings))
    return fig


def colors_of(readings: Sequence[Reading]) -> list[Line2D]:
    """What the colours of these pairs mean, for a legend."""
    pure = {bool(reading.frequency) for reading in readings}
    named = ((True, TRAIN, PURE), (False, TEST, MIXED))
    return [Line2D([], [], color=c, marker=".", label=t) for kind, c, t in named if kind in pure]


@styled
@takes(points="F P 2", frequencies="F", circularity="F", steps="F")
def planes(
    points: np.ndarray,
    frequencies: ArrayLike,
    circularity: ArrayLike,
    steps: ArrayLike,
    title: str = "",
) -> Figure:
    """Tokens in the planes of frequencies: circles that no principal component mixes.

    Args:
      points: `[F, P, 2]` of one member, from `analysis.fourier.planes`.
      frequencies: of the planes, `[F]`.
      circularity: of the planes, `[F]`.
      steps: of the planes, `[F]`, from `analysis.circles.step_of`.
      title: above the panels.

    Returns:
      The figure, a panel a frequency.
    """
    fig, axes = panels(len(points), title)
    named = np.stack([frequencies, circularity, steps], axis=1)  # [F, 3]
    for ax, plane, (frequency, rate, step) in zip(axes, points, named, strict=True):
        text = f"frequency {frequency:.0f}, step {step:.0f}, circularity {rate:.3f}"
        panel(ax, plane, text, int(step))
        ax.set_xlabel("cosine direction", fontsize=8)
        ax.set_ylabel("sine direction", fontsize=8)
    return fig
