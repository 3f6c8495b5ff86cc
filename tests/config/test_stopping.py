import numpy as np
import pytest

from grokjax.config.config import Config
from grokjax.config.stopping import judge
from grokjax.storage.member_state import StopState

CONFIG = Config(max_epochs=200, eval_every=20)


def fate(config, train, test, loss=None):
    """Status and last epoch of a member with these accuracies at epochs 20, 40, ..."""
    stop_state = StopState()
    for i, (a, b) in enumerate(zip(train, test, strict=True), start=1):
        metrics = {
            "train_accuracy": np.float32(a),
            "test_accuracy": np.float32(b),
            "train_loss": np.float32(1.0 if loss is None else loss[i - 1]),
            "test_loss": np.float32(1.0),
            "weight_norm": np.float32(1.0),
        }
        stop_state, status = judge(config, stop_state, 20 * i, metrics)
        if status != "running":
            return status, 20 * i
    return "running", 20 * len(train)


ONES = [1.0] * 10


def test_three_evaluations_in_a_row_are_grokked():
    assert fate(CONFIG, ONES, [0, 0.99, 0.98, 0.99, 1, 0.99, 1, 1, 1, 1]) == ("grokked", 120)


def test_it_goes_on_for_the_extra_epochs_and_a_relapse_does_not_undo_it():
    config = Config(max_epochs=200, eval_every=20, extra_epochs=40)
    assert fate(config, ONES, [1, 1, 1, 0, 0, 0, 0, 0, 0, 0]) == ("grokked", 100)


def test_never_trains_to_the_last_epoch():
    config = Config(max_epochs=200, eval_every=20, stop_when="never")
    assert fate(config, ONES, [1, 1, 1, 0, 0, 0, 0, 0, 0, 0]) == ("grokked", 200)


@pytest.mark.parametrize(
    ("train", "status"),
    [
        ([0.5, 0.99, 0.98, 0.99, 0.99, 0.99, *[0.5] * 4], "memorised"),  # a relapse undoes nothing
        ([0.5, *[0.99, 0.99, 0.98] * 3], "not memorised"),  # never three in a row
        ([*[0.5] * 8, 1.0, 1.0], "not memorised"),  # two at the end are too few
    ],
)
def test_three_evaluations_in_a_row_are_memorised(train, status):
    assert fate(CONFIG, train, [0.5] * 10) == (status, 200)


@pytest.mark.parametrize("loss", [np.nan, np.inf])
def test_divergence_ends_a_member_at_once(loss):
    assert fate(CONFIG, ONES, [1.0] * 10, [1, loss, *ONES[:8]]) == ("diverged", 40)


def end(losses, accuracies=None, **settings):
    """Status and last epoch with these test losses and accuracies; the train split is learnt."""
    config = CONFIG.replace(**settings)
    stop_state, status, epoch = StopState(), "running", 0
    for i, loss in enumerate(losses):
        accuracy = np.nan if accuracies is None else accuracies[i]
        metrics = {
            "train_accuracy": np.float32(accuracy if accuracies is None else 1),
            "test_accuracy": np.float32(accuracy),
            "train_loss": np.float32(1e-6),
            "test_loss": np.float32(loss),
            "weight_norm": np.float32(1),
        }
        epoch += 20
        stop_state, status = judge(config, stop_state, epoch, metrics)
        if status != "running":
            break
    return status, epoch


def test_a_loss_decides_where_accuracy_is_not_defined():
    falling = [1.0, 0.1, 0.01, 0.001, 0.001, 0.001, 0.001, 0.001, 0.001, 0.001]
    assert end(falling, learnt_loss=0.01) == ("grokked", 100)
    assert end(falling, learnt_loss=0.01, stop_patience=1) == ("grokked", 60)
    assert end(falling, learnt_loss=1e-4) == ("memorised", 200)
    assert end(falling) == ("not memorised", 200)


def test_another_accuracy_decides():
    half = [0.5] * 10
    assert end(half, half, learnt_accuracy=0.5) == ("grokked", 60)
    assert end(half, half, learnt_accuracy=0.6) == ("memorised", 200)
    # 0.9 in float32 is not below 0.9.
    assert end(half, [0.9] * 10, learnt_accuracy=0.9) == ("grokked", 60)
