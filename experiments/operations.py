"""Every operation of Power et al. on one MLP: steps to grok against the share of pairs.

All operations with as many tokens train in one program, whatever their labels: two
programs in all, mod 97 and S5.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

import grokjax
from grokjax import Sweep, labels, plots
from grokjax.analysis.incidence import by_value
from grokjax.analysis.timing import events
from grokjax.launching import Execution, finish, launch, script
from grokjax.recipes.power import OPERATIONS, of
from grokjax.settings import refuse


@dataclass
class Args(Execution):
    """Median steps to grok against the train fraction, for every operation."""

    out: Path = Path("runs/operations")
    """Run directory; one that holds part of this sweep is gone on with."""
    operation: tuple[str, ...] = OPERATIONS
    """Which of them."""
    train_fraction: tuple[float, ...] = (0.3, 0.4, 0.5, 0.65, 0.8)
    """Shares of the pairs to train on."""
    seeds: int = 2
    """Members of each, each seed with its own split."""
    max_epochs: int = 800
    """Budget of a member; it leaves sooner once it grokked. The published 10^5 steps are 10 000."""


def sweep_of(args: Args) -> Sweep:
    """The members: operations of one number of tokens side by side."""
    for name in args.operation:
        if name not in OPERATIONS:
            raise refuse("operation", name, "one of " + ", ".join(OPERATIONS))
    parts = []
    for modulus in dict.fromkeys(of(name).modulus for name in args.operation):
        names = [name for name in args.operation if of(name).modulus == modulus]
        base = replace(of(names[0]), max_epochs=args.max_epochs)
        axes = {"operation": names, "train_fraction": args.train_fraction}
        parts.append(grokjax.Sweep(base, **axes, seed=range(args.seeds)))
    return sum(parts[1:], parts[0])


def main(args: Args) -> None:
    run = launch(sweep_of(args), args.out, args)
    steps = np.array([run.sweep[m].steps_per_epoch for m in run.members.index])
    grokked = events(run).grokked * steps
    operation = np.array([run.sweep[m].operation for m in run.members.index])
    fraction = np.array([run.sweep[m].train_fraction for m in run.members.index])
    columns = min(6, len(args.operation))
    rows = -(-len(args.operation) // columns)
    fig, panels = plots.figure(2.9 * columns, 2.7 * rows, columns, rows)
    for i, (ax, name) in enumerate(zip(np.ravel(panels), args.operation, strict=False)):
        mine = operation == name
        curves = by_value(fraction[mine], grokked[mine])
        for value, curve in curves.items():
            print(f"{name}, {value:g} of the pairs: grokked: {curve.in_words('step')}")
        task = labels.task(of(name)).split(", b not")[0]
        title = task if len(task) < 26 else f"{name}, {of(name).modulus} tokens"  # to fit
        plots.medians("train fraction", {name: curves}, title, "steps to grok", ax)
        low, high = min(args.train_fraction) - 0.05, max(args.train_fraction) + 0.05
        ax.set(xlim=(low, high), ylim=(500, 2.5 * np.nanmax(grokked.until)))
        if i % columns:
            ax.set_ylabel("")
        if i + columns < len(args.operation):
            ax.set_xlabel("")
    for ax in np.ravel(panels)[len(args.operation) :]:
        ax.set_axis_off()
    finish(run, lambda: plots.save(fig, args.out / "figures" / "operations.png"))


if __name__ == "__main__":
    script(main, Args)
