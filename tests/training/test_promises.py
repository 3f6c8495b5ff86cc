"""The promises of an ensemble: what a member computes depends on its own settings only.

Launches are drawn at random, and each member is compared, bit by bit, with the same member trained
alone. Tests of lanes map them by `vmap`, as on accelerators.
"""

import re
import tempfile

import jax
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import grokjax
from grokjax.config.config import Config
from grokjax.config.sweep import Program, Sweep
from grokjax.runtime import devices
from grokjax.training.lanes import Lanes
from tests.planted import SEEDS, often
from tests.training.launches import (
    BASE,
    OWN,
    Launch,
    alone,
    assert_as_alone,
    launches,
    perform,
)


def with_(**settings):
    return BASE.replace(**settings)


def with_own(**settings):
    return OWN.replace(**settings)


OVERFLOWING = with_(
    operation="random", seed=3898, learning_rate=1e6, train_fraction=0.3, warmup_steps=6
)
"""Alone it has fewer steps; in those that it has not, what overflows must count for nothing."""


@often(25, shrink=False)
@given(launches())
@example(Launch((with_(operation="multiply"), OVERFLOWING), (), 2))
@example(Launch((OWN, with_own(seed=1, learning_rate=1e6, train_fraction=0.3)), ((2, 1),), 1))
def test_a_member_is_bitwise_the_same_in_any_launch(launch):
    """Other members, order, lane, devices, round length and resumes do not change its bits."""
    with tempfile.TemporaryDirectory() as directory:
        run = perform(launch, f"{directory}/run")
        for member in run.members.index:
            assert_as_alone(run, member)


@pytest.mark.slow
def test_a_member_of_the_notebooks_size_is_bitwise_the_same_in_any_company(tmp_path):
    """Larger networks are compiled to other kernels than the tiny ones above."""
    notebook = Config(max_epochs=40, stop_when="never")
    sweep = Sweep.zip(notebook, seed=range(6), weight_decay=[0.3, 1.0] * 3)
    many = grokjax.train(sweep, tmp_path / "many", devices=4, progress=False)
    chosen = Sweep.zip(notebook, seed=[5, 2], weight_decay=[1.0, 0.3])
    few = grokjax.train(chosen, tmp_path / "few", devices=1, progress=False)
    for here, there in enumerate((5, 2)):
        jax.tree.map(np.testing.assert_array_equal, few.params_of(here), many.params_of(there))
        for name, values in few.history.data_vars.items():
            np.testing.assert_array_equal(values[here], many.history[name][there], err_msg=name)


@pytest.mark.parametrize(
    ("reckless", "epoch"),
    [({"learning_rate": 1e6}, 2), ({"learning_rate": 30.0}, 4), ({"init_scale": 3e38}, 2)],
    ids=["at once", "later", "weights that are no numbers"],
)
def test_one_member_diverges_and_all_others_are_as_without_it(tmp_path, reckless, epoch):
    """It leaves its lane in the middle of the run, and its last epoch is recorded."""
    calm = [with_(seed=s) for s in range(4)]
    wild = with_(seed=9, **reckless)
    assert not all(np.isfinite(alone(wild)[name][epoch]) for name in ("train_loss", "weight_norm"))
    run = perform(Launch((calm[0], wild, *calm[1:]), (), 2), tmp_path / "run")
    assert run.members["status"].tolist() == ["not memorised", "diverged", *["not memorised"] * 3]
    assert run.members["epochs"].tolist() == [6, epoch, 6, 6, 6]
    for member in run.members.index:
        assert_as_alone(run, member)


FOUR = [with_(seed=s) for s in range(4)]


