"""Claims of the recipe `nanda` (`recipe_times.py`) and of its progress measures (`nanda.py`)."""

from __future__ import annotations

import numpy as np

from experiments.audit.claims import Claim, Sentence
from experiments.audit.stored import results
from experiments.audit.texts import extent, quartiles, scientific, whole
from grokjax.analysis.incidence import incidence
from grokjax.analysis.times_table import times_of

HERE, RECIPES = "experiments/README.md", "grokjax/recipes/nanda.py"
TRAIN, TEST = "train_loss_below_0.1", "test_loss_below_0.1"


def losses(name: str) -> list[str]:
    """Medians of both times, and the quartiles and the range of that of the test loss."""
    table = results(name)
    low, median, high = quartiles(table[TEST])
    numbers = [np.median(table[TRAIN]), median, low, high, table[TEST].min(), table[TEST].max()]
    return [whole(x) for x in numbers]


def published_size() -> list[str]:
    """Times with 30% of the pairs, and the maxima of the test loss."""
    table = results("nanda")
    train, test, *spread = losses("nanda")
    maxima = [f"{x:.1f}" for x in (table.max_test_loss.min(), table.max_test_loss.max())]
    return [
        *(train, test, extent(table[TRAIN]), *spread, *maxima),
        *extent(table.max_test_loss_at).split(" to "),
    ]


def half() -> list[str]:
    """Times with half of the pairs."""
    train, test, *spread = losses("nanda_half")
    return [test, train, *spread, *extent(results("nanda_half")[TRAIN]).split(" to ")]


def measures() -> list[str]:
    """Times, key frequencies and final losses of the smaller transformers."""
    table, found = results("nanda_progress"), []
    for name in ("train_loss", "test_loss"):
        low, median, high = incidence(times_of(table, name)).quartiles()
        found += [whole(x) for x in (median, low, high)]
    found += extent(table.key_frequencies).split(" to ")
    for name in ("loss", "restricted_loss", "excluded_loss"):
        low, median, high = quartiles(table[name])
        found += [scientific(x) for x in (median, low, high)]
    return found


def phases() -> list[str]:
    """Ranges of the epochs at which the three phases end."""
    table = results("nanda_progress")
    names = ("memorisation_end", "circuit_formation_end", "clean_up_end")
    return [text for name in names for text in extent(table[name]).split(" to ")]


CLAIMS: list[Claim] = [
    Sentence(
        HERE,
        "5 000 to 10 000 (5 seeds) | {}; {} | {} in all; quartiles {} to {}, range {} to {}; "
        "largest test loss {} to {} at epochs {} to {} (",
        published_size,
        "151, 7 930",
    ),
    Sentence(
        HERE,
        "at 956 (one seed) | {}; train loss < 0.1 at {} | quartiles {} to {}, range {} to {}; {} "
        "to {} | reproduced: sooner in six of eight",
        half,
        "956",
    ),
    Sentence(
        RECIPES,
        '"test loss < 0.1": "epoch {}, {} to {}, 8 seeds, evaluated every 20 epochs", "train loss '
        '< 0.1": "epoch {} in all eight", "test loss < 0.1, half of the pairs": "epoch {}, {} to '
        '{}, 8 seeds"',
        lambda: [
            *(losses("nanda")[i] for i in (1, 4, 5)),
            published_size()[2],
            *(losses("nanda_half")[i] for i in (1, 4, 5)),
        ],
        "7 930, 151, 956",
    ),
    Sentence(
        HERE,
        "train loss < 0.1 at {} ({} to {}), test loss < 0.1 at {} ({} to {}); {} to {} key "
        "frequencies; at the end the loss of all pairs is {} ({} to {}), of the key frequencies "
        "alone {} ({} to {}), without them {} ({} to {}).",
        measures,
    ),
    Sentence(
        HERE,
        "memorisation ends at {} to {}, circuit formation at {} to {}, clean-up at {} to {} (",
        phases,
    ),
]
