"""How long until a network groks, and at which weight norm: settings, and a norm that is held.

The study of arXiv 2606.13753 on the notebook's architecture. First members train freely at several
train fractions, learning rates and weight decays. Then the weight matrices of further members are
held, from step 500 on, at multiples of the norm at which free members grok. Times to grok follow
T = T1 exp(alpha (rho - 1)), whose alpha is fitted with those members counted that never grokked.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import grokjax
from grokjax import Sweep, plots, recipes
from grokjax.analysis.accelerated_times import NOISE, AcceleratedTimes, fit_accelerated_times
from grokjax.analysis.incidence import incidence
from grokjax.analysis.times import Times, events, format_quartiles
from grokjax.cli.scripts import TrainingFlags, run_script, save_results, train_or_resume
from grokjax.cli.summary import summarise
from grokjax.config import labels
from grokjax.errors import ConfigError

FREE: dict[tuple[float, ...], tuple[float, float, float]] = {
    (0.25, 1e-3, 1.0): (24389, 26004, 29563),
    (0.3, 1e-3, 1.0): (11823, 12571, 14210),
    (0.35, 1e-3, 1.0): (7699, 7938, 8973),
    (0.4, 1e-3, 1.0): (4572, 5013, 5495),
    (0.5, 1e-3, 1.0): (2330, 2554, 2800),
    (0.5, 3e-3, 1.0): (929, 988, 1083),
    (0.5, 3e-4, 1.0): (6025, 6810, 7466),
    (0.5, 1e-3, 0.3): (7022, 7699, 8440),
    (0.5, 3e-3, 0.3): (2887, 2887, 3165),
    (0.5, 3e-4, 0.3): (16563, 19306, 20526),
    (0.5, 1e-3, 3.0): (901, 988, 1151),
    (0.5, 3e-3, 3.0): (406, 419, 445),
    (0.5, 3e-4, 3.0): (2887, 3070, 3165),
    (0.65, 1e-3, 1.0): (1117, 1187, 1262),
}
"""Published quartiles of the steps to grok, by train fraction, learning rate and weight decay."""
HELD: dict[float, tuple[float, float, float]] = {
    0.85: (1353, 1495, 1653),
    0.9: (1612, 1781, 1920),
    0.95: (2288, 2407, 2664),
    1.0: (3697, 3999, 4214),
    1.05: (6042, 6380, 6738),
    1.1: (8912, 9433, 9705),
    1.15: (12651, 13030, 13822),
    1.2: (18830, 19407, 20615),
    1.25: (24544, 26929, 27775),
}
"""The same by the norm that is held, as a multiple of 54.5, at a train fraction of .4."""

SETTINGS = ("train_fraction", "learning_rate", "weight_decay")
CONTROL = (0.4, 1e-3, 1.0)
HOLD_FROM = 500
PUBLISHED_NORM = 54.5


@dataclass
class Args(TrainingFlags):
    """Measure the time to grok against settings and against a norm that is held."""

    seeds: int = 4
    """Seeds of each setting; each seed has its own split and weights."""
    longest: float = 5_500
    """Leave out settings whose published median is longer than so many steps."""
    ratios: tuple[float, ...] = (0.85, 0.9, 0.95, 1.0)
    """Norms to hold, as multiples of the reference norm."""
    reference_norm: float | None = None
    """Norm that these are multiples of; default: the median at which free members at a train
    fraction of .4 grok."""
    modulus: int = 59
    """Published figures are of 59."""
    max_steps: int = 60_000
    """Most steps of a member; it stops earlier once it has grokked."""
    paper: bool = False
    """All settings and norms, 32 seeds each: six million steps in full batch."""


def main(args: Args) -> None:
    if args.paper:
        args = replace(args, seeds=32, longest=30_000.0, ratios=tuple(HELD))
    if args.reference_norm is None and FREE[CONTROL][1] > args.longest:
        fix = f"unless --longest includes a train fraction of .4, got {args.longest:g}"
        raise ConfigError(f"reference_norm must be given, {fix}")
    config = recipes.get("critical-norm").config
    config = config.replace(modulus=args.modulus, max_epochs=args.max_steps)
    free = train_part("free", free_members(config, args), args)
    rows = rows_of(free)
    print_free(free, rows, args)
    reference = args.reference_norm or reference_norm(rows)
    if np.isnan(reference):
        raise ConfigError("reference_norm must be given, as no free member of fraction .4 grokked")
    print(f"reference norm: {reference:.2f} (published {PUBLISHED_NORM} for modulus 59)")
    held = train_part("held", held_members(config, args, reference), args)
    table = pd.concat([rows, rows_of(held)], keys=["free", "held"], names=["part", "member"])
    save_results(table, args)
    fit = print_held(held, args)
    summarise(free, lambda: draw_free(free, args))
    summarise(held, lambda: draw_held(held, fit, args))


def free_members(config: grokjax.Config, args: Args) -> Sweep:
    """Members at all settings, and seeds, whose published median is short enough."""
    chosen = [cell for cell, (_, median, _) in FREE.items() if median <= args.longest]
    cells = [config.replace(**dict(zip(SETTINGS, cell, strict=True))) for cell in chosen]
    return sum_of(cells, args.seeds)


def held_members(config: grokjax.Config, args: Args, norm: float) -> Sweep:
    """Members whose matrices are held at each ratio of a norm."""
    held = {"interventions": "clamp-norm", "clamp_weights": "matrices"}
    held |= {"clamp_norm": norm, "train_fraction": CONTROL[0]}
    cells = [config.replace(**held, clamp_ratio=r, intervene_from=HOLD_FROM) for r in args.ratios]
    return sum_of(cells, args.seeds)


def sum_of(cells: list[grokjax.Config], seeds: int) -> Sweep:
    """Return a sweep of these settings, each with so many seeds."""
    sweeps = [Sweep(cell, seed=range(seeds)) for cell in cells]
    return sum(sweeps[1:], sweeps[0])


def train_part(name: str, sweep: Sweep, args: Args) -> grokjax.Run:
    """Train or resume one of the two parts, in a directory of its own."""
    part = replace(args, out=args.out / name)
    return train_or_resume(sweep, part, recipe="critical-norm", metrics=["matrix_norm"])


def rows_of(run: grokjax.Run) -> pd.DataFrame:
    """Return settings, times and the norm at grokking of each member."""
    found, history = events(run), run.history
    names = (*SETTINGS, "clamp_ratio", "seed")
    settings = {n: [config.values.get(n) for config in run.sweep.members] for n in names}
    table = pd.DataFrame(settings, index=run.members.index)
    epochs = found.grokked.epochs
    rows = np.searchsorted(history.epoch.values, np.nan_to_num(epochs))
    norm = history.matrix_norm.values[np.arange(len(run)), rows]
    table["memorised"], table["grokked"] = found.memorised.epochs, epochs
    table["followed_until"] = found.grokked.follow_up
    table["norm_at_grokking"] = np.where(np.isnan(epochs), np.nan, norm)
    return table


def reference_norm(rows: pd.DataFrame) -> float:
    """Return the median norm at grokking of free members at a train fraction of .4."""
    control = (rows[list(SETTINGS)] == CONTROL).all(axis=1)
    return float(rows.norm_at_grokking[control].median())


def cells_of(run: grokjax.Run, names: tuple[str, ...]) -> dict[tuple[float, ...], np.ndarray]:
    """Return the members of each setting as a mask, in the order of the sweep."""
    values = [tuple(getattr(config, name) for name in names) for config in run.sweep.members]
    return {cell: np.array([value == cell for value in values]) for cell in dict.fromkeys(values)}


def comparable(published: dict[Any, Any], args: Args) -> dict[Any, Any]:
    """Return published figures, if they are of this modulus."""
    return published if args.modulus == 59 else {}


def print_free(run: grokjax.Run, rows: pd.DataFrame, args: Args) -> None:
    """Print quartiles of each setting's times beside the published ones, and norms at grokking."""
    found = events(run)
    print("fraction   rate  decay  steps to grok, quartiles and members / published / norm then")
    for cell, chosen in cells_of(run, SETTINGS).items():
        print("{:8g} {:6g} {:6g}".format(*cell), end="  ")
        print_quartiles(found.grokked[chosen], comparable(FREE, args).get(cell))
        norm = rows.norm_at_grokking[chosen].dropna()
        if len(norm) > 1:
            spread = 100 * norm.std() / norm.mean()
            print(f"{'':24}norm {norm.median():.1f}, standard deviation {spread:.1f}%")


