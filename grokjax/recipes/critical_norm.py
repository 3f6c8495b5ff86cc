"""Time to grok against train fraction, rates and a clamped norm (arXiv 2606.13753).

Code: ClevixLab/critical-norm-grokking (GitHub).
"""

from __future__ import annotations

from grokjax.config.config import Config
from grokjax.recipes.recipe import Recipe

CRITICAL_NORM = Config(
    modulus=59,
    operation="add",
    train_fraction=0.4,
    embed_dim=128,
    hidden_dim=256,
    activation="gelu",
    initializer="fan-in-normal",
    optimizer="adamw",
    batch_size=None,
    learning_rate=1e-3,
    weight_decay=1.0,
    weight_decay_on="no-biases",
    beta1=0.9,
    beta2=0.999,
    max_epochs=60_000,
    eval_spacing="log",
    learnt_accuracy=0.9,
    stop_patience=1,
)

RECIPES = (
    Recipe(
        name="critical-norm",
        summary="time to grok in full batch, evaluated at log-spaced steps",
        source="arXiv 2606.13753, as its code has it",
        config=CRITICAL_NORM,
        axes={"train_fraction": (0.4, 0.5, 0.65)},
        published={
            "test accuracy >= 90% at step": "5 013, 2 554, 1 187 by train fraction; medians of "
            "20 seeds",
            "norm of the matrices then": "54.9, 55.1, 55.7",
        },
        measured={
            "test accuracy >= 90% at step": "4 861, 2 330, 1 187; medians of 32 seeds",
            "norm of the matrices then": "54.6, 54.8, 55.7",
        },
    ),
)
