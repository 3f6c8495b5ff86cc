"""How do the times to memorise and to grok depend on the weight decay of AdamW?

On the notebook's model, within 3 000 epochs, weight decays of 0 and 0.1 memorise without
grokking, 2 groks soonest of the eight values from 0 to 5, and 5 does not memorise.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
from matplotlib.figure import Figure

import grokjax
from grokjax import plots, recipes
from grokjax.analysis.comparison import compare_settings, comparison_texts
from grokjax.analysis.incidence import summaries_by_value
from grokjax.analysis.times_table import events_of, times_table
from grokjax.cli.scripts import TrainingFlags, run_script, save_results, train_or_resume
from grokjax.cli.summary import summarise
from grokjax.config import labels
from grokjax.plots.style import figure_of


@dataclass
class Args(TrainingFlags):
    """Measure the times to memorise and to grok against the weight decay."""

    weight_decay: tuple[float, ...] = (0.0, 0.1, 0.3, 0.5, 1.0, 2.0, 3.0, 5.0)
    """Weight decays."""
    seeds: int = 8
    """Seeds at each value; each seed has its own split."""
    max_epochs: int = 3000
    """Most epochs of a member; it stops earlier once it has grokked."""


def main(args: Args) -> None:
    config = recipes.get("notebook").config.replace(max_epochs=args.max_epochs)
    sweep = grokjax.Sweep(config, weight_decay=args.weight_decay, seed=range(args.seeds))
    run = train_or_resume(sweep, args, recipe="notebook")
    table = times_table(run)
    save_results(table, args)
    decay = table.weight_decay.to_numpy()
    print(*summaries_by_value("weight decay", decay, events_of(table)), sep="\n")
    if len(set(args.weight_decay)) > 1:
        print(comparison_texts(compare_settings(run, "weight_decay")).to_string())
    fig = draw_times(table, args.max_epochs)
    summarise(run, lambda: plots.save(fig, args.out / "figures" / "sweep_wd.png"))


def draw_times(table: pd.DataFrame, max_epochs: int = Args.max_epochs) -> Figure:
    """Draw epochs to memorise and to grok against the weight decay, from the table of results."""
    title = f"{labels.task(recipes.get('notebook').config)}, {table.seed.nunique()} seeds a value"
    name, decay = "weight decay", table.weight_decay.to_numpy()
    return figure_of(plots.learning_times(name, decay, events_of(table), max_epochs, title))


if __name__ == "__main__":
    run_script(main, Args)
