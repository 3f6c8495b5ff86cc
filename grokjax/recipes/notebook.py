"""The network and settings of the notebook scienceetonnante/grokking (GitHub)."""

from __future__ import annotations

from grokjax.config.config import Config
from grokjax.recipes.recipe import Recipe

NOTEBOOK = Config(
    modulus=53,
    operation="add",
    train_fraction=0.5,
    embed_dim=128,
    hidden_dim=256,
    activation="relu",
    initializer="glorot-normal",
    loss="cross-entropy",
    optimizer="adamw",
    batch_size=64,
    learning_rate=3e-4,
    weight_decay=1.0,
    beta1=0.9,
    beta2=0.999,
    eps=1e-8,
    max_epochs=20_000,
    eval_every=20,
)

RECIPES = (
    Recipe(
        name="notebook",
        summary="an MLP memorises addition mod 53, then generalises; its embedding forms circles",
        source="scienceetonnante/grokking (GitHub), the notebook and its printed log, one seed",
        config=NOTEBOOK,
        published={
            "train accuracy >= 99%": "epoch 180",
            "test accuracy >= 50%": "epoch 780",
            "test accuracy >= 99%": "epoch 1 040",
            "maximum test loss": "6.83 at epoch 220",
            "circles in the embedding": "6, at frequencies 1, 3, 7, 16, 18, 24",
        },
        measured={
            "train accuracy >= 99%": "200 (180 to 200), 64 seeds, quartiles",
            "test accuracy >= 50%": "760 (720 to 810)",
            "test accuracy >= 99%": "1 010 (940 to 1 120)",
            "maximum test loss": "6.70 (6.66 to 6.77)",
            "circles in the embedding": "5 to 9, median 6, 32 seeds; other frequencies in each",
        },
    ),
)
