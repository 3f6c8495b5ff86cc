"""Does the delay of grokking vanish when the weight norm is fixed?

Liu et al. 2023 (Omnigrok, Sec. 5) fix the norm of a transformer at 0.8 of its initial value and
find that it generalises as soon as it memorises. This trains the notebook's MLP without weight
decay and rescales all weights to a fixed norm after each step.
"""

from __future__ import annotations

from dataclasses import dataclass

import grokjax
from grokjax import plots, recipes
from grokjax.analysis.incidence import summaries_by_value
from grokjax.analysis.times import events
from grokjax.analysis.times_table import times_table
from grokjax.cli.scripts import TrainingFlags, run_script, save_results, train_or_resume
from grokjax.cli.summary import summarise
from grokjax.config import labels


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
    scale = run.history.init_scale.values
    found = events(run)
    save_results(times_table(run), args)
    print(*summaries_by_value("norm", scale, found), sep="\n")
    title = (
        f"{labels.task(config)}, fixed weight norm, weight decay {config.weight_decay:g}, "
        f"{args.seeds} seeds a value"
    )
    name = "norm of all weights / initial norm"
    ax = plots.learning_times(name, scale, found, args.max_epochs, title)
    summarise(run, lambda: plots.save(ax, args.out / "figures" / "fixed_norm.png"))


if __name__ == "__main__":
    run_script(main, Args)
