"""Random labels: which are memorised, which put right, and when neither?

Doshi et al. 2023: a quadratic network on addition mod 97 with a share of random
training labels, against the share of pairs, the noise and the weight decay. Their
grid is `--points 17 --max-epochs 2000`, one seed a cell, 1 156 members.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

import grokjax
from grokjax import labels, plots, recipes
from grokjax.analysis.inversion import PHASES, phases
from grokjax.analysis.timing import held
from grokjax.launching import Execution, finish, launch, script
from grokjax.plots.style import heading
from grokjax.settings import refuse


@dataclass
class Args(Execution):
    """Phases against train fraction and label noise, for several weight decays."""

    out: Path = Path("runs/label_noise")
    """Run directory; one that holds part of this sweep is gone on with."""
    points: int = 4
    """Train fractions, and as many noise levels, from 0.1 to 0.9."""
    weight_decay: tuple[float, ...] = recipes.get("doshi-noise").axes["weight_decay"]
    """A panel each."""
    seeds: int = 2
    """Members a cell, each seed with its own split and noise."""
    max_epochs: int = 300
    """Epochs of every member, one step each."""


def main(args: Args) -> None:
    if args.points < 2:
        raise refuse("points", args.points, "it must be at least 2")
    recipe = recipes.get("doshi-noise")
    levels = np.linspace(0.1, 0.9, args.points).round(4).tolist()
    sweep = grokjax.Sweep(
        replace(recipe.config, max_epochs=args.max_epochs),
        weight_decay=args.weight_decay,
        label_noise=levels,
        train_fraction=levels,
        seed=range(args.seeds),
    )
    run = launch(sweep, args.out, args, recipe=recipe.name)
    history = run.history
    train, test = (held(history[f"{s}_accuracy"].values)[:, -1] for s in ("train", "test"))
    codes = phases(train, test, history.label_noise.values)
    shape = len(args.weight_decay), args.points, args.points, args.seeds
    grid = codes.reshape(shape)  # the last axis of a sweep is the fastest
    fig, panels = plots.figure(3.4 * shape[0], 4.0, shape[0], 1)
    axes = ("train fraction", np.array(levels)), ("label noise", np.array(levels))
    for ax, decay, cells in zip(np.ravel(panels), args.weight_decay, grid, strict=True):
        plots.phase_diagram(cells, PHASES, *axes, f"weight decay {decay:g}", ax)
        if decay != args.weight_decay[0]:
            ax.set_ylabel("")
        counts = np.bincount(cells.ravel(), minlength=len(PHASES))
        agree = np.mean((cells == cells[..., :1]).all(axis=-1))
        words = ", ".join(f"{name} {n}" for name, n in zip(PHASES, counts, strict=True))
        print(f"weight decay {decay:g}: {words}; seeds agree in {agree:.0%} of the cells")
    heading(fig, f"{labels.task(run.config)}, a stripe a seed, {args.seeds} a cell")
    plots.phase_legend(fig, PHASES)
    finish(run, lambda: plots.save(fig, args.out / "figures" / "label_noise.png"))


if __name__ == "__main__":
    script(main, Args)
