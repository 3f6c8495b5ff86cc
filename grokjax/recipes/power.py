"""Power et al. 2022: its operations and optimiser, on the notebook's network and on its own."""

from __future__ import annotations

from typing import get_args

from grokjax.config.config import Config
from grokjax.recipes.notebook import NOTEBOOK
from grokjax.recipes.recipe import Recipe
from grokjax.tasks import symmetric_group
from grokjax.tasks.operations import OPERATIONS as ALL_OPERATIONS
from grokjax.tasks.operations import OperationName

POWER = NOTEBOOK.replace(
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

TRANSFORMER = POWER.replace(
    sequence="equation",
    model="transformer",
    embed_dim=128,
    blocks=2,
    positions="sinusoidal",
    normalization="post",
    mlp_biases=False,
    initializer="torch",
)
"""The paper's network and sequence `<end> a op b =`, with the loss on the answer alone.

The published code also has the closing `<end>` predicted, and a vocabulary of all tasks' tokens.
"""

OPERATIONS = tuple(name for name in get_args(OperationName) if name not in ("random", "sum"))
"""Operations of Power et al. 2022 and of openai/grok."""


def config_for(operation: str, base: Config = POWER) -> Config:
    """Settings of Power et al. for an operation."""
    modulus = symmetric_group.SIZE if ALL_OPERATIONS[operation].needs == "120" else base.modulus
    return base.replace(operation=operation, modulus=modulus)


_PUBLISHED = {
    "a3+ab2+b": "no generalisation in 10^5 steps with up to 95% of the pairs",
    "divide": "train near 100% before step 1 000; test near 100% at step 10^6, no weight decay",
}

_MEASURED = {
    "add": "steps 3 800 and 3 800, 2 seeds",
    "subtract": "steps 3 600 and 4 600, 2 seeds",
    "multiply": "steps 4 000 and 4 600, 2 seeds",
    "divide": "steps 4 400 and 4 800, 2 seeds",
    "a2+b": "steps 5 400 and 5 800, 2 seeds",
    "a3+b": "steps 4 000 and 4 000, 2 seeds",
    "a2+b2": "steps 2 400 and 2 600, 2 seeds",
    "a2+ab+b2": "not in 8 000 steps, 2 seeds; test accuracy 0.02 and 0.02 then",
    "a2+ab+b2+a": "not in 8 000 steps, 2 seeds; test accuracy 0.00 and 0.00 then",
    "a3+ab": "not in 8 000 steps, 2 seeds; test accuracy 0.01 and 0.01 then",
    "a3+ab2+b": "not in 8 000 steps, 2 seeds; test accuracy 0.01 and 0.01 then",
    "divide-or-subtract": "not in 8 000 steps, 2 seeds; test accuracy 0.01 and 0.01 then",
    "add-or-multiply": "not in 8 000 steps, 2 seeds; test accuracy 0.01 and 0.01 then",
    "add-or-subtract": "step 7 600 in one of 2 seeds; the other later than 8 000",
    "s5": "step 9 300 in one of 2 seeds; the other later than 12 000",
    "s5-conjugate": "not in 12 000 steps, 2 seeds; test accuracy 0.05 and 0.05 then",
    "s5-aba": "not in 12 000 steps, 2 seeds; test accuracy 0.13 and 0.14 then",
}


_MEASURED_ON_TRANSFORMER: dict[str, dict[str, str]] = {}


def _published(operation: str) -> str:
    return _PUBLISHED.get(operation, "Fig. 2 shows steps to 99% against the train fraction")


def _of_mlp(operation: str) -> Recipe:
    return Recipe(
        name=f"power-mlp-{operation}",
        summary=f"{ALL_OPERATIONS[operation].formula}, half of the pairs, on that network",
        source="Power et al. 2022 (a two-layer transformer), tasks and AdamW with warm-up",
        config=config_for(operation),
        published={"transformer": _published(operation)},
        measured=({"test accuracy >= 99%": _MEASURED[operation]} if operation in _MEASURED else {}),
    )


def _of_transformer(operation: str) -> Recipe:
    return Recipe(
        name=f"power-transformer-{operation}",
        summary=f"{ALL_OPERATIONS[operation].formula}, half of the pairs, two-layer transformer",
        source="Power et al. 2022, Sec. 2 and App. A.1, as openai/grok has it, with the loss on "
        "the answer alone",
        config=config_for(operation, TRANSFORMER),
        published={"transformer": _published(operation)},
        measured=_MEASURED_ON_TRANSFORMER.get(operation, {"this recipe": "not run to its end yet"}),
    )


RECIPES = (*map(_of_mlp, OPERATIONS), *map(_of_transformer, OPERATIONS))
