"""Times to memorise and to grok follow the rule by which members stop."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from grokjax import ConfigError
from grokjax.analysis.quartiles import quartile_band
from grokjax.analysis.times import (
    Times,
    events,
    first_epoch,
    format_quartiles,
    learnt_definition,
    loss_times,
    phases,
)
from grokjax.config.config import Config
from grokjax.config.stopping import judge
from grokjax.storage.member_state import StopState

NAN = float("nan")
SPLITS = ("train", "test")


def fake_run(train, test, status, epochs=(0, 20, 40, 60), max_epochs=60, patience=1):
    """The attributes of a run that `events` reads, with these accuracies `[M, T]`."""
    data = {"train_accuracy": train, "test_accuracy": test}
    data = {n: (("member", "eval"), np.array(v, np.float32)) for n, v in data.items()}
    last = [max([e for e, v in zip(epochs, row, strict=True) if v == v] or [0]) for row in test]
    return SimpleNamespace(
        history=xr.Dataset(data, {"epoch": ("eval", np.array(epochs))}),
        members=pd.DataFrame({"status": np.array(status, str), "epochs": last}),
        config=Config(max_epochs=max_epochs, eval_every=20, stop_patience=patience),
    )


def test_first_epoch_of_a_streak():
    values = [[0, 0.99, 0.5, 1.0], [0, 0.5, NAN, NAN], [1, 1, 1, 1], [0, 1, NAN, 1]]
    np.testing.assert_array_equal(first_epoch(values, [0, 20, 40, 60]), [20, NAN, 20, 20])
    # NaN is not an evaluation, so it does not end a streak.
    np.testing.assert_array_equal(
        first_epoch(values, [0, 20, 40, 60], patience=2), [NAN, NAN, 20, 20]
    )
    assert np.isnan(first_epoch(np.zeros((2, 0)), [], 0.5)).all()


accuracies = st.lists(st.sampled_from([0.5, 0.98, 0.99, 1.0]), min_size=1, max_size=12)


@given(accuracies, st.integers(1, 4), st.sampled_from(["train", "test"]))
def test_times_and_statuses_follow_one_rule(values, patience, split):
    """`judge` decides at the end of a streak; the time is its start."""
    config = Config(max_epochs=10_000, stop_patience=patience, stop_when="never")
    stop_state, metrics = (
        StopState(),
        dict.fromkeys(("train_loss", "test_loss", "weight_norm"), 1.0),
    )
    epochs = 20 * np.arange(1, len(values) + 1)
    for epoch, value in zip(epochs.tolist(), values, strict=True):
        both = {"train_accuracy": 0.0, "test_accuracy": 0.0} | {f"{split}_accuracy": value}
        stop_state, _ = judge(config, stop_state, epoch, metrics | both)
    decided = stop_state.grokked_epoch if split == "test" else stop_state.memorised_epoch
    expected = NAN if decided < 0 else decided - 20 * (patience - 1)
    np.testing.assert_array_equal(first_epoch([values], epochs, patience=patience), [expected])


def test_events_and_delays_of_members_that_stopped_at_different_times():
    train = [[0, 1, 1, 1], [0, 1, 1, NAN], [0, 0, 0, 0], [NAN] * 4]
    test = [[0, 0, 1, 1], [0, 0, 0, NAN], [0, 0, 0, 0], [NAN] * 4]
    status = ["grokked", "running", "not memorised", "pending"]
    found = events(fake_run(train, test, status))
    np.testing.assert_array_equal(found.memorised.epochs, [20, 20, NAN, NAN])
    np.testing.assert_array_equal(found.grokked.epochs, [40, NAN, NAN, NAN])
    np.testing.assert_array_equal(found.delay.epochs, [20, NAN, NAN, NAN])
    np.testing.assert_array_equal(found.grokked.observed, [40, 40, 60, NAN])
    np.testing.assert_array_equal(found.delay.observed, [20, 20, NAN, NAN])
    assert found.grokked.end.tolist() == ["max_epochs", "running", "max_epochs", "pending"]
    sooner = events(fake_run(train, test, status), test_threshold=0.0)
    np.testing.assert_array_equal(sooner.grokked.epochs, [20, 20, 20, NAN])


@pytest.mark.parametrize(("status", "follow_up"), [("running", 20), ("diverged", 60)])
def test_a_streak_that_is_too_short_so_far_ends_follow_up_before_it(status, follow_up):
    """If two evaluations become three, the member grokked at the first of them."""
    found = events(fake_run([[1, 1, 1, 1]], [[0, 0, 1, 1]], [status], max_epochs=80, patience=3))
    assert np.isnan(found.grokked.epochs[0])
    assert found.grokked.follow_up[0] == follow_up
    assert found.memorised.epochs[0] == 20


@pytest.mark.parametrize("train", [[0, 0, 1, 1], [0, 0, 0, 0]])
def test_the_delay_is_0_for_a_member_that_groks_before_it_memorises(train):
    found = events(fake_run([train], [[0, 1, 1, 1]], ["grokked"], max_epochs=80))
    assert (found.grokked.epochs[0], found.delay.epochs[0]) == (20, 0)
    assert found.memorised.end[0] == "stopped"


def test_times_at_which_a_loss_falls_below_a_bound():
    """The bound itself is not below it; a member that has not got there is followed to its end."""
    run = fake_run(
        [[0.0] * 4] * 4, [[0.0] * 4] * 4, ["grokked", "running", "diverged", "memorised"]
    )
    losses = [[5, 3, 0.1, 0.09], [5, 3, NAN, NAN], [5, 0.01, NAN, NAN], [5, 3, 2, 1]]
    run.history["test_loss"] = ("member", "eval"), np.array(losses, np.float32)
    found = loss_times(run, "test_loss", 0.1)
    np.testing.assert_array_equal(found.epochs, [60, NAN, 20, NAN])
    np.testing.assert_array_equal(found.follow_up[[1, 3]], [20, 60])
    assert found.end[1] == "running"
    with pytest.raises(ConfigError, match=r"name must be one of .*test_loss, got .loss."):
        loss_times(run, "loss", 0.1)


def test_times_in_steps():
    times = Times.from_arrays([40, NAN], [40, 60], ["stopped", "running"]) * np.array([3, 5])
    np.testing.assert_array_equal(times.observed, [120, 300])
    assert times[np.array([False, True])].end.tolist() == ["running"]


def test_phases_of_liu_et_al():
    train = [[0, 1, 1, 1], [0, 1, 1, 1], [0, 1, 1, 1], [0, 0, 0, 0], [0, 0, 0, 0], [NAN] * 4]
    test = [[0, 0, 1, 1], [0, 0, 0, 1], [0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 1], [NAN] * 4]
    status = ["grokked", "grokked", "memorised", "not memorised", "grokked", "pending"]
    found = phases(events(fake_run(train, test, status)), slow=20)
    expected = ["comprehension", "grokking", "memorization", "confusion", "comprehension", ""]
    assert found.tolist() == expected


def test_quartile_band_keeps_the_last_value_of_members_that_stopped():
    values = np.array([[0, 1, 2, 3], [0, 5, NAN, NAN], [0, 9, 9, 9], [NAN] * 4])
    np.testing.assert_array_equal(quartile_band(values)[1], [0, 5, 5, 5])
    assert np.isnan(quartile_band(values[3:])).all()
    infinite = np.array([[1.0, np.inf], [2.0, np.nan], [3.0, 4.0]])  # one diverged
    np.testing.assert_array_equal(quartile_band(infinite)[1], [2, 4])


def test_format_quartiles():
    assert format_quartiles((2.0, 3.0, NAN), digits=1) == "3.0 (2.0 to not reached)"


def test_events_follow_the_settings_of_the_run():
    """By the accuracy or by the loss that the run counts as learnt."""
    run = fake_run([[0, 1, 1, 1]], [[0, 0.6, 0.95, 1]], ["grokked"])
    assert events(run).grokked.epochs.tolist() == [60]
    run.config = run.config.replace(learnt_accuracy=0.9)
    assert events(run).grokked.epochs.tolist() == [40]
    assert events(run, test_threshold=0.5).grokked.epochs.tolist() == [20]
    losses = {f"{s}_loss": (("member", "eval"), np.array([[1, 0.5, 0.2, 0.02]])) for s in SPLITS}
    run.history = run.history.assign(losses)
    run.config = run.config.replace(learnt_loss=0.2)
    assert events(run).memorised.epochs.tolist() == [40]
    assert learnt_definition("test", run.config) == "test loss of at most 0.2"


def test_definitions_name_the_thresholds():
    config = Config(stop_patience=3, learnt_accuracy=0.995)
    wanted = "train accuracy of at least 99.5%, the first of 3 evaluations in a row"
    assert learnt_definition("train", config) == wanted
