"""Which attention makes a transformer compute the Clock, and which the Pizza?

Zhong et al. 2023 train 2 381 one-layer transformers with attention between constant (rate 0) and
full (rate 1) and measure gradient symmetricity and distance irrelevance of each. This trains
members over rates, seeds and widths, and shows their phase figure beside the published medians.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.figure import Figure

import grokjax
from grokjax import plots, recipes
from grokjax.analysis.circuits import CIRCULAR, SYMMETRIC, circuits, generalisation_delays
from grokjax.cli.scripts import TrainingFlags, run_script, save_results, train_or_resume
from grokjax.cli.summary import summarise
from grokjax.config import labels
from grokjax.results.history import forward_fill

EDGES = np.linspace(0, 1, 11).round(1)
PUBLISHED = {
    "gradient_symmetricity": (0.994, 0.993, 0.992, 0.993, 0.993, 0.931, 0.750, 0.624, 0.539, 0.451),
    "distance_irrelevance_incorrect": (
        *(0.200, 0.210, 0.240, 0.211, 0.256),
        *(0.399, 0.627, 0.697, 0.771, 0.828),
    ),
}
"""Medians of the published circular runs of width 128, by attention rate: between `EDGES`."""

KEPT = (
    *("attention_rate", "gradient_symmetricity", "distance_irrelevance"),
    *("distance_irrelevance_incorrect", "least_circularity", "test_accuracy", "label"),
)
MEASURES = ("gradient_symmetricity", "distance_irrelevance", "distance_irrelevance_incorrect")


@dataclass
class Args(TrainingFlags):
    """Measure gradient symmetricity and distance irrelevance against the attention rate."""

    rates: int = 8
    """Number of attention rates, evenly spaced from 0 to 1."""
    seeds: int = 2
    """Seeds at each rate; each seed has its own split."""
    widths: tuple[int, ...] = (64,)
    """Widths of the residual stream; each width is a program of its own."""
    max_epochs: int = 2_000
    """Epochs of every member."""
    paper: bool = False
    """Width 128 and 20 000 epochs, as published: days on a CPU."""


def main(args: Args) -> None:
    config = recipes.get("zhong").config
    widths, epochs = ((128,), config.max_epochs) if args.paper else (args.widths, args.max_epochs)
    config = config.replace(max_epochs=epochs, eval_every=max(1, min(100, epochs // 20)))
    rates = np.linspace(0, 1, args.rates).round(4).tolist()
    axes = {"embed_dim": widths, "attention_rate": rates, "seed": range(args.seeds)}
    sweep = grokjax.Sweep(config, **axes)
    run = train_or_resume(sweep, args, recipe="zhong", metrics=["circuits"])
    parts = [circuits(run.select(embed_dim=width)) for width in widths]
    # Narrow networks have fewer circles than wide ones.
    found = xr.concat(parts, "member", join="outer").sortby("member")
    found = found.assign(
        attention_rate=run.history.attention_rate,
        test_accuracy=("member", forward_fill(run.history.test_accuracy.values)[:, -1]),
        least_circularity=found.circularity.min("component"),
    )
    save_results(found[list(KEPT)].to_dataframe(), args)
    print_statistics(run, found)
    summarise(run, lambda: draw(run, found, args))


def print_statistics(run: grokjax.Run, found: xr.Dataset) -> None:
    """Print what members compute by attention rate, beside the published medians."""
    perfect, circular = found.test_accuracy == 1, found.least_circularity >= CIRCULAR
    print("attention rate   n  symmetricity  published  irrelevance  (wrong logit)  published")
    for low, high, *published in zip(EDGES, EDGES[1:], *PUBLISHED.values(), strict=False):
        inside = (found.attention_rate >= low) & (found.attention_rate < high + (high == 1))
        if inside.any():
            ours = [float(found[name][inside].median()) for name in MEASURES]
            print(
                f"{low:.1f} to {high:.1f}      {int(inside.sum()):4}  {ours[0]:12.3f}  "
                f"{published[0]:9.3f}  {ours[1]:11.3f}  {ours[2]:13.3f}  {published[1]:9.3f}"
            )
    for label in ("pizza", "clock", "neither"):
        print(f"{label}: {int((found.label == label).sum())} of {len(run)}")
    above = found.gradient_symmetricity > SYMMETRIC
    print(f"gradient symmetricity > {SYMMETRIC}: {int(above.sum())} of {len(run)}")
    print(f"test accuracy 1 at the end: {int(perfect.sum())} of {len(run)}")
    for name, these in (("all", perfect | True), ("those with test accuracy 1", perfect)):
        count, of = int(circular[these].sum()), int(these.sum())
        print(f"all four circularities >= {CIRCULAR}: {count} of {of}, {name} (published 34.3%)")
    delay = np.quantile(generalisation_delays(run.history).delay1, (0.5, 0.05, 0.95))
    print("generalisation delay 1: {:.1f} ({:.1f} to {:.1f}; published 47.7)".format(*delay))
    norms = np.quantile(forward_fill(run.history.weight_norm.values)[:, -1], (0.5, 0.05, 0.95))
    print("weight norm: {:.1f} ({:.1f} to {:.1f}; published 24.4)".format(*norms))


def draw(run: grokjax.Run, found: xr.Dataset, args: Args) -> Path:
    """Draw all figures; return the path of the last one."""
    figures = args.out / "figures"
    widths = [config.embed_dim for config in run.sweep.members]
    table = found[list(KEPT)].to_dataframe().assign(embed_dim=widths)
    plane = plots.circuit_plane(
        table.gradient_symmetricity,
        table.distance_irrelevance,
        table.test_accuracy,
        title_of(table),
    )
    plots.save(plane, figures / "circuit_plane.png")
    plots.save(plots.curves(run.history), figures / "curves.png")
    return plots.save(draw_rates(table), figures / "clock_pizza.png")


def title_of(table: pd.DataFrame) -> str:
    """Task, widths and number of members, for figures."""
    task, width = (
        labels.task(recipes.get("zhong").config),
        ", ".join(map(str, np.unique(table.embed_dim))),
    )
    return f"{task}, transformers of width {width}, {len(table)} members"


def draw_rates(table: pd.DataFrame) -> Figure:
    """Draw both measures against the attention rate, from the table of results."""
    return plots.circuits_against(
        "attention rate",
        table.attention_rate.to_numpy(),
        table.gradient_symmetricity.to_numpy(),
        table.distance_irrelevance_incorrect.to_numpy(),
        table.test_accuracy.to_numpy(),
        title_of(table),
        (EDGES, *PUBLISHED.values()),
        "Published: medians of circular runs of width 128. Dotted: the bound of a pizza.",
        labels=table.label.to_numpy(),
        names=("gradient symmetricity", "distance irrelevance (largest wrong logit)"),
    )


if __name__ == "__main__":
    run_script(main, Args)