def print_held(run: grokjax.Run, args: Args) -> AcceleratedTimes | None:
    """Print the same for each norm that was held, and the fitted law; return the fit."""
    found = events(run)
    for (ratio,), chosen in cells_of(run, ("clamp_ratio",)).items():
        print(f"norm {ratio:5.3g} x", end="  ")
        print_quartiles(found.grokked[chosen], comparable(HELD, args).get(ratio))
    ratios, times = ratios_of(run), found.grokked
    reached = ratios[np.isfinite(times.epochs)]
    if len(reached) < 3 or len(np.unique(reached)) < 2:
        return None
    before, seeds = evaluated_before(run, times), run.members["seed"].to_numpy()
    fits = [fit_accelerated_times(times, ratios - 1, f, before, seeds) for f in NOISE]
    for fit in fits:
        low, high = fit.interval
        print(
            f"T = {fit.baseline:.0f} exp({fit.slope:.3f} (rho - 1)), 95% interval {low:.3f} to "
            f"{high:.3f} (published 7.5 to 7.6); {fit.family} times, scale {fit.scale:.3f}, "
            f"{fit.reached} of {fit.members} grokked, log-likelihood {fit.log_likelihood:.1f}"
        )
    return max(fits, key=lambda fit: fit.log_likelihood)


