import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grokjax.analysis.timing import (
    as_text,
    band,
    by_value,
    events,
    first_epoch,
    kaplan_meier,
    phases,
    time_to,
)

NAN = float("nan")


def test_first_epoch_is_the_first_and_nan_for_never():
    values = [[0, 0.99, 0.5, 1.0], [0, 0.5, NAN, NAN], [1, 1, 1, 1]]
    np.testing.assert_array_equal(first_epoch(values, [0, 20, 40, 60], 0.99), [20, NAN, 0])
    assert np.isnan(first_epoch(np.zeros((2, 0)), [], 0.5)).all()


def test_events_and_delays_of_members_that_stopped_at_different_times():
    train = [[0, 1, 1, 1], [0, 1, 1, NAN], [0, 0, 0, 0], [NAN] * 4]
    test = [[0, 0, 1, 1], [0, 0, 0, NAN], [0, 0, 0, 0], [NAN] * 4]
    found = events(train, test, [0, 20, 40, 60])
    np.testing.assert_array_equal(found.memorised, [20, 20, NAN, NAN])
    np.testing.assert_array_equal(found.grokked, [40, NAN, NAN, NAN])
    np.testing.assert_array_equal(found.delay, [20, NAN, NAN, NAN])
    np.testing.assert_array_equal(found.seen, [60, 40, 60, NAN])
    curves = time_to(found)
    assert [curves[n].members for n in ("memorised", "grokked", "delay")] == [3, 3, 2]
    assert [curves[n].got_there for n in ("memorised", "grokked", "delay")] == [2, 1, 1]
    assert curves["delay"].last == 20  # the second was watched for 20 epochs more
    sooner = events(train, test, [0, 20, 40, 60], test_threshold=0.0)
    np.testing.assert_array_equal(sooner.grokked, [0, 0, 0, NAN])


# Kaplan & Meier's product by hand: at risk 6, 4, 2; events 1, 1, 1.
TIMES, SEEN = [1, NAN, 3, NAN, 5, NAN], [9, 2, 9, 4, 9, 6]


def test_kaplan_meier_by_hand():
    found = kaplan_meier(TIMES, SEEN)
    assert found.epochs.tolist() == [1, 3, 5]
    np.testing.assert_allclose(found.share, [5 / 6, 5 / 6 * 3 / 4, 5 / 6 * 3 / 4 / 2])
    assert (found.members, found.got_there, found.last) == (6, 3, 6)
    assert found.quantile(0.5) == 5
    assert np.isnan(found.quantile(0.75))
    # Greenwood: sum of d / (n (n - d)), on the scale of log(-log S).
    variance = 1 / (6 * 5) + 1 / (4 * 3)
    share = 5 / 6 * 3 / 4
    error = 1.96 * np.sqrt(variance) / abs(np.log(share))
    low, high = np.exp(np.log(share) * np.exp(error)), np.exp(np.log(share) * np.exp(-error))
    np.testing.assert_allclose([found.low[1], found.high[1]], [low, high])


@pytest.mark.filterwarnings("ignore:The confidence interval is undefined")  # at a share of 0
def test_against_another_implementation():
    """SciPy's empirical survival function of right-censored data."""
    from scipy import stats

    rng = np.random.default_rng(0)
    times, until = rng.integers(1, 30, 80).astype(float), rng.integers(1, 40, 80).astype(float)
    there = times <= until
    found = kaplan_meier(np.where(there, times, NAN), until)
    theirs = stats.ecdf(stats.CensoredData(times[there], right=until[~there])).sf
    np.testing.assert_allclose(found.share, theirs.evaluate(found.epochs))
    interval = theirs.confidence_interval(method="log-log")
    inner = found.share > 0
    np.testing.assert_allclose(found.low[inner], interval.low.evaluate(found.epochs)[inner], 1e-4)
    np.testing.assert_allclose(found.high[inner], interval.high.evaluate(found.epochs)[inner], 1e-4)


