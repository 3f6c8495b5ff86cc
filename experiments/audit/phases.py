"""Claims of `phase_diagram.py` and of the landscape of `omnigrok.py`."""

from __future__ import annotations

import numpy as np
import pandas as pd

from experiments.audit.claims import Claim, Sentence
from experiments.audit.stored import results
from experiments.audit.texts import whole
from grokjax.analysis.phase_probabilities import PHASES, phase_codes
from grokjax.recipes import liu

HERE = "experiments/README.md"
GRIDS = {"rates": liu.SLOW_RATES, "decay": liu.SLOW_DECAY}
"""Steps between train and test splits from which it is grokking, by grid."""


def codes(grid: str) -> np.ndarray:
    """Place in `PHASES` of each seed and cell, `[S, C]`."""
    table = results(f"phases_{grid}")
    found = phase_codes(table.phase.to_numpy(str))
    return np.stack([found[table.seed == seed] for seed in np.unique(table.seed)])


def cells(grid: str) -> list[str]:
    """Mean number of cells of a seed in each phase, the number of cells, and the ranges."""
    found = codes(grid)
    counts = np.array([(found == p).sum(axis=1) for p in range(len(PHASES))])
    means = [f"{x:.1f}" for x in counts.mean(axis=1)]
    ranges = [str(x) for own in counts for x in (own.min(), own.max())]
    return [*means, str(found.shape[1]), *ranges]


def alike(grid: str) -> list[str]:
    """Share of the cells in which two different seeds have the same phase."""
    found = codes(grid)
    pairs = [(a == b).mean() for i, a in enumerate(found) for b in found[i + 1 :]]
    return [f"{np.mean(pairs):.0%}".rstrip("%")]


def censored() -> list[str]:
    """Members of both grids that did not grok, and all members."""
    tables = [results(f"phases_{grid}") for grid in GRIDS]
    return [text for t in tables for text in (str(t.test_learnt.isna().sum()), str(len(t)))]


def undecided() -> list[str]:
    """Members that had memorised too late to tell whether they grok."""
    found = []
    for grid, slow in GRIDS.items():
        table = results(f"phases_{grid}")
        late = table.test_learnt.isna() & (liu.STEPS - table.train_learnt <= slow)
        found.append(str(late.sum()))
    return found


def landscape() -> pd.DataFrame:
    """Median test loss by number of train images and norm, a column for each number."""
    table = results("omnigrok_landscape")
    medians = table.groupby(["init_scale", "train_fraction"]).test_loss.median()
    return medians.unstack()


def best_norms() -> list[str]:
    """The norm with the least test loss for each number of images."""
    found = [f"{norm:.2f}" for norm in landscape().idxmin()]
    return ["1" if n == "1.00" else n.removeprefix("0") for n in found]


def range_of_best_norms() -> list[str]:
    """The least and the largest of these norms."""
    best = landscape().idxmin()
    return [f"{best.min():.1f}".removeprefix("0"), f"{best.max():.1f}"]


def rises() -> list[str]:
    """Factors by which the test loss rises from its least value to ten times the norm."""
    table = landscape()
    factors = table.iloc[-1] / table.min()
    return [whole(float(f"{factors.iloc[i]:.2g}")) for i in (0, -1)]


CELLS = (
    "{}, {}, {}, {} of {} cells a seed (ranges {} to {}, {} to {}, {} to {}, {} to {}; published "
    "20, 4, 64, 12"
)
CELLS_OF_DECAY = (
    "{}, {}, {}, {} of {} ({} to {}, {} to {}, {} to {}, {} to {}; published 12, 18, 49, 31"
)

CLAIMS: list[Claim] = [
    Sentence(HERE, CELLS, lambda: cells("rates"), "20, 4, 64, 12"),
    Sentence(HERE, CELLS_OF_DECAY, lambda: cells("decay"), "12, 18, 49, 31"),
    Sentence(HERE, "that of another seed of ours in {}%", lambda: alike("rates")),
    Sentence(HERE, "published 12, 18, 49, 31); 56% and {}%", lambda: alike("decay")),
    Sentence(HERE, "{} of {} and {} of {} members did not grok within", censored),
    Sentence(HERE, "are censored; {} and {} of them had memorised so late", undecided),
    Sentence(
        HERE, "The least test loss is at {}, {}, {}, {}, {} and {} of the", best_norms, "1 to 1.5"
    ),
    Sentence(HERE, "with its least value at {} to {} of the initial norm", range_of_best_norms),
    Sentence(HERE, "test loss rises by factors of {} (50 images) to {} (1 400)", rises),
]
