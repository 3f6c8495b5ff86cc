"""scienceetonnante/grokking's network, and what others do to make one grok sooner."""

from __future__ import annotations

from dataclasses import replace

from grokjax.config import Config
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
            "train accuracy >= 99%": "180 (180 to 200), 512 seeds, quartiles",
            "test accuracy >= 50%": "760 (720 to 840)",
            "test accuracy >= 99%": "1 020 (960 to 1 120)",
            "maximum test loss": "6.72 (6.65 to 6.77)",
            "circles in the embedding": "5 to 9, median 6, 32 seeds, each its own frequencies",
        },
    ),
    Recipe(
        name="grokfast-mlp",
        summary="Grokfast on the notebook's network, beside it with the same decay at many rates",
        source="Lee et al. 2024 (Grokfast), there on a transformer; the network: notebook",
        config=replace(NOTEBOOK, max_epochs=400, eval_every=1),
        axes={
            "grokfast": ("none", "ema", "ma"),
            "learning_rate": (3e-4, 1e-3, 2e-3, 3e-3, 6e-3, 1e-2, 1.4e-2, 2e-2, 3e-2, 4e-2),
        },
        published={
            "transformer, x y mod 97, steps to 95%": "39 890; EMA 910 (44 times sooner), MA 790",
            "in its comparison": "the baseline has no weight decay, Grokfast has .005 and .01",
        },
        measured={
            "each one's best of these rates": "AdamW 16 (1.4e-2), EMA 22 (2e-2), MA 192 (1e-3)",
            "rate 1e-3, grokked": "298, 229, 192, medians of 4",
            "rate 3e-3": "100, 98, 214",
            "rate 1e-2": "20, 34, none of 4 within 400, nor above",
            "rate 3e-4, 1 500 epochs": "962, 815, 731: 1.2 and 1.3 times sooner",
        },
    ),
    Recipe(
        name="omnigrok-fixed-norm",
        summary="weights held at a multiple of their initial norm, without decay",
        source="Liu et al. 2023 (Omnigrok), Sec. 5, there a transformer; the network: notebook",
        config=replace(NOTEBOOK, weight_decay=0.0, fixed_norm=True, max_epochs=2000),
        axes={"init_scale": (0.75, 1.0, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0)},
        published={
            "transformer mod 113, norm at .8, train >= 95%": "epoch 260",
            "the same, test near 100%": "epoch 310: no delay; 8 000 without the constraint",
        },
        measured={
            "norm 0.75, 1": "does not memorise in 2 000 epochs, 4 seeds each",
            "norm 1.25": "1 of 4 memorises, at 640; none groks in 2 000 epochs",
            "norm 1.5, 1.75, 2, 2.5, memorised": "420, 190, 150, 120, medians of 4",
            "the same, grokked": "870 (3 of 4), 900, 1 100, 1 610: a delay of 340 epochs at least",
            "norm 3": "memorises at 100, does not grok in 2 000 epochs",
        },
    ),
)
