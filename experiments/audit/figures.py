"""Figures that are drawn from the stored results, by the functions that the scripts use."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from experiments import (
    clock_pizza,
    fixed_norm,
    grokfast,
    mlp_circuits,
    omnigrok,
    phase_diagram,
    seeds,
)
from experiments.audit.stored import results
from grokjax import plots
from grokjax.analysis.phase_probabilities import phase_codes


def phases(grid: str, row: str) -> Figure:
    """Draw the phases of one grid over a setting and the decoder's learning rate."""
    table = results(f"phases_{grid}").sort_values([row, "learning_rate", "seed"], kind="stable")
    y, x = (np.unique(table[name]) for name in (row, "learning_rate"))
    codes = phase_codes(table.phase.to_numpy(str)).reshape(len(y), len(x), -1)
    axes = ("decoder learning rate", x), (row.replace("_", " "), y)
    return phase_diagram.draw(codes, None, *axes)


def landscape() -> Figure:
    """Draw the landscape over the norm."""
    index = ["train_fraction", "init_scale", "seed"]
    return omnigrok.draw_landscape(results("omnigrok_landscape").set_index(index).to_xarray())


FIGURES: dict[str, Callable[[], Figure]] = {
    "seeds": lambda: seeds.draw_incidences(results("seeds")),
    "fixed_norm": lambda: fixed_norm.draw_times(results("fixed_norm")),
    "grokfast": lambda: grokfast.draw_rates(results("grokfast")),
    "mlp_circuits": lambda: mlp_circuits.draw_plane(results("mlp_circuits")),
    "clock_pizza": lambda: clock_pizza.draw_rates(results("clock_pizza")),
    "phases_rates": lambda: phases("rates", "embedding_learning_rate"),
    "phases_decay": lambda: phases("decay", "weight_decay"),
    "omnigrok_landscape": landscape,
}
"""By the name of the file in `experiments/figures/`."""


def draw_figures(folder: Path) -> Iterator[Path]:
    """Draw all of them into a folder; yield their paths."""
    for name, draw in FIGURES.items():
        yield plots.save(draw(), folder / f"{name}.png")
