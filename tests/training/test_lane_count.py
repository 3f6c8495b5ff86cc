"""The number of lanes: as many as fit and are faster; fewer if memory or members run out."""

from types import SimpleNamespace

import jax
import numpy as np
import pytest

import grokjax
from grokjax import Sweep
from grokjax.config.config import Config
from grokjax.errors import OutOfMemory
from grokjax.metrics.builtin import BUILTIN
from grokjax.runtime import devices
from grokjax.runtime.devices import select_devices
from grokjax.training import lane_count
from grokjax.training.lanes import Lanes
from grokjax.training.loop import Trainer
from tests.conftest import TINY
from tests.training.test_resume import assert_same

CONFIG = Config(**TINY | {"max_epochs": 40})
SWEEP = Sweep(CONFIG, seed=range(10))
(PROGRAM,) = SWEEP.programs()


@pytest.fixture
def accelerators(monkeypatch):
    """Make four CPU devices look like accelerators that report their memory."""
    monkeypatch.setattr(devices, "on_cpu", lambda _: False)
    memory = [np.inf]
    monkeypatch.setattr(devices, "memory_for_lanes", lambda _: memory[0])
    monkeypatch.setattr(lane_count, "INITIAL_LANES", 2)
    return memory


def exhausted(monkeypatch, at):
    """Let `Lanes.round` fail to allocate at these calls; return the counter of calls."""
    compiled, count = lane_count.build_lanes, [0]

    def build(*arguments):
        lanes = compiled(*arguments)
        original = lanes._round

        def round(*arguments):
            count[0] += 1
            if count[0] in at:
                raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 9")
            return original(*arguments)

        lanes._round = round
        return lanes

    monkeypatch.setattr(lane_count, "build_lanes", build)
    return count


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    return grokjax.train(SWEEP, tmp_path_factory.mktemp("undisturbed") / "run", progress=False)


def test_an_allocation_failure_halves_the_lanes_and_goes_on(tmp_path, monkeypatch, capsys):
    """It fails in the first round, and again when members are finished and in training."""
    five = Sweep(CONFIG.replace(max_epochs=12), seed=range(5))
    undisturbed = grokjax.train(five, tmp_path / "undisturbed", progress=False)
    exhausted(monkeypatch, at=(1, 10))
    run = grokjax.train(five, tmp_path / "run", devices=4, checkpoint_every=1e-9)
    said = capsys.readouterr().err
    assert "no room for 4 lanes (RESOURCE_EXHAUSTED: Out of memory allocating 9); going" in said
    assert "going on with 2" in said
    assert "no room for 2 lanes" in said
    assert sorted(set(run.rounds["lanes"])) == [1, 2]
    assert run.rounds["steps"].sum() == 5 * 12 * 3, "from the last checkpoint, not from the start"
    assert_same(run, undisturbed)


def test_what_no_number_of_lanes_can_hold_ends_in_one_line(tmp_path, monkeypatch):
    exhausted(monkeypatch, at=range(1, 1000))
    with pytest.raises(
        OutOfMemory, match="not have enough memory for 1 lanes, the fewest possible"
    ):
        grokjax.train(SWEEP, tmp_path / "run", progress=False)


def test_other_failures_are_not_taken_for_memory(monkeypatch):
    lanes = Lanes(PROGRAM, select_devices(1), 1)
    monkeypatch.setattr(
        lanes, "_round", lambda *_: (_ for _ in ()).throw(jax.errors.JaxRuntimeError("INTERNAL"))
    )
    with pytest.raises(jax.errors.JaxRuntimeError, match="INTERNAL"):
        lanes.round()


def test_compiled_memory_grows_with_the_lanes(accelerators):
    small, large = (Lanes(PROGRAM, select_devices(1), n).bytes_per_device for n in (2, 8))
    assert 3 < large / small < 4.5
    state = sum(leaf.nbytes for leaf in Lanes(PROGRAM, select_devices(1), 2).state.values())
    assert small > state


@pytest.mark.parametrize(
    ("fits", "speeds", "expected"),
    [
        (None, {2: 10, 4: 19, 8: 30, 10: 40}, 10),  # never more than there are members
        (None, {2: 10, 4: 19, 8: 20, 10: 40}, 4),  # the second doubling does not pay
        (8, {2: 10, 4: 19, 8: 30, 10: 40}, 8),  # the next would not fit
        (2, {2: 10, 4: 19, 8: 30, 10: 40}, 2),
    ],
)
def test_lanes_are_doubled_while_they_fit_and_pay(
    accelerators, monkeypatch, fits, speeds, expected
):
    lanes = lane_count.build_lanes(PROGRAM, select_devices(1), 2, BUILTIN)
    if fits:  # room for this many, and a little less than for these and twice as many beside them
        accelerators[0] = int(2.9 * Lanes(PROGRAM, select_devices(1), fits).bytes_per_device)
    monkeypatch.setattr(lane_count, "_measure_speed", lambda lanes: speeds[lanes.number])
    assert lane_count.grow_lanes(lanes, PROGRAM, select_devices(1), 10, BUILTIN).number == expected


