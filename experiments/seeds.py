"""How much do the times to memorise and to grok vary with the seed?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

import grokjax
from grokjax import plots, recipes
from grokjax.analysis.incidence import Incidence, incidence
from grokjax.analysis.times import format_quartiles
from grokjax.analysis.times_table import times_of, times_table
from grokjax.cli.scripts import TrainingFlags, run_script, save_results, train_or_resume
from grokjax.cli.summary import summarise
from grokjax.config import labels
from grokjax.config.stopping import THRESHOLD
from grokjax.plots.style import figure_of


@dataclass
class Args(TrainingFlags):
    """Train seeds of the notebook recipe; show the distribution of times to memorise and grok."""

    seeds: int = 64
    """Number of seeds; each seed has its own split."""
    max_epochs: int = 3000
    """Most epochs of a member; it stops earlier once it has grokked."""


def main(args: Args) -> None:
    config = recipes.get("notebook").config.replace(max_epochs=args.max_epochs)
    sweep = grokjax.Sweep(config, seed=range(args.seeds))
    run = train_or_resume(sweep, args, recipe="notebook")
    table = times_table(run, THRESHOLD, THRESHOLD)
    half_way = times_table(run, THRESHOLD, 0.5)
    table["half_way"], table["half_way_until"] = half_way.grokked, half_way.grokked_until
    table["max_test_loss"] = run.history.test_loss.max("eval")
    save_results(table, args)
    named = incidences(table)
    for label, curve in named.items():
        print(f"{label}: {curve.summary()}")
    peak = np.quantile(table.max_test_loss, (0.25, 0.5, 0.75))
    print(f"maximum test loss: {format_quartiles(tuple(peak), digits=2)}")

    def draw() -> Path:
        figures = args.out / "figures"
        plots.save(draw_incidences(table), figures / "seeds.png")
        return plots.save(plots.curves(run.history, log_epochs=True), figures / "curves.png")

    summarise(run, draw)


def incidences(table: pd.DataFrame) -> dict[str, Incidence]:
    """Cumulative incidences of the three events of the table of results, by label."""
    patience = recipes.get("notebook").config.stop_patience
    parts = (
        ("memorised", "memorised", f"train accuracy >= {THRESHOLD:.0%}"),
        ("half-way", "half_way", "test accuracy >= 50%"),
        ("grokked", "grokked", f"test accuracy >= {THRESHOLD:.0%}"),
    )
    return {
        f"{name} ({rule}, first of {patience})": incidence(times_of(table, event))
        for name, event, rule in parts
    }


def draw_incidences(table: pd.DataFrame) -> Figure:
    """Draw the cumulative incidences of the table of results."""
    task = labels.task(recipes.get("notebook").config)
    return figure_of(plots.incidence(incidences(table), f"{task}, {len(table)} seeds"))


if __name__ == "__main__":
    run_script(main, Args)
