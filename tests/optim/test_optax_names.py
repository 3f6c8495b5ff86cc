"""Names of the rules of optax, the settings of such rules, and runs that are read without optax."""

import inspect
import json
import subprocess
import sys
from typing import Any

import jax
import numpy as np
import optax
import pytest

import grokjax
from grokjax import Config, ConfigError, Sweep
from grokjax.config.settings import fields_with
from grokjax.metrics.builtin import BUILTIN
from grokjax.models.model import Model
from grokjax.optim.optimizer import build_optimizer, check_rule
from grokjax.optim.rule import OPTIMIZERS
from grokjax.results.pieces import describe_optax_rules, stored_optax_rule, with_new_pieces
from grokjax.settings.field import fields_of
from grokjax.settings.signature import as_settings
from grokjax.storage.files import SCHEMA_VERSION
from grokjax.tasks.task import Task
from grokjax.training.inventory import take_inventory
from tests.conftest import TINY
from tests.optim.rules_by_hand import hypers

READ_WITHOUT_JAX = """
import sys, grokjax
run = grokjax.load(sys.argv[1])
assert [each.optimizer for each in run.sweep] == ["optax.sgd", "lion"]
assert run.sweep[1].b1 == 0.9 and not run.sweep[0].nesterov
assert (run.members["status"] == "pending").all()
assert not {"jax", "optax"} & set(sys.modules), "loaded"
"""


@pytest.mark.parametrize("name", ["sgd", "adam", "adamw"])
def test_a_function_of_optax_is_not_the_rule_of_that_name_in_grokjax(name):
    config = Config(optimizer=getattr(optax, name))
    assert config.optimizer == f"optax.{name}"
    assert config == Config(optimizer=f"optax.{name}") != Config(optimizer=name)
    assert OPTIMIZERS.source_of(f"optax.{name}") is None
    assert ("b1" in config.fields) == (name != "sgd")


def test_sgd_of_optax_has_no_momentum():
    config = Config(optimizer=optax.sgd, learning_rate=0.1, weight_decay=0.5)
    optimizer = build_optimizer(config.program, hypers(config))
    params, gradient = {"a": np.float32([1.0, 2.0])}, {"a": np.float32([0.5, -1.0])}
    state = optimizer.init(params)
    for _ in range(2):
        updates, state = optimizer.update(gradient, state, params)
    np.testing.assert_allclose(updates["a"], -0.1 * (gradient["a"] + 0.5 * params["a"]), rtol=1e-6)


