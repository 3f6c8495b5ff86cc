"""Claims on when members memorise and grok: `seeds.py`, `recipe_times.py`."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from experiments.audit.claims import Claim, Sentence, Table
from experiments.audit.stored import results
from experiments.audit.texts import extent, fraction, quartiles, spread, whole
from grokjax.analysis.incidence import Incidence, incidence
from grokjax.analysis.times_table import times_of

HERE, RECIPES = "experiments/README.md", "grokjax/recipes/"
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
    name = next(iter(row.values()))
    if name == "maximum test loss":
        return {"grokjax, 64 seeds (quartiles)": spread(max_test_loss(), "{:.2f}".format)}
    return {"grokjax, 64 seeds (quartiles)": spread(seeds(EVENTS[name]).quartiles())}


def max_test_loss() -> list[float]:
    """Quartiles of the maximum test loss of the 64 seeds."""
    return quartiles(results("seeds").max_test_loss)


def seeds_summary() -> list[str]:
    """Median and quartiles of the three events, the band of the last, and the maximum loss."""
    found, curve = seeds_times(), seeds("grokked")
    low, median, high = max_test_loss()
    found += [whole(x) for x in curve.median_band()]
    found += [f"{x:.2f}" for x in (median, low, high)]
    return [*found, str(curve.reached), str(curve.members)]


def seeds_times() -> list[str]:
    """Median and quartiles of the three events."""
    found = []
    for event in EVENTS.values():
        low, median, high = seeds(event).quartiles()
        found += [whole(x) for x in (median, low, high)]
    return found


def seeds_recipe() -> list[str]:
    """How many seeds, the medians of the three events, and their quartiles."""
    found = seeds_times()
    ranges = [x for i in (0, 3, 6) for x in found[i + 1 : i + 3]]
    return [str(len(results("seeds"))), *found[::3], *ranges]


def saved_steps() -> list[str]:
    """Millions of steps taken, of 20 000 epochs each, and their ratio; members end once grokked."""
    epochs = results("seeds").grokked_until
    taken, whole_length = epochs.sum(), 20_000 * len(epochs)
    steps = [22e-6 * x for x in (taken, whole_length)]  # 1 404 pairs in batches of 64
    return [*(f"{x:.2f}" for x in steps), f"{whole_length / taken:.1f}"]


def middle(name: str, *columns: str) -> list[str]:
    """Medians of columns of the stored results of a recipe."""
    return [whole(np.median(results(name)[c])) for c in columns]


def gromov_loss() -> list[str]:
    """Median train and test loss at step 100."""
    return [fraction(np.median(results("gromov")[f"{s}_loss"]), 5) for s in ("train", "test")]


def gromov_spread() -> list[str]:
    """Ranges over seeds of the crossings and of the losses."""
    table, found = results("gromov"), []
    for column in ("train_99", "test_10", "test_50", "test_90", "test_99", "test_100"):
        found += extent(table[column]).split(" to ")
    for split in ("train", "test"):
        values = table[f"{split}_loss"]
        found += [fraction(values.min(), 5), fraction(values.max(), 5)]
    return found


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
    Table(
        HERE,
        ("event", "the notebook, 1 seed", "grokjax, 64 seeds (quartiles)"),
        seeds_row,
        {"grokjax, 64 seeds (quartiles)": "the notebook, 1 seed"},
    ),
    Sentence(
        HERE,
        "--seeds 64` | {} | train ≥ 99% at epoch 180, test ≥ 50% at 780, ≥ 99% at 1 040 | {}, {}, "
        "{} | {} to {}, {} to {}, {} to {} (quartiles)",
        seeds_recipe,
        "180, 780, 1 040",
    ),
    Sentence(
        f"{RECIPES}notebook.py",
        'accuracy >= 99%": "{} ({} to {}), 64 seeds, quartiles", "test accuracy >= 50%": '
        '"{} ({} to {})", "test accuracy >= 99%": "{} ({} to {})", "maximum test loss": '
        '"{} ({} to {})"',
        lambda: [*seeds_times(), *seeds_summary()[-5:-2]],
        "180, 780, 1 040, 6.83",
    ),
    Sentence(
        HERE,
        "{} M optimiser steps instead of the {} M of 20 000 epochs each: {} times fewer",
        saved_steps,
    ),
    Sentence(HERE, "so this took {} times fewer", lambda: saved_steps()[-1:]),
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
        f"{RECIPES}doshi.py",
        '"step {} ({} to {}, range of 8 seeds)", "test accuracy >= 10, 50, 90, 99, 100%": "{} (to '
        '{}), {}, {}, {} to {}, {} to {}", "loss at step 100, train and test": "{} and {} (',
        lambda: [*middle("gromov", "train_99"), *gromov_spread()[:10], *gromov_loss()],
        "20; 28, 34, 38, 42, 44",
    ),
]
