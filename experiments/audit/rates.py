"""Claims of `grokfast.py`: times to grok by method and learning rate."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from experiments import grokfast
from experiments.audit.claims import Claim, Sentence, Table
from experiments.audit.stored import results
from experiments.audit.texts import times_and_count, whole
from grokjax.analysis.incidence import Incidence

HERE, RECIPES = "experiments/README.md", "grokjax/recipes/lee_grokfast.py"

METHODS = {
    "AdamW": "AdamW",
    "with EMA (α .98, λ 2)": "with Grokfast-EMA",  # noqa: RUF001
    "with MA (100 steps, λ 5)": "with Grokfast-MA",
}
"""Columns of the table of Grokfast, and the script's names of the methods."""


def grokfast_row(row: Mapping[str, str]) -> dict[str, str]:
    """Recompute a learning rate's row of the table of Grokfast."""
    curves = grokfast.by_method(results("grokfast"))
    found = {}
    for column, method in METHODS.items():
        curve = curves[method][float(row["learning rate"])]
        found[column] = times_and_count(curve)
    return found


def best_rates() -> list[str]:
    """The least median over the learning rates, by method."""
    curves = grokfast.by_method(results("grokfast")).values()
    return [whole(np.nanmin([c.quantile(0.5) for c in own.values()])) for own in curves]


def at_low_rate() -> list[Incidence]:
    """Incidences at a rate of 3e-4 within 1 500 epochs, by method."""
    curves = grokfast.by_method(results("grokfast_low_rate"))
    return [own[3e-4] for own in curves.values()]


def low_rate() -> list[str]:
    """Medians and quartiles at the low rate, by method."""
    found = []
    for curve in at_low_rate():
        low, median, high = curve.quartiles()
        found += [whole(x) for x in (median, low, high)]
    return found


def factors() -> list[str]:
    """How many times sooner EMA and MA grok than AdamW at the low rate."""
    baseline, *others = [curve.quantile(0.5) for curve in at_low_rate()]
    return [f"{baseline / other:.1f}" for other in others]


CLAIMS: list[Claim] = [
    Table(HERE, ("learning rate", *METHODS), grokfast_row),
    Sentence(
        HERE, "1.4e-2 for AdamW ({} epochs), 2e-2 with EMA ({}), 1e-3 with MA ({})", best_rates
    ),
    Sentence(
        HERE,
        "AdamW groks at epoch {} (rate 1.4e-2), with EMA at {} (2e-2), with MA at {} (1e-3)",
        best_rates,
    ),
    Sentence(
        HERE,
        "AdamW groks at {} ({} to {}), with EMA at {} ({} to {}), with MA at {} ({} to {}): {} and "
        "{} times sooner",
        lambda: [*low_rate(), *factors()],
    ),
    Sentence(HERE, "at a rate of 3e-4 it groks {} and {} times sooner", factors),
    Sentence(HERE, "{} (EMA) and {} times (MA) at the same decay", factors),
    Sentence(
        RECIPES,
        '"AdamW {} (1.4e-2), EMA {} (2e-2), MA {} (1e-3)"',
        best_rates,
    ),
    Sentence(
        RECIPES,
        '"rate 3e-4, 1 500 epochs": "{}, {}, {}: {} and {} times sooner"',
        lambda: [*low_rate()[::3], *factors()],
    ),
]
