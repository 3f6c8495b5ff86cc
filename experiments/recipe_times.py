"""At which epochs do the members of a recipe first reach what its paper states?

Papers give the first crossing of an accuracy or a loss, as it is read off a figure. This trains
seeds of a recipe, or reads a run, and stores the first crossings of each member.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

import grokjax
from grokjax import plots, recipes
from grokjax.analysis.times import first_epoch, loss_times
from grokjax.cli.scripts import TrainingFlags, run_script, save_results, train_or_resume
from grokjax.cli.summary import summarise
from grokjax.results.history import forward_fill

ACCURACIES = (0.1, 0.5, 0.9, 0.99, 1.0)
LOSS = 0.1


@dataclass
class Args(TrainingFlags):
    """Train a recipe, or read a run; store the first crossings of accuracies and of a loss."""

    recipe: str = "gromov"
    """Name of the recipe; `grokjax recipes` lists them."""
    seeds: int = 8
    """Number of seeds, at each value that the recipe sweeps."""
    run: Path | None = None
    """Read this run, such as one of a recipe with other settings, and train nothing; results go
    into its directory."""


def main(args: Args) -> None:
    if args.run is None:
        recipe = recipes.get(args.recipe)
        sweep = grokjax.Sweep(recipe.config, **recipe.axes, seed=range(args.seeds))
        run = train_or_resume(sweep, args, recipe=recipe.name)
    else:
        args.out, run = args.run, grokjax.load(args.run)
    save_results(crossings(run), args)
    fig = plots.curves(run.history)
    summarise(run, lambda: plots.save(fig, args.out / "figures" / "curves.png"))


def crossings(run: grokjax.Run) -> pd.DataFrame:
    """Print and return the first crossings, the last losses and the maximum, by member."""
    history, table = run.history, run.members.filter(list(run.sweep.swept))
    for split in ("train", "test"):
        values = history[f"{split}_accuracy"].values
        for accuracy in ACCURACIES:
            column = f"{split}_{100 * accuracy:g}"
            table[column] = found = first_epoch(values, history.epoch.values, accuracy)
            print_crossing(f"{split} accuracy >= {accuracy:.0%}", found)
        found = loss_times(run, f"{split}_loss", LOSS).epochs
        table[f"{split}_loss_below_{LOSS:g}"] = found
        print_crossing(f"{split} loss < {LOSS:g}", found)
        table[f"{split}_loss"] = forward_fill(history[f"{split}_loss"].values)[:, -1]
    losses = history.test_loss.fillna(-np.inf)
    table["max_test_loss"] = losses.max("eval").values
    table["max_test_loss_at"] = history.epoch.values[losses.argmax("eval").values]
    return table


def print_crossing(name: str, epochs: np.ndarray) -> None:
    """Print the median and the range of the epochs of the members that have got there."""
    known = epochs[~np.isnan(epochs)]
    if len(known):
        print(
            f"{name}: epoch {np.median(known):g}, {known.min():g} to {known.max():g}, "
            f"{len(known)} of {len(epochs)} members"
        )


if __name__ == "__main__":
    run_script(main, Args)
