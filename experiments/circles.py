"""How many frequencies does each network use, and is each of them a circle?

The notebook found six circles by eye in one network. This trains many seeds well past grokking,
names the circles of all of them, and counts how often principal components mix two circles.
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
from grokjax.analysis import circles, pca
from grokjax.analysis.fourier import shares
from grokjax.analysis.survey import survey
from grokjax.analysis.times_table import times_table
from grokjax.cli.scripts import TrainingFlags, run_script, save_results, train_or_resume
from grokjax.cli.summary import summarise
from grokjax.config import labels
from grokjax.plots.style import figure_of

TASK = labels.task(recipes.get("notebook").config)


@dataclass
class Args(TrainingFlags):
    """Train seeds of the notebook recipe past grokking; count, name and draw their circles."""

    seeds: int = 32
    """Number of seeds; each seed has its own split."""
    max_epochs: int = 3000
    """Epochs of each member."""
    operation: tuple[str, ...] = ("add",)
    """Operations; the seeds train on each. They must have the same group, as multiply and divide
    have."""
    key_times: float | None = None
    """Power of a key frequency as a multiple of an even share; None means 1.25."""
    pure: float = circles.PURE
    """Share of a pair's power in one frequency from which the pair is one circle."""
    film: bool = True
    """Draw an animation of the first member (slow)."""


def main(args: Args) -> None:
    config = recipes.get("notebook").config.replace(
        max_epochs=args.max_epochs,
        stop_when="never",
        snapshot_every=100,
        snapshot_spacing="transition",
    )
    sweep = grokjax.Sweep(config, operation=args.operation, seed=range(args.seeds))
    run = train_or_resume(sweep, args, recipe="notebook")
    found = survey(run, key_times=args.key_times)
    grokked = (run.members["status"] == "grokked").to_numpy()
    print(f"{grokked.sum()} of {len(run)} members grokked; of these:")
    results = results_of(run, found)
    save_results(results, args)
    table = found.isel(member=grokked)
    key, circularity = table.key.values, table.plane_circularity.values
    purest = table.pair_shares.max("frequency").values
    for label, counts in (
        ("key frequencies", key.sum(axis=1)),
        (
            f"pairs of components with {args.pure:.0%} in one frequency",
            (purest >= args.pure).sum(1),
        ),
    ):
        rows = zip(*np.unique(counts, return_counts=True), strict=True)
        print(f"{label}: " + ", ".join(f"{value} ({members})" for value, members in rows))
    if key.any():
        # Frequency P / 2 has no circle. Round down, to state a lower bound.
        least = np.floor(1000 * np.nanmin(circularity[key])) / 1000
        print(f"circularity of {key.sum()} circles in their planes: at least {least:.3f}")
        quantiles = ", ".join(f"{q:.3f}" for q in np.quantile(purest, (0.1, 0.5, 0.9)))
        print(f"largest share of a frequency in a pair (10, 50, 90%): {quantiles}")
    summarise(run, lambda: draw(run, found, results, args))


def results_of(run: grokjax.Run, found: xr.Dataset) -> pd.DataFrame:
    """Return times to grok, pairs of components and frequencies, a row for each member.

    `purity_1` is the largest share of a frequency in the first pair, and `strongest_1` its two
    strongest frequencies; `power_1` is the power of frequency 1 as a multiple of an even share.
    """
    columns = {
        "key_frequencies": found.key.sum("frequency").values,
        "least_circularity": found.plane_circularity.where(found.key).min("frequency").values,
    }
    strongest = np.argsort(-found.pair_shares.values)[..., :2] + 1  # [M, J, 2]
    for pair in range(found.sizes["pair"]):
        columns[f"purity_{pair + 1}"] = found.pair_shares.values[:, pair].max(axis=-1)
        columns[f"strongest_{pair + 1}"] = [f"{a} {b}" for a, b in strongest[:, pair]]
    powers = shares(found.power.sel(table="embedding").values) * found.sizes["frequency"]
    for row, frequency in enumerate(found.frequency.values):
        columns[f"power_{frequency}"] = powers[:, row]
        columns[f"circularity_{frequency}"] = found.plane_circularity.values[:, row]
    return times_table(run).assign(**columns)


def draw_spectra(results: pd.DataFrame, task: str = TASK) -> Figure:
    """Draw the power at each frequency of all members, from the table of results."""
    powers = results.filter(regex=r"^power_\d+$").to_numpy()
    title = f"{task}, {len(results)} members"
    return figure_of(plots.spectrum_of_members(shares(powers), results.index.tolist(), title))


def draw_counts(results: pd.DataFrame, task: str = TASK) -> Figure:
    """Draw how many members have each number of key frequencies, from the table of results."""
    counts = results.key_frequencies.to_numpy()
    return figure_of(plots.key_counts(counts, f"{task}, {len(results)} members"))


def draw(run: grokjax.Run, found: xr.Dataset, results: pd.DataFrame, args: Args) -> Path:
    """Draw all figures, most of them of the first member; return the path of the last one."""
    modulus, figures = found.sizes["token"], args.out / "figures"
    first, seed = found.isel(member=0), run.members["seed"].iloc[0]
    readings = circles.read(first.pair_shares.values, modulus, args.pure)
    task = labels.tasks(run.sweep)
    title = f"{labels.task(run.sweep[0])}, seed {seed}"
    pairs = plots.components(first.scores.values, first.explained.values, readings, title)
    plots.save(pairs, figures / "components.png")
    key = np.flatnonzero(first.key.values)
    steps, circularity = circles.step_of(key + 1, modulus), first.plane_circularity.values[key]
    planes = plots.planes(first.plane.values[key], key + 1, circularity, steps, title)
    plots.save(planes, figures / "planes.png")
    plots.save(draw_spectra(results, task), figures / "spectra.png")
    if args.film:
        print("drawing the animation ...", flush=True)
        snapshots = run.of(run.members.index[:1]).snapshots
        scores = np.asarray(pca.project(snapshots.values, pca.pca(run.embeddings[:1])))[0]
        plots.animation(scores, snapshots.epoch.values, readings, figures / "circles.gif", title)
    return plots.save(draw_counts(results, task), figures / "circles.png")


if __name__ == "__main__":
    run_script(main, Args)
