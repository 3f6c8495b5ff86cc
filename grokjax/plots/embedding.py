"""The embedding in planes, as pictures and as an animation.

The planes are pairs of principal components, or the planes of frequencies. A token is shown by
its number unless it would overlap another number. Pairs of components that mix frequencies have
a colour of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.animation import FFMpegWriter, PillowWriter
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Annotation
from numpy.typing import ArrayLike

from grokjax.analysis.circles import Reading
from grokjax.errors import invalid
from grokjax.plots.decorations import add_heading, add_legend_below, hide_overlaps
from grokjax.plots.style import TEST, TRAIN, figure, styled
from grokjax.runtime import paths
from grokjax.runtime.arguments import positive_number, sequence, takes

PURE, MIXED = TRAIN, TEST
"""Colours of pairs of components with one frequency, and of the others."""

MAX_NUMBERED = 120
"""Number of tokens up to which each may have its number; of more tokens every fifth has."""


@styled
@takes(scores="P C", explained="C", readings=sequence)
def components(
    scores: np.ndarray,
    explained: np.ndarray,
    readings: Sequence[Reading],
    title: str = "",
    tokens: Sequence[int] | None = None,
) -> Figure:
    """Draw the tokens in each pair of principal components: the notebook's figure.

    Args:
      scores: `[P, C]` of one member, from `analysis.pca.pca`.
      explained: `[C]`, share of the variance.
      readings: one for each pair, from `analysis.circles.read`.
      tokens: number of the token in each row, such as `survey(run).token`; None: 0, 1, ...
    """
    fig, axes = _square_panels(len(readings), title)
    for j, (ax, reading) in enumerate(zip(axes, readings, strict=True)):
        first, second = 2 * j, 2 * j + 1  # the labels count from 1, as papers do
        color = PURE if reading.frequency else MIXED
        panel(ax, scores[:, first : second + 1], reading.text, reading.step, color, tokens)
        for axis, c in ((ax.xaxis, first), (ax.yaxis, second)):
            axis.set_label_text(f"component {c + 1} ({explained[c]:.1%})", fontsize=8)
    add_legend_below(fig, _color_lines(readings))
    return fig


@styled
@takes(points="F P 2", frequencies="F", circularity="F", steps="F")
def planes(
    points: np.ndarray,
    frequencies: ArrayLike,
    circularity: ArrayLike,
    steps: ArrayLike,
    title: str = "",
    tokens: Sequence[int] | None = None,
) -> Figure:
    """Draw the tokens in the planes of frequencies, where circles are never mixed.

    Args:
      points: `[F, P, 2]` of one member, from `analysis.fourier.planes`.
      frequencies, circularity: of the planes, each `[F]`.
      steps: of the planes, `[F]`, from `analysis.circles.step_of`.
      tokens: number of the token in each row, such as `survey(run).token`; None: 0, 1, ...
    """
    fig, axes = _square_panels(len(points), title)
    numbers = np.stack([frequencies, circularity, steps], axis=1)  # [F, 3]
    for ax, plane, (frequency, rate, step) in zip(axes, points, numbers, strict=True):
        text = f"frequency {frequency:.0f}" + (f", step {step:.0f}" if step else "")
        text += f", circularity {rate:.3f}" if np.isfinite(rate) else ", a line"
        panel(ax, plane, text, int(step), tokens=tokens)
        ax.set_xlabel("cosine direction", fontsize=8)
        ax.set_ylabel("sine direction", fontsize=8)
    return fig


@takes(ax=Axes, points="P 2")
def panel(
    ax: Axes,
    points: np.ndarray,
    title: str,
    step: int = 0,
    color: str = PURE,
    tokens: Sequence[int] | None = None,
) -> None:
    """Draw tokens `[P, 2]` by their numbers, each joined to the token `step` rows further unless 0.

    tokens: number of the token in each row; None: 0, 1, ...
    """
    modulus = len(points)
    if step:
        circle = points[np.arange(modulus + 1) * step % modulus]
        ax.plot(*circle.T, color=color, alpha=0.25, linewidth=1)
    ax.plot(*points.T, ".", color=color, alpha=0.6, markersize=3)
    _number_tokens(ax, points, tokens)
    ax.set_title(title, fontsize=9)
    ax.set_aspect("equal", adjustable="datalim")
    ax.margins(0.1)
    ax.tick_params(labelsize=7)


def _number_tokens(
    ax: Axes, points: np.ndarray, tokens: Sequence[int] | None = None
) -> dict[int, Annotation]:
    """Write the numbers of tokens `[P, 2]` beside their points; returned by row."""
    every = 1 if len(points) <= MAX_NUMBERED else 5
    texts = {
        row: ax.annotate(
            str(row if tokens is None else int(tokens[row])),
            points[row],
            _outward_offset(points[row]),
            textcoords="offset points",
            fontsize=6.5,
            ha="center",
            va="center",
        )
        for row in range(0, len(points), every)
    }
    hide_overlaps(ax, list(texts.values()))
    return texts


def _outward_offset(point: np.ndarray) -> tuple[float, float]:
    """Offset of a number from its point, in printer's points, away from the origin."""
    radius = np.hypot(*point)
    x, y = 6 * point / radius if np.isfinite(radius) and radius > 0 else (0.0, 6.0)
    return float(x), float(y)


