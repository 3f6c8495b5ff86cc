import dataclasses

import numpy as np
import pytest

import grokjax
from grokjax import snapshots
from grokjax.config import Config
from grokjax.settings import ConfigError

LEARNING = {"train_accuracy": np.float32(0.5), "test_accuracy": np.float32(0.1)}
BETWEEN = {"train_accuracy": np.float32(1.0), "test_accuracy": np.float32(0.5)}
GROKKED = {"train_accuracy": np.float32(1.0), "test_accuracy": np.float32(1.0)}


def kept(spacing, metrics=LEARNING, every=40, last=2000):
    config = Config(snapshot_every=every, snapshot_spacing=spacing, max_epochs=last)
    return [e for e in range(0, last + 1, 20) if snapshots.wanted(config, e, metrics)]


def test_regular():
    assert kept("regular") == list(range(0, 2001, 40))
    none = Config()
    assert not any(snapshots.wanted(none, epoch, BETWEEN) for epoch in (0, 20, 40))


def test_log_spaced_four_to_an_octave():
    """At each 40 * 2**(i/4) the first evaluation at or after it, and the untrained one."""
    due = [40 * 2 ** (i / 4) for i in range(23)]
    first = sorted({int(-(-epoch // 20) * 20) for epoch in due if epoch <= 2000})
    assert kept("log") == [0, *first]
    assert {40, 80, 160, 320, 640, 1280} <= set(first)


def test_dense_from_memorising_to_grokking():
    assert kept("transition", BETWEEN) == list(range(0, 2001, 20))
    for metrics in (LEARNING, GROKKED):
        assert kept("transition", metrics) == kept("regular")
    for share in (0.0, 1.9 / 53):
        before = BETWEEN | {"test_accuracy": np.float32(share)}
        assert kept("transition", before) == kept("regular")
    above = BETWEEN | {"test_accuracy": np.float32(2.1 / 53)}
    assert len(kept("transition", above)) > len(kept("regular"))


@pytest.mark.parametrize("spacing", ["regular", "log"])
def test_room_is_reckoned_for_as_many_as_are_kept(spacing):
    config = Config(snapshot_every=40, snapshot_spacing=spacing, max_epochs=2000)
    assert snapshots.expected(config) >= len(kept(spacing))
    assert snapshots.expected(config) <= len(kept(spacing)) + 4
    assert snapshots.expected(Config()) == 0


def test_spacing_without_an_interval_is_refused():
    with pytest.raises(ConfigError, match="snapshot_spacing: 'log' is not allowed; set snapshot_e"):
        Config(snapshot_spacing="log")


def test_a_run_keeps_them(tiny, tmp_path):
    config = dataclasses.replace(
        tiny, eval_every=1, max_epochs=12, snapshot_every=2, snapshot_spacing="log"
    )
    run = grokjax.train(grokjax.Sweep(config, seed=[0, 1]), tmp_path / "run", progress=False)
    assert run.snapshots.epoch.values.tolist() == [0, 2, 3, 4, 5, 6, 7, 8, 10, 12]
    np.testing.assert_array_equal(run.snapshots.sel(epoch=12), run.embeddings)
