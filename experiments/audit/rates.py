"""Claims of `grokfast.py`: times to grok by method and learning rate."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from experiments import grokfast
from experiments.audit.claims import Claim, Sentence, Table
from experiments.audit.stored import results
from experiments.audit.texts import times_and_count, whole

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
        RECIPES,
        '"AdamW {} (1.4e-2), EMA {} (2e-2), MA {} (1e-3)"',
        best_rates,
    ),
]
