"""Claims of `circles.py` on products and quotients: key frequencies and circles."""

from __future__ import annotations

import numpy as np
import pandas as pd

from experiments.audit.claims import Claim, Sentence
from experiments.audit.stored import results
from experiments.audit.texts import whole
from grokjax import recipes
from grokjax.analysis import fourier

HERE = "experiments/README.md"
WIDTH = recipes.get("notebook").config.embed_dim


def by_frequency(table: pd.DataFrame, name: str) -> np.ndarray:
    """Power or circularity of each frequency, `[M, K]`."""
    return table.filter(regex=rf"^{name}_\d+$").to_numpy()


def keys(table: pd.DataFrame) -> np.ndarray:
    """Whether each frequency is key, bool `[M, K]`."""
    return by_frequency(table, "power") >= fourier.key_times(WIDTH)


def rounded_down(value: float) -> str:
    """A lower bound to three digits, with its 0."""
    return f"{np.floor(1000 * value) / 1000:.3f}"


def grokked(table: pd.DataFrame) -> list[str]:
    """How many members grok, and how many there are."""
    return [str(table.grokked.notna().sum()), str(len(table))]


def products() -> list[str]:
    """Times to grok, key frequencies and circles of products and quotients."""
    table = results("circles_products")
    key, circularity = keys(table), by_frequency(table, "circularity")
    character = key[:, -1]  # the last frequency has no circle
    circles = circularity[:, :-1][key[:, :-1]]
    return [
        *grokked(table),
        *(whole(x) for x in (table.grokked.min(), table.grokked.max())),
        *(str(x) for x in (key.sum(axis=1).min(), key.sum(axis=1).max())),
        *(str(len(circles)), rounded_down(circles.min())),
        *(str(character.sum()), str(len(table))),
    ]


CLAIMS: list[Claim] = [
    Sentence(
        HERE,
        "{} of {} grok ({} to {}), {} to {} key frequencies, and all {} below 26 are circles with "
        "a circularity ≥ {}; frequency 26, the quadratic character, is key in {} of {}.",
        products,
    ),
]
