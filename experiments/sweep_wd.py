"""Weight decay times seeds: too little, right, too much.

How long does the notebook's model take to memorise and to grok, against the
weight decay of AdamW? Decay 0 memorises and never generalises within the
budget; around 2 it groks soonest; at 5 it does not even memorise.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

import grokjax
from grokjax import plots, recipes
from grokjax.analysis.timing import as_text, first_epoch, quartiles
from grokjax.launching import Execution, finish, launch, script
from grokjax.stopping import THRESHOLD


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
    history = run.history
    decay = history.weight_decay.values
    named = {}
    for label, split in (("train accuracy", "train"), ("test accuracy", "test")):
        epochs = first_epoch(history[f"{split}_accuracy"].values, history.epoch.values, THRESHOLD)
        spread = np.array([quartiles(epochs[decay == value]) for value in np.unique(decay)])
        named[f"{label} at 99% (median, quartiles)"] = (epochs, spread)
        for value, row in zip(np.unique(decay), spread, strict=True):
            reached = int(np.sum(~np.isnan(epochs[decay == value])))
            print(
                f"weight decay {value:g}: {label} >= 99% at epoch {as_text(tuple(row))}, "
                f"{reached} of {args.seeds} seeds"
            )
    title = f"addition mod {config.modulus}, {args.seeds} seeds a value"
    ax = plots.times_against("weight decay", decay, named, args.max_epochs, title)
    finish(run, plots.save(ax, args.out / "figures" / "sweep_wd.png"))


if __name__ == "__main__":
    script(main, Args)
