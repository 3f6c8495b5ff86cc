"""The promises of an ensemble: what a member computes is its own business."""

import dataclasses
import re

import jax
import jax.export
import jax.numpy as jnp
import numpy as np
import pytest

import grokjax
from grokjax import member
from grokjax.config import Config
from grokjax.devices import start
from grokjax.hypers import Hypers
from grokjax.lanes import Lanes
from grokjax.sweep import Program, Sweep
from tests.conftest import TINY

NOTEBOOK = Config(max_epochs=40, stop_when="never")
SETTINGS = [{"seed": s, "weight_decay": [0.3, 1.0][s % 2]} for s in range(8)]


def train(members, tmp_path, **options):
    """A run of the notebook's model with these settings, in this order."""
    columns = {name: [m[name] for m in members] for name in members[0]}
    sweep = Sweep.zip(NOTEBOOK, **columns)
    return grokjax.train(sweep, tmp_path / "run", progress=False, **options)


def bits(run, i):
    """Everything a member gave: parameters and metrics, by value."""
    params = jax.tree_util.tree_leaves_with_path(run.params_of(i))
    found = {jax.tree_util.keystr(path): leaf for path, leaf in params}
    return found | {name: v.values[i] for name, v in run.history.data_vars.items()}


@pytest.fixture(scope="module")
def eight(tmp_path_factory):
    return train(SETTINGS, tmp_path_factory.mktemp("eight"), devices=2, lanes=2)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("chosen", "options"),
    [
        ([2, 5], {"devices": 1}),
        ([5], {"devices": 2}),
        ([7, 3, 6, 2, 5, 0, 1, 4], {"devices": 2}),
        ([1, 2, 3, 4, 5, 6, 7], {"devices": 4, "lanes": 8}),
    ],
    ids=["pair on one device", "alone", "another order", "four devices"],
)
def test_a_member_is_bitwise_the_same_in_any_company(eight, tmp_path, chosen, options):
    other = train([SETTINGS[i] for i in chosen], tmp_path, **options)
    for here, there in enumerate(chosen):
        ours, theirs = bits(other, here), bits(eight, there)
        assert ours.keys() == theirs.keys()
        for name, value in ours.items():
            np.testing.assert_array_equal(value, theirs[name], err_msg=f"member {there}: {name}")


def test_members_differ(eight):
    embeddings = eight.embeddings.reshape(8, -1)
    assert len(np.unique(embeddings, axis=0)) == 8
    assert not np.isnan(eight.history.test_loss.values).any()


@pytest.fixture(scope="module")
def tiny_lanes():
    tiny = Config(**TINY)
    return Lanes(Program(tiny.static, (0, 1, 2, 3), tiny.train_size), start(2), 4)


def test_a_diverged_or_reckless_neighbour_touches_nobody(tiny, tiny_lanes):
    def outcome(neighbour):
        members = [dataclasses.replace(tiny, seed=i) for i in range(4)]
        members[1] = dataclasses.replace(tiny, seed=9, **neighbour)
        tiny_lanes.start(dict(enumerate(members)))
        metrics = [tiny_lanes.round() for _ in range(3)][-1]
        return metrics, tiny_lanes.read([0, 1, 2, 3])

    calm, states = outcome({})
    wild, wild_states = outcome({"learning_rate": 1e30})
    assert not np.isfinite(wild["train_loss"][1])
    assert np.isfinite(calm["train_loss"]).all()
    for lane in (0, 2, 3):
        for name, value in calm.items():
            np.testing.assert_array_equal(value[lane], wild[name][lane])
        for name, value in states[lane].items():
            np.testing.assert_array_equal(value, wild_states[lane][name])


def test_the_second_round_and_refill_compile_nothing(tiny, tiny_lanes):
    compiled = []
    jax.monitoring.register_event_duration_secs_listener(
        lambda event, *_, **__: compiled.append(event) if "backend_compile" in event else None
    )
    jax.jit(lambda x: x + 41)(1)
    assert compiled, "the listener hears compilations"
    members = {lane: dataclasses.replace(tiny, seed=lane) for lane in range(4)}
    tiny_lanes.start(members)
    tiny_lanes.round()
    tiny_lanes.read([1])
    compiled.clear()
    tiny_lanes.start({2: dataclasses.replace(tiny, seed=7, weight_decay=3.0)})
    tiny_lanes.round()
    tiny_lanes.read([2])
    assert not compiled


def test_state_is_donated(tiny, tiny_lanes):
    tiny_lanes.start({0: tiny})
    before = tiny_lanes._state.params["hidden"]["kernel"]
    tiny_lanes.round()
    assert before.is_deleted()


COLLECTIVES = "all-reduce|all-gather|all-to-all|collective-permute|reduce-scatter|send|recv"


def test_the_round_holds_no_collective_and_no_callback(tiny_lanes):
    text = tiny_lanes.as_text()
    assert "num_partitions=2" in text
    seen = rf"\b({COLLECTIVES})(-start)?\("
    assert re.search(seen, "%x = (f32[2]{0}, f32[3]{0}) all-reduce(%a, %b)")
    assert not re.findall(seen, text)
    assert "callback" not in text


@pytest.mark.parametrize("batch_size", [9, None])
def test_the_round_lowers_for_accelerators_without_scatter(tiny, batch_size):
    config = dataclasses.replace(tiny, batch_size=batch_size)
    one = member.build(config.static, config.train_size)
    hypers = jax.tree.map(lambda x: jnp.stack([x, x]), Hypers.of(config))
    state, _ = jax.eval_shape(jax.vmap(one.init), hypers)
    for platform in ("cuda", "tpu"):
        exported = jax.export.export(jax.jit(jax.vmap(one.round)), platforms=[platform])
        text = exported(hypers, state).mlir_module()
        assert "stablehlo.dot_general" in text
        for unwanted in ("stablehlo.scatter", "callback", "f64>", "all_reduce", "all_gather"):
            assert unwanted not in text
