"""How much do the times to memorise and to grok vary with the seed?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

import grokjax
from grokjax import plots, recipes
from grokjax.analysis.incidence import incidence
from grokjax.analysis.times import events, format_quartiles
from grokjax.cli.scripts import TrainingFlags, run_script, train_or_resume
from grokjax.cli.summary import summarise
from grokjax.config import labels
from grokjax.config.stopping import THRESHOLD


@dataclass
class Args(TrainingFlags):
    """Train seeds of the notebook recipe; show the distribution of times to memorise and grok."""

    seeds: int = 64
    """Number of seeds; each seed has its own split."""
    max_epochs: int = 3000
    """Most epochs of a member; it stops earlier once it has grokked."""


def main(args: Args) -> None:
    config = recipes.get("notebook").config.replace(max_epochs=args.max_epochs)
    sweep = grokjax.Sweep(config, seed=range(args.seeds))
    run = train_or_resume(sweep, args, recipe="notebook")
    named = {}
    for name, split, threshold in (
        ("memorised", "train", THRESHOLD),
        ("half-way", "test", 0.5),
        ("grokked", "test", THRESHOLD),
    ):
        found = events(run, threshold, threshold)
        label = f"{name} ({split} accuracy >= {threshold:.0%}, first of {config.stop_patience})"
        named[label] = incidence(found.memorised if split == "train" else found.grokked)
        print(f"{label}: {named[label].summary()}")
    peak = np.quantile(run.history.test_loss.max("eval"), (0.25, 0.5, 0.75))
    print(f"maximum test loss: {format_quartiles(tuple(peak), digits=2)}")
    title = f"{labels.task(config)}, {args.seeds} seeds"

    def draw() -> Path:
        figures = args.out / "figures"
        plots.save(plots.incidence(named, title), figures / "seeds.png")
        return plots.save(plots.curves(run.history, log_epochs=True), figures / "curves.png")

    summarise(run, draw)


if __name__ == "__main__":
    run_script(main, Args)
