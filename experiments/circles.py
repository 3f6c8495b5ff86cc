"""Circles: how many frequencies does each member of an ensemble use, and is each a circle?

The notebook found six circles by eye in one network. This trains seeds of it
well past the grok, names the circles of all of them, and says how often
principal components mix two.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import xarray as xr

import grokjax
from grokjax import labels, plots, recipes
from grokjax.analysis import circles, pca
from grokjax.analysis.fourier import shares
from grokjax.analysis.survey import survey
from grokjax.launching import Execution, finish, launch, script


@dataclass
class Args(Execution):
    """Seeds of the notebook recipe well past the grok: their circles, counted, named and drawn."""

    out: Path = Path("runs/circles")
    """Run directory; one that holds some of these seeds is gone on with."""
    seeds: int = 32
    """Members, each seed with its own split."""
    max_epochs: int = 3000
    """Epochs of every member."""
    key_times: float | None = None
    """Times an even share of the power from which a frequency is a key one; none: 1.25."""
    pure: float = circles.PURE
    """Share of a pair of components in one frequency from which it is not mixed."""
    film: bool = True
    """Whether to draw the first member's film, which takes a while."""


def main(args: Args) -> None:
    config = replace(
        recipes.get("notebook").config,
        max_epochs=args.max_epochs,
        stop_when="never",
        snapshot_every=100,
        snapshot_spacing="transition",
    )
    run = launch(grokjax.Sweep(config, seed=range(args.seeds)), args.out, args, recipe="notebook")
    found = survey(run, key_times=args.key_times)
    grokked = (run.members["status"] == "grokked").to_numpy()
    print(f"{grokked.sum()} of {len(run)} members grokked; of these:")
    table = found.isel(member=grokked)
    key, round_ = table.key.values, table.plane_circularity.values
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
        least = np.floor(1000 * round_[key].min()) / 1000  # rounded up it would not be the least
        print(f"circularity of {key.sum()} circles in their planes: at least {least:.3f}")
        text = ", ".join(f"{q:.3f}" for q in np.quantile(purest, (0.1, 0.5, 0.9)))
        print(f"largest share of a frequency in a pair (10, 50, 90%): {text}")
    finish(run, lambda: draw(run, found, args))


def draw(run: grokjax.Run, found: xr.Dataset, args: Args) -> Path:
    """All figures, most of them of the first member; the one to name at the end."""
    modulus, figures = run.config.modulus, args.out / "figures"
    first, seed = found.isel(member=0), run.members["seed"].iloc[0]
    readings = circles.read(first.pair_shares.values, modulus, args.pure)
    title = f"{labels.task(run.config)}, seed {seed}"
    pairs = plots.components(first.scores.values, first.explained.values, readings, title)
    plots.save(pairs, figures / "components.png")
    at = np.flatnonzero(first.key.values)
    steps, rates = circles.step_of(at + 1, modulus), first.plane_circularity.values[at]
    planes = plots.planes(first.plane.values[at], at + 1, rates, steps, title)
    plots.save(planes, figures / "planes.png")
    everyone = f"{labels.task(run.config)}, {len(run)} seeds"
    spectra = shares(found.power.sel(table="embedding").values)
    ax = plots.spectrum_of_members(spectra, run.members.index.tolist(), everyone)
    plots.save(ax, figures / "spectra.png")
    if args.film:
        print("drawing the film ...", flush=True)
        kept = run.select(seed=seed).snapshots
        scores = np.asarray(pca.project(kept.values, pca.pca(run.embeddings[:1])))[0]
        plots.animation(scores, kept.epoch.values, readings, figures / "circles.gif", title)
    counts = found.key.sum("frequency").values
    return plots.save(plots.key_counts(counts, everyone), figures / "circles.png")


if __name__ == "__main__":
    script(main, Args)
