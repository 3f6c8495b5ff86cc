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
from grokjax.analysis.timing import as_text, by_value, events
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
    history = run.history
    decay = history.weight_decay.values
    found = events(history.train_accuracy, history.test_accuracy, history.epoch)
    named = {}
    for label, times in (("train accuracy", found.memorised), ("test accuracy", found.grokked)):
        curves = by_value(decay, times, found.seen)
        spread = np.array([curve.quartiles() for curve in curves.values()])
        named[f"{label} at 99% (median, quartiles)"] = (times, spread)
        for value, curve in curves.items():
            print(
                f"weight decay {value:g}: {label} >= 99% at epoch {as_text(curve.quartiles())}, "
                f"{curve.got_there} of {curve.members} seeds"
            )
    title = f"addition mod {config.modulus}, {args.seeds} seeds a value"
    ax = plots.times_against("weight decay", decay, named, found.seen, args.max_epochs, title)
    finish(run, plots.save(ax, args.out / "figures" / "sweep_wd.png"))


if __name__ == "__main__":
    script(main, Args)
