"""Lines against epochs: medians with quartiles over members, and the labels of their axes."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from grokjax.analysis.quartiles import quartile_band
from grokjax.config import labels
from grokjax.plots.decorations import use_log_scale, use_whole_ticks
from grokjax.plots.sweep_panels import SweepPanels, sweep_title
from grokjax.results.seed_groups import SeedGroup, seed_groups


def draw_line(
    ax: Axes,
    history: Any,
    values: np.ndarray,
    log_epochs: bool,
    color: Any,
    banded: bool = True,
    **style: Any,
) -> None:
    """The median over members of `[m, T]` as a line, and the quartiles as a band.

    Epochs at which none of them was evaluated are left out, such as those of another run.
    """
    x = history.epoch.values
    shown = np.any(np.isfinite(values), axis=0)
    shown &= x > 0 if log_epochs else x >= 0  # a log axis has no place for epoch 0
    low, middle, high = quartile_band(values)[:, shown]
    ax.set_autoscale_on(True)  # another run may be on the axes, which were fitted to its lines
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


def loss_label(history: Any, groups: list[SeedGroup]) -> str:
    """Name of the loss of these groups."""
    if "loss" in history.coords:
        return labels.losses(history.loss.values[row] for group in groups for row in group.rows)
    return history.attrs.get("loss", "loss")


def title_and_note(
    history: Any, sweep: SweepPanels, title: str, banded_split: str = ""
) -> tuple[str, str]:
    """Title of a figure, and the note that says what its lines and bands are."""
    if max((len(group.rows) for group in seed_groups(history)), default=0) < 2:
        note = "Each line is one member."
    else:
        split = "" if sweep.is_by_kind else banded_split
        bands = f", bands: {split}quartiles" if sweep.is_listed else ""
        note = f"Medians over seeds{bands}. Stopped members keep their last value; "
        note += "a line ends with its last member."
    own = sweep_title(history) if sweep.run is None else history.attrs.get("task", "")
    return title or own, " ".join(filter(None, [note, sweep.note]))
