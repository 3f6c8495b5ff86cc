"""Recipes are complete, have the settings of their sources, and run by name."""

import re
from pathlib import Path

import numpy as np
import pytest

from grokjax import recipes
from grokjax.cli import main
from grokjax.config.sweep import Sweep
from grokjax.models.network import build_network
from grokjax.recipes.power import OPERATIONS


@pytest.mark.parametrize("name", recipes.RECIPES)
def test_every_recipe_is_shown_with_its_source_and_results(name, capsys):
    recipe = recipes.get(name)
    assert recipe.name == name
    assert recipe.published
    assert recipe.measured
    assert main.main(["recipes", "--show", name]) == 0
    output = capsys.readouterr().out
    for text in (recipe.source, *recipe.published.values(), *recipe.measured.values()):
        assert text in output
    for field, values in recipe.axes.items():
        assert f"  {field} " in output
        assert " ".join(map(str, values)) in output


def test_every_operation_of_power_has_a_recipe():
    assert len(OPERATIONS) == 17
    for operation in OPERATIONS:
        assert recipes.get(f"power-mlp-{operation}").config.operation == operation
        assert recipes.get(f"power-transformer-{operation}").config.operation == operation


def test_a_recipe_sweeps_its_axes_unless_others_are_given(tmp_path, monkeypatch):
    recipe = recipes.get("omnigrok-fixed-norm")
    scales = recipe.axes["init_scale"]
    assert recipe.sweep(seed=range(3)) == Sweep(recipe.config, init_scale=scales, seed=range(3))
    assert recipe.sweep(init_scale=[2.0]) == Sweep(recipe.config, init_scale=[2.0])
    sweeps = []
    monkeypatch.setattr("grokjax.training.api.train", lambda sweep, *_, **__: sweeps.append(sweep))
    monkeypatch.setattr("grokjax.cli.commands.summarise_with_curves", lambda run: None)
    command = ["train", "--recipe", recipe.name, "--out", str(tmp_path / "run"), "--seeds", "3"]
    assert main.main(command) == 0
    assert main.main([*command, "--init-scale", "2"]) == 0
    assert sweeps[0].members == recipe.sweep(seed=range(3)).members
    assert sweeps[1].members == Sweep(recipe.config, init_scale=[2.0], seed=range(3)).members


def test_parameters_and_train_sizes_as_published():
    for name, parameters, train_size in (
        ("notebook", 86_197, 1404),
        ("gromov", 2 * 97 * 500 + 500 * 97, 4704),
        ("prieto-stablemax", 226 * 200 + 200 * 200 + 200 * 113, 5107),
        ("power-mlp-divide", None, 4656),
        ("power-transformer-add", 2 * (4 * 128**2 + 2 * 128 * 512 + 4 * 128) + 200 * 128, 4704),
        ("nanda", (114 + 114 + 3) * 128 + 4 * 128**2 + 2 * 128 * 512 + 640, 3830),
        ("power-mlp-s5", None, 7200),
    ):
        config = recipes.get(name).config
        assert config.train_size == train_size
        shapes = build_network(config.model_settings, config.spec).shapes
        found = sum(int(np.prod(shape)) for shape in shapes.values())
        assert parameters in (None, found)


def fastest_rows(section):
    """First column of a table in experiments/README.md, and the row of each column's minimum."""
    text = (Path(__file__).parents[2] / "experiments" / "README.md").read_text()
    lines = text.partition(f"## {section} (")[2].partition("\n## ")[0].splitlines()
    rows = [line.strip("| ").split(" | ") for line in lines if line.startswith("| ")][1:]
    medians = [
        [re.match(r"([\d ]+) \(", cell) or re.match("()(?=0/|not|-)", cell) for cell in row[1:]]
        for row in rows
    ]
    epochs = [[float(m[1].replace(" ", "") or "inf") for m in row if m] for row in medians]
    return [float(row[0]) for row in rows], np.argmin(epochs, axis=0)


def test_the_best_learning_rate_of_each_method_is_not_at_the_edge_of_the_grid():
    rates, best = fastest_rows("Grokfast")
    assert tuple(rates) == recipes.get("grokfast-mlp").axes["learning_rate"]
    assert ((best > 0) & (best < len(rates) - 1)).all(), best


def test_the_best_weight_decay_is_not_at_the_edge_of_the_grid():
    decays, (_, grokked) = fastest_rows("Weight decay")
    assert 0 < grokked < len(decays) - 1
