"""N seeds of the notebook recipe: how much do memorising and grokking vary with the seed?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

import grokjax
from grokjax import labels, plots, recipes
from grokjax.analysis.incidence import incidence
from grokjax.analysis.timing import as_text, events
from grokjax.launching import Execution, finish, launch, script
from grokjax.stopping import THRESHOLD


@dataclass
class Args(Execution):
    """N seeds of the notebook recipe: the distribution of time to memorise and to grok."""

    out: Path = Path("runs/seeds")
    """Run directory; one that holds some of these seeds is gone on with."""
    seeds: int = 64
    """Members, each seed with its own split."""
    max_epochs: int = 3000
    """Budget of a member; it leaves sooner once it grokked."""


def main(args: Args) -> None:
    config = replace(recipes.get("notebook").config, max_epochs=args.max_epochs)
    sweep = grokjax.Sweep(config, seed=range(args.seeds))
    run = launch(sweep, args.out, args, recipe="notebook")
    named = {}
    for name, split, threshold in (
        ("memorised", "train", THRESHOLD),
        ("half-way", "test", 0.5),
        ("grokked", "test", THRESHOLD),
    ):
        found = events(run, threshold, threshold)
        label = f"{name} ({split} accuracy >= {threshold:.0%}, first of {config.stop_patience})"
        named[label] = incidence(found.memorised if split == "train" else found.grokked)
        print(f"{label}: {named[label].in_words()}, median and quartiles")
    peak = np.quantile(run.history.test_loss.max("eval"), (0.25, 0.5, 0.75))
    print(f"maximum test loss: {as_text(tuple(peak), digits=2)}")
    title = f"{labels.task(config)}, {args.seeds} seeds"

    def draw() -> Path:
        figures = args.out / "figures"
        plots.save(plots.curves(run.history), figures / "curves.png")
        return plots.save(plots.incidence(named, title), figures / "seeds.png")

    finish(run, draw)


if __name__ == "__main__":
    script(main, Args)
