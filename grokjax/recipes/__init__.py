"""Named configurations, with the paper each is from, its published figures and ours."""

from __future__ import annotations

from grokjax.recipes import doshi, notebook, power, prieto
from grokjax.recipes.recipe import Recipe
from grokjax.settings import near, refuse

__all__ = ["DEFAULT", "RECIPES", "Recipe", "get"]

RECIPES = {
    recipe.name: recipe
    for recipe in (*notebook.RECIPES, *doshi.RECIPES, *prieto.RECIPES, *power.RECIPES)
}
DEFAULT = "notebook"


def get(name: str) -> Recipe:
    """The recipe of this name. Raises ConfigError if there is none."""
    if not isinstance(name, str) or name not in RECIPES:
        raise refuse("recipe", name, near(name, RECIPES))
    return RECIPES[name]
