import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grokjax import Config, ConfigError, Sweep


def test_product_has_every_combination_the_last_axis_fastest():
    sweep = Sweep(Config(), weight_decay=[0.3, 1], seed=range(3))
    found = [(m.weight_decay, m.seed) for m in sweep.members]
    assert found == list(itertools.product([0.3, 1.0], range(3)))


def test_zip_product_and_concatenation():
    pairs = Sweep.zip(Config(), learning_rate=[1e-3, 1e-4], weight_decay=[0.1, 10])
    assert [(m.learning_rate, m.weight_decay) for m in pairs.members] == [(1e-3, 0.1), (1e-4, 10)]
    assert len(pairs.product(seed=range(4))) == 8
    both = pairs + Sweep(Config(modulus=59), seed=[1])
    assert [m.modulus for m in both.members] == [53, 53, 59]
    assert set(both.swept) == {"learning_rate", "weight_decay", "seed", "modulus"}


def test_programs_group_by_static_settings_only():
    sweep = Sweep(Config(), hidden_dim=[32, 64], train_fraction=[0.3, 0.7], seed=range(2))
    programs = sweep.programs()
    assert [p.config.hidden_dim for p in programs] == [32, 64]
    assert [p.members for p in programs] == [(0, 1, 2, 3), (4, 5, 6, 7)]
    assert programs[0].max_train_size == int(0.7 * 53**2)


@given(
    decays=st.lists(st.floats(0, 10), min_size=1, max_size=4, unique=True),
    seeds=st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=4, unique=True),
    sizes=st.lists(st.none() | st.integers(1, 99), min_size=1, max_size=3, unique=True),
)
def test_json_both_ways(decays, seeds, sizes):
    sweep = Sweep(Config(), weight_decay=decays, seed=seeds, batch_size=sizes)
    assert Sweep.from_dict(json.loads(json.dumps(sweep.to_dict()))) == sweep


@pytest.mark.parametrize(
    ("axes", "message"),
    [
        ({"seed": []}, r"seed must have at least one value to be an axis, got \[\]"),
        ({"seed": [1, 2, 1]}, r"members 0 and 2 are equal \(seed 1\)"),
        ({"weight_decay": [1, 1.0]}, "members 0 and 1 are equal"),
        ({"colour": [1]}, "colour: no such setting"),
        ({"max_epochs": [20, 40]}, "max_epochs: has one value for a whole run"),
        ({"modulus": 53}, "modulus must be a list of values to be an axis, got 53"),
        ({"model": "mlp"}, "model must be a list of values to be an axis, got 'mlp'"),
        ({"optimizer": ["adamw", "adamv"]}, "optimizer must be a known optimizer, got 'adamv'"),
        ({"optimizer": ["adamw", "lion"], "b2": [0.9]}, "b2: no such setting"),
        ({"modulus": [53, 1]}, "modulus must be at least 2 and at most 46340, got 1"),
    ],
)
def test_refusals(axes, message):
    with pytest.raises(ConfigError, match=message):
        Sweep(Config(), **axes)


def test_zip_of_unequal_axes_is_refused():
    with pytest.raises(ConfigError, match="axes must have one length"):
        Sweep.zip(Config(), seed=[1, 2], weight_decay=[1])


def test_concatenating_other_run_settings_is_refused():
    with pytest.raises(
        ConfigError, match="max_epochs must be 20, as in the sweep that it is added to, got 40"
    ):
        _ = Sweep(Config(max_epochs=20)) + Sweep(Config(max_epochs=40, seed=1))


def test_kinds_are_swept_like_other_settings():
    sweep = Sweep(Config(beta1=0.5), optimizer=["adamw", "lion", "sgd"], seed=range(2))
    assert [m.optimizer for m in sweep] == ["adamw"] * 2 + ["lion"] * 2 + ["sgd"] * 2
    assert [m.values.get("beta1") for m in sweep][::2] == [0.5, None, 0.5]
    assert sweep[2].b1 == 0.9
    assert [p.members for p in sweep.programs()] == [(0, 1), (2, 3), (4, 5)]
    assert Sweep.from_dict(json.loads(json.dumps(sweep.to_dict()))) == sweep
    again = Sweep(Config(beta1=0.5), optimizer=(n for n in ("adamw", "lion", "sgd")), seed=range(2))
    assert again == sweep


def test_sweeps_of_several_kinds_are_joined_each_with_its_own_settings():
    both = Sweep(Config(), beta2=[0.9, 0.99]) + Sweep(Config(optimizer="lion"), b2=[0.9, 0.95])
    assert [(m.values.get("beta2"), m.values.get("b2")) for m in both] == [
        (0.9, None), (0.99, None), (None, 0.9), (None, 0.95),
    ]  # fmt: skip
    assert both.columns["optimizer"] == ("adamw", "adamw", "lion", "lion")
    assert Sweep.from_dict(json.loads(json.dumps(both.to_dict()))) == both
    more = both.with_values("seed", [1])
    assert len(more) == 8
    assert more.members[:4] == both.members
    assert both.extended(both) == both


def test_a_sweep_of_operations_has_one_program_with_those_alone():
    programs = Sweep(Config(), operation=["multiply", "add"], seed=range(2)).programs()
    assert [(p.variants, p.members) for p in programs] == [(("add", "multiply"), (0, 1, 2, 3))]


def test_a_hundred_thousand_members_are_the_most():
    with pytest.raises(
        ConfigError, match="sweep: must have at most 100,000 members, got 1,000,000"
    ):
        Sweep(Config(), seed=range(1000), weight_decay=range(1000))
    with pytest.raises(ConfigError, match="sweep: must have at most 100,000 members"):
        Sweep(Config(), seed=range(10**9))


CHANGES = [
    {"seed": 3},
    {"data_seed": 3, "learning_rate": 0.5},
    {"operation": "multiply"},
    {"modulus": 7},
    {"hidden_dim": 8, "seed": 1},
    {"weight_decay": 0.0},
    {"gradient_noise": 0.1},
    {"label_noise": 0.1},
    {"train_fraction": 0.2},
    {"batch_size": None},
    {"max_epochs": 40},
    {"warmup_steps": 5},
    {"init_scale": 2.0},
]


@pytest.mark.parametrize("changes", CHANGES, ids=str)
def test_what_a_changed_config_shares_is_what_it_would_derive(changes):
    """Whatever was derived from the first one before."""
    base = Config()
    changed, fresh = base.replace(**changes), Config(**changes)
    for name in ("program", "network", "spec", "num_examples", "task_settings", "model_settings"):
        assert getattr(changed, name) == getattr(fresh, name), name
    assert changed.network.traced == fresh.network.traced
    assert changed.train_size == fresh.train_size


def test_members_share_what_is_derived_from_what_they_share():
    """Otherwise 100 000 members would take a GB, and ten seconds more to start."""
    first, *others = Sweep(Config(), seed=range(3), learning_rate=[0.1, 0.2])
    for name in ("program", "network", "task_settings"):
        assert all(getattr(each, name) is getattr(first, name) for each in others)
