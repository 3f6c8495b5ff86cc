"""Members that start from given weights in place of those that their seeds draw."""

import json
import shutil

import numpy as np
import pytest

import grokjax
from grokjax import Config, Sweep
from grokjax.config.sweep import Program
from grokjax.errors import DamagedRun
from grokjax.results import params
from grokjax.runtime.devices import select_devices
from grokjax.storage import lock
from grokjax.training import initial_weights, program
from grokjax.training.lanes import Lanes
from tests.conftest import TINY
from tests.results.test_selection import refusal
from tests.training.test_resume import assert_same, stop_after

CONFIG = Config(**TINY)
SEEDS = Sweep(CONFIG, seed=range(3))


def drawn(config):
    """The weights that a member's seed draws, nested, without `init_scale`."""
    config = config.replace(init_scale=1.0)
    lanes = Lanes(Program.of({0: config}), select_devices(1), 1)
    lanes.start({0: config})
    state = lanes.read([0])[0]
    return params.nested({n[7:]: x for n, x in state.items() if n.startswith("params/")})


def stacked(configs):
    """Weights drawn for several members, nested, with a leading axis."""
    each = [initial_weights.flat_arrays(drawn(config)) for config in configs]
    return params.nested({name: np.stack([one[name] for one in each]) for name in each[0]})


def train(sweep, out, **how):
    return grokjax.train(sweep, out, devices=1, progress=False, **how)


VARIANTS = {
    "scaled": {"init_scale": 1.5},
    "referred to": {"init_scale": 1.5, "decay_towards": "initial", "fixed_norm": True},
}


@pytest.mark.parametrize("settings", VARIANTS.values(), ids=VARIANTS)
def test_what_the_seeds_draw_when_given_is_the_same_run(settings, tmp_path):
    """To rounding: what draws the weights is another program than what takes them."""
    sweep = Sweep(CONFIG.replace(**settings), seed=range(3))
    given = train(sweep, tmp_path / "given", init=stacked(sweep))
    run = train(sweep, tmp_path / "drawn")
    for name, array in initial_weights.flat_arrays(run.params).items():
        ours = initial_weights.flat_arrays(given.params)[name]
        np.testing.assert_allclose(ours, array, rtol=1e-5, atol=1e-7, err_msg=name)
    for name, values in run.history.data_vars.items():
        np.testing.assert_allclose(given.history[name], values, rtol=1e-5, err_msg=name)


def test_one_members_weights_are_the_start_of_all(tmp_path):
    start = drawn(CONFIG.replace(seed=7))
    run = train(
        Sweep(CONFIG.replace(learning_rate=0.0), seed=range(3)), tmp_path / "run", init=start
    )
    for member in run.members.index:
        for name, array in initial_weights.flat_arrays(run.params_of(member)).items():
            np.testing.assert_array_equal(array, initial_weights.flat_arrays(start)[name])
    assert run.history.train_loss.isel(eval=0).values.std() > 0, "each has its own split"


def test_alone_and_resumed_a_member_is_bitwise_as_in_the_ensemble(tmp_path, monkeypatch):
    sweep = Sweep.zip(CONFIG, seed=[4, 5, 6], decay_towards=["zero", "initial", "initial"])
    weights = stacked([CONFIG.replace(seed=seed) for seed in (1, 2, 3)])
    whole = train(sweep, tmp_path / "whole", init=weights)
    own = params.nested({n: x[2] for n, x in initial_weights.flat_arrays(weights).items()})
    assert_same(train(sweep[2], tmp_path / "alone", init=own), whole)
    stop_after(monkeypatch, rounds=2)
    with pytest.raises(grokjax.Interrupted):
        train(sweep, tmp_path / "resumed", init=weights)
    monkeypatch.undo()
    assert_same(grokjax.resume(tmp_path / "resumed", devices=2, progress=False), whole)


def test_other_weights_compile_nothing_anew(tmp_path):
    before = program.compile_programs.cache_info().misses
    for seed in (8, 9):
        train(SEEDS, tmp_path / str(seed), init=drawn(CONFIG.replace(seed=seed)))
    assert program.compile_programs.cache_info().misses <= before + 1


START = drawn(CONFIG)


def changed(name, value):
    layer, leaf = name.split("/")
    return START | {layer: START[layer] | {leaf: value}}


def without(name):
    return {layer: leaves for layer, leaves in START.items() if layer != name}


