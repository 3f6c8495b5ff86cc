"""Named configurations: each with its paper, the published results, and ours."""

from __future__ import annotations

from grokjax.errors import invalid, suggest
from grokjax.recipes import (
    critical_norm,
    doshi,
    lee_grokfast,
    liu,
    nanda,
    notebook,
    omnigrok,
    power,
    prieto,
    zhong,
)
from grokjax.recipes.recipe import Recipe

__all__ = ["DEFAULT", "RECIPES", "Recipe", "get"]

RECIPES = {
    recipe.name: recipe
    for module in (
        *(notebook, lee_grokfast, omnigrok, liu, nanda, zhong, doshi, prieto, critical_norm, power),
    )
    for recipe in module.RECIPES
}
DEFAULT = "notebook"


def get(name: str) -> Recipe:
    """Return the recipe of this name. Raises ConfigError if the name is unknown."""
    if not isinstance(name, str) or name not in RECIPES:
        raise invalid("recipe", name, "must name a recipe", suggest(name, RECIPES))
    return RECIPES[name]
