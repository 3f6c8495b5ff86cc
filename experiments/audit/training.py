"""Claims on when members memorise and grok: `seeds.py`, `recipe_times.py`."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from experiments import grokfast
from experiments.audit.claims import Claim, Sentence, Table
from experiments.audit.stored import results
from experiments.audit.texts import fraction, quartiles, spread, whole
from grokjax.analysis.incidence import Incidence, incidence
from grokjax.analysis.times_table import times_of

HERE = "experiments/README.md"
EVENTS = {
    "train accuracy ≥ 99%": "memorised",
    "test accuracy ≥ 50%": "half_way",
    "test accuracy ≥ 99%": "grokked",
}


def seeds(event: str) -> Incidence:
    """Cumulative incidence of an event over 64 seeds of the recipe `notebook`."""
    return incidence(times_of(results("seeds"), event))


def seeds_row(row: Mapping[str, str]) -> dict[str, str]:
    """Recompute a row of the README's table."""
    name = row["event, addition mod 53"]
    if name == "maximum test loss":
        loss = spread(quartiles(results("seeds").max_test_loss), lambda x: f"{x:.2f}")
        return {"grokjax, 64 seeds (quartiles)": loss}
    return {"grokjax, 64 seeds (quartiles)": spread(seeds(EVENTS[name]).quartiles())}


def seeds_summary() -> list[str]:
    """Median and quartiles of the three events, the band of the last, and the maximum loss."""
    found = []
    for event in EVENTS.values():
        low, median, high = seeds(event).quartiles()
        found += [whole(x) for x in (median, low, high)]
    found += [whole(x) for x in seeds("grokked").median_band()]
    low, median, high = quartiles(results("seeds").max_test_loss)
    found += [f"{x:.2f}" for x in (median, low, high)]
    curve = seeds("grokked")
    return [*found, str(curve.reached), str(curve.members)]


def middle(name: str, *columns: str) -> list[str]:
    """Medians of columns of the stored results of a recipe."""
    return [whole(np.median(results(name)[c])) for c in columns]


def extent(values: np.ndarray) -> str:
    """The range of values, one number where they are all the same."""
    low, high = np.min(values), np.max(values)
    return whole(low) if low == high else f"{whole(low)} to {whole(high)}"


def gromov_loss() -> list[str]:
    """Median train and test loss at step 100."""
    return [fraction(np.median(results("gromov")[f"{s}_loss"]), 5) for s in ("train", "test")]


def gromov_spread() -> list[str]:
    """Ranges over seeds of the crossings and of the losses."""
    table, found = results("gromov"), []
    for column in ("train_99", "test_10", "test_50", "test_90", "test_99", "test_100"):
        found += extent(table[column].to_numpy()).split(" to ")
    for split in ("train", "test"):
        values = table[f"{split}_loss"]
        found += [fraction(values.min(), 5), fraction(values.max(), 5)]
    return found


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
        count = f"{curve.reached}/{curve.members}"
        if np.isnan(curve.quantile(0.5)):
            found[column] = f"not reached, {count}" if curve.reached else count
        else:
            found[column] = f"{spread(curve.quartiles())}, {count}"
    return found


def best_rates() -> list[str]:
    """The least median over the learning rates, by method."""
    curves = grokfast.by_method(results("grokfast")).values()
    return [whole(np.nanmin([c.quantile(0.5) for c in own.values()])) for own in curves]


CROSSINGS = ("test_10", "test_50", "test_90", "test_99", "test_100")

CLAIMS: list[Claim] = [
    Table(
        "README.md",
        (
            "event, addition mod 53",
            "the published notebook, 1 seed",
            "grokjax, 64 seeds (quartiles)",
        ),
        seeds_row,
        {"grokjax, 64 seeds (quartiles)": "the published notebook, 1 seed"},
    ),
    Sentence(
        HERE,
        "memorised at {} ({} to {}), test ≥ 50% at {} ({} to {}), grokked at {} ({} to {}; 95% "
        "band of the median {} to {}), maximum test loss {} ({} to {}); {} of {} grok",
        seeds_summary,
        "180, 780, 1 040, 6.83",
    ),
    Sentence(
        HERE,
        "| {}; {}, {}, {}, {}, {}; {} and {} | ",
        lambda: [*middle("gromov", "train_99", *CROSSINGS), *gromov_loss()],
        "20; 28, 34, 38, 42, 44",
    ),
    Sentence(
        HERE,
        "| {} to {}; {} to {}, {}, {}, {} to {}, {} to {}; {} to {}, {} to {} | reproduced; the "
        "last",
        gromov_spread,
    ),
    Sentence(
        HERE,
        "test ≥ 50, 90, 99% at steps 34, 38, 42 | {}, {}, {} to {}, 8 seeds",
        lambda: [
            *middle("gromov", "test_50", "test_90"),
            *extent(results("gromov").test_99.to_numpy()).split(" to "),
        ],
        "34, 38, 42",
    ),
    Table(HERE, ("learning rate", *METHODS), grokfast_row),
    Sentence(
        HERE, "1.4e-2 for AdamW ({} epochs), 2e-2 with EMA ({}), 1e-3 with MA ({})", best_rates
    ),
    Sentence(
        HERE,
        "AdamW groks at epoch {} (rate 1.4e-2), with EMA at {} (2e-2), with MA at {} (1e-3)",
        best_rates,
    ),
]
