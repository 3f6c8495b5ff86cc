"""Draw launches at random, and compute every member of them alone.

Compiling takes most of the time, so all launches share a few programs. Those of launches differ in
their pieces (built-in, or those of tests/training/user_pieces.py), their operations, and whether
lanes are on one device or two; those of single members in operation and number of train examples.
"""

import functools
from dataclasses import dataclass

import jax
import numpy as np
import pytest
from hypothesis import strategies as st

import grokjax
from grokjax.config.config import KINDS, Config
from grokjax.config.sweep import Program, Sweep
from grokjax.metrics.builtin import BUILTIN
from grokjax.metrics.metric import as_metric
from grokjax.runtime.devices import select_devices
from grokjax.training.lanes import Lanes
from tests.conftest import TINY
from tests.planted import SEEDS
from tests.training import user_pieces
from tests.training.test_resume import stop_after

RULES = {
    "warmup_steps": 2,
    "schedule": "cosine",
    "decay_steps": 12,
    "gradient_noise": 0.05,
    "grokfast": "ema",
    "label_noise": 0.1,
}
"""With these settings each traced setting has an effect."""

BASE = Config(**TINY | RULES)
OWN = user_pieces.own_config(**RULES)
RECORDED = (*BUILTIN, *map(as_metric, user_pieces.METRICS))

SETTINGS = {
    "seed": SEEDS,
    "data_seed": st.none() | SEEDS,
    "learning_rate": st.sampled_from([0.0, 1e6]) | st.floats(1e-4, 0.1),
    "weight_decay": st.just(0.0) | st.floats(0, 10),
    "init_scale": st.sampled_from([1.0, 3e38]) | st.floats(0.1, 10),
    "train_fraction": st.sampled_from([0.3, 0.5]),
    "label_noise": st.sampled_from([0.0, 0.5]),
    "warmup_steps": st.integers(1, 9),
    "decay_steps": st.integers(1, 20),
    "final_rate": st.floats(0, 1),
    "gradient_noise": st.floats(0.001, 0.5),
    "grokfast_alpha": st.floats(0, 0.99),
    "grokfast_lambda": st.none() | st.floats(0, 3),
}


OPERATIONS = ("multiply", "random")


@dataclass(frozen=True)
class Launch:
    """Members in their order, and how they are trained.

    legs: lanes and rounds of each part that ends with an interruption. lanes: lanes of the last
    part, which is not interrupted.
    """

    members: tuple[Config, ...]
    legs: tuple[tuple[int, int], ...]
    lanes: int

    @property
    def sweep(self):
        """The members as a sweep over all settings in which they differ."""
        names = (*KINDS, *SETTINGS, "operation")
        columns = {name: [m.values.get(name) for m in self.members] for name in names}
        return Sweep.zip(BASE, **columns)


def launches():
    """Draw two to five members of either kind.

    The first and the last of the built-in kind have different operations, and the first of either
    kind has the larger training set, so that all launches have the same programs.
    """
    large = SETTINGS | {"train_fraction": st.just(0.5)}
    first, last = (
        st.builds(BASE.replace, operation=st.just(name), **settings)
        for name, settings in zip(OPERATIONS, (large, SETTINGS), strict=True)
    )
    more = st.builds(BASE.replace, operation=st.sampled_from(OPERATIONS), **SETTINGS)
    own = st.tuples(
        st.builds(OWN.replace, **large), st.lists(st.builds(OWN.replace, **SETTINGS), max_size=2)
    )
    lanes = st.sampled_from([1, 2])
    legs = st.lists(st.tuples(lanes, st.integers(1, 4)), max_size=2).map(tuple)
    members = st.tuples(first, st.lists(more, max_size=2), own | st.none(), last).map(ordered)
    return st.builds(
        Launch, members.filter(lambda each: len(each) == len(set(each)) <= 5), legs, lanes
    )


def ordered(drawn):
    """Return the drawn members of a launch, each once, those of a user's pieces in the middle."""
    first, more, own, last = drawn
    own = () if own is None else (own[0], *own[1])
    return (first, *own, *more, last)


def perform(launch, directory):
    """Train a launch, through its interruptions; return the finished run."""
    own = {"metrics": user_pieces.METRICS, "progress": False}
    go = functools.partial(grokjax.train, launch.sweep, directory, **own)
    for lanes, rounds in launch.legs:
        with pytest.MonkeyPatch.context() as patch:
            stop_after(patch, rounds)
            try:
                return go(lanes=lanes)
            except grokjax.Interrupted:
                go = functools.partial(grokjax.resume, directory, **own)
    return go(lanes=launch.lanes)


@functools.cache
def alone(config):
    """Train one member by itself, in rounds of one epoch: its state and metrics `[epoch, ...]`.

    There is no host loop, no run directory, and no lane that another member had before.
    """
    short = config.replace(eval_every=1)
    lanes = Lanes(Program.of({0: short}), select_devices(1), 1, RECORDED)
    rows = [lanes.start({0: short}) | first_of(lanes)]
    rows += [lanes.round() | first_of(lanes) for _ in range(config.max_epochs)]
    return {name: np.stack([row[name][0] for row in rows]) for name in rows[0]}


def first_of(lanes):
    """Return the state of lane 0, with a leading axis."""
    return {name: array[None] for name, array in lanes.read([0])[0].items()}


def assert_as_alone(run, member):
    """Assert that a member's end, parameters and metrics have the bits of the member alone."""
    expected = alone(run.sweep[member])
    evaluated = np.arange(0, run.config.max_epochs + 1, run.config.eval_every)
    losses = ("train_loss", "test_loss", "weight_norm")
    bad = [e for e in evaluated[1:] if not all(np.isfinite(expected[name][e]) for name in losses)]
    row = run.members.loc[member]
    assert (row.status == "diverged") == bool(bad)
    assert row.epochs == (bad[0] if bad else run.config.max_epochs)
    for path, leaf in jax.tree_util.tree_leaves_with_path(run.params_of(member)):
        name = jax.tree_util.keystr(path, simple=True, separator="/")
        assert_same(leaf, expected[f"params/{name}"][row.epochs], member, name)
    seen = evaluated[evaluated <= row.epochs]
    recorded = run.networks.of(run.sweep[member]).metrics
    assert {"largest_weight", "margins"} <= recorded.keys() <= set(run.history.data_vars)
    for name, array in run.history.sel(member=member).data_vars.items():
        if name not in recorded:
            assert np.isnan(array).all()
            continue
        values = array.sel(recorded[name].dims).values
        assert_same(values[: len(seen)], expected[name][seen], member, name)
        assert np.isnan(values[len(seen) :]).all()


def assert_same(ours, theirs, member, name):
    np.testing.assert_array_equal(ours, theirs, err_msg=f"member {member}: {name}")
