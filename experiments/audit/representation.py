"""Claims of `effective_theory.py`, and of `recipe_times.py` on orthogonal gradients."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from experiments.audit.claims import Claim, Sentence, Table
from experiments.audit.stored import results
from experiments.audit.texts import fraction, spread, whole
from grokjax.analysis.incidence import incidence
from grokjax.analysis.times_table import times_of

HERE, RECIPES = "experiments/README.md", "grokjax/recipes/"
TRAIN, TEST = "train ≥ 90% at step", "test ≥ 90% at step"


def members(size: int) -> pd.DataFrame:
    """Members with so many train pairs."""
    table = results("effective_theory")
    return table.loc[table.train_size == size]


def when(own: pd.DataFrame, event: str) -> str:
    """Quartiles of a time, and how many reached it unless all did."""
    curve = incidence(times_of(own, event))
    count = f"{curve.reached}/{curve.members}"
    if not curve.reached:
        return count
    return spread(curve.quartiles()) + ("" if curve.reached == curve.members else f", {count}")


def row(cells: Mapping[str, str]) -> dict[str, str]:
    """Recompute a row of the table by number of train pairs."""
    own = members(int(cells["train pairs"]))
    names = {"accuracy on all 55 pairs": "accuracy", "predicted": "predicted", "ideal": "ideal"}
    found = {column: fraction(np.median(own[name])) for column, name in names.items()}
    return found | {TRAIN: when(own, "memorised"), TEST: when(own, "grokked")}


def errors() -> list[str]:
    """Mean and largest difference between the predicted and the true accuracy."""
    table = results("effective_theory")
    error = np.abs(table.accuracy - table.predicted)
    return [fraction(error.mean()), fraction(error.max())]


def formed() -> list[str]:
    """Median step at which the representation has formed with 45 train pairs."""
    steps = np.sort(members(45).representation_formed.fillna(np.inf))
    return [whole(steps[(len(steps) - 1) // 2])]


def toy() -> list[str]:
    """Medians with 45 train pairs of both splits and of the representation, and the spread."""
    curves = [incidence(times_of(members(45), e)) for e in ("memorised", "grokked")]
    medians = [whole(c.quantile(0.5)) for c in curves]
    ranges = [whole(c.quantile(q)) for c in curves for q in (0.25, 0.75)]
    return [*medians, *formed(), *ranges, str(curves[1].reached), str(curves[1].members)]


def orthogonal() -> tuple[list[str], list[str]]:
    """Medians and ranges of the first crossings of 90 and 99%."""
    found = [results("prieto_orthograd")[name] for name in ("test_90", "test_99")]
    medians = [whole(np.median(steps)) for steps in found]
    return medians, [whole(x) for steps in found for x in (np.min(steps), np.max(steps))]


COLUMNS = ("train pairs", "accuracy on all 55 pairs", "predicted", "ideal", TRAIN, TEST)

CLAIMS: list[Claim] = [
    Table(HERE, COLUMNS, row),
    Sentence(HERE, "differs from the true one by {} on average, at most {}.", errors),
    Sentence(
        HERE,
        "the representation quality exceeds .95 at step {} (published 833, 1 071, 887)",
        formed,
        "833, 1 071, 887",
    ),
    Sentence(
        HERE,
        "RQI > .95 at 800 | {} and {}; {} | {} to {}, {} to {} (quartiles; {} of {} seeds",
        toy,
        "1 130, 1 530, 800",
    ),
    Sentence(
        f"{RECIPES}liu.py",
        '"step {}, median of 5 seeds", "train accuracy >= 90%": "step {} ({} to {}, quartiles of 5 '
        'seeds)", "test accuracy >= 90%": "step {} ({} to {}), {} of {} seeds in 5 000 steps"',
        lambda: [toy()[i] for i in (2, 0, 3, 4, 1, 5, 6, 7, 8)],
        "800, 1 130, 1 530",
    ),
    Sentence(HERE, "read off a figure | {}, {} | 100 to 120", lambda: orthogonal()[0], "150, 200"),
    Sentence(
        HERE,
        "read off a figure | 110, 120 | {} to {}, {} to {} | sooner than",
        lambda: orthogonal()[1],
    ),
    Sentence(
        f"{RECIPES}prieto.py",
        '"test accuracy >= 90%": "{} ({} to {}, range of 8 seeds)", "test accuracy >= 99%": "{} '
        '({} to {})"',
        lambda: [x for i in (0, 1) for x in (orthogonal()[0][i], *orthogonal()[1][2 * i :][:2])],
        "150, 200",
    ),
]
