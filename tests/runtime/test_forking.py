"""A process forked after JAX was used refuses to train; threads and spawned processes work."""

import asyncio
import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import jax
import numpy as np
import pytest

import grokjax
from grokjax.analysis import fourier
from tests.conftest import TINY
from tests.runtime.forks import fork_first_then_train, forked
from tests.training.test_resume import assert_same, stop_after

CONFIG = grokjax.Config(**TINY)


def train(out, config=CONFIG):
    return grokjax.train(config, out, devices=1, progress=False)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return train(tmp_path_factory.mktemp("whole") / "run")


@pytest.fixture(scope="module")
def half(tmp_path_factory):
    """Return a run whose parameters are in a checkpoint, which tensorstore reads."""
    out = tmp_path_factory.mktemp("half") / "run"
    with pytest.MonkeyPatch.context() as patch:
        stop_after(patch, rounds=2)
        with pytest.raises(grokjax.Interrupted):
            train(out)
    return out


USES = {
    "train": lambda whole, half, out: train(out),
    "resume": lambda whole, half, out: grokjax.resume(half, progress=False),
    "analysis": lambda whole, half, out: fourier.power(np.ones((3, 7, 4), np.float32)),
    "apply": lambda whole, half, out: whole.apply(whole.params_of(0), np.array([[0, 1]])),
    "data": lambda whole, half, out: whole.data_of(0),
    "parameters in training": lambda whole, half, out: grokjax.load(half).params,
}


@pytest.mark.parametrize("use", USES)
def test_work_that_would_hang_is_refused_and_writes_nothing(use, whole, half, tmp_path):
    jax.devices()
    said = forked(lambda: USES[use](whole, half, tmp_path / "run"))
    assert said.startswith("RuntimeError: this process was forked from one that had used JAX")
    assert "multiprocessing.get_context('spawn')" in said
    assert "\n" not in said
    assert list(tmp_path.iterdir()) == []


def test_a_forked_process_reads_a_finished_run(whole):
    """Workers of a data loader do so; reading uses only NumPy."""
    run = grokjax.load(whole.directory)
    assert forked(lambda: (run.params, run.history, run.members, run.embeddings)) == "went on"


def test_a_fork_before_grokjax_is_imported_is_detected():
    def action():
        for name in [name for name in sys.modules if name.split(".")[0] == "grokjax"]:
            del sys.modules[name]
        from grokjax.runtime import forking

        assert sys.modules["grokjax.runtime.forking"] is forking
        forking.check_not_forked()

    assert forked(action).startswith("RuntimeError: this process was forked from one that had")


def test_training_inside_a_running_event_loop(tmp_path, whole, half):
    """A notebook has one, and Orbax runs its own coroutines for checkpoints."""

    async def main():
        stopped = grokjax.resume(half, devices=1, progress=False)
        return train(tmp_path / "run"), stopped

    for run in asyncio.run(main()):
        assert_same(run, whole)


def test_threads_train_side_by_side(tmp_path, whole):
    other = CONFIG.replace(seed=1)
    with ThreadPoolExecutor(2) as pool:
        outs = [tmp_path / "a", tmp_path / "b"]
        first, second = pool.map(train, outs, [CONFIG, other])
    assert_same(first, whole)
    assert second.members["epochs"].tolist() == [6]


def test_spawned_processes_train_and_so_do_those_forked_before_jax_was_used(tmp_path, whole):
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as pool:
        said, epochs = pool.submit(fork_first_then_train, TINY, tmp_path).result()
    assert (said, epochs) == ("went on", [6])
    for name in ("forked", "spawned"):
        assert_same(grokjax.load(tmp_path / name), whole)
