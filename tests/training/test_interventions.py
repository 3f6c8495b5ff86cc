"""Interventions: against NumPy, and in the company of members in which they never begin."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import grokjax
from grokjax import Config, Sweep
from grokjax.models.network import build_network
from grokjax.results.prediction import examples
from grokjax.runtime.prng import BATCHES, INIT, stream_key
from grokjax.tasks.splits import shuffled
from tests.conftest import TINY
from tests.reference import AdamW, forward, gradients, losses
from tests.training.test_member import run
from tests.training.test_resume import assert_same, stop_after

BASE = Config(**TINY | {"eval_every": 1})
SPLIT = BASE.steps_per_epoch + 1
"""Updates before the interventions of these tests begin: within the second epoch."""


def close_to(params, expected):
    jax.tree.map(functools.partial(np.testing.assert_allclose, atol=5e-6), params, expected)


def by_hand(config, epochs, change, gradients=gradients, start=None):
    """Train a member in NumPy in float64.

    change: (number of updates done, parameters, optimiser) -> parameters, after each update.
    start: its first parameters; None: those that its seed draws.
    """
    learned = examples(config)
    network = build_network(config.model_settings, config.spec)
    params = start or network.init(stream_key(np.uint32(config.seed), INIT))
    params = jax.tree.map(lambda x: np.asarray(x, np.float64), params)
    optimizer, size, done = AdamW(config.learning_rate, config.weight_decay), 24, 0
    for epoch in range(epochs):
        key = jax.random.fold_in(stream_key(np.uint32(config.seed), BATCHES), epoch)
        shuffle = np.asarray(shuffled(key, np.ones(size, bool), 49))
        for start in range(0, size, config.batch_size):
            rows = shuffle[start : start + config.batch_size]
            grads = gradients(params, learned.train_inputs[rows], learned.train_labels[rows])
            params, done = optimizer.step(params, grads), done + 1
            params = change(done, params, optimizer)
    return params


def norm(params, names):
    return np.sqrt(sum(np.sum(params[layer][name] ** 2) for layer, name in names))


MATRICES = [("embed", "embedding"), ("hidden", "kernel"), ("output", "kernel")]
ALL = [*MATRICES, ("hidden", "bias"), ("output", "bias")]
CLAMPS = {
    "all at its own norm": ({}, ALL, None, 1.0),
    "matrices below it": ({"clamp_weights": "matrices", "clamp_ratio": 0.7}, MATRICES, None, 0.7),
    "a layer": (
        {"clamp_weights": "hidden", "clamp_norm": 2.0, "clamp_ratio": 1.1},
        [("hidden", "kernel"), ("hidden", "bias")],
        2.0,
        1.1,
    ),
}


@pytest.mark.parametrize("name", CLAMPS)
def test_a_clamp_against_numpy(name):
    """From an update in the middle of an epoch on; the moments stay what they are."""
    settings, arrays, given, ratio = CLAMPS[name]
    config = BASE.replace(interventions="clamp-norm", intervene_from=SPLIT, **settings)
    measured = []

    def change(done, params, optimizer):
        if done <= SPLIT:
            measured[:] = [norm(params, arrays)]
            return params
        factor = ratio * (given or measured[0]) / norm(params, arrays)
        params = {layer: dict(each) for layer, each in params.items()}
        for layer, each in arrays:
            params[layer][each] = factor * params[layer][each]
        return params

    state, _, _ = run(config, rounds=4)
    expected = by_hand(config, 4, change)
    assert norm(expected, arrays) == pytest.approx(ratio * (given or measured[0]))
    close_to(state.params, expected)


def rescaled(done, params, optimizer):
    factor = 1.5 if done == SPLIT + 1 else 1.0
    return params | {"output": {name: factor * x for name, x in params["output"].items()}}


def with_other_settings(done, params, optimizer):
    if done == SPLIT:
        optimizer.settings = 0.02, BASE.weight_decay, *optimizer.settings[2:]
    return params


ONCE = {
    "rescale": ({"rescale_factor": 1.5, "rescale_weights": "output"}, rescaled),
    "change-settings": ({"changed_learning_rate": 0.02}, with_other_settings),
}


@pytest.mark.parametrize("name", ONCE)
def test_other_interventions_against_numpy(name):
    settings, change = ONCE[name]
    config = BASE.replace(interventions=name, intervene_from=SPLIT, **settings)
    state, _, _ = run(config, rounds=4)
    close_to(state.params, by_hand(config, 4, change))


def test_a_temperature_divides_the_logits_of_the_training_loss_alone():
    """As an output layer divided by it, whose gradient then is that of the layer divided by it."""
    temperature = 4.0

    def cooled(params, pairs, labels):
        if next(count) < SPLIT:
            return gradients(params, pairs, labels)
        output = {name: x / temperature for name, x in params["output"].items()}
        grads = gradients(params | {"output": output}, pairs, labels)
        return grads | {"output": {n: x / temperature for n, x in grads["output"].items()}}

    count = iter(range(100))
    config = BASE.replace(interventions="temperature", intervene_from=SPLIT)
    config = config.replace(logit_temperature=temperature)
    state, _, metrics = run(config, rounds=4)
    close_to(state.params, by_hand(config, 4, lambda done, params, _: params, cooled))
    learned = examples(config)
    logits, _ = forward(state.params, learned.test_inputs)
    expected = losses(logits, learned.test_labels).mean()
    np.testing.assert_allclose(metrics["test_loss"], expected, rtol=1e-5)


def own_shrink(params, moment, share: float = 0.9, times: int = 1):
    """Shrink the first rows of a kernel, in the first updates alone: layout and moment matter."""
    kernel = params["hidden"]["kernel"]
    rows = jnp.arange(len(kernel))[:, None] < 4
    factor = jnp.where(rows & (moment.since < 3), share**times, 1.0)
    return params | {"hidden": params["hidden"] | {"kernel": factor * kernel}}


SEVERAL = BASE.replace(
    interventions=["clamp-norm", own_shrink, "temperature"], clamp_ratio=0.9, logit_temperature=2.0
)


@pytest.fixture(scope="module")
def several(tmp_path_factory):
    """A run whose members begin at a step of their own, early, or never."""
    sweep = Sweep(SEVERAL, intervene_from=[None, 0, SPLIT, 3], share=[0.5, 0.8])
    assert len(sweep.programs()) == 1
    out = tmp_path_factory.mktemp("several") / "run"
    return grokjax.train(sweep, out, devices=2, progress=False)


def test_members_that_begin_at_other_steps_do_not_touch_each_other(several, tmp_path):
    chosen = [0, 3, 5]
    columns = {n: [several.sweep[m].values[n] for m in chosen] for n in several.sweep.swept}
    few = Sweep.zip(SEVERAL, **columns)
    assert_same(grokjax.train(few, tmp_path / "few", devices=1, progress=False), several)
    norms = several.history.weight_norm.values
    never, at_once, within, at_end = norms[:2], norms[2:4], norms[4:6], norms[6:]
    np.testing.assert_array_equal(never[0], never[1])
    np.testing.assert_array_equal(at_end[:, :2], never[:, :2])
    for begun, epoch in ((at_once, 1), (within, 2), (at_end, 2)):
        assert (begun[:, epoch] < 0.95 * never[:, epoch]).all()


def test_a_member_in_which_they_never_begin_is_the_matched_control(several):
    """Of a program without interventions the bits are others, to rounding."""
    plain, _, _ = run(BASE, rounds=6)
    close_to(several.params_of(0), plain.params)


@pytest.mark.parametrize("rounds", [1, 2], ids=["before", "within"])
def test_a_resume_has_the_same_bits(rounds, several, tmp_path, monkeypatch):
    """Interrupted at the update at which members 6 and 7 begin, or one epoch after it."""
    stop_after(monkeypatch, rounds)
    with pytest.raises(grokjax.Interrupted):
        grokjax.train(several.sweep, tmp_path / "run", devices=2, progress=False)
    resumed = grokjax.resume(tmp_path / "run", devices=1, progress=False)
    assert_same(resumed, several)
    assert resumed.info["pieces"]["interventions"].keys() == {"own_shrink"}


def test_a_run_that_gets_more_epochs_keeps_what_was_measured(several, tmp_path):
    """The state of interventions is kept of members that end at max_epochs."""
    short = SEVERAL.replace(max_epochs=3)
    names = {"intervene_from": [None, 0, SPLIT, 3], "share": [0.5, 0.8]}
    grokjax.train(Sweep(short, **names), tmp_path / "run", devices=1, progress=False)
    longer = grokjax.resume(tmp_path / "run", sweep=several.sweep, devices=1, progress=False)
    assert_same(longer, several)


def test_members_begin_after_their_own_memorisation(tmp_path, monkeypatch):
    """Two updates after epoch 3, the third one in a row at which any loss was good enough."""
    config = SEVERAL.replace(learnt_loss=100.0, stop_patience=3, eval_every=1)
    names = "intervene_after_memorised", "intervene_from"
    columns = dict(zip(names, ([2, None, None], [None, 11, None]), strict=True))
    sweep = Sweep.zip(config, **columns)
    stop_after(monkeypatch, 4)
    with pytest.raises(grokjax.Interrupted):
        grokjax.train(sweep, tmp_path / "run", lanes=2, devices=1, progress=False)
    found = grokjax.resume(tmp_path / "run", devices=1, progress=False)
    norms = found.history.weight_norm.values
    np.testing.assert_array_equal(norms[0], norms[1])
    assert norms[0, 4] < 0.95 * norms[2, 4]
    np.testing.assert_array_equal(norms[0, :4], norms[2, :4])
