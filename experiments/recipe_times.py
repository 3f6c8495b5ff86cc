"""At which steps do the members of a recipe first reach the accuracies that its paper states?

Papers give the first crossing of an accuracy, as it is read off a figure. This trains seeds of a
recipe, or reads a run of it, and stores the first crossings of each member.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

import grokjax
from grokjax import plots, recipes
from grokjax.analysis.times import first_epoch
from grokjax.cli.scripts import TrainingFlags, run_script, save_results, train_or_resume
from grokjax.cli.summary import summarise
from grokjax.results.history import forward_fill

ACCURACIES = (0.1, 0.5, 0.9, 0.99, 1.0)


@dataclass
class Args(TrainingFlags):
    """Train a recipe; store the first crossings of each accuracy."""

    recipe: str = "gromov"
    """Name of the recipe; `grokjax recipes` lists them."""
    seeds: int = 8
    """Number of seeds, at each value that the recipe sweeps."""


def main(args: Args) -> None:
    recipe = recipes.get(args.recipe)
    sweep = grokjax.Sweep(recipe.config, **recipe.axes, seed=range(args.seeds))
    run = train_or_resume(sweep, args, recipe=recipe.name)
    history, table = run.history, run.members.filter(list(run.sweep.swept))
    for split in ("train", "test"):
        values = history[f"{split}_accuracy"].values
        for accuracy in ACCURACIES:
            column = f"{split}_{100 * accuracy:g}"
            table[column] = first_epoch(values, history.epoch.values, accuracy)
            known = table[column].dropna()
            if len(known):
                print(
                    f"{split} accuracy >= {accuracy:.0%}: epoch {np.median(known):g}, "
                    f"{known.min():g} to {known.max():g}, {len(known)} of {len(table)} members"
                )
        table[f"{split}_loss"] = forward_fill(history[f"{split}_loss"].values)[:, -1]
    save_results(table, args)
    summarise(run, lambda: plots.save(plots.curves(history), args.out / "figures" / "curves.png"))


if __name__ == "__main__":
    run_script(main, Args)
