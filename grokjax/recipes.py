"""Named configurations, with the paper each is from and its published figures."""

from __future__ import annotations

from dataclasses import dataclass

from grokjax.config import Config, refuse


@dataclass(frozen=True)
class Recipe:
    """Settings that reproduce one published system.

    summary: what it shows, in a line.
    source: who published it, where.
    published: its figures as published, name to value; epochs are the first
      logged ones.
    """

    name: str
    summary: str
    source: str
    config: Config
    published: dict[str, str]


_NOTEBOOK = Recipe(
    name="notebook",
    summary="an MLP memorises addition mod 53, then generalises; its embedding forms circles",
    source="scienceetonnante/grokking (GitHub), the notebook and its printed log, one seed",
    config=Config(
        modulus=53,
        operation="add",
        train_fraction=0.5,
        embed_dim=128,
        hidden_dim=256,
        batch_size=64,
        learning_rate=3e-4,
        weight_decay=1.0,
        beta1=0.9,
        beta2=0.999,
        eps=1e-8,
        max_epochs=20_000,
        eval_every=20,
    ),
    published={
        "train accuracy >= 99%": "epoch 180",
        "test accuracy >= 50%": "epoch 780",
        "test accuracy >= 99%": "epoch 1 040",
        "maximum test loss": "6.83 at epoch 220",
        "circles in the embedding": "6, at frequencies 1, 3, 7, 16, 18, 24",
    },
)

RECIPES = {recipe.name: recipe for recipe in (_NOTEBOOK,)}
DEFAULT = "notebook"


def get(name: str) -> Recipe:
    """The recipe of this name. Raises ConfigError if there is none."""
    if name not in RECIPES:
        raise refuse("recipe", name, "one of " + ", ".join(RECIPES))
    return RECIPES[name]
