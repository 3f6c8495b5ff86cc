"""Quadratic networks (Gromov 2023), and random labels on them (Doshi et al. 2023).

Settings and published results: d-doshi/Grokking (GitHub).
"""

from __future__ import annotations

from grokjax.config.config import Config
from grokjax.recipes.recipe import Recipe

GROMOV = Config(
    modulus=97,
    operation="add",
    train_fraction=0.5,
    split="python",
    data_seed=420,
    embed_dim=0,
    hidden_dim=500,
    activation="square",
    biases=False,
    initializer="gromov",
    loss="mse",
    optimizer="adamw",
    batch_size=None,
    learning_rate=1e-2,
    weight_decay=5.0,
    beta1=0.9,
    beta2=0.98,
    eps=1e-8,
    max_epochs=100,
    eval_every=2,
    stop_when="never",
)

RECIPES = (
    Recipe(
        name="gromov",
        summary="a quadratic network groks addition mod 97 within 44 steps",
        source="Gromov 2023 and Doshi et al. 2023, d-doshi/Grokking (GitHub), one seed's log",
        config=GROMOV,
        published={
            "train accuracy >= 99%": "step 20",
            "test accuracy >= 10, 50, 90, 99, 100%": "steps 28, 34, 38, 42, 44",
            "loss at step 100, train and test": ".000812 and .001011",
        },
        measured={
            "train accuracy >= 99%": "step 20 (20 to 22, range of 8 seeds)",
            "test accuracy >= 10, 50, 90, 99, 100%": "28 (to 30), 34, 38, 40 to 42, 44 to 50",
            "loss at step 100, train and test": ".00083 and .00103 (within 6%)",
        },
    ),
    Recipe(
        name="doshi-noise",
        summary="35% of training labels are random; weight decay decides if they are memorised",
        source="Doshi et al. 2023, d-doshi/Grokking (GitHub), one seed per value",
        config=GROMOV.replace(
            label_noise=0.35, split="random", data_seed=None, max_epochs=2000, eval_every=20
        ),
        axes={"weight_decay": (0.0, 5.0, 15.0, 20.0)},
        published={
            "decay 0, coexistence": "train .978, test .983",
            "decay 5, partial inversion": "train .786, test 1.0",
            "decay 15, full inversion": "train .654, test 1.0",
            "decay 20, forgetting, 5 000 steps": "train .009, test .011",
        },
        measured={
            "decay 0, coexistence": "train .982 and .987, test .987 and .990, 2 seeds",
            "decay 5, partial inversion": "train .759 and .775, test 1.0",
            "decay 15, full inversion": "train .652 and .653, test 1.0",
            "decay 20, forgetting": "test 1.0 at step 300, .80 at 1 000, .04 and .06 at 2 000, "
            "0 at 5 000 (equal logits count as wrong)",
        },
    ),
)
