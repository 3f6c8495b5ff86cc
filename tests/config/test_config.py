"""A config: what it refuses, how it is changed, stored and shown."""

import copy
import json
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grokjax import Config, ConfigError
from grokjax.config.hyperparams import hypers_of
from grokjax.errors import printable
from grokjax.tasks.binary_operation import BinaryOperation


@pytest.mark.parametrize(
    ("field", "value", "requirement"),
    [
        ("train_fraction", 0.0, "greater than 0 and less than 1"),
        ("train_fraction", 1, "greater than 0 and less than 1"),
        ("train_fraction", float("nan"), "a finite number"),
        ("modulus", 1, "at least 2 and at most 46340"),
        ("modulus", 10**9, "at least 2 and at most 46340"),
        ("modulus", 53.0, "a whole number"),
        ("modulus", True, "a whole number"),
        ("learning_rate", -1e-3, "at least 0"),
        ("learning_rate", 1e39, "a finite number"),
        ("learning_rate", 10**400, "a finite number"),
        ("learning_rate", "fast", "a number"),
        ("weight_decay", -1.0, "at least 0"),
        ("init_scale", 0.0, "at least 1e-15"),
        ("seed", -1, "from 0 to 4294967295"),
        ("data_seed", 2**32, "from 0 to 4294967295"),
        ("batch_size", 0, "at least 1"),
        ("beta2", 1.0, "at least 0 and less than 1"),
        ("biases", 1, "True or False"),
        ("operation", "power", "one of add, subtract, multiply"),
        ("stop_when", "bored", "one of grokked, never"),
        ("max_epochs", 30, "a multiple of eval_every (20)"),
        ("snapshot_every", 7, "a multiple of eval_every (20)"),
        ("optimizer", "adamv", "a known optimizer"),
        ("model", 3, "a name, a class or a named function"),
        ("task", lambda: None, "a name, a class or a named function"),
    ],
)
def test_a_value_out_of_range_is_named_with_what_it_must_be(field, value, requirement):
    with pytest.raises(ConfigError) as caught:
        Config(**{field: value})
    message = str(caught.value)
    assert message.startswith(f"{field} must be {requirement}")
    assert f", got {printable(repr(value))}" in message
    assert "\n" not in message
    assert len(message) < 400
    with pytest.raises(ConfigError) as replaced:
        Config().replace(**{field: value})
    assert str(replaced.value) == message


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"schedule": "cosine"}, "decay_steps must be at least 1 for a cosine schedule, got 0"),
        ({"snapshot_spacing": "log"}, "snapshot_spacing needs snapshot_every to be set, got 'log'"),
        ({"tied": True}, "tied needs hidden_dim equal to embed_dim, got True"),
        ({"optimizer": "lion", "decay_towards": "initial"}, "decay_towards must be zero with lion"),
        ({"lr": 0.1}, "lr: no such setting; did you mean learning_rate?"),
        ({"momentum": 0.9}, "momentum: no such setting; "),
    ],
)
def test_settings_that_contradict_each_other_or_do_not_exist(settings, message):
    with pytest.raises(ConfigError, match=f"^{message.replace('?', '[?]')}"):
        Config(**settings)


@pytest.mark.parametrize(("fraction", "side"), [(0.1, "train on"), (0.9999, None)])
def test_a_split_without_rows_is_refused(fraction, side):
    if side is None:  # int() rounds down, so the test side keeps a pair
        assert Config(modulus=2, train_fraction=fraction).train_size == 3
    else:
        with pytest.raises(ConfigError, match=f"must leave some of the 4 examples to {side}"):
            Config(modulus=2, train_fraction=fraction)


def test_the_notebook_split_sizes():
    """The notebook: 1 404 pairs to train on, 22 steps an epoch; Nanda 2023: 3 830."""
    assert (Config().train_size, Config().steps_per_epoch) == (1404, 22)
    assert Config(modulus=113, train_fraction=0.3).train_size == 3830


def test_data_seed_defaults_to_the_seed():
    assert hypers_of(Config(seed=7), ("add",)).data_seed == 7
    assert hypers_of(Config(seed=7, data_seed=0), ("add",)).data_seed == 0


