"""Cumulative incidence with censoring and competing risks; bands and medians."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from grokjax.analysis.incidence import (
    by_value,
    delay_of_grokked,
    incidence,
    summaries_by_value,
    time_to,
)
from grokjax.analysis.times import Events, Times

NAN = float("nan")


def test_members_that_diverge_never_grok():
    """If 6 of 10 diverge and 4 grok, the share ends at 40% and the median is never reached."""
    epochs, ends = [NAN] * 6 + [1120, 1140, 1160, 1180], ["diverged"] * 6 + ["stopped"] * 4
    found = incidence(Times.from_arrays(epochs, [40] * 6 + [0] * 4, ends))
    np.testing.assert_allclose(found.share, [0, 0.1, 0.2, 0.3, 0.4])
    assert found.epochs.tolist() == [0, 1120, 1140, 1160, 1180]
    assert found.quartiles()[0] == 1160
    assert np.isnan(found.quartiles()[1:]).all()
    assert found.counts() == "4 of 10 members, 6 diverged"
    assert found.censored == 0
    assert found.summary() == "epoch not reached (1160 to not reached), " + found.counts()


# Event times, ends of follow-up and their reasons for eight members; ties at 4 and 6.
EPOCHS = [1, NAN, NAN, 4, NAN, NAN, 6, NAN]
FOLLOW_UP = [9, 2, 3, 9, 4, 5, 9, 6]
ENDS = ["stopped", "diverged", "running", "stopped", "diverged", "running", "stopped", "max_epochs"]
# Members at risk, that reached the event and that diverged, at epochs 1, 2, 4, 6.
AT_RISK, REACHED, DIVERGED = [8, 7, 5, 2], [1, 0, 1, 1], [0, 1, 1, 0]


def by_hand(reached, diverged):
    """Aalen-Johansen estimate from the hazards at each epoch."""
    share, surviving = 0.0, 1.0
    for a, b in zip(reached, diverged, strict=True):
        share, surviving = share + surviving * a, surviving * (1 - a - b)
    return share


def test_incidence_by_hand():
    found = incidence(Times.from_arrays(EPOCHS, FOLLOW_UP, ENDS))
    hazards = np.array([REACHED, DIVERGED]) / AT_RISK
    shares = [by_hand(*hazards[:, :n]) for n in (1, 3, 4)]
    np.testing.assert_allclose(found.share, [0, *shares])
    assert shares[0] == 1 / 8
    assert shares[1] == pytest.approx(1 / 8 + 7 / 8 * 6 / 7 * 1 / 5)
    assert found.ends == {"diverged": 2, "running": 2, "max_epochs": 1}
    assert (found.members, found.reached, found.censored, found.last_epoch) == (8, 3, 3, 6)
    # Variance by numerical derivatives and the multinomial variance of the hazards.
    variance, small = 0.0, 1e-6
    for i, n in enumerate(AT_RISK):
        slopes = []
        for cause in (0, 1):
            moved = hazards.copy()
            moved[cause, i] += small
            slopes.append((by_hand(*moved) - by_hand(*hazards)) / small)
        p = hazards[:, i]
        variance += slopes @ (np.diag(p) - np.outer(p, p)) @ slopes / n
    size = shares[2] * (1 - shares[2]) / variance
    low = stats.beta.ppf(0.025, size * shares[2], size * (1 - shares[2]) + 1)
    high = stats.beta.ppf(0.975, size * shares[2] + 1, size * (1 - shares[2]))
    np.testing.assert_allclose([found.low[-1], found.high[-1]], [low, high], rtol=1e-4)


def test_without_competing_risks_it_is_one_minus_kaplan_meier():
    rng = np.random.default_rng(0)
    times, until = rng.integers(1, 30, 80).astype(float), rng.integers(1, 40, 80).astype(float)
    reached = times <= until
    found = incidence(Times.from_arrays(np.where(reached, times, NAN), until))
    scipys = stats.ecdf(stats.CensoredData(times[reached], right=until[~reached])).cdf
    np.testing.assert_allclose(found.share, scipys.evaluate(found.epochs), atol=1e-12)


@given(st.lists(st.integers(1, 50), min_size=1, max_size=40), st.data())
def test_without_censoring_shares_and_medians_are_exact(times, data):
    """The band is the Clopper-Pearson interval, and that of the median has order statistics."""
    times = np.array(times, float)
    never = np.array(data.draw(st.lists(st.booleans(), min_size=len(times), max_size=len(times))))
    epochs = np.where(never, NAN, times)
    found = incidence(Times.from_arrays(epochs, times, np.where(never, "diverged", "stopped")))
    for row in zip(found.epochs, found.share, found.low, found.high, strict=True):
        count = int(np.sum(epochs <= row[0]))
        exact = stats.binomtest(count, len(times)).proportion_ci(method="exact")
        np.testing.assert_allclose(row[1:], [count / len(times), *exact], atol=1e-9)
    if not never.any():
        assert found.quantile(0.5) == np.median(times)
        exact = stats.quantile_test(times, q=0, p=0.5).confidence_interval()
        np.testing.assert_array_equal(found.median_band(), exact)


def test_the_band_of_a_median_is_finite_without_censoring():
    assert incidence(Times.from_arrays([20] * 10 + [140] * 8, 0)).median_band() == (20, 140)


@pytest.mark.parametrize(("members", "censored"), [(5, False), (6, False), (20, True)])
def test_bands_cover_the_true_share_19_times_in_20(members, censored):
    """Simulate members of which half diverge, at the same hazard as grokking."""
    rng, covered, shares = np.random.default_rng(0), [], []
    truth = 0.5 * (1 - np.exp(-1.0))
    for _ in range(500):
        times, groks = rng.exponential(size=members), rng.random(members) < 0.5
        until = rng.uniform(0, 4, members) if censored else np.full(members, np.inf)
        follow_up, over = np.minimum(times, until), times <= until
        ends = np.where(over & ~groks, "diverged", "running")
        found = incidence(Times.from_arrays(np.where(over & groks, times, NAN), follow_up, ends))
        row = np.searchsorted(found.epochs, 1.0, side="right") - 1
        covered.append(found.low[row] <= truth <= found.high[row])
        shares.append(found.share[row])
    assert np.mean(covered) > 0.93
    assert np.mean(shares) == pytest.approx(truth, abs=4 * np.std(shares) / np.sqrt(500))


def test_five_members_cannot_bound_a_median():
    times = np.arange(1.0, 6)
    assert np.isnan(incidence(Times.from_arrays(times, 0)).median_band()).all()
    assert incidence(Times.from_arrays([*times, 6.0], 0)).median_band() == (1, 6)


def test_members_without_the_event_count_as_later_than_all():
    """The mean over members with the event is 20, but half of all members are later than 30."""
    assert incidence(Times.from_arrays([10, 20, 30, NAN, NAN], 99)).quantile(0.5) == 30
    assert np.isnan(incidence(Times.from_arrays([10, NAN, NAN], 99)).quartiles()[1:]).all()
    half = incidence(Times.from_arrays([10, 20, NAN, NAN], 99))  # the share is 1/2 from 20 on
    assert np.isnan(half.quantile(0.5))


LATE = [2940.0] * 12
"""Epochs at which twelve members memorise, just before they reach max_epochs at 3 000."""


def late_memorisers():
    """6 of 18 members grok, after 780 to 880 epochs; 12 memorise too late to grok."""
    memorised = np.array([200.0] * 6 + LATE)
    delay = np.array([780.0, 800, 820, 840, 860, 880] + [NAN] * 12)
    end = np.array(["stopped"] * 6 + ["max_epochs"] * 12)
    return Events(
        Times.from_arrays(memorised, memorised, end),
        Times.from_arrays(memorised + delay, 3000, end),
        Times.from_arrays(delay, 3000 - memorised, end),
    )


def test_the_median_delay_is_unknown_if_most_members_memorised_late():
    """Kaplan-Meier would fall to 0: late memorisers are censored before the first one groks."""
    found = late_memorisers()
    assert incidence(found.delay).quantile(0.5) == 830
    curve = time_to(found)["delay"]
    np.testing.assert_allclose(curve.share, np.arange(7) / 18)
    assert curve.known_until == 60
    assert np.isnan(curve.quartiles()).all()
    assert curve.counts() == "6 of 18 members, 12 reached max_epochs"
    delay = delay_of_grokked(found)
    assert (delay.members, delay.reached, delay.quantile(0.5)) == (6, 6, 830)
    assert delay.median_band() == (780, 880)


def test_a_delay_is_known_until_the_first_member_is_censored():
    delay = Times.from_arrays([10, 20, 30, NAN], [0, 0, 0, 25], ["stopped"] * 3 + ["max_epochs"])
    found = incidence(delay, censored_as_latest=True)
    assert found.quantile(0.25) == 15
    assert np.isnan(found.quantile(0.5)), "the fourth may have grokked at 26"
    diverged = Times.from_arrays(delay.epochs, delay.follow_up, ["stopped"] * 3 + ["diverged"])
    assert incidence(diverged, censored_as_latest=True).quantile(0.5) == 25


def test_incidence_by_value_of_a_setting():
    values, times = np.array([2.0, 1.0, 2.0]), Times.from_arrays([10, 20, NAN], [10, 20, 30])
    found = by_value(values, times)
    assert list(found) == [1, 2]
    assert [curve.members for curve in found.values()] == [1, 2]
    assert [curve.reached for curve in found.values()] == [1, 1]
    assert found[2.0].last_epoch == 30
    assert summaries_by_value("decay", values, Events(times, times, times)) == [
        "decay 1.0: memorised: epoch 20 (20 to 20), 1 of 1 members",
        "decay 2.0: memorised: epoch not reached (10 to not reached), 1 of 2 members, "
        "1 reached max_epochs",
        "decay 1.0: grokked: epoch 20 (20 to 20), 1 of 1 members",
        "decay 2.0: grokked: epoch not reached (10 to not reached), 1 of 2 members, "
        "1 reached max_epochs",
    ]


def test_members_without_events_or_evaluations():
    none = incidence(Times.from_arrays([NAN, NAN], [40, 60]))
    assert (none.members, none.reached, none.last_epoch) == (2, 0, 60)
    assert (none.epochs.tolist(), none.share.tolist()) == ([0], [0])
    assert np.isnan([*none.quartiles(), *none.median_band()]).all()
    assert none.summary() == "quartiles not reached, 0 of 2 members, 2 reached max_epochs"
    assert incidence(Times.from_arrays([NAN], [NAN])).members == 0
