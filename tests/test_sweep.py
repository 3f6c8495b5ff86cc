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
        ({"seed": []}, r"seed: \[\] is not allowed; an axis has at least one value"),
        ({"seed": [1, 2, 1]}, r"members 0 and 2 are equal \(seed 1\)"),
        ({"weight_decay": [1, 1.0]}, "members 0 and 1 are equal"),
        ({"colour": [1]}, "colour: no such setting"),
        ({"max_epochs": [20, 40]}, "max_epochs: has one value for a whole run"),
        ({"modulus": 53}, "modulus: 53 is not allowed; an axis is a list"),
        ({"modulus": [53, 1]}, "modulus: 1 is not allowed; it must be at least 2"),
    ],
)
def test_refusals(axes, message):
    with pytest.raises(ConfigError, match=message):
        Sweep(Config(), **axes)


def test_zip_of_unequal_axes_is_refused():
    with pytest.raises(ConfigError, match="axes must have one length"):
        Sweep.zip(Config(), seed=[1, 2], weight_decay=[1])


def test_concatenating_other_run_settings_is_refused():
    with pytest.raises(ConfigError, match="max_epochs: 40 is not allowed"):
        _ = Sweep(Config(max_epochs=20)) + Sweep(Config(max_epochs=40, seed=1))
