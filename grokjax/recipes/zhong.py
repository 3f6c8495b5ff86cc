"""The transformers and linear models of Zhong et al. 2023 (arXiv 2306.17844).

Code: fjzzq2002/pizza (GitHub).
"""

from __future__ import annotations

from grokjax.config.config import Config
from grokjax.recipes.recipe import Recipe

ZHONG = Config(
    modulus=59,
    operation="add",
    sequence="pair",
    train_fraction=0.8,
    model="transformer",
    causal=False,
    initializer="zhong",
    optimizer="adamw",
    loss="exact-cross-entropy",  # the published code casts logits to float64
    batch_size=None,
    learning_rate=1e-3,
    weight_decay=2.0,
    beta1=0.9,
    beta2=0.98,
    warmup_steps=10,
    max_epochs=20_000,
    eval_every=20,
    stop_when="never",
)

LINEAR = Config(
    modulus=59,
    operation="add",
    train_fraction=0.8,
    embed_dim=256,
    hidden_dim=256,
    combine="sum",
    output_bias=False,
    initializer="zhong",
    optimizer="adamw",
    loss="exact-cross-entropy",
    batch_size=None,
    learning_rate=1e-3,
    weight_decay=2.0,
    beta1=0.9,
    beta2=0.999,
    max_epochs=20_000,
    eval_every=20,
    stop_when="never",
)
"""Model A: one hidden layer on the sum of two embeddings."""

MODELS = {
    "a": ("ReLU of a layer on the sum of two embeddings", LINEAR),
    "b": ("as A, with a second hidden layer", LINEAR.replace(hidden_layers=2)),
    "c": (
        "as B, the first layer on each embedding by itself",
        LINEAR.replace(hidden_layers=2, combine="sum-of-layers"),
    ),
    "d": (
        "as A, on two embeddings side by side",
        LINEAR.replace(embed_dim=128, combine="concatenate"),
    ),
    "x": ("as A, each operand with its own embedding", LINEAR.replace(embeddings="separate")),
}


def _linear(name: str, summary: str, config: Config) -> Recipe:
    return Recipe(
        name=f"zhong-linear-{name}",
        summary=f"linear model {name.upper()}: {summary}",
        source="Zhong et al. 2023, linear models, as its code has them",
        config=config,
        published={"results": "none in the sources that we have"},
        measured={"this recipe": "not run to its end yet"},
    )


RECIPES = (
    Recipe(
        name="zhong",
        summary="one-layer transformers from constant to full attention: pizzas and clocks",
        source="Zhong et al. 2023, as its code has it; 2 381 runs of width 128",
        config=ZHONG,
        axes={"attention_rate": (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)},
        published={
            "gradient symmetricity > .98": "all at rates .40 to .45, .40 of them at .50 to .55, "
            "none above .60",
            "median gradient symmetricity": ".99 up to rate .5, .75 at .6 to .7, .45 above .9",
            "all four circularities >= .995": "34.3% of all runs",
        },
        measured={
            "gradient symmetricity > .98": "all 50 of width 128 below rate .5, 8 of 10 at .5 to "
            ".6, 1 of 10 at .6 to .7, none of 30 above; after 9 400 epochs",
            "median gradient symmetricity": ".99 up to rate .6, .92 at .6 to .7, .40 above .9",
            "all four circularities >= .995": "27 of 100",
        },
    ),
    *(_linear(name, *each) for name, each in MODELS.items()),
)
