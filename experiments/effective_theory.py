"""Does the representation decide what a network generalises, and when?

Liu et al. 2022 train ten symbols on a line to add. Pairs of symbols with the same sum make
parallelograms; their equations predict the train set that suffices, the accuracy of a network from
its embedding alone, and how fast the line forms.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

import grokjax
from grokjax import plots, recipes
from grokjax.analysis import effective_theory as theory
from grokjax.analysis.incidence import binomial_interval, incidence
from grokjax.analysis.times import first_epoch
from grokjax.analysis.times_table import times_of, times_table
from grokjax.cli.scripts import TrainingFlags, run_script, save_results, train_or_resume
from grokjax.cli.summary import summarise
from grokjax.plots.decorations import add_heading
from grokjax.results.history import forward_fill
from grokjax.results.run import Run

PUBLISHED = {
    **{14: 1, 16: 51, 18: 373, 19: 860, 20: 1754, 21: 2863, 22: 4270, 23: 5795, 24: 7085},
    **{25: 8027, 26: 8666, 27: 9187, 28: 9488, 30: 9814, 35: 9983, 40: 10_000},
}
"""Of 10 000 random train sets of so many pairs, how many force a line (Liu et al. 2022, Fig. 3)."""


@dataclass
class Args(TrainingFlags):
    """Compare trained toy models with the effective theory."""

    train_size: tuple[int, ...] = (5, 15, 20, 25, 30, 35, 40, 45, 50, 54)
    """Numbers of train pairs, of 55."""
    seeds: int = 8
    """Seeds for each; each seed has its own split, codes and weights."""
    max_epochs: int = 5_000
    """Steps of each member."""
    trials: int = 10_000
    """Random train sets of each size."""


def main(args: Args) -> None:
    recipe = recipes.get("liu-toy")
    config = recipe.config.replace(max_epochs=args.max_epochs, stop_when="never")
    seeds = grokjax.Sweep.zip(config, seed=range(args.seeds), code_seed=range(args.seeds))
    sweep = seeds.product(train_fraction=[(n + 0.5) / config.num_examples for n in args.train_size])
    run = train_or_resume(sweep, args, recipe=recipe.name, metrics=["representation"])
    shares = _unique_linear(args.trials)
    found = _accuracies(run)
    quality = run.history.representation_quality.values
    formed = first_epoch(quality, run.history.epoch.values, 0.95)
    columns = dict(zip(("predicted", "accuracy", "ideal"), found, strict=True))
    table = times_table(run).assign(**columns, representation_formed=formed)
    table["train_size"] = np.floor(run.members.train_fraction * 55).astype(int)
    save_results(table, args)
    _print_times(table)

    fig, axes = plots.figure(9.5, 4.2, 2, 1)
    axes[0].plot(np.array(list(PUBLISHED)) / 55, np.array(list(PUBLISHED.values())) / 1e4, "o")
    axes[0].plot(np.array(list(PUBLISHED)) / 55, shares)
    axes[0].set(xlabel="train fraction", ylabel="share of train sets that force a line")
    axes[0].legend(["published", "measured"], loc="best")
    axes[1].plot([0, 1], [0, 1], color="0.7", linewidth=1)
    axes[1].scatter(*found[:2], s=16)
    axes[1].set(xlabel="accuracy predicted from the embedding", ylabel="accuracy on all pairs")
    add_heading(fig, f"Addition of ten symbols: {len(run)} members, {args.max_epochs:,} steps")
    summarise(run, lambda: plots.save(fig, args.out / "figures" / "effective_theory.png"))


def _unique_linear(trials: int) -> np.ndarray:
    """Print and return the share of train sets of each published size that force a line."""
    sizes = np.array(list(PUBLISHED))
    shares = theory.unique_linear(sizes, trials)
    low, high = binomial_interval(np.round(shares * trials), np.array(trials))
    for row, size in enumerate(sizes.tolist()):
        print(
            f"{size} train pairs: a line is forced with probability {shares[row]:.4f} "
            f"({low[row]:.4f} to {high[row]:.4f}), published {PUBLISHED[size] / 1e4:.4f}"
        )
    crossing = np.interp(0.5, shares, sizes) / 55
    print(f"half of the train sets force a line at a train fraction of {crossing:.3f}")
    return shares


def _accuracies(run: Run) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return accuracies on all pairs of each member: predicted, true and ideal; print the error."""
    embeddings, numbers = run.embeddings, theory.pair_numbers(run.embeddings.shape[1])
    train = np.zeros((len(run), numbers.max() + 1), bool)
    for row, member in enumerate(run.members.index):
        pairs = run.data_of(int(member)).train_inputs
        train[row, numbers[pairs[:, 0], pairs[:, 1]]] = True
    predicted = theory.predicted_accuracy(train, np.asarray(theory.realised(embeddings)))
    share = train.mean(axis=1)
    last = {s: forward_fill(run.history[f"{s}_accuracy"].values)[:, -1] for s in ("train", "test")}
    true = share * last["train"] + (1 - share) * last["test"]
    ideal = theory.predicted_accuracy(train, theory.implied(train))
    for size in np.unique(train.sum(axis=1)):
        own = train.sum(axis=1) == size
        accuracy, forecast, best = (np.median(x[own]) for x in (true, predicted, ideal))
        print(f"{size} train pairs: {accuracy:.3f}, predicted {forecast:.3f}, ideal {best:.3f}")
    error = np.abs(true - predicted)
    print(f"accuracy - predicted accuracy: mean {error.mean():.3f}, largest {error.max():.3f}")
    return predicted, true, ideal


def _print_times(table: pd.DataFrame) -> None:
    """Print when the representation forms and the splits are learnt, by number of train pairs."""
    for size, own in table.groupby("train_size"):
        formed = np.sort(own.representation_formed.fillna(np.inf))
        memorised, grokked = (incidence(times_of(own, e)) for e in ("memorised", "grokked"))
        print(
            f"{size} train pairs: RQI > .95 at {formed[(len(formed) - 1) // 2]:g} (median), "
            f"memorised {memorised.summary()}; grokked {grokked.summary()}"
        )


if __name__ == "__main__":
    run_script(main, Args)