def test_a_run_is_read_without_optax(tmp_path):
    sweep = Sweep(Config(**TINY), optimizer=[optax.sgd, "lion"])
    info: dict[str, Any] = {"schema": SCHEMA_VERSION, "recipe": None, "sweep": sweep.to_dict()}
    info["environment"] = {"versions": {"jax": "0"}, "platform": "cpu", "devices": []}
    info["networks"] = take_inventory(sweep, BUILTIN).to_list()
    info |= with_new_pieces({"pieces": {}}, sweep, tmp_path)
    assert info["pieces"] == {}
    (tmp_path / "config.json").write_text(json.dumps(info))
    assert grokjax.load(tmp_path).sweep == sweep
    command = [sys.executable, "-c", READ_WITHOUT_JAX, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_stored_rule_has_the_parameters_that_were_stored():
    """They may be those of another version of optax; equal parameters give the same class."""
    lion = OPTIMIZERS.get("lion")
    stored = describe_optax_rules([Config(optimizer="lion")])["lion"]
    assert stored_optax_rule("lion", stored) is lion
    stored["settings"]["beta_one"] = stored["settings"].pop("b1")
    other = stored_optax_rule("lion", stored)
    assert "beta_one" in fields_of(other)
    assert "b1" not in fields_of(other)
    config = Config().replaced({"optimizer": "lion"}, {"optimizer": {"lion": other}})
    params = {"a": jax.ShapeDtypeStruct((3,), np.float32)}
    with pytest.raises(ConfigError, match=r"^optimizer lion: its function must work .*beta_one"):
        check_rule("lion", config.program, hypers(config), params)


def complete_rules():
    """List optax's functions with a learning rate whose other parameters have defaults."""
    for module in (optax, optax.contrib):
        for name, function in inspect.getmembers(module, inspect.isfunction):
            parameters = inspect.signature(function).parameters.values()
            needed = {p.name for p in parameters if p.default is p.empty} - {"learning_rate"}
            if "learning_rate" in inspect.signature(function).parameters and not needed:
                yield name


def test_every_rule_of_optax_has_settings_that_clash_with_no_other():
    names = set(complete_rules())
    assert {"lion", "noisy_sgd", "schedule_free_sgd", "sophia"} < names
    for name in names:
        if name.startswith(("_", "scale_by_")):
            with pytest.raises(ConfigError, match=f"^optimizer must be a known .*{name}"):
                Config(optimizer=name)
            continue
        assert Config(optimizer=name).optimizer == name
    assert Config(optimizer="noisy_sgd", noisy_sgd_seed=3).noisy_sgd_seed == 3
    assert Config(optimizer="schedule_free_sgd").schedule_free_sgd_warmup_steps is None


def test_a_renamed_setting_reaches_the_rule():
    params = {"a": np.ones(2, np.float32)}
    states = []
    for steps in (None, 7):
        config = Config(optimizer="schedule_free_sgd", schedule_free_sgd_warmup_steps=steps)
        optimizer = build_optimizer(config.program, hypers(config))
        updates, _ = optimizer.update(params, optimizer.init(params), params)
        states.append(updates["a"])
    assert not np.array_equal(*states)


@pytest.mark.parametrize("part", [optax.scale_by_learning_rate, optax.scale_by_adam])
def test_a_part_of_a_rule_of_optax_is_refused(part):
    with pytest.raises(ConfigError, match=r"^optimizer scale_by_\w+: is a part of a rule in optax"):
        Config(optimizer=part)


def test_a_clash_with_the_users_own_setting_names_that_one():
    class Wide(Task):
        b1: float = 0.5

    wide = as_settings("task", "Wide", Wide)
    classes = Config(optimizer="lion").group_classes | {"task": wide, "model": Model}
    with pytest.raises(ConfigError, match=r"^b1: the name is used twice; rename .* of Wide$"):
        fields_with(classes)


def test_a_setting_that_one_swept_kind_lacks_is_refused_by_the_name_of_that_kind():
    message = "^beta2: no such setting of optimizer sgd; give each kind a sweep of its own"
    with pytest.raises(ConfigError, match=message):
        Sweep(Config(), optimizer=["adamw", "sgd"], beta2=[0.9, 0.99])
    separate = Sweep(Config(), beta2=[0.9, 0.99]) + Sweep(Config(optimizer="sgd"))
    assert len(separate) == 3


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("lyon", "did you mean lion?; --import FILE makes your own known"),
        ("muonn", "did you mean muon?"),
        ("AdamMax", "did you mean adamax or adamaxw?"),
        ("optax.adm", "did you mean optax.adam"),
        ("nothing like it", "one of adamw, adam, sgd"),
    ],
)
def test_an_unknown_rule_is_answered_with_similar_ones_of_optax(name, hint):
    with pytest.raises(ConfigError) as refusal:
        Config(optimizer=name)
    assert f"optimizer must be a known optimizer, got '{name}'; {hint}" in str(refusal.value)
    assert ("or any rule of optax; --import" in str(refusal.value)) == hint.startswith("one of")


@pytest.mark.parametrize(("name", "owner"), [("lion", "optax"), ("muon", "optax"), ("sgd", "grok")])
def test_a_rule_of_ones_own_cannot_have_the_name_of_another(name, owner):
    def mine(learning_rate: float):
        return optax.sgd(learning_rate)

    mine.__name__ = name
    message = f"^optimizer: the name {name} is used twice: {owner}.* has one of that name; rename"
    for register in (grokjax.rule, lambda rule: Config(optimizer=rule)):
        with pytest.raises(ConfigError, match=message):
            register(mine)
    assert OPTIMIZERS.piece(name) is None
