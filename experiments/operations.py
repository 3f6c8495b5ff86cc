"""How many steps does each operation of Power et al. take to grok, against the train fraction?

All operations with the same number of tokens train in one program, so there are two programs:
mod 97 and S5.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

import grokjax
from grokjax import Sweep, plots
from grokjax.analysis.incidence import by_value
from grokjax.analysis.times_table import times_of, times_table
from grokjax.cli.scripts import TrainingFlags, run_script, save_results, train_or_resume
from grokjax.cli.summary import summarise
from grokjax.config import labels
from grokjax.errors import invalid
from grokjax.recipes.power import OPERATIONS, config_for
from grokjax.results.history import forward_fill


@dataclass
class Args(TrainingFlags):
    """Measure the median steps to grok against the train fraction, for each operation."""

    operation: tuple[str, ...] = OPERATIONS
    """Operations to train."""
    train_fraction: tuple[float, ...] = (0.3, 0.4, 0.5, 0.65, 0.8)
    """Train fractions."""
    seeds: int = 2
    """Seeds at each value; each seed has its own split."""
    max_epochs: int = 800
    """Most epochs of a member, which stops once it groks; the paper's 10^5 steps are 10 000."""


def build_sweep(args: Args) -> Sweep:
    """Build the sweep, grouped by the number of tokens of the operations."""
    for name in args.operation:
        if name not in OPERATIONS:
            raise invalid("operation", name, "must be one of " + ", ".join(OPERATIONS))
    parts = []
    for modulus in dict.fromkeys(config_for(name).modulus for name in args.operation):
        names = [name for name in args.operation if config_for(name).modulus == modulus]
        base = config_for(names[0]).replace(max_epochs=args.max_epochs)
        axes = {"operation": names, "train_fraction": args.train_fraction}
        parts.append(grokjax.Sweep(base, **axes, seed=range(args.seeds)))
    return sum(parts[1:], parts[0])


def main(args: Args) -> None:
    run = train_or_resume(build_sweep(args), args)
    table = results_of(run)
    save_results(table, args)
    grokked = times_of(table, "grokked") * table.steps_per_epoch.to_numpy()
    operation, fraction = table.operation.to_numpy(), table.train_fraction.to_numpy()
    columns = min(6, len(args.operation))
    rows = -(-len(args.operation) // columns)
    fig, panels = plots.figure(2.9 * columns, 2.7 * rows, columns, rows)
    for i, (ax, name) in enumerate(zip(np.ravel(panels), args.operation, strict=False)):
        members = operation == name
        curves = by_value(fraction[members], grokked[members])
        for value, curve in curves.items():
            print(f"{name}, train fraction {value:g}: grokked: {curve.summary('step')}")
        task = labels.task(config_for(name)).split(", b not")[0]
        title = (
            task if len(task) < 26 else f"{name}, {config_for(name).modulus} tokens"
        )  # fits the panel
        plots.medians("train fraction", {name: curves}, title, "steps to grok", ax)
        low, high = min(args.train_fraction) - 0.05, max(args.train_fraction) + 0.05
        ax.set(xlim=(low, high), ylim=(500, 2.5 * np.nanmax(grokked.observed)))
        if i % columns:
            ax.set_ylabel("")
        if i + columns < len(args.operation):
            ax.set_xlabel("")
    for ax in np.ravel(panels)[len(args.operation) :]:
        ax.set_axis_off()
    summarise(run, lambda: plots.save(fig, args.out / "figures" / "operations.png"))


def results_of(run: grokjax.Run) -> pd.DataFrame:
    """Return times to grok, steps of an epoch and last test accuracies, a row for each member."""
    last = forward_fill(run.history.test_accuracy.values)[:, -1]
    steps = [run.sweep[m].steps_per_epoch for m in run.members.index]
    return times_table(run).assign(steps_per_epoch=steps, test_accuracy=last)


if __name__ == "__main__":
    run_script(main, Args)
