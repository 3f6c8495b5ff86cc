"""The one-layer transformer of Nanda et al. 2023 (arXiv 2301.05217).

Code: mechanistic-interpretability-grokking/progress-measures-paper (GitHub).
"""

from __future__ import annotations

from grokjax.config.config import Config
from grokjax.recipes.recipe import Recipe

NANDA = Config(
    modulus=113,
    operation="add",
    sequence="equals",
    train_fraction=0.3,
    split="python",
    model="transformer",
    optimizer="adamw",
    loss="exact-cross-entropy",  # the paper's notebook casts logits to float64
    batch_size=None,
    learning_rate=1e-3,
    weight_decay=1.0,
    beta1=0.9,
    beta2=0.98,
    warmup_steps=10,
    max_epochs=25_000,
    eval_every=20,
    extra_epochs=1_000,
)

RECIPES = (
    Recipe(
        name="nanda",
        summary="one-layer transformer on addition mod 113, 30% of the pairs, full batch",
        source="Nanda et al. 2023, Sec. 3, as its code has it",
        config=NANDA,
        published={
            "test loss < 0.1": "epoch 7 930, one seed; 956 with half of the pairs, 21 848 with a "
            "quarter",
            "time to grok": "5 000 to 10 000 epochs, 5 seeds",
            "train loss < 0.1": "epoch 151",
        },
        measured={
            "test loss < 0.1": "epoch 7 070, 5 440 to 8 620, 8 seeds, evaluated every 20 epochs",
            "train loss < 0.1": "epoch 160 in all eight",
            "test loss < 0.1, half of the pairs": "epoch 620, 440 to 1 040, 8 seeds",
        },
    ),
)
