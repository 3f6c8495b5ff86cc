"""Launches drawn at random, and what every member of them computes alone.

Compiling takes the time, so all of them share four programs: lanes on one
device or two, and for members alone, by the number of their training pairs.
"""

import dataclasses
import functools
from dataclasses import dataclass

import jax
import numpy as np
import pytest
from hypothesis import strategies as st

import grokjax
from grokjax import tasks
from grokjax.config import Config
from grokjax.devices import start
from grokjax.lanes import Lanes
from grokjax.sweep import Program, Sweep
from tests.conftest import TINY
from tests.planted import SEEDS
from tests.test_resume import stop_after

RULES = {
    "warmup_steps": 2,
    "schedule": "cosine",
    "decay_steps": 12,
    "gradient_noise": 0.05,
    "grokfast": "ema",
    "label_noise": 0.1,
}
"""With these each traced setting does something."""

BASE = Config(**TINY | RULES)

OPERATIONS = [
    name
    for name in tasks.defined(BASE.modulus)
    if tasks.TASKS[name].pairs(7) == 49 and tasks.TASKS[name].classes(7) <= 7
]

SETTINGS = {
    "seed": SEEDS,
    "data_seed": st.none() | SEEDS,
    "learning_rate": st.sampled_from([0.0, 1e6]) | st.floats(1e-4, 0.1),
    "weight_decay": st.just(0.0) | st.floats(0, 10),
    "init_scale": st.sampled_from([1.0, 3e38]) | st.floats(0.1, 10),
    "train_fraction": st.sampled_from([0.3, 0.5]),
    "operation": st.sampled_from(OPERATIONS),
    "label_noise": st.sampled_from([0.0, 0.5]),
    "warmup_steps": st.integers(1, 9),
    "decay_steps": st.integers(1, 20),
    "final_rate": st.floats(0, 1),
    "gradient_noise": st.floats(0.001, 0.5),
    "grokfast_alpha": st.floats(0, 0.99),
    "grokfast_lambda": st.none() | st.floats(0, 3),
}


@dataclass(frozen=True)
class Launch:
    """Members in their order, and how they are trained: first so many rounds in so many lanes."""

    members: tuple[Config, ...]
    legs: tuple[tuple[int, int], ...]  # (lanes, rounds), each ends in an interruption
    lanes: int  # to the end

    @property
    def sweep(self):
        columns = {name: [getattr(m, name) for m in self.members] for name in SETTINGS}
        return Sweep.zip(BASE, **columns)


def launches():
    """Two to five members, one of them with the larger training set."""
    member = st.builds(functools.partial(dataclasses.replace, BASE), **SETTINGS)
    members = st.lists(member, min_size=2, max_size=5, unique=True).map(tuple)
    lanes = st.sampled_from([1, 2])
    legs = st.lists(st.tuples(lanes, st.integers(1, 4)), max_size=2).map(tuple)
    some = members.filter(lambda each: any(m.train_fraction == 0.5 for m in each))
    return st.builds(Launch, some, legs, lanes)


def perform(launch, directory):
    """The finished run."""
    go = functools.partial(grokjax.train, launch.sweep, directory)
    for lanes, rounds in launch.legs:
        with pytest.MonkeyPatch.context() as patch:
            stop_after(patch, rounds)
            try:
                return go(lanes=lanes, progress=False)
            except grokjax.Interrupted:
                go = functools.partial(grokjax.resume, directory)
    return go(lanes=launch.lanes, progress=False)


@functools.cache
def alone(config):
    """One member by itself, in rounds of one epoch: all it has and gives, by name, `[epoch, ...]`.

    Without the host loop, a run directory or a lane that another had before.
    """
    short = dataclasses.replace(config, eval_every=1)
    lanes = Lanes(Program(short.static, (0,), short.train_size), start(1), 1)
    rows = [lanes.start({0: short}) | first_of(lanes)]
    rows += [lanes.round() | first_of(lanes) for _ in range(config.max_epochs)]
    return {name: np.stack([row[name][0] for row in rows]) for name in rows[0]}


def first_of(lanes):
    return {name: array[None] for name, array in lanes.read([0])[0].items()}


def assert_as_alone(run, member):
    """Every bit of it: when it ended and as what, its parameters then, all metrics until then."""
    there = alone(run.sweep[member])
    evaluated = np.arange(0, run.config.max_epochs + 1, run.config.eval_every)
    losses = ("train_loss", "test_loss", "weight_norm")
    bad = [e for e in evaluated[1:] if not all(np.isfinite(there[name][e]) for name in losses)]
    row = run.members.loc[member]
    assert (row.status == "diverged") == bool(bad)
    assert row.epochs == (bad[0] if bad else run.config.max_epochs)
    for path, leaf in jax.tree_util.tree_leaves_with_path(run.params_of(member)):
        name = jax.tree_util.keystr(path, simple=True, separator="/")
        same(leaf, there[f"params/{name}"][row.epochs], member, name)
    seen = evaluated[evaluated <= row.epochs]
    for name, values in run.history.sel(member=member).data_vars.items():
        same(values.values[: len(seen)], there[name][seen], member, name)
        assert np.isnan(values.values[len(seen) :]).all()


def same(ours, theirs, member, name):
    np.testing.assert_array_equal(ours, theirs, err_msg=f"member {member}: {name}")
