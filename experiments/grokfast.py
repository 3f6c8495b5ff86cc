"""Grokfast beside a baseline that is as well tuned: same network, decay and rates.

Lee et al. 2024 amplify the slow part of gradients and grok 40 times sooner than a
baseline without weight decay. An amplified gradient is also a larger one, and
their baseline was not tuned. Here every method has the same decay and takes each
of the same learning rates, which go on until each method's best lies inside them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import grokjax
from grokjax import labels, plots, recipes
from grokjax.analysis.incidence import by_value
from grokjax.analysis.timing import events
from grokjax.launching import Execution, finish, launch, script
from grokjax.plots.style import log_scale

METHODS = {"none": "AdamW", "ema": "with Grokfast-EMA", "ma": "with Grokfast-MA"}


@dataclass
class Args(Execution):
    """Epochs to grok against the learning rate, with and without Grokfast."""

    out: Path = Path("runs/grokfast")
    """Run directory; one that holds part of this sweep is gone on with."""
    learning_rate: tuple[float, ...] = recipes.get("grokfast-mlp").axes["learning_rate"]
    """Values of the axis."""
    weight_decay: float = 1.0
    """Of all methods."""
    seeds: int = 4
    """Members of each, each seed with its own split."""
    max_epochs: int = 400
    """Budget of a member; it leaves sooner once it grokked."""


def main(args: Args) -> None:
    recipe = recipes.get("grokfast-mlp")
    config = replace(recipe.config, weight_decay=args.weight_decay, max_epochs=args.max_epochs)
    axes = {
        "grokfast": list(METHODS),
        "learning_rate": args.learning_rate,
        "seed": range(args.seeds),
    }
    run = launch(grokjax.Sweep(config, **axes), args.out, args, recipe=recipe.name)
    history = run.history
    found = events(run)
    named = {}
    for method, label in METHODS.items():
        mine = history.grokfast.values == method
        rates = history.learning_rate.values[mine]
        named[label] = by_value(rates, found.grokked[mine])
        for rate, curve in named[label].items():
            print(f"{label}, learning rate {rate:g}: grokked: {curve.in_words()}")
    title = f"{labels.task(config)}, weight decay {args.weight_decay:g}, {args.seeds} seeds a point"
    ax = plots.medians("learning rate", named, title, "epochs to grok")
    log_scale(ax, "x")
    finish(run, lambda: plots.save(ax, args.out / "figures" / "grokfast.png"))


if __name__ == "__main__":
    script(main, Args)