def test_a_doubling_that_fails_to_allocate_is_given_up(accelerators, monkeypatch):
    def speed(lanes):
        if lanes.number > 4:
            raise OutOfMemory("no room")
        return lanes.number

    monkeypatch.setattr(lane_count, "_measure_speed", speed)
    lanes = lane_count.build_lanes(PROGRAM, select_devices(1), 2, BUILTIN)
    assert lane_count.grow_lanes(lanes, PROGRAM, select_devices(1), 10, BUILTIN).number == 4


def test_a_real_speed_is_measured(accelerators):
    lanes = lane_count.build_lanes(PROGRAM, select_devices(1), 2, BUILTIN)
    assert 1 < lane_count._measure_speed(lanes) < 1e6


def test_an_accelerator_run_grows_its_lanes_and_shrinks_them_at_the_end(
    tmp_path, undisturbed, accelerators, monkeypatch, capsys
):
    """Ten members train in eight lanes; when two are left, in four lanes."""
    speeds = {4: 10.0, 8: 20.0, 10: 20.0}
    monkeypatch.setattr(lane_count, "_measure_speed", lambda lanes: speeds[lanes.number])
    monkeypatch.setattr("grokjax.training.loop.Trainer._saves_time", lambda *_: True)
    run = grokjax.train(SWEEP, tmp_path / "run", devices=2)
    said = capsys.readouterr().err
    assert "8 lanes: 1 MiB a device, as compiled" in said or "8 lanes: 0 MiB" in said
    assert "2 members left: from 8 to 4 lanes" in said
    assert run.rounds["lanes"].tolist() == [8] * 20 + [4] * 20
    assert run.rounds["busy"].tolist() == [8] * 20 + [2] * 20
    # Lanes in other numbers take other kernels, so here bits may differ.
    np.testing.assert_allclose(run.embeddings, undisturbed.embeddings, rtol=1e-3, atol=1e-4)
    assert run.history.sizes == undisturbed.history.sizes


def test_members_under_way_move_to_fewer_lanes_with_their_state(
    tmp_path, accelerators, monkeypatch
):
    """Six of eight diverge in the first round."""
    sweep = Sweep.zip(CONFIG, seed=range(8), learning_rate=[1e30] * 3 + [1e-2] * 2 + [1e30] * 3)
    options = {"devices": 2, "lanes": 8, "progress": False}
    monkeypatch.setattr(
        "grokjax.training.loop.Trainer._saves_time", lambda *_: False
    )  # a busy machine's times
    stayed = grokjax.train(sweep, tmp_path / "stayed", **options)
    assert set(stayed.rounds["lanes"]) == {8}
    monkeypatch.setattr("grokjax.training.loop.Trainer._saves_time", lambda *_: True)
    moved = grokjax.train(sweep, tmp_path / "moved", **options)
    assert moved.rounds["lanes"].tolist() == [8] + [4] * 19
    for name in ("train_loss", "weight_norm"):
        np.testing.assert_allclose(moved.history[name], stayed.history[name], rtol=1e-4)


@pytest.mark.parametrize(("compile_seconds", "pays"), [(0.9, True), (1.1, False)])
def test_shrinking_must_save_twice_the_time_that_compiling_takes(compile_seconds, pays):
    counts = SimpleNamespace(remaining_after=lambda epochs, config: None)
    trainer = SimpleNamespace(
        _context=SimpleNamespace(counts=counts, sweep=Sweep(CONFIG.replace(max_epochs=48))),
        _epoch={0: 8, 1: 8},
        _round_epochs=2,
        _round_seconds=0.2,  # of 20 rounds each, which half of the lanes take half of
        _lanes=SimpleNamespace(number=8),
        _compile_seconds=compile_seconds,
    )
    assert Trainer._saves_time(trainer, 4) == pays  # type: ignore[arg-type]


def test_the_smallest_number_that_holds_the_busy():
    lanes = SimpleNamespace(number=16, devices=select_devices(2))
    assert [lane_count.smallest_count(lanes, busy) for busy in (16, 9, 8, 5, 4, 1)] == [
        16,
        16,
        8,
        8,
        4,
        4,
    ]
