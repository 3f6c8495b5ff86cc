"""Weight decay times seeds: too little, right, too much.

How long does the notebook's model take to memorise and to grok, against the
weight decay of AdamW? Within 3 000 epochs, decays of 0 and 0.1 memorise and do not
grok; of the eight decays from 0 to 5, 2 groks soonest; 5 does not even memorise.
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
    """Weight decay times seeds: time to memorise and to grok against weight decay."""

    out: Path = Path("runs/sweep_wd")
    """Run directory; one that holds part of this sweep is gone on with."""
    weight_decay: tuple[float, ...] = (0.0, 0.1, 0.3, 0.5, 1.0, 2.0, 3.0, 5.0)
    """Values of the axis."""
    seeds: int = 8
    """Members of each, each seed with its own split."""
    max_epochs: int = 3000
    """Budget of a member; it leaves sooner once it grokked."""


def main(args: Args) -> None:
    config = replace(recipes.get("notebook").config, max_epochs=args.max_epochs)
    sweep = grokjax.Sweep(config, weight_decay=args.weight_decay, seed=range(args.seeds))
    run = launch(sweep, args.out, args, recipe="notebook")
    decay = run.history.weight_decay.values
    found = events(run)
    print(*in_words("weight decay", decay, found), sep="\n")
    title = f"{labels.task(config)}, {args.seeds} seeds a value"
    ax = plots.learning_times("weight decay", decay, found, args.max_epochs, title)
    finish(run, lambda: plots.save(ax, args.out / "figures" / "sweep_wd.png"))


if __name__ == "__main__":
    script(main, Args)
