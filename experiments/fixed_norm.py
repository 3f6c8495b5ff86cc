"""Does the delay of grokking vanish when the weight norm is fixed?

Liu et al. 2023 (Omnigrok, Sec. 5) fix the norm of a transformer at 0.8 of its initial value and
find that it generalises as soon as it memorises. This trains the notebook's MLP without weight
decay and rescales all weights to a fixed norm after each step.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
from matplotlib.figure import Figure

import grokjax
from grokjax import plots, recipes
from grokjax.analysis.incidence import summaries_by_value
from grokjax.analysis.times_table import events_of, times_table
from grokjax.cli.scripts import TrainingFlags, run_script, save_results, train_or_resume
from grokjax.cli.summary import summarise
from grokjax.config import labels
from grokjax.plots.style import figure_of


@dataclass
class Args(TrainingFlags):
    """Measure the times to memorise and to grok against the fixed norm of all weights."""

    scale: tuple[float, ...] = recipes.get("omnigrok-fixed-norm").axes["init_scale"]
    """Norms, as multiples of the initial norm."""
    seeds: int = 4
    """Seeds at each value; each seed has its own split."""
    max_epochs: int = 2000
    """Most epochs of a member; it stops earlier once it has grokked."""


def main(args: Args) -> None:
    recipe = recipes.get("omnigrok-fixed-norm")
    config = recipe.config.replace(max_epochs=args.max_epochs)
    sweep = grokjax.Sweep(config, init_scale=args.scale, seed=range(args.seeds))
    run = train_or_resume(sweep, args, recipe=recipe.name)
    table = times_table(run)
    save_results(table, args)
    print(*summaries_by_value("norm", table.init_scale.to_numpy(), events_of(table)), sep="\n")
    fig = draw_times(table, args.max_epochs)
    summarise(run, lambda: plots.save(fig, args.out / "figures" / "fixed_norm.png"))


def draw_times(table: pd.DataFrame, max_epochs: int = Args.max_epochs) -> Figure:
    """Draw epochs to memorise and to grok against the norm, from the table of results."""
    config, seeds = recipes.get("omnigrok-fixed-norm").config, table.seed.nunique()
    title = (
        f"{labels.task(config)}, fixed weight norm, weight decay {config.weight_decay:g}, "
        f"{seeds} seeds a value"
    )
    name, norms = "norm of all weights / initial norm", table.init_scale.to_numpy()
    return figure_of(plots.learning_times(name, norms, events_of(table), max_epochs, title))


if __name__ == "__main__":
    run_script(main, Args)