@pytest.fixture(scope="module")
def side_by_side():
    """Return four lanes on two devices, mapped by `vmap` as on accelerators."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(devices, "on_cpu", lambda _: False)
        members = dict(enumerate([*FOUR[:3], FOUR[3].replace(operation="multiply")]))
        return Lanes(Program.of(members), devices.select_devices(2), 4)


def outcome(lanes, members, rounds=3, change=None):
    """Return the metrics and state of each lane after some rounds, a dict per lane."""
    lanes.start(dict(enumerate(members)))
    if change:
        lanes.place(change(lanes.read(range(4))))
    metrics = [lanes.round() for _ in range(rounds)][-1]
    rows = ({name: values[lane] for name, values in metrics.items()} for lane in range(4))
    return [row | state for row, state in zip(rows, lanes.read(range(4)), strict=True)]


def differ(a, b):
    """Return the names of the arrays that differ."""
    return {name for name in a if not np.array_equal(a[name], b[name], equal_nan=True)}


OTHER = {
    "seed": 9,
    "data_seed": 9,
    "learning_rate": 0.02,
    "weight_decay": 0.5,
    "init_scale": 2.0,
    "train_fraction": 0.3,
    "operation": "multiply",
    "label_noise": 0.5,
    "warmup_steps": 5,
    "decay_steps": 30,
    "final_rate": 0.5,
    "gradient_noise": 0.2,
    "grokfast_alpha": 0.3,
    "grokfast_lambda": 0.5,
}


# A learning rate of embeddings makes another program: tests/optim/test_embedding_rate.py.
TOUCHING = [name for name in BASE.names("traced") if name != "embedding_learning_rate"]


@pytest.mark.parametrize("name", [*TOUCHING, "operation"])
def test_a_hyperparameter_touches_its_member_and_no_other(side_by_side, name):
    before = outcome(side_by_side, FOUR)
    changed = [*FOUR[:1], FOUR[1].replace(**{name: OTHER[name]}), *FOUR[2:]]
    after = outcome(side_by_side, changed)
    assert {"train_loss", "params/hidden/kernel"} <= differ(before[1], after[1])
    assert not any(differ(before[lane], after[lane]) for lane in (0, 2, 3))


def test_weights_that_are_no_numbers_touch_no_other_lane(side_by_side):
    def poison(states):
        return {1: {n: x * np.nan if "params/" in n else x for n, x in states[1].items()}}

    before, after = outcome(side_by_side, FOUR), outcome(side_by_side, FOUR, change=poison)
    assert np.isnan(after[1]["train_loss"])
    assert not any(differ(before[lane], after[lane]) for lane in (0, 2, 3))


@often(10, shrink=False)
@given(st.lists(SEEDS, min_size=2, max_size=2, unique=True))
def test_seeds_differ_in_weights_split_and_batches(side_by_side, two):
    """Weights and batches depend on the seed, the split on the data seed, batches on the epoch."""
    one, other = two
    quiet = {"gradient_noise": 0.0, "label_noise": 0.0}
    seeds = [(one, 0), (other, 0), (one, 1), (one, 0)]
    members = [with_(seed=s, data_seed=d, **quiet) for s, d in seeds]
    frozen = [member.replace(learning_rate=0.0) for member in members]

    def like_first(states):
        """Copy the state of lane 0 to all lanes, with a later epoch in lane 3."""
        return {1: states[0], 2: states[0], 3: states[0] | {"epoch": np.int32(2)}}

    weights, norm = "params/hidden/kernel", "weight_norm"
    untrained = outcome(side_by_side, frozen)
    assert {weights, norm} <= differ(untrained[0], untrained[1])
    assert not {weights, norm} & differ(untrained[0], untrained[2])
    assert "train_loss" in differ(untrained[0], untrained[2])
    alike = outcome(side_by_side, frozen, change=like_first)
    assert not {"train_loss", "test_loss", weights} & differ(alike[0], alike[1])
    trained = outcome(side_by_side, members, rounds=1, change=like_first)
    for lane in (1, 2, 3):
        assert weights in differ(trained[0], trained[lane])


@pytest.fixture(scope="module")
def compilations():
    """Return a list that gets an event for each program that XLA compiles from now on.

    None is loaded from disk instead, where a test would not notice that it was asked for.
    """
    heard = []
    jax.monitoring.register_event_duration_secs_listener(
        lambda event, *_, **__: heard.append(event) if "backend_compile" in event else None
    )
    jax.jit(lambda x: x + 41)(1)
    assert heard, "the listener hears compilations"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GROKJAX_COMPILE_CACHE", "off")
        yield heard


def test_the_second_round_and_refill_compile_nothing(side_by_side, compilations):
    outcome(side_by_side, FOUR)
    compilations.clear()
    side_by_side.start({2: with_(seed=7, weight_decay=3.0, train_fraction=0.3)})
    side_by_side.round()
    side_by_side.read([2])
    assert not compilations


def test_a_second_launch_of_other_members_compiles_nothing(tmp_path, compilations):
    """The launch includes refills, an interruption and a resume."""
    for name, rate in (("first", 0.01), ("second", 0.02)):
        compilations.clear()
        members = tuple(with_(seed=s, learning_rate=rate) for s in range(5))
        perform(Launch(members, ((2, 4),), 2), tmp_path / name)
    assert not compilations


def test_state_is_donated(side_by_side):
    side_by_side.start({0: BASE})
    before = side_by_side._state.params["hidden"]["kernel"]
    side_by_side.round()
    assert before.is_deleted()


COLLECTIVES = "all-reduce|all-gather|all-to-all|collective-permute|reduce-scatter|send|recv"


def test_the_programs_hold_no_collective_and_no_callback(side_by_side):
    seen = rf"\b({COLLECTIVES})(-start)?\("
    assert re.search(seen, "%x = (f32[2]{0}, f32[3]{0}) all-reduce(%a, %b)")
    called_back = r'custom_call_target="[^"]*callback'
    asking = jax.jit(lambda x: jax.pure_callback(np.sin, x, x)).lower(np.float32(0)).compile()
    assert re.search(called_back, asking.as_text())
    in_turn = Lanes(Program.of(dict(enumerate(FOUR[:2]))), devices.select_devices(2), 2)
    for lanes in (side_by_side, in_turn):
        for program in (lanes._refill, lanes._round):
            text = program.as_text()
            assert "num_partitions=2" in text
            assert not re.findall(seen, text)
            assert not re.findall(called_back, text)