def print_quartiles(times: Times, published: tuple[float, float, float] | None) -> None:
    """Print quartiles beside the published ones, and whether ours contain their median."""
    quartiles = incidence(times).quartiles()
    text = f"{format_quartiles(quartiles)}, {np.isfinite(times.epochs).sum()} of {len(times)}"
    if published is not None:
        low, median, high = published
        inside = quartiles[0] <= median <= quartiles[2]
        text += f" / {median} ({low} to {high}), inside ours: {'yes' if inside else 'no'}"
    print(text)


def ratios_of(run: grokjax.Run) -> np.ndarray:
    """Return the ratio at which each member's norm is held."""
    return np.array([config.clamp_ratio for config in run.sweep.members])


def evaluated_before(run: grokjax.Run, times: Times) -> np.ndarray:
    """Return the step of the evaluation before the one at which each member had grokked."""
    steps = run.history.epoch.values  # full batch: a step an epoch
    rows = np.searchsorted(steps, np.nan_to_num(times.epochs))
    return np.where(np.isnan(times.epochs), np.nan, steps[np.maximum(rows - 1, 0)])


def draw_free(run: grokjax.Run, args: Args) -> Path:
    """Draw times by setting beside the published quartiles; return the path."""
    found, cells = events(run), cells_of(run, SETTINGS)
    names = {cell: "{:g}, {:g}, {:g}".format(*cell) for cell in cells}
    fig, ax = plots.figure(8, 1.5 + 0.45 * len(cells), 1)
    title = f"{labels.task(run.config)}, {args.seeds} seeds of each train fraction, rate and decay"
    named = {names[cell]: found.grokked[chosen] for cell, chosen in cells.items()}
    published = {names[c]: q for c, q in comparable(FREE, args).items() if c in names}
    plots.times_beside(named, published, title, "step at which the test accuracy is 90%", ax)
    return plots.save(fig, args.out / "figures" / "settings.png")


def draw_held(run: grokjax.Run, fit: AcceleratedTimes | None, args: Args) -> Path:
    """Draw times against the norm that is held, with the fit; return the path."""
    ratios = ratios_of(run)
    published = {r: q for r, q in comparable(HELD, args).items() if r in ratios}
    title = (
        f"{labels.task(run.config)}, norm held from step {HOLD_FROM} on, {args.seeds} seeds a norm"
    )
    ax = plots.delay_law(ratios, events(run).grokked, fit, published, title)
    return plots.save(ax, args.out / "figures" / "delay_law.png")


if __name__ == "__main__":
    run_script(main, Args)
