"""Claims of `fixed_norm.py` and of the delays of `omnigrok.py`: norms and initial scales."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from experiments.audit.claims import Claim, Sentence, Table
from experiments.audit.stored import results
from experiments.audit.texts import fraction, quartiles, spread, times_and_count, whole
from grokjax.analysis.incidence import Incidence, incidence
from grokjax.analysis.times_table import times_of

HERE, RECIPES = "experiments/README.md", "grokjax/recipes/omnigrok.py"
EVENTS = ("memorised", "grokked")
STEPS = {"omnigrok_digits": 2, "omnigrok_teacher": 1}
"""Optimiser steps of an epoch."""

ACCURACIES = {"test accuracy at step 500": 250} | {
    text: int(text.replace(" ", "")) // 2 for text in ("1 000", "2 000", "3 500", "6 500", "10 000")
}
"""Columns of the table of the digits, and their epochs."""


def at(name: str, setting: str, value: float) -> pd.DataFrame:
    """Members of an experiment at a value of a setting."""
    table = results(name)
    return table.loc[table[setting] == value]


def curves(own: pd.DataFrame) -> list[Incidence]:
    """Incidences of memorising and of grokking."""
    return [incidence(times_of(own, event)) for event in EVENTS]


def norm_row(row: Mapping[str, str]) -> dict[str, str]:
    """Recompute a row of the table of fixed norms."""
    found = curves(at("fixed_norm", "init_scale", float(row["norm / initial norm"])))
    return dict(zip(EVENTS, map(times_and_count, found), strict=True))


def steps(name: str, scale: float) -> list[list[str]]:
    """Median and quartiles of the steps at which both splits are learnt at an initial scale."""
    found = []
    for event in EVENTS:
        times = times_of(at(name, "init_scale", scale), event) * STEPS[name]
        low, median, high = incidence(times).quartiles()
        found.append([whole(x) for x in (median, low, high)])
    return found


def digits_row(row: Mapping[str, str]) -> dict[str, str]:
    """Recompute a row of the table of the digits."""
    scale = float(row["initial scale"])
    own = at("omnigrok_digits", "init_scale", scale)
    median, low, high = steps("omnigrok_digits", scale)[0]
    found = {"train ≥ 90% at step": median if low == high else f"{median} ({low} to {high})"}
    for column, epoch in ACCURACIES.items():
        accuracy = quartiles(own[f"test_accuracy_{epoch}"])
        if row[column]:  # empty where all members have ended
            found[column] = spread(accuracy, lambda x: fraction(x, 2))
            if (own.grokked_until < epoch).all():
                found[column] = f"{fraction(accuracy[1], 2)} (stopped)"
    norms = [np.median(own[f"weight_norm_{when}"]) for when in ("first", "last")]
    return found | {"norm of the weights": " to ".join(f"{x:.1f}" for x in norms)}


def late_test_accuracy(epoch: int) -> str:
    """Median test accuracy of digits at scale 8."""
    own = at("omnigrok_digits", "init_scale", 8)
    return fraction(np.median(own[f"test_accuracy_{epoch}"]), 2)


def teacher_losses() -> list[str]:
    """Median test losses at twice the weights once train and then test examples are learnt."""
    own = at("omnigrok_teacher", "init_scale", 2)
    found = (np.nanmedian(own[f"test_loss_{event}"]) for event in EVENTS)
    return [fraction(float(f"{x:.1g}"), digits) for x, digits in zip(found, (3, 4), strict=True)]


def late_train_accuracy() -> list[str]:
    """Least train accuracy of digits at scale 8 from step 2 000 on."""
    own = at("omnigrok_digits", "init_scale", 8)
    epochs = [epoch for epoch in ACCURACIES.values() if epoch >= 1000]
    return [fraction(own[[f"train_accuracy_{epoch}" for epoch in epochs]].to_numpy().min(), 3)]


def medians(name: str, *scales: float) -> list[str]:
    """Medians of both times, one scale after the other."""
    return [times[0] for scale in scales for times in steps(name, scale)]


def same(texts: list[str]) -> list[str]:
    """One text for several that are the same; all of them otherwise."""
    return list(dict.fromkeys(texts))


def flat(parts: list[list[str]]) -> list[str]:
    """Join lists of texts."""
    return [text for part in parts for text in part]


def spreads(name: str, scale: float) -> list[str]:
    """Quartiles of both times."""
    return [text for times in steps(name, scale) for text in times[1:]]


def fixed(*norms: float, event: str = "grokked") -> list[str]:
    """Medians of a time at fixed norms."""
    found = [at("fixed_norm", "init_scale", norm) for norm in norms]
    return [whole(incidence(times_of(own, event)).quantile(0.5)) for own in found]


def reached(norm: float) -> list[str]:
    """How many members memorise, how many grok, and how many there are, at a fixed norm."""
    memorised, grokked = curves(at("fixed_norm", "init_scale", norm))
    return [str(memorised.reached), str(grokked.reached), str(grokked.members)]


def delays(norm: float) -> list[str]:
    """Least and largest delay of the members that grok at a fixed norm."""
    own = at("fixed_norm", "init_scale", norm)
    found = own.grokked - own.memorised
    return [whole(found.min()), whole(found.max())]


DIGITS = ("initial scale", "train ≥ 90% at step", *ACCURACIES, "norm of the weights")

FIXED_CLAIMS: list[Claim] = [
    Table(HERE, ("norm / initial norm", *EVENTS), norm_row),
    Sentence(
        HERE,
        "{} to {} epochs in the {} of {} seeds that grok at 1.5, {} to {} in the {} of {} at 1.75, "
        "which memorise at epoch {} and grok at {}. At 1.25 {} of {} seeds",
        lambda: [
            *(*delays(1.5), *reached(1.5)[1:], *delays(1.75), *reached(1.75)[1:]),
            *(*fixed(1.75, event="memorised"), *fixed(1.75), *reached(1.25)[::2]),
        ],
        "260, 310",
    ),
    Sentence(
        HERE,
        "shortest at 1.75, {} to {} epochs ({}, {}), and at 1.5, {} to {} (one of four",
        lambda: [*delays(1.75), *fixed(1.75, event="memorised"), *fixed(1.75), *delays(1.5)],
        "260, 310",
    ),
    Sentence(
        RECIPES,
        '"norm 1.5, 1.75, 2, 2.5, memorised": "{}, {}, {}, {}, medians of 4", "the same, grokked": '
        '"{} ({} of 4), {}, {}, {}: delays of {} epochs or more", "norm 3": "memorises at {},',
        lambda: [
            *fixed(1.5, 1.75, 2, 2.5, event="memorised"),
            *(*fixed(1.5), reached(1.5)[1], *fixed(1.75, 2, 2.5)),
            *(delays(1.5)[0], *fixed(3, event="memorised")),
        ],
        "260, 310",
    ),
]

OMNIGROK_CLAIMS: list[Claim] = [
    Sentence(
        HERE,
        "train accuracy is 90% at step {} ({} to {}) and test accuracy at {} ({} to {}). At the "
        "usual scale both are learnt at step {}",
        lambda: [*flat(steps("omnigrok_digits", 8)), *same(medians("omnigrok_digits", 1))],
        "2 000, 100 000",
    ),
    Table(HERE, DIGITS, digits_row),
    Sentence(HERE, "accuracy at scale 8 is at least {} from step 2 000 on", late_train_accuracy),
    Sentence(
        HERE,
        "digits, scale 8: train ≥ 90% at {}, test at {}; scale 1: both at {} | {} to {}, {} to {} ",
        lambda: [
            *(*medians("omnigrok_digits", 8), *same(medians("omnigrok_digits", 1))),
            *spreads("omnigrok_digits", 8),
        ],
        "2 000, 100 000",
    ),
    Sentence(
        RECIPES,
        '"scale 8, train >= 90%": "step {} ({} to {}, quartiles of 20 seeds)", "the same, test": '
        '"step {} ({} to {}); {} at 2 000, {} at 6 500", "scale 1, test >= 90%": "step {},',
        lambda: [
            *flat(steps("omnigrok_digits", 8)),
            *(late_test_accuracy(epoch) for epoch in (1000, 3250)),
            medians("omnigrok_digits", 1)[1],
        ],
        "2 000, 100 000",
    ),
    Sentence(
        HERE,
        "at step {} ({} to {}), 90% of the test examples at {} ({} to {}); at the usual scale at "
        "{} ({} to {}) and {} ({} to {}). The test loss falls from {} to {} meanwhile",
        lambda: [
            *flat(steps("omnigrok_teacher", 2) + steps("omnigrok_teacher", 1)),
            *teacher_losses(),
        ],
    ),
    Sentence(
        HERE,
        "error below .001 at {}, of the test examples at {}; scale 1: {} and {} | {} to {}, {} to "
        "{} (quartiles)",
        lambda: [*medians("omnigrok_teacher", 2, 1), *spreads("omnigrok_teacher", 2)],
    ),
    Sentence(
        RECIPES,
        '"scale 1, train and test >= 90%": "steps {} and {}, medians of 20 seeds", "scale 2, train '
        '>= 90%": "step {} ({} to {})", "scale 2, test >= 90%": "step {} ({} to {})"',
        lambda: [*medians("omnigrok_teacher", 1), *flat(steps("omnigrok_teacher", 2))],
    ),
]

CLAIMS: list[Claim] = [*FIXED_CLAIMS, *OMNIGROK_CLAIMS]
