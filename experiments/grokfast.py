"""Does Grokfast grok sooner than AdamW with the same weight decay and a tuned learning rate?

Lee et al. 2024 amplify the slow part of gradients and grok 40 times sooner than a baseline
without weight decay. Amplified gradients are also larger, and their baseline was not tuned.
Here each method has the same weight decay and the same grid of learning rates, wide enough that
the best rate of each method is not at the edge.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
from matplotlib.figure import Figure

import grokjax
from grokjax import plots, recipes
from grokjax.analysis.comparison import compare_settings, comparison_texts
from grokjax.analysis.incidence import Incidence, by_value
from grokjax.analysis.times_table import times_of, times_table
from grokjax.cli.scripts import TrainingFlags, run_script, save_results, train_or_resume
from grokjax.cli.summary import summarise
from grokjax.config import labels
from grokjax.plots.decorations import use_log_scale
from grokjax.plots.style import figure_of

METHODS = {"none": "AdamW", "ema": "with Grokfast-EMA", "ma": "with Grokfast-MA"}


@dataclass
class Args(TrainingFlags):
    """Measure the epochs to grok against the learning rate, with and without Grokfast."""

    learning_rate: tuple[float, ...] = recipes.get("grokfast-mlp").axes["learning_rate"]
    """Learning rates."""
    weight_decay: float = 1.0
    """Weight decay of all methods."""
    seeds: int = 4
    """Seeds at each value; each seed has its own split."""
    max_epochs: int = 400
    """Most epochs of a member; it stops earlier once it has grokked."""


def main(args: Args) -> None:
    recipe = recipes.get("grokfast-mlp")
    config = recipe.config.replace(weight_decay=args.weight_decay, max_epochs=args.max_epochs)
    axes = {
        "grokfast": list(METHODS),
        "learning_rate": args.learning_rate,
        "seed": range(args.seeds),
    }
    run = train_or_resume(grokjax.Sweep(config, **axes), args, recipe=recipe.name)
    table = times_table(run)
    save_results(table, args)
    named = by_method(table)
    for label, curves in named.items():
        for rate, curve in curves.items():
            print(f"{label}, learning rate {rate:g}: grokked: {curve.summary()}")
    print(comparison_texts(compare_settings(run, "grokfast", reference="none")).to_string())
    fig = draw_rates(table, args.weight_decay)
    summarise(run, lambda: plots.save(fig, args.out / "figures" / "grokfast.png"))


def by_method(table: pd.DataFrame) -> dict[str, dict[float, Incidence]]:
    """Incidence of grokking by method and learning rate, from the table of results."""
    named = {}
    for method, label in METHODS.items():
        own = table.loc[table["grokfast"] == method]
        named[label] = by_value(own.learning_rate.to_numpy(), times_of(own, "grokked"))
    return named


def draw_rates(table: pd.DataFrame, weight_decay: float = 1.0) -> Figure:
    """Draw median epochs to grok against the learning rate, from the table of results."""
    task, seeds = labels.task(recipes.get("grokfast-mlp").config), table.seed.nunique()
    title = f"{task}, weight decay {weight_decay:g}, {seeds} seeds a point"
    ax = plots.medians("learning rate", by_method(table), title, "epochs to grok")
    use_log_scale(ax, "x")
    return figure_of(ax)


if __name__ == "__main__":
    run_script(main, Args)
