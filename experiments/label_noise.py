"""When does a network memorise random labels, and when does it correct them?

Doshi et al. 2023 train a quadratic network on addition mod 97 with a share of random labels, for
a grid of train fractions, noise levels and weight decays. Their grid is `--points 17
--max-epochs 2000 --seeds 1`: 1 156 members.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

import grokjax
from grokjax import plots, recipes
from grokjax.analysis.inversion import PHASES, phases
from grokjax.cli.scripts import TrainingFlags, run_script, save_results, train_or_resume
from grokjax.cli.summary import summarise
from grokjax.config import labels
from grokjax.errors import invalid
from grokjax.plots.decorations import add_heading
from grokjax.results.history import forward_fill


@dataclass
class Args(TrainingFlags):
    """Draw phases against train fraction and label noise, for several weight decays."""

    points: int = 4
    """Number of train fractions, and of noise levels, from 0.1 to 0.9."""
    weight_decay: tuple[float, ...] = recipes.get("doshi-noise").axes["weight_decay"]
    """Weight decays; each has its own panel."""
    seeds: int = 2
    """Seeds in each cell; each seed has its own split and noise."""
    max_epochs: int = 300
    """Epochs of each member; an epoch is one step."""


def main(args: Args) -> None:
    if args.points < 2:
        raise invalid("points", args.points, "must be at least 2")
    recipe = recipes.get("doshi-noise")
    levels = np.linspace(0.1, 0.9, args.points).round(4).tolist()
    sweep = grokjax.Sweep(
        recipe.config.replace(max_epochs=args.max_epochs),
        weight_decay=args.weight_decay,
        label_noise=levels,
        train_fraction=levels,
        seed=range(args.seeds),
    )
    run = train_or_resume(sweep, args, recipe=recipe.name)
    history = run.history
    train, test = (forward_fill(history[f"{s}_accuracy"].values)[:, -1] for s in ("train", "test"))
    codes = phases(train, test, history.label_noise.values)
    table = run.members.filter(list(run.sweep.swept))
    names = [PHASES[code] for code in codes]
    save_results(table.assign(train_accuracy=train, test_accuracy=test, phase=names), args)
    shape = len(args.weight_decay), args.points, args.points, args.seeds
    grid = codes.reshape(shape)  # the last axis of a sweep varies fastest
    fig, panels = plots.figure(3.4 * shape[0], 4.0, shape[0], 1)
    axes = ("train fraction", np.array(levels)), ("label noise", np.array(levels))
    for ax, decay, cells in zip(np.ravel(panels), args.weight_decay, grid, strict=True):
        plots.phase_diagram(cells, PHASES, *axes, f"weight decay {decay:g}", ax)
        if decay != args.weight_decay[0]:
            ax.set_ylabel("")
        counts = np.bincount(cells.ravel(), minlength=len(PHASES))
        agree = np.mean((cells == cells[..., :1]).all(axis=-1))
        listed = ", ".join(f"{name} {n}" for name, n in zip(PHASES, counts, strict=True))
        print(f"weight decay {decay:g}: {listed}; seeds agree in {agree:.0%} of the cells")
    add_heading(fig, f"{labels.task(run.config)}, one stripe per seed, {args.seeds} per cell")
    plots.phase_legend(fig, PHASES)
    summarise(run, lambda: plots.save(fig, args.out / "figures" / "label_noise.png"))


if __name__ == "__main__":
    run_script(main, Args)
