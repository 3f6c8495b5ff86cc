"""Choosing members of a run, and refusals of arguments that `Run` cannot take."""

import re

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import grokjax
from grokjax import Config, Sweep
from tests.conftest import TINY
from tests.report.pages import StopAfter


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Members 0 to 3 are over, 4 is in training and 5 is pending."""
    sweep = Sweep(Config(**TINY), weight_decay=[0.0, 0.5, 1.0], seed=[3, 4])
    out = tmp_path_factory.mktemp("runs") / "run"
    with pytest.raises(KeyboardInterrupt):
        grokjax.train(sweep, out, lanes=1, devices=1, progress=StopAfter(13), checkpoint_every=1e-9)
    stopped = grokjax.load(out)
    assert stopped.members["status"].tolist()[4:] == ["running", "pending"]
    return stopped


def numbers(run):
    return run.members.index.tolist()


MASK = [True, False, False, True, False, False]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([2, 0], [2, 0]),
        (np.array([2, 0]), [2, 0]),
        (range(3), [0, 1, 2]),
        ((m for m in (5, 1)), [5, 1]),
        (pd.Index([4]), [4]),
        (pd.Series([4, 1], index=[0, 1]), [4, 1]),
        (xr.DataArray([1, 3], dims="member"), [1, 3]),
        ([], []),
        (MASK, [0, 3]),
        (np.array(MASK), [0, 3]),
        (pd.Series(MASK), [0, 3]),
        (pd.array(MASK, dtype="boolean"), [0, 3]),
        (xr.DataArray(MASK, dims="member"), [0, 3]),
        ([False] * 6, []),
    ],
    ids=lambda value: re.sub(" at 0x.*", "", repr(value)),
)
def test_members_are_named_by_numbers_or_by_a_mask(run, given, expected):
    assert numbers(run.of(given)) == expected


def test_masks_made_of_a_runs_own_tables(run):
    chosen = run.of(run.members["weight_decay"] == 0.5)
    assert numbers(chosen) == [2, 3]
    assert numbers(chosen.of(chosen.members["seed"] == 4)) == [3], "a mask is of the members here"
    assert numbers(chosen.of(chosen.history.seed == 3)) == [2]


def refusal(call, *arguments, **settings):
    with pytest.raises(ValueError) as refused:  # noqa: PT011, the message is what is tested
        call(*arguments, **settings)
    assert "\n" not in str(refused.value)
    return str(refused.value)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([True, False], "members: a mask must be of the members of this Run, 0 to 5, got one of 2"),
        (pd.Series(MASK, index=range(1, 7)), "of this Run, 0 to 5, got one of members 1 to 6"),
        ([True, 1, 0, 0, 0, 0], "members must be a member of this Run: 0 to 5, got True"),
        ([-1], "members must be a member of this Run: 0 to 5, got -1"),
        ([99], "members must be a member of this Run: 0 to 5, got 99"),
        ([0, 1, 0], "members: 0 is given 2 times; give it once"),
        ([1.0], "of this Run: 0 to 5, got 1.0"),
        ([np.nan], "of this Run: 0 to 5, got nan"),
        ([None], "of this Run: 0 to 5, got None"),
        ([[0, 1]], "of this Run: 0 to 5, got [0, 1]"),
        (["0"], "of this Run: 0 to 5, got '0'"),
        ("ab", "members must be a list of member numbers, or a mask, got 'ab'"),
        (3, "must be a list of member numbers, or a mask, got 3"),
        (np.array(3), "must be a list of member numbers, or a mask, got array(3)"),
        (None, "must be a list of member numbers, or a mask, got None"),
        ({0: 1}, "must be a list of member numbers, or a mask, got {0: 1}"),
    ],
    ids=repr,
)
def test_what_names_no_members_is_refused(run, given, message):
    assert message in refusal(run.of, given)


def test_a_selection_has_its_own_members_only(run):
    some = run.of([4, 2])
    assert "members must be a member of this Run: 4, 2, got 0" in refusal(some.of, [0])
    for call in (some.params_of, some.data_of):
        assert "member must be a member of this Run: 4, 2, got 0" in refusal(call, 0)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, [0, 1, 2, 3, 4, 5]),
        ({"seed": 3}, [0, 2, 4]),
        ({"seed": [3, 4]}, [0, 1, 2, 3, 4, 5]),
        ({"seed": range(3, 4), "weight_decay": (0.0, 1)}, [0, 4]),
        ({"weight_decay": np.array([0.5, 1.0])}, [2, 3, 4, 5]),
        ({"seed": np.int64(4), "weight_decay": np.float64(0.5)}, [3]),
        ({"seed": {3}, "operation": "add", "batch_size": 9}, [0, 2, 4]),
        ({"data_seed": 4}, [1, 3, 5]),
        ({"data_seed": None, "seed": 4}, [1, 3, 5]),
        ({"data_seed": -1, "seed": 4}, [1, 3, 5]),  # as the history has None
        ({"seed": np.array(3)}, [0, 2, 4]),
        ({"seed": xr.DataArray(4)}, [1, 3, 5]),
    ],
    ids=repr,
)
def test_settings_select_members(run, settings, expected):
    assert numbers(run.select(**settings)) == expected


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"sede": 0}, "sede: no such setting; did you mean seed?"),
        ({"lr": 0.1}, "lr: no such setting; did you mean learning_rate?"),
        ({"colour": 0}, "colour: no such setting; one of "),
        ({"status": "grokked"}, "status is not a setting; use run.of(run.members['status'] =="),
        ({"seed": 9}, "seed must be a value that members here have: 3, 4, got 9"),
        ({"seed": [3, 9]}, "seed must be a value that members here have: 3, 4, got 9"),
        ({"seed": True}, "seed must be a whole number from 0 to 4294967295, got True"),
        ({"seed": "3"}, "seed must be a whole number from 0 to 4294967295, got '3'"),
        ({"seed": None}, "seed must be a whole number from 0 to 4294967295, got None"),
        ({"seed": []}, "seed must be a value, or a list of at least one, got []"),
        ({"seed": [[3]]}, "seed must be a whole number from 0 to 4294967295, got [3]"),
        ({"operation": ["ad"]}, "operation must be one of add, subtract, "),
    ],
    ids=repr,
)
def test_settings_that_select_nobody_are_refused(run, settings, message):
    assert message in refusal(run.select, **settings)


def test_values_that_no_member_has_together_are_refused(run):
    some = run.of([0, 3])
    said = refusal(some.select, weight_decay=0.0, seed=4)
    assert said == "select: no member has weight_decay 0.0, seed 4 together; give fewer settings"


@pytest.mark.parametrize("member", [99, -1, True, "0", None, 1.0, [0]], ids=repr)
def test_one_member_is_named_by_its_number(run, member):
    for call in (run.params_of, run.data_of):
        said = refusal(call, member)
        assert said == f"member must be a member of this Run: 0 to 5, got {member!r}"
    assert run.params_of(np.int64(1))["output"]["bias"].shape == (7,)


def test_parameters_of_a_member_that_has_none_yet(run):
    assert "params_of: member 5 is pending and has no parameters saved yet" in refusal(
        run.params_of, 5
    )


def test_nobody_is_a_run_without_members(run):
    nobody = run.of([])
    assert len(nobody) == len(nobody.members) == nobody.history.sizes["member"] == 0
    assert "Run(" in repr(nobody)
    for name in ("params", "embeddings", "network"):
        assert "no member is selected; select at least one" in refusal(getattr, nobody, name)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ([[0, 9]], "inputs must be tokens from 0 to 6, got 9"),
        ([[0, 1], [7, 0]], "inputs must be tokens from 0 to 6, got 7"),
        ([[-1, 0]], "inputs must be tokens from 0 to 6, got -1"),
        ([0, 1], "inputs must be whole numbers of shape [N, 2], got int64 of shape [2]"),
        ([[0, 1, 2]], "of shape [N, 2], got int64 of shape [1, 3]"),
        ([[0.0, 1.0]], "of shape [N, 2], got float64 of shape [1, 2]"),
        ([[True, False]], "of shape [N, 2], got bool of shape [1, 2]"),
        ([["0", "1"]], "inputs must be whole numbers of shape [N, 2], got <U1 of"),
        (None, "of shape [N, 2], got object of shape []"),
        ([], "of shape [N, 2], got float64 of shape [0]"),
        ([[1], [2, 3]], "must be whole numbers of shape [N, 2], got [[1], [2, 3]]"),
    ],
    ids=repr,
)
def test_inputs_of_another_task_are_refused_and_not_clipped(run, inputs, message):
    assert message in refusal(run.apply, run.params_of(0), inputs)


def test_a_run_without_members_says_so(run):
    none = run.of([False] * 6)
    assert "grid: no member is selected" in refusal(none.grid, "train_loss")
    assert "select: this Run has no members" in refusal(none.select, seed=3)


def test_inputs_of_any_integer_type_are_accepted(run):
    params = run.params_of(0)
    pairs = np.array([[6, 0], [3, 5]])
    expected = run.apply(params, pairs)
    assert expected.shape == (2, 7)
    for dtype in (np.uint8, np.int32, list):
        given = pairs.tolist() if dtype is list else pairs.astype(dtype)
        np.testing.assert_array_equal(run.apply(params, given), expected)
    assert run.apply(params, np.zeros((0, 2), int)).shape == (0, 7)


def test_parameters_of_no_network_here_are_refused(run):
    for params in (None, {}, [1], {"embed": np.ones(3)}, run.of([0, 1]).params):
        said = refusal(run.apply, params, [[0, 1]])
        assert said.startswith(
            "params must be one member's parameters, as Run.params_of gives, got "
        )


def test_a_grid_of_no_variable_is_refused(run):
    for hold in (None, "no", 0):
        said = refusal(run.grid, "test_loss", hold)
        assert said == f"hold must be True or False, got {hold!r}"
    assert "did you mean test_accuracy?" in refusal(run.grid, "test_acuracy")
    for variable in ("epoch", "status", None, 3, ["test_loss"]):
        said = refusal(run.grid, variable)
        assert said.startswith(
            f"variable must be a variable of run.history, got {variable!r}; one of"
        )
