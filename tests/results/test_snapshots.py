import numpy as np
import pytest

import grokjax
from grokjax.config import snapshots
from grokjax.config.config import Config
from grokjax.errors import ConfigError

LEARNING = {"train_accuracy": np.float32(0.5), "test_accuracy": np.float32(0.1)}
BETWEEN = {"train_accuracy": np.float32(1.0), "test_accuracy": np.float32(0.5)}
GROKKED = {"train_accuracy": np.float32(1.0), "test_accuracy": np.float32(1.0)}


def kept(spacing, metrics=LEARNING, every=40, last=2000):
    config = Config(snapshot_every=every, snapshot_spacing=spacing, max_epochs=last)
    return [e for e in range(0, last + 1, 20) if snapshots.is_due(config, e, metrics)]


def test_regular():
    assert kept("regular") == list(range(0, 2001, 40))
    none = Config()
    assert not any(snapshots.is_due(none, epoch, BETWEEN) for epoch in (0, 20, 40))


def test_log_spaced_four_to_an_octave():
    """The first evaluation at or after each 40 * 2**(i/4) is kept, and the untrained one."""
    due = [40 * 2 ** (i / 4) for i in range(23)]
    first = sorted({int(-(-epoch // 20) * 20) for epoch in due if epoch <= 2000})
    assert kept("log") == [0, *first]
    assert {40, 80, 160, 320, 640, 1280} <= set(first)


def test_transition_keeps_every_evaluation_from_memorising_to_grokking():
    assert kept("transition", BETWEEN) == list(range(0, 2001, 20))
    for metrics in (LEARNING, GROKKED):
        assert kept("transition", metrics) == kept("regular")
    for share in (0.0, 1.9 / 53):
        before = BETWEEN | {"test_accuracy": np.float32(share)}
        assert kept("transition", before) == kept("regular")
    above = BETWEEN | {"test_accuracy": np.float32(2.1 / 53)}
    assert len(kept("transition", above)) > len(kept("regular"))


@pytest.mark.parametrize("spacing", ["regular", "log"])
def test_disk_space_is_estimated_for_the_snapshots_that_are_kept(spacing):
    config = Config(snapshot_every=40, snapshot_spacing=spacing, max_epochs=2000)
    assert snapshots.expected_count(config) >= len(kept(spacing))
    assert snapshots.expected_count(config) <= len(kept(spacing)) + 4
    assert snapshots.expected_count(Config()) == 0


def test_spacing_needs_an_interval():
    with pytest.raises(
        ConfigError, match="snapshot_spacing needs snapshot_every to be set, got 'log'"
    ):
        Config(snapshot_spacing="log")


def test_a_run_keeps_snapshots(tiny, tmp_path):
    config = tiny.replace(eval_every=1, max_epochs=12, snapshot_every=2, snapshot_spacing="log")
    run = grokjax.train(grokjax.Sweep(config, seed=[0, 1]), tmp_path / "run", progress=False)
    assert run.snapshots.epoch.values.tolist() == [0, 2, 3, 4, 5, 6, 7, 8, 10, 12]
    np.testing.assert_array_equal(run.snapshots.sel(epoch=12), run.embeddings)
    with pytest.raises(ValueError, match="this run keeps embeddings; set snapshot to params"):
        run.at(12)
