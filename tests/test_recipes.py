"""Recipes: complete, consistent with their sources' settings, and runnable by name."""

import re
from pathlib import Path

import numpy as np
import pytest

from grokjax import cli, layout, recipes
from grokjax.recipes.power import OPERATIONS
from grokjax.sweep import Sweep


@pytest.mark.parametrize("name", recipes.RECIPES)
def test_every_recipe_is_shown_with_source_and_both_figures(name, capsys):
    recipe = recipes.get(name)
    assert recipe.name == name
    assert recipe.published
    assert recipe.measured
    assert cli.main(["recipes", "--show", name]) == 0
    said = capsys.readouterr().out
    for text in (recipe.source, *recipe.published.values(), *recipe.measured.values()):
        assert text in said
    for field, values in recipe.axes.items():
        assert f"  {field} " in said
        assert " ".join(map(str, values)) in said


def test_there_is_one_for_every_operation_of_power():
    assert len(OPERATIONS) == 17
    for operation in OPERATIONS:
        assert recipes.get(f"power-mlp-{operation}").config.operation == operation


def test_a_recipe_sweeps_its_axes_unless_told_otherwise(tmp_path, monkeypatch):
    recipe = recipes.get("omnigrok-fixed-norm")
    scales = recipe.axes["init_scale"]
    assert recipe.sweep(seed=range(3)) == Sweep(recipe.config, init_scale=scales, seed=range(3))
    assert recipe.sweep(init_scale=[2.0]) == Sweep(recipe.config, init_scale=[2.0])
    seen = []
    monkeypatch.setattr("grokjax.ensemble.train", lambda sweep, *_, **__: seen.append(sweep))
    monkeypatch.setattr("grokjax.cli.draw", lambda run: None)
    command = ["train", "--recipe", recipe.name, "--out", str(tmp_path / "run"), "--seeds", "3"]
    assert cli.main(command) == 0
    assert cli.main([*command, "--init-scale", "2"]) == 0
    assert seen[0].members == recipe.sweep(seed=range(3)).members
    assert seen[1].members == Sweep(recipe.config, init_scale=[2.0], seed=range(3)).members


def test_shapes_and_sizes_as_published():
    """Parameters of each network, and pairs to train on."""
    for name, count, train in (
        ("notebook", 86_197, 1404),
        ("gromov", 2 * 97 * 500 + 500 * 97, 4704),
        ("prieto-stablemax", 226 * 200 + 200 * 200 + 200 * 113, 5107),
        ("power-mlp-divide", None, 4656),
        ("power-mlp-s5", None, 7200),
    ):
        config = recipes.get(name).config
        assert config.train_size == train
        found = sum(int(np.prod(shape)) for shape in layout.shapes(config).values())
        assert count in (None, found)


def soonest(section):
    """Settings of a table in experiments/README.md, and the row where each column is smallest."""
    text = (Path(__file__).parents[1] / "experiments" / "README.md").read_text()
    lines = text.partition(f"## {section} (")[2].partition("\n## ")[0].splitlines()
    rows = [line.strip("| ").split(" | ") for line in lines if line.startswith("| ")][1:]
    medians = [
        [re.match(r"([\d ]+) \(", cell) or re.match("()(?=0/|not|-)", cell) for cell in row[1:]]
        for row in rows
    ]
    epochs = [[float(m[1].replace(" ", "") or "inf") for m in row if m] for row in medians]
    return [float(row[0]) for row in rows], np.argmin(epochs, axis=0)


def test_the_best_rate_of_each_method_is_inside_what_was_tried():
    """It was called the best at the edge of the grid."""
    rates, best = soonest("Grokfast")
    assert tuple(rates) == recipes.get("grokfast-mlp").axes["learning_rate"]
    assert ((best > 0) & (best < len(rates) - 1)).all(), best


def test_the_best_weight_decay_is_inside_what_was_tried():
    decays, (_, grokked) = soonest("Weight decay")
    assert 0 < grokked < len(decays) - 1
