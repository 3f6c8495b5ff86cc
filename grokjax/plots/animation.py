"""The embedding as it trains, as a film."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.animation import FFMpegWriter, PillowWriter
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.text import Annotation

from grokjax import paths
from grokjax.analysis.circles import Reading
from grokjax.arguments import positive, sequence, takes
from grokjax.plots.circles import colors_of, outwards, panels, token_texts
from grokjax.plots.style import TEST, TRAIN, legend_below, styled
from grokjax.settings import refuse


@styled
@takes(scores="T P C", epochs="T", readings=sequence, frames_per_second=positive)
def animation(
    scores: np.ndarray,
    epochs: Sequence[int],
    readings: Sequence[Reading],
    path: str | Path,
    title: str = "",
    frames_per_second: float = 12,
) -> Path:
    """Pairs of principal components through training, as the notebook's film.

    Args:
      scores: `[T, P, C]`, from `analysis.pca.project`: snapshots on the final components.
      epochs: `[T]`.
      readings: of the final pairs, `analysis.circles.read`.
      path: `.gif`, or `.mp4` where ffmpeg is installed.
      title: above the panels, before the epoch.
      frames_per_second: of the film.

    Returns:
      The path.

    Raises:
      ConfigError: another suffix, or it cannot be written. RuntimeError: `.mp4` and no ffmpeg.
    """
    path = paths.given("path", path)
    writer = _writer(path, frames_per_second)
    paths.writable("path", path, "name another")
    fig, axes = panels(len(readings), "")
    heading = fig.suptitle(f"{title}  epoch 0")
    most = 1.05 * float(np.nanmax(np.abs(scores)))
    tokens = [
        _dressed(ax, reading, scores.shape[1], most)
        for ax, reading in zip(axes, readings, strict=True)
    ]
    legend_below(fig, colors_of(readings))
    path.parent.mkdir(parents=True, exist_ok=True)
    fig.draw_without_rendering()
    fig.set_layout_engine("none")  # once: it takes longer than all else in a frame
    with writer.saving(fig, str(path), dpi=80):
        for epoch, frame in zip(epochs, scores, strict=True):
            heading.set_text(f"{title}  epoch {epoch:,}".strip())
            for j, (dots, texts) in enumerate(tokens):
                points = frame[:, 2 * j : 2 * j + 2]
                dots.set_data(*points.T)
                for token, text in texts.items():
                    text.xy = tuple(points[token])
                    text.set_position(outwards(points[token]))
            writer.grab_frame()
    return path


def _dressed(
    ax: Axes, reading: Reading, tokens: int, most: float
) -> tuple[Line2D, dict[int, Annotation]]:
    """The dots of a panel and its numbers by token, all yet to be placed."""
    color = TRAIN if reading.frequency else TEST
    (dots,) = ax.plot([], [], ".", color=color, alpha=0.6, markersize=3)
    texts = token_texts(ax, np.zeros((tokens, 2)))
    ax.set_title(reading.text, fontsize=9)
    ax.set(xlim=(-most, most), ylim=(-most, most), aspect="equal")
    ax.tick_params(labelsize=7)
    return dots, texts


def _writer(path: Path, frames_per_second: float) -> PillowWriter | FFMpegWriter:
    if path.suffix.lower() == ".gif":
        return PillowWriter(fps=frames_per_second)  # pyright: ignore[reportArgumentType]
    if path.suffix.lower() != ".mp4":
        raise refuse("path", str(path), "it must end in .gif or .mp4")
    if not FFMpegWriter.isAvailable():
        raise RuntimeError(f"{path}: ffmpeg is not installed; a .gif needs none")
    return FFMpegWriter(fps=frames_per_second)  # pyright: ignore[reportArgumentType]
