"""Weights held at a multiple of their initial norm: does the delay of grokking vanish?

Liu et al. 2023 (Omnigrok, Sec. 5) hold a transformer at 0.8 of its initial norm
and find that it generalises as soon as it memorises. Here: the notebook's MLP,
no weight decay, every step followed by a projection onto the sphere of its norm.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import grokjax
from grokjax import labels, plots, recipes
from grokjax.analysis.incidence import in_words
from grokjax.analysis.timing import events
from grokjax.launching import Execution, finish, launch, script


@dataclass
class Args(Execution):
    """Times to memorise and to grok against the norm at which all weights are held."""

    out: Path = Path("runs/fixed_norm")
    """Run directory; one that holds part of this sweep is gone on with."""
    scale: tuple[float, ...] = recipes.get("omnigrok-fixed-norm").axes["init_scale"]
    """Norms, in multiples of the initial one."""
    seeds: int = 4
    """Members of each, each seed with its own split."""
    max_epochs: int = 2000
    """Budget of a member; it leaves sooner once it grokked."""


def main(args: Args) -> None:
    recipe = recipes.get("omnigrok-fixed-norm")
    config = replace(recipe.config, max_epochs=args.max_epochs)
    sweep = grokjax.Sweep(config, init_scale=args.scale, seed=range(args.seeds))
    run = launch(sweep, args.out, args, recipe=recipe.name)
    scale = run.history.init_scale.values
    found = events(run)
    print(*in_words("norm", scale, found), sep="\n")
    title = (
        f"{labels.task(config)}, weight norm held, weight decay {config.weight_decay:g}, "
        f"{args.seeds} seeds a value"
    )
    name = "norm of all weights, in multiples of the initial one"
    ax = plots.learning_times(name, scale, found, args.max_epochs, title)
    finish(run, lambda: plots.save(ax, args.out / "figures" / "fixed_norm.png"))


if __name__ == "__main__":
    script(main, Args)
