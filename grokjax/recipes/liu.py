"""The toy model of Liu et al. 2022 (effective theory), and the settings of its Figs. 5a and 5b.

Code: ejmichaud/grokking-squared (GitHub).
"""

from __future__ import annotations

from grokjax.config.config import Config
from grokjax.recipes.recipe import Recipe

TOY = Config(
    task="toy-addition",
    symbols=10,
    train_fraction=45.5 / 55,  # 45 of the 55 pairs
    model="mlp",
    embed_dim=1,
    combine="sum",
    hidden_dim=200,
    hidden_layers=2,
    activation="tanh",
    initializer="liu",
    loss="mse",
    optimizer="adamw",
    batch_size=None,
    learning_rate=1e-4,
    embedding_learning_rate=1e-3,
    weight_decay=0.0,
    weight_decay_on="no-embeddings",
    beta1=0.9,
    beta2=0.999,
    learnt_accuracy=0.9,
    stop_patience=1,
    max_epochs=5_000,
    eval_every=10,
)

RATES = tuple(float(f"{10 ** (-5 + i / 3):.6g}") for i in range(10))
"""The learning rates of both axes of Fig. 5a, and those of the decoder in Fig. 5b."""

DECAYS = tuple(map(float, range(11)))
"""The weight decays of Fig. 5b."""

STEPS, SLOW_RATES, SLOW_DECAY = 10_000, 2_000, 1_000
"""Steps of each run in Fig. 5, and the delay of test after train from which it is grokking."""

RECIPES = (
    Recipe(
        name="liu-toy",
        summary="ten symbols learn to add: they move to a line, and then test pairs are right",
        source="Liu et al. 2022, Sec. 3, as ejmichaud/grokking-squared has it; one seed (58)",
        config=TOY,
        published={
            "RQI > .95": "step 800",
            "train accuracy >= 90%": "step 1 130",
            "test accuracy >= 90%": "step 1 530",
        },
        measured={
            "RQI > .95": "step 830, median of 5 seeds",
            "train accuracy >= 90%": "step 1 640 (1 560 to 1 920, quartiles of 5 seeds)",
            "test accuracy >= 90%": "step 2 000 (1 980 to 2 140), 4 of 5 seeds in 5 000 steps",
        },
    ),
)