REFUSED = {
    "no dict": (3, "init must be a dict of parameters, got 'int'; as Run.params_of gives"),
    "empty": ({}, "init must be a dict of parameters, got 'dict'; as Run.params_of gives"),
    "key": ({1: START}, "init must have names of parameters as keys, got 1"),
    "dtype": (
        changed("hidden/bias", np.zeros(8)),
        "init: hidden/bias must be float32, got float64; convert it with astype(numpy.float32)",
    ),
    "list": (
        changed("hidden/bias", [0.0] * 8),
        "init: hidden/bias must be float32, got list; convert it with astype(numpy.float32)",
    ),
    "values": (
        changed("hidden/bias", np.full(8, np.nan, np.float32)),
        "init: hidden/bias must be finite, got NaN or infinity",
    ),
    "missing": (
        without("output"),
        "init: lacks output/bias, which is [7] in the network of member 0",
    ),
    "unknown": (
        START | {"more": {"bias": np.zeros(3, np.float32)}},
        "init: has more/bias, which does not exist in the network of member 0",
    ),
    "shape": (
        changed("hidden/bias", np.zeros(9, np.float32)),
        "init: hidden/bias is [9], and [8] in the network of member 0",
    ),
    "members": (
        stacked([CONFIG, CONFIG.replace(seed=1)]),
        "init: has weights of 2 members, and the sweep has 3",
    ),
}


@pytest.mark.parametrize(("init", "message"), REFUSED.values(), ids=REFUSED)
def test_weights_that_do_not_fit_are_refused_before_any_compilation(
    init, message, tmp_path, monkeypatch
):
    monkeypatch.setattr(Lanes, "__init__", lambda *_: pytest.fail("compiled"))
    assert refusal(train, SEEDS, tmp_path / "run", init=init) == message
    assert not (tmp_path / "run").exists()


def test_a_member_whose_network_differs_is_named(tmp_path):
    sweep = Sweep(CONFIG, hidden_dim=[8, 9])
    said = refusal(train, sweep, tmp_path / "run", init=START)
    assert said == "init: hidden/bias is [8], and [9] in the network of member 1"


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    return train(SEEDS, tmp_path_factory.mktemp("finished") / "run", init=START).directory


def test_they_are_recorded_and_new_members_start_from_them(finished, tmp_path):
    recorded = json.loads((finished / "config.json").read_text())["initial_weights"]
    assert recorded.keys() == {"digest", "per_member"}
    longer = shutil.copytree(finished, tmp_path / "run")
    more = Sweep(CONFIG, seed=range(5))
    extended = grokjax.resume(longer, sweep=more, devices=1, progress=False)
    assert_same(extended, train(more, tmp_path / "whole", init=START))


def test_a_run_whose_members_have_weights_of_their_own_takes_more_epochs_but_no_members(tmp_path):
    weights = stacked(SEEDS)
    run = train(SEEDS, tmp_path / "run", init=weights)
    said = refusal(grokjax.resume, run.directory, sweep=Sweep(CONFIG, seed=range(4)))
    assert said == "init: has weights of 3 members, and the sweep has 4"
    longer = Sweep(CONFIG.replace(max_epochs=8), seed=range(3))
    extended = grokjax.resume(run.directory, sweep=longer, devices=1, progress=False)
    assert_same(extended, train(longer, tmp_path / "whole", init=weights))


def test_a_script_that_is_started_again_must_give_the_same_weights(finished, tmp_path):
    again = {"resume": True, "progress": False}
    grokjax.train(SEEDS, finished, init=START, **again)
    wanted = "init must be as in the run, which started from other weights; a resume keeps them"
    for other in (None, drawn(CONFIG.replace(seed=1))):
        assert refusal(grokjax.train, SEEDS, finished, init=other, **again) == wanted
    without = train(CONFIG, tmp_path / "without").directory
    said = refusal(grokjax.train, CONFIG, without, init=START, **again)
    assert said.startswith("init must be as in the run, which drew its initial weights from seeds;")


@pytest.mark.parametrize("damage", ["missing", "altered since it was written"])
def test_damaged_weights_are_found(damage, finished, tmp_path):
    directory = shutil.copytree(finished, tmp_path / "run")
    path = directory / initial_weights.NAME
    path.unlink() if damage == "missing" else np.savez(path, a=np.zeros(3))
    with pytest.raises(DamagedRun, match=damage):
        grokjax.resume(directory, progress=False)
    info = json.loads((directory / "config.json").read_text()) | {"initial_weights": 3}
    (directory / "config.json").write_text(json.dumps(info))  # by a stranger
    with pytest.raises(DamagedRun, match=r"config\.json cannot be read"):
        grokjax.load(directory)


def test_a_launch_killed_before_it_wrote_config_json_leaves_nothing_in_the_way(finished, tmp_path):
    directory = tmp_path / "run"
    directory.mkdir()
    (directory / lock.NAME).touch()
    initial_weights.InitialWeights(initial_weights.flat_arrays(START), None).save(directory)
    train(CONFIG, directory)
    assert not (directory / initial_weights.NAME).exists()
    mine = tmp_path / "mine"
    mine.mkdir()
    shutil.copy(finished / initial_weights.NAME, mine)
    assert "is not an empty directory" in refusal(train, CONFIG, mine)
