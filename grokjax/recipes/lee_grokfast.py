"""Grokfast beside an equally tuned AdamW (Lee et al. 2024, arXiv 2405.20233)."""

from __future__ import annotations

from grokjax.recipes.notebook import NOTEBOOK
from grokjax.recipes.recipe import Recipe

RECIPES = (
    Recipe(
        name="grokfast-mlp",
        summary="AdamW and Grokfast on the notebook's network, same decay, at many learning rates",
        source="Lee et al. 2024 (Grokfast), who use a transformer; network of the recipe notebook",
        config=NOTEBOOK.replace(max_epochs=400, eval_every=1),
        axes={
            "grokfast": ("none", "ema", "ma"),
            "learning_rate": (3e-4, 1e-3, 2e-3, 3e-3, 6e-3, 1e-2, 1.4e-2, 2e-2, 3e-2, 4e-2),
        },
        published={
            "transformer, x y mod 97, steps to 95%": "39 890; EMA 910 (44 times sooner), MA 790",
            "weight decay in that comparison": "none for the baseline, .005 and .01 for Grokfast",
        },
        measured={
            "grokked, each at its best rate": "AdamW 16 (1.4e-2), EMA 22 (2e-2), MA 192 (1e-3)",
            "rate 1e-3, grokked": "AdamW 298, EMA 229, MA 192; medians of 4",
            "rate 3e-3": "100, 98, 214",
            "rate 1e-2": "20, 34; MA in 0 of 4 within 400 epochs, as at higher rates",
            "rate 3e-4, 1 500 epochs": "973, 806, 738: 1.2 and 1.3 times sooner",
        },
    ),
)
