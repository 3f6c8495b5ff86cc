import json
from typing import Literal, get_args, get_origin

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grokjax.config import FIELDS, TYPES, Config, names_of
from grokjax.hypers import Hypers
from grokjax.settings import ConfigError, shown


@pytest.mark.parametrize(
    ("field", "value", "allowed"),
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
        ("init_scale", 0.0, "greater than 0"),
        ("seed", -1, "from 0 to 4294967295"),
        ("data_seed", 2**32, "from 0 to 4294967295"),
        ("batch_size", 0, "at least 1"),
        ("beta2", 1.0, "at least 0 and less than 1"),
        ("operation", "power", "one of add, subtract, multiply"),
        ("stop_when", "bored", "one of grokked, never"),
        ("max_epochs", 30, "a multiple of eval_every (20)"),
        ("snapshot_every", 7, "a multiple of eval_every (20)"),
    ],
)
def test_refusals_name_field_value_and_what_is_allowed(field, value, allowed):
    with pytest.raises(ConfigError) as caught:
        Config(**{field: value})
    message = str(caught.value)
    assert message.startswith(f"{field}: {shown(repr(value))} is not allowed")
    assert allowed in message
    assert "\n" not in message
    assert len(message) < 400


@pytest.mark.parametrize(("fraction", "side"), [(0.1, "train on"), (0.9999, None)])
def test_a_split_without_rows_is_refused(fraction, side):
    if side is None:  # int() rounds down, so the test side keeps a pair
        assert Config(modulus=2, train_fraction=fraction).train_size == 3
    else:
        with pytest.raises(ConfigError, match=f"none of the 4 pairs to {side}"):
            Config(modulus=2, train_fraction=fraction)


def test_unknown_field_in_json():
    with pytest.raises(ConfigError, match="colour: no such setting"):
        Config.from_dict({"colour": 3})


@given(
    seed=st.integers(0, 2**32 - 1),
    learning_rate=st.floats(0, 10),
    train_fraction=st.floats(0.01, 0.99),
    modulus=st.integers(11, 200),
    batch_size=st.none() | st.integers(1, 10_000),
)
def test_json_both_ways(**values):
    config = Config(**values)
    assert Config.from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_the_notebook_split_sizes():
    """The notebook: 1 404 pairs to train on, 22 steps an epoch; Nanda 2023: 3 830."""
    assert (Config().train_size, Config().steps_per_epoch) == (1404, 22)
    assert Config(modulus=113, train_fraction=0.3).train_size == 3830


def test_every_traced_field_is_blanked_by_static_and_no_other_is():
    other = {
        "seed": 5,
        "data_seed": 6,
        "learning_rate": 1.0,
        "weight_decay": 2.0,
        "init_scale": 3.0,
        "train_fraction": 0.25,
        "operation": "multiply",
        "label_noise": 0.5,
        "final_rate": 0.1,
        "grokfast_alpha": 0.5,
        "grokfast_lambda": 3.0,
    }
    switches = {"warmup_steps": 7, "decay_steps": 9, "gradient_noise": 0.1}
    assert {*other, *switches} == set(names_of("traced"))
    assert Config(**other).static == Config()
    for name, value in switches.items():
        assert Config(**{name: value}).static != Config(), name
        assert Config(**{name: value}).static == Config(**{name: 2 * value}).static, name
    for name in names_of("static"):
        needs = {"tied": {"hidden_dim": 128}, "schedule": {"decay_steps": 9}}.get(name, {})
        assert Config(**needs, **{name: another(name)}).static != Config(**needs).static, name


def another(name):
    """A value of a setting that is not its default."""
    value = FIELDS[name].default
    if get_origin(TYPES[name]) is Literal:
        return next(choice for choice in get_args(TYPES[name]) if choice != value)
    if name in ("batch_size", "classes"):
        return 100
    return not value if isinstance(value, bool) else value / 2 if value < 1 else value + 1


def test_data_seed_defaults_to_the_seed():
    assert Hypers.of(Config(seed=7)).data_seed == 7
    assert Hypers.of(Config(seed=7, data_seed=0)).data_seed == 0
