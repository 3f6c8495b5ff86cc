"""Claims of `delay_law.py`: times to grok by settings and by the norm that is held."""

from __future__ import annotations

import functools
from collections.abc import Mapping

import numpy as np
import pandas as pd

from experiments.audit.claims import Claim, Sentence, Table
from experiments.audit.stored import grokked, results
from experiments.audit.texts import spread, whole
from experiments.delay_law import CONTROL, FREE, SETTINGS
from grokjax import recipes
from grokjax.analysis.accelerated_times import AcceleratedTimes, Family, fit_accelerated_times
from grokjax.analysis.incidence import incidence
from grokjax.config.evaluations import previous_evaluation

HERE = "experiments/README.md"
STEP = "test accuracy ≥ 90% at step"


def part(name: str) -> pd.DataFrame:
    """Members that train freely, or whose norm is held."""
    table = results("delay_law")
    return table.loc[table.part == name]


def cell(settings: tuple[float, ...]) -> pd.DataFrame:
    """Free members of one train fraction, learning rate and weight decay."""
    free = part("free")
    return free.loc[np.all(free[list(SETTINGS)].to_numpy() == settings, axis=1)]


def steps(own: pd.DataFrame) -> str:
    """Quartiles of the steps to grok, and how many have grokked unless all have."""
    curve = incidence(grokked(own))
    counts = "" if curve.reached == curve.members else f", {curve.reached} of {curve.members}"
    return spread(curve.quartiles()) + counts


def norm(own: pd.DataFrame) -> tuple[str, str]:
    """Median norm at grokking, and its standard deviation in percent of the mean."""
    norms = own.norm_at_grokking.dropna()
    return f"{norms.median():.1f}", f"{100 * norms.std() / norms.mean():.1f}"


def free_row(row: Mapping[str, str]) -> dict[str, str]:
    """Recompute a row of the free members."""
    own = cell(tuple(float(row[name.replace("_", " ")]) for name in SETTINGS))
    median, deviation = norm(own)
    return {STEP: steps(own), "norm of the matrices then": f"{median} ({deviation}%)"}


def held_row(row: Mapping[str, str]) -> dict[str, str]:
    """Recompute a row of the norms that are held."""
    held = part("held")
    return {STEP: steps(held.loc[held.clamp_ratio == float(row["norm / 54.5"])])}


def inside() -> list[str]:
    """In how many settings the published median is inside our quartiles."""
    count = 0
    for settings, (_, median, _) in FREE.items():
        low, _, high = incidence(grokked(cell(settings))).quartiles()
        count += bool(low <= median <= high)
    return [str(count), str(len(FREE))]


@functools.cache
def fit(
    low: float, high: float, family: Family = "lognormal", resamples: int = 1
) -> AcceleratedTimes:
    """Fit the delay law to members held at norms from `low` to `high`."""
    config = recipes.get("critical-norm").config.replace(max_epochs=60_000)
    held = part("held")
    own = held.loc[(held.clamp_ratio >= low) & (held.clamp_ratio <= high)]
    before = [
        previous_evaluation(config, int(e)) if np.isfinite(e) else np.nan for e in own.grokked
    ]
    x = own.clamp_ratio - 1
    return fit_accelerated_times(grokked(own), x, family, before, own.seed, resamples)


def law(*norms: tuple[float, float]) -> list[str]:
    """Slope and baseline of the law over ranges of norms."""
    fits = [fit(*each) for each in norms]
    return [text for f in fits for text in (f"{f.slope:.2f}", whole(round(f.baseline, -1)))]


def limits(low: float, high: float, family: Family = "lognormal") -> list[str]:
    """Interval of the slope from 400 draws of seeds."""
    return [f"{x:.2f}" for x in fit(low, high, family, 400).interval]


def weibull() -> list[str]:
    """How much worse Weibull times fit, and their slopes."""
    pairs = [(fit(0.85, high), fit(0.85, high, "weibull")) for high in (1.1, 1.25)]
    worse = [whole(a.log_likelihood - b.log_likelihood) for a, b in pairs]
    return [*worse, *(f"{b.slope:.2f}" for _, b in pairs)]


def by_fraction() -> tuple[list[str], list[str]]:
    """Median steps to grok and norms then, by the recipe's train fractions."""
    cells = [cell((fraction, 1e-3, 1.0)) for fraction in (0.4, 0.5, 0.65)]
    return [steps(own).partition(" (")[0] for own in cells], [norm(own)[0] for own in cells]


def memorising() -> list[str]:
    """Median steps at which a train fraction of .4 has 90 and 99%, evaluated at each step."""
    return [whole(np.median(results("critical_norm_memorising")[f"train_{p}"])) for p in (90, 99)]


CLAIMS: list[Claim] = [
    Table(
        HERE,
        (
            *("train fraction", "learning rate", "weight decay", STEP),
            *("published", "norm of the matrices then"),
        ),
        free_row,
        {STEP: "published"},
    ),
    Table(HERE, ("norm / 54.5", STEP, "published"), held_row, {STEP: "published"}),
    Sentence(
        HERE,
        "5 013, 2 554, 1 187 by train fraction | {}, {}, {} |",
        lambda: by_fraction()[0],
        "5 013, 2 554, 1 187",
    ),
    Sentence(
        "grokjax/recipes/critical_norm.py",
        '"{}, {}, {}; medians of 32 seeds", "norm of the matrices then": "{}, {}, {}"',
        lambda: [x for part in by_fraction() for x in part],
        "5 013, 2 554, 1 187; 54.9, 55.1, 55.7",
    ),
    Sentence(HERE, "have 90% at {} and 99% at {} (medians; published 157", memorising, "157"),
    Sentence(
        HERE, "in {} of {} settings of train fraction, learning rate and weight decay", inside
    ),
    Sentence(
        HERE,
        "at a train fraction of .4 (standard deviation {}%; published 54.5)",
        lambda: [norm(cell(CONTROL))[1]],
    ),
    Sentence(
        HERE,
        "The norm of the matrices at that moment is {} at a train fraction of .4",
        lambda: [norm(cell(CONTROL))[0]],
        "54.5",
    ),
    Sentence(
        HERE,
        "members grok after {} exp({} (rho - 1)) steps",
        lambda: law((0.85, 1.1))[::-1],
        "7.5 to 7.6",
    ),
    Sentence(
        HERE,
        "For rho from .85 to 1.1: alpha = {} (7.33 to 7.78), T1 = {}. From .85 to 1.25: {} (7.32 "
        "to 7.57), T1 = {}.",
        lambda: law((0.85, 1.1), (0.85, 1.25)),
        "7.5 to 7.6",
    ),
    Sentence(
        HERE,
        "(log-likelihood lower by {} and {}) and give {} (6.55 to 7.39) and {} (6.75 to 7.29)",
        weibull,
    ),
    Sentence(HERE, "from .95 to 1.1 alpha is {} (", lambda: law((0.95, 1.1))[:1]),
    Sentence(HERE, "alpha = 7.57 ({} to {}), T1", lambda: limits(0.85, 1.1), slow=True),
    Sentence(HERE, "From .85 to 1.25: 7.45 ({} to {}), T1", lambda: limits(0.85, 1.25), slow=True),
    Sentence(
        HERE, "from .95 to 1.1 alpha is 8.81 ({} to {})", lambda: limits(0.95, 1.1), slow=True
    ),
]
