"""Every operation of Power et al. on the notebook's network, with their optimiser."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

from grokjax.config import Config
from grokjax.recipes.notebook import NOTEBOOK
from grokjax.recipes.recipe import Recipe
from grokjax.tasks import S5_SIZE, TASKS, Operation

POWER = replace(
    NOTEBOOK,
    modulus=97,
    batch_size=512,
    learning_rate=1e-3,
    weight_decay=1.0,
    warmup_steps=10,
    beta1=0.9,
    beta2=0.98,
    max_epochs=10_000,
    eval_every=20,
)

OPERATIONS = tuple(name for name in get_args(Operation) if name not in ("random", "sum"))
"""Those of Power et al. and of their code."""


def of(operation: str) -> Config:
    """The settings for one of them."""
    modulus = S5_SIZE if TASKS[operation].needs == "120" else POWER.modulus
    return replace(POWER, operation=operation, modulus=modulus)  # pyright: ignore[reportArgumentType]


_PUBLISHED = {
    "a3+ab2+b": "no generalisation in 10^5 steps with up to 95% of the pairs",
    "divide": "train near 100% before step 1 000; test near 100% at step 10^6, without decay",
}

_MEASURED: dict[str, str] = {}


def _recipe(operation: str) -> Recipe:
    published = _PUBLISHED.get(operation, "Fig. 2 has steps to 99% against the share of pairs")
    return Recipe(
        name=f"power-mlp-{operation}",
        summary=f"{TASKS[operation].formula}, half of the pairs, on the notebook's network",
        source="Power et al. 2022, tasks and AdamW with warm-up; there a two-layer transformer",
        config=of(operation),
        published={"transformer": published},
        measured=({"test accuracy >= 99%": _MEASURED[operation]} if operation in _MEASURED else {}),
    )


RECIPES = tuple(_recipe(operation) for operation in OPERATIONS)