def _square_panels(number: int, title: str) -> tuple[Figure, list[Axes]]:
    """A figure with this number of axes, three in a row."""
    rows = max(1, -(-number // 3))
    fig, grid = figure(9.6, 3.3 * rows, columns=3, rows=rows)
    axes = list(np.ravel(grid))
    for ax in axes[number:]:
        ax.set_visible(False)
    if title:
        add_heading(fig, title)
    return fig, axes[:number]


def _color_lines(readings: Sequence[Reading]) -> list[Line2D]:
    """Lines for a legend of the colours that these pairs have."""
    colors = {PURE if reading.frequency else MIXED for reading in readings}
    texts = {PURE: "one frequency, joined in its step", MIXED: "mixed frequencies, or no circle"}
    return [Line2D([], [], color=c, marker=".", label=t) for c, t in texts.items() if c in colors]


@styled
@takes(scores="T P C", epochs="T", readings=sequence, frames_per_second=positive_number)
def animation(
    scores: np.ndarray,
    epochs: Sequence[int],
    readings: Sequence[Reading],
    path: str | Path,
    title: str = "",
    frames_per_second: float = 12,
    tokens: Sequence[int] | None = None,
) -> Path:
    """Write an animation of pairs of principal components through training.

    Args:
      scores: `[T, P, C]`, from `analysis.pca.project`: snapshots on the final components.
      epochs: `[T]`.
      readings: of the final pairs, from `analysis.circles.read`.
      path: `.gif`, or `.mp4` if ffmpeg is installed.
      title: of the figure, followed by the epoch.
      frames_per_second: speed of the animation.
      tokens: number of the token in each row, such as `survey(run).token`; None: 0, 1, ...

    Returns:
      The path.

    Raises:
      ConfigError: the path has another suffix or cannot be written.
      RuntimeError: the path is an `.mp4` and ffmpeg is not installed.
    """
    path = paths.parse_path("path", path)
    writer = _movie_writer(path, frames_per_second)
    paths.require_writable("path", path, "name another")
    fig, axes = _square_panels(len(readings), "")
    heading = fig.suptitle(f"{title}  epoch 0")
    limit = 1.05 * float(np.nanmax(np.abs(scores)))
    panels = [
        _prepare_panel(ax, reading, range(scores.shape[1]) if tokens is None else tokens, limit)
        for ax, reading in zip(axes, readings, strict=True)
    ]
    add_legend_below(fig, _color_lines(readings))
    path.parent.mkdir(parents=True, exist_ok=True)
    fig.draw_without_rendering()
    fig.set_layout_engine("none")  # a layout for every frame would take most of the time
    with writer.saving(fig, str(path), dpi=80):
        for epoch, frame in zip(epochs, scores, strict=True):
            heading.set_text(f"{title}  epoch {epoch:,}".strip())
            _move_points(panels, frame)
            writer.grab_frame()
    return path


def _move_points(panels: list[tuple[Line2D, dict[int, Annotation]]], frame: np.ndarray) -> None:
    """Move the dots and numbers of each panel to their pair of components in `frame [P, C]`."""
    for j, (dots, texts) in enumerate(panels):
        points = frame[:, 2 * j : 2 * j + 2]
        dots.set_data(*points.T)
        for row, text in texts.items():
            text.xy = tuple(points[row])
            text.set_position(_outward_offset(points[row]))


def _prepare_panel(
    ax: Axes, reading: Reading, tokens: Sequence[int], limit: float
) -> tuple[Line2D, dict[int, Annotation]]:
    """Dots of a panel, and numbers by row; every frame places them."""
    color = PURE if reading.frequency else MIXED
    (dots,) = ax.plot([], [], ".", color=color, alpha=0.6, markersize=3)
    texts = _number_tokens(ax, np.zeros((len(tokens), 2)), tokens)
    ax.set_title(reading.text, fontsize=9)
    ax.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal")
    ax.tick_params(labelsize=7)
    return dots, texts


def _movie_writer(path: Path, frames_per_second: float) -> PillowWriter | FFMpegWriter:
    if path.suffix.lower() == ".gif":
        return PillowWriter(fps=frames_per_second)  # pyright: ignore[reportArgumentType]
    if path.suffix.lower() != ".mp4":
        raise invalid("path", str(path), "must end in .gif or .mp4")
    if not FFMpegWriter.isAvailable():
        raise RuntimeError(f"{path} needs ffmpeg, which is not installed; write a .gif instead")
    return FFMpegWriter(fps=frames_per_second)  # pyright: ignore[reportArgumentType]