configs = st.builds(
    lambda optimizer, values: Config(optimizer=optimizer, **values),
    st.sampled_from(["adamw", "sgd", "lion", "muon"]),
    st.fixed_dictionaries(
        {},
        optional={
            "seed": st.integers(0, 2**32 - 1),
            "learning_rate": st.floats(0, 10),
            "train_fraction": st.floats(0.01, 0.99),
            "modulus": st.integers(11, 200),
            "operation": st.sampled_from(["add", "multiply", "random"]),
            "batch_size": st.none() | st.integers(1, 10_000),
            "data_seed": st.none() | st.integers(0, 9),
            "activation": st.sampled_from(["relu", "square"]),
            "biases": st.booleans(),
        },
    ),
)


@given(config=configs)
def test_a_config_survives_json_by_group(config):
    values = json.loads(json.dumps(config.to_dict()))
    kinds = {"task", "model", "optimizer", "interventions"}
    assert set(values) == {*kinds, "data", "optimization", "training"}
    assert values["task"]["modulus"] == config.modulus
    assert values["optimizer"]["kind"] == config.optimizer
    assert Config.from_dict(values) == config


@given(config=configs)
def test_a_config_is_pickled_hashed_compared_and_evaluated(config):
    for same in (pickle.loads(pickle.dumps(config)), eval(repr(config)), config.replace()):
        assert same == config
        assert hash(same) == hash(config)
    assert copy.deepcopy(config) == copy.copy(config) == config
    other = config.replace(eval_every=10)
    assert other != config
    assert config.eval_every == 20
    for part in (config.program, config.network):
        assert pickle.loads(pickle.dumps(part)) == part == copy.deepcopy(part)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"colour": 3}, "config must be a dict of groups of settings"),
        ([], "config must be a dict of groups of settings"),
        ({}, "config must name its kinds of task, model, optimizer"),
        (Config().to_dict() | {"training": {"colour": 3}}, "colour: no such setting"),
        (Config().to_dict() | {"model": {"kind": "perceptron"}}, "model must be a known model"),
    ],
)
def test_json_that_is_no_config_is_refused(values, message):
    with pytest.raises(ConfigError, match=message):
        Config.from_dict(values)


def test_repr_shows_what_differs_from_the_defaults():
    assert repr(Config()) == "Config()"
    config = Config(optimizer="sgd", modulus=31, batch_size=None, weight_decay=1.0)
    assert repr(config) == "Config(optimizer='sgd', batch_size=None, modulus=31)"
    assert repr(config.network) == "NetworkSettings(modulus=31)"
    assert "modulus=31" in repr(config.program)


def test_another_kind_has_its_own_defaults():
    adabelief = Config().replace(optimizer="adabelief")
    assert adabelief.eps == Config(optimizer="adabelief").eps != Config().eps
    assert Config(eps=1e-6).replace(optimizer="adabelief").eps == 1e-6


def test_another_kind_keeps_the_settings_that_both_have():
    config = Config(modulus=31, optimizer="sgd", beta1=0.5, learning_rate=0.1)
    adam = config.replace(optimizer="adam", eps=1e-6)
    assert (adam.optimizer, adam.beta1, adam.beta2, adam.eps) == ("adam", 0.5, 0.999, 1e-6)
    assert (adam.modulus, adam.learning_rate) == (31, 0.1)
    assert adam.replace(optimizer="sgd") == config
    lion = config.replace(optimizer="lion")
    assert lion.b1 == 0.9
    assert not hasattr(lion, "beta1")
    with pytest.raises(ConfigError, match="beta1: no such setting"):
        lion.replace(beta1=0.9)


def test_every_setting_is_an_attribute_that_editors_complete():
    """`classes` is a setting of a task; no method or attribute of a config hides one."""
    config = Config(classes=60)
    assert config.classes == 60
    for name, value in config.items():
        assert getattr(config, name) == value
        assert name in dir(config)
    with pytest.raises(AttributeError, match="settings cannot be changed"):
        config.modulus = 7
    with pytest.raises(AttributeError, match="Config has no setting 'colour'"):
        _ = config.colour


def test_groups_are_instances_of_the_classes_beside_what_they_configure():
    config = Config(modulus=31, beta1=0.5)
    assert isinstance(config.task_settings, BinaryOperation)
    assert (config.task_settings.modulus, config.task_settings.operation) == (31, "add")
    assert config.rule.beta1 == 0.5
    assert config.model_settings.hidden_dim == 256