@given(st.lists(st.integers(1, 50), min_size=1, max_size=40))
def test_without_censoring_it_is_the_share_that_is_left(times):
    found = kaplan_meier(np.array(times, float), [NAN] * len(times))
    for epoch, share in zip(found.epochs, found.share, strict=True):
        assert share == pytest.approx(np.mean(np.array(times) > epoch))
    assert found.quantile(0.5) == np.median(times)
    assert ((found.low <= found.share) & (found.share <= found.high)).all()
    # Where nobody is left, what the share could have been has no upper end of its own.
    assert found.high[-1] == [1.0, *found.high][-2]


def test_members_that_never_got_there_are_later_than_all():
    """A mean over survivors would say 20; half the members are later than 30."""
    assert kaplan_meier([10, 20, 30, NAN, NAN], [99] * 5).quantile(0.5) == 30
    assert np.isnan(kaplan_meier([10, NAN, NAN], [99] * 3).quartiles()[1:]).all()
    half = kaplan_meier([10, 20, NAN, NAN], [99] * 4)  # level at a half from 20 on
    assert np.isnan(half.quantile(0.5))


def test_the_band_of_the_median_holds_it_and_widens_with_fewer_members():
    times = np.arange(1.0, 101)
    low, high = kaplan_meier(times, times).median_band()
    assert low < 50.5 < high
    few = kaplan_meier(times[::10], times[::10]).median_band()
    assert few[0] < low
    assert few[1] > high


@pytest.mark.parametrize("members", [1, 5, 6, 8, 30])
def test_the_band_of_the_median_holds_it_19_times_in_20(members):
    """By simulation; of fewer than six members there is none to give."""
    rng = np.random.default_rng(0)
    held = []
    for _ in range(600):
        times = rng.exponential(size=members)
        low, high = kaplan_meier(times, times).median_band()
        if members < 6:
            assert np.isnan([low, high]).all()
            return
        held.append(low <= np.log(2) and not high < np.log(2))  # NaN: later than all
    assert np.mean(held) > 0.92


def test_who_groks_before_it_memorises_has_no_delay():
    found = events([[0, 0, 1]], [[0, 1, 1]], [0, 20, 40])
    assert (found.memorised[0], found.grokked[0], found.delay[0]) == (40, 20, 0)


def test_times_by_the_values_of_a_setting():
    values, times = np.array([2.0, 1.0, 2.0]), np.array([10, 20, NAN])
    found = by_value(values, times, np.array([10, 20, 30]))
    assert list(found) == [1, 2]
    assert [curve.members for curve in found.values()] == [1, 2]
    assert [curve.got_there for curve in found.values()] == [1, 1]
    assert found[2.0].last == 30


def test_nobody_got_there_or_was_seen():
    none = kaplan_meier([NAN, NAN], [40, 60])
    assert (none.members, none.got_there, none.last, len(none.epochs)) == (2, 0, 60, 0)
    assert np.isnan(none.quartiles()).all()
    assert np.isnan(none.median_band()).all()
    assert kaplan_meier([NAN], [NAN]).members == 0


def test_phases_are_lius():
    train = [[0, 1, 1, 1], [0, 1, 1, 1], [0, 1, 1, 1], [0, 0, 0, 0], [0, 0, 0, 0]]
    test = [[0, 0, 1, 1], [0, 0, 0, 1], [0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 1]]
    found = phases(events(train, test, [0, 20, 40, 60]), slow=20)
    expected = ["comprehension", "grokking", "memorization", "confusion", "comprehension"]
    assert phases(events([[NAN]], [[NAN]], [0]), slow=20).tolist() == [""]
    assert found.tolist() == expected


def test_the_band_over_members_keeps_the_last_value_of_those_that_stopped():
    values = np.array([[0, 1, 2, 3], [0, 5, NAN, NAN], [0, 9, 9, 9], [NAN] * 4])
    np.testing.assert_array_equal(band(values)[1], [0, 5, 5, 5])
    assert np.isnan(band(values[3:])).all()


def test_text():
    times = np.array([1.5, 2.5, 3.5, np.nan], np.float32)
    text = as_text(kaplan_meier(times, [9] * 4).quartiles(), digits=1)
    assert text == "3.0 (2.0 to unknown)"
