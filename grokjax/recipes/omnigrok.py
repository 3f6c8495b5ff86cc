"""Training at a fixed weight norm (Liu et al. 2023, Omnigrok, Sec. 5)."""

from __future__ import annotations

from grokjax.recipes.notebook import NOTEBOOK
from grokjax.recipes.recipe import Recipe

RECIPES = (
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
            "norm 1.5, 1.75, 2, 2.5, memorised": "420, 190, 150, 120, medians of 4",
            "the same, grokked": "870 (3 of 4), 900, 1 100, 1 610: a delay of at least 340 epochs",
            "norm 3": "memorises at 100, does not grok in 2 000 epochs",
        },
    ),
)
