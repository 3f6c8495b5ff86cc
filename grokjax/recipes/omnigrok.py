"""Weight norm and grokking (Liu et al. 2023, Omnigrok): fixed norms, images and a teacher."""

from __future__ import annotations

from grokjax.config.config import Config
from grokjax.recipes.notebook import NOTEBOOK
from grokjax.recipes.recipe import Recipe

DIGITS = Config(
    task="images",
    images="digits",
    train_fraction=200.5 / 1797,  # 200 images
    model="dense",
    hidden_dim=200,
    hidden_layers=2,
    activation="relu",
    initializer="torch",
    loss="mse",
    optimizer="adamw",
    batch_size=100,
    learning_rate=1e-3,
    weight_decay=0.1,
    beta1=0.9,
    beta2=0.999,
    learnt_accuracy=0.9,
    max_epochs=7_000,
    eval_every=50,
)
"""A network of the paper's depth and width on fewer and smaller images than MNIST's, two steps an
epoch."""

TEACHER = DIGITS.replace(
    task="teacher",
    examples=200,
    train_fraction=0.5,
    batch_size=None,
    hidden_dim=100,
    activation="tanh",
    learning_rate=3e-4,
    weight_decay=0.05,
    max_epochs=50_000,
    eval_every=250,
)
"""Student and teacher of the same kind, 5-100-100-5, 100 examples to train on."""

RECIPES = (
    Recipe(
        name="omnigrok-digits",
        summary="large initial weights delay generalisation on images; usual ones do not",
        source="Liu et al. 2023 (Omnigrok), Sec. 4.1, on MNIST with 1 000 images, decay .01; here "
        "scikit-learn's digits",
        config=DIGITS,
        axes={"init_scale": (1.0, 8.0)},
        published={
            "MNIST, scale 8, train 100%": "by step 2 000",
            "the same, test": ".17 until step 5 000, .5 at 23 000, .89 at 100 000",
        },
        measured={
            "scale 8, train >= 90%": "step 1 150 (1 000 to 1 250, quartiles of 20 seeds)",
            "the same, test": "step 10 850 (10 350 to 11 300); .21 at 2 000, .60 at 6 500",
            "scale 1, test >= 90%": "step 100, as soon as train",
        },
    ),
    Recipe(
        name="omnigrok-teacher",
        summary="regression on a teacher: large initial weights delay generalisation",
        source="Liu et al. 2023 (Omnigrok), Sec. 2, scale 2, 10^5 steps",
        config=TEACHER,
        axes={"init_scale": (1.0, 2.0)},
        published={"accuracy": "the share of examples with an error below .001"},
        measured={
            "scale 1, train and test >= 90%": "steps 250 and 500, medians of 20 seeds",
            "scale 2, train >= 90%": "step 750 (750 to 750)",
            "scale 2, test >= 90%": "step 24 500 (23 125 to 26 375)",
        },
    ),
    Recipe(
        name="omnigrok-fixed-norm",
        summary="weight norm fixed at a multiple of its initial value, without weight decay",
        source="Liu et al. 2023 (Omnigrok), Sec. 5, a transformer; network of the recipe notebook",
        config=NOTEBOOK.replace(weight_decay=0.0, fixed_norm=True, max_epochs=2000),
        axes={"init_scale": (0.75, 1.0, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0)},
        published={
            "transformer mod 113, norm at .8, train >= 95%": "epoch 260",
            "the same, test near 100%": "epoch 310: no delay; 8 000 without the constraint",
        },
        measured={
            "norm 0.75, 1": "does not memorise in 2 000 epochs, 4 seeds each",
            "norm 1.25": "1 of 4 memorises, at 640; 0 of 4 grok in 2 000 epochs",
            "norm 1.5, 1.75, 2, 2.5, memorised": "390, 190, 150, 120, medians of 4",
            "the same, grokked": "1 190 (3 of 4), 900, 1 090, 1 610: delays of 400 epochs or more",
            "norm 3": "memorises at 100, does not grok in 2 000 epochs",
        },
    ),
)
