"""Log-rank tests against scipy's, a permutation of every member, and what divergence means."""

import itertools

import numpy as np
import pytest
from scipy import stats

from grokjax import ConfigError
from grokjax.analysis.log_rank import holm, log_rank
from grokjax.analysis.times import Times

NAN = float("nan")


def drawn(rng, size, scale=30.0, limit=40, share_running=0.2):
    """Times on a grid, so that there are ties; some censored early, the rest at a limit."""
    times = np.ceil(rng.exponential(scale, size) / 4) * 4
    until = np.where(rng.random(size) < share_running, rng.integers(1, limit, size), limit)
    return Times.from_arrays(np.where(times <= until, times, NAN), until)


def as_scipy(times):
    reached = ~np.isnan(times.epochs)
    return stats.CensoredData(times.epochs[reached], right=times.follow_up[~reached])


def test_two_large_groups_have_scipys_statistic_and_p():
    rng = np.random.default_rng(0)
    for scale in (30.0, 36.0, 60.0):
        pair = drawn(rng, 40), drawn(rng, 55, scale)
        ours, scipys = log_rank(*pair), stats.logrank(*map(as_scipy, pair))
        assert ours.statistic == pytest.approx(scipys.statistic**2, rel=1e-10)
        assert ours.p == pytest.approx(scipys.pvalue, rel=1e-8)
        assert (ours.exact, ours.groups, ours.members) == (False, 2, 95)


def by_hand(groups):
    """Excess of events of each group and its covariance, one epoch at a time."""
    epochs = np.unique(np.concatenate([g.epochs[~np.isnan(g.epochs)] for g in groups]))
    excess, covariance = np.zeros(len(groups)), np.zeros((len(groups), len(groups)))
    for epoch in epochs:
        n = np.array([np.sum(g.observed >= epoch) for g in groups], float)
        d = np.array([np.sum(g.epochs == epoch) for g in groups], float)
        total, events = n.sum(), d.sum()
        excess += d - events * n / total
        if total > 1:
            factor = events * (total - events) / (total - 1)
            covariance += factor * (np.diag(n / total) - np.outer(n, n) / total**2)
    return excess, covariance


def test_four_groups_have_the_statistic_of_the_textbook():
    rng = np.random.default_rng(1)
    groups = [drawn(rng, size, scale) for size, scale in ((20, 30), (25, 30), (15, 50), (9, 20))]
    excess, covariance = by_hand(groups)
    expected = excess[:3] @ np.linalg.solve(covariance[:3, :3], excess[:3])
    found = log_rank(*groups)
    assert found.statistic == pytest.approx(expected, rel=1e-10)
    assert found.p == pytest.approx(stats.chi2.sf(expected, 3), rel=1e-10)


def test_two_small_groups_are_compared_with_every_split_of_their_members():
    rng = np.random.default_rng(2)
    first, second = drawn(rng, 4), drawn(rng, 5, 12.0)
    epochs, follow_up = (
        np.concatenate([getattr(group, name) for group in (first, second)])
        for name in ("epochs", "follow_up")
    )
    both = Times.from_arrays(epochs, follow_up)
    excesses = []
    for chosen in itertools.combinations(range(9), 4):
        mask = np.isin(np.arange(9), chosen)
        excesses.append(abs(by_hand([both[mask], both[~mask]])[0][0]))
    share = np.mean(np.array(excesses) >= excesses[0] - 1e-9)
    found = log_rank(first, second)
    assert found.exact
    assert found.p == pytest.approx(share)
    scipys = stats.logrank(as_scipy(first), as_scipy(second)).statistic
    assert found.statistic == pytest.approx(scipys**2)


def test_four_seeds_against_four_cannot_have_a_p_below_two_in_seventy():
    early = Times.from_arrays([20, 20, 40, 40], NAN)
    assert log_rank(early, early * 10).p == pytest.approx(2 / 70)


def test_a_member_that_diverged_never_gets_there_whenever_it_did():
    """Half of a group diverge and the rest grok as soon as the others: fewer of them grok."""
    grok = np.arange(20.0, 60.0)
    half = np.where(np.arange(40) % 2, grok, NAN)
    p = []
    for moment in (1.0, 19.0, 1_000.0):
        diverged = Times.from_arrays(half, moment, np.where(np.isnan(half), "diverged", "stopped"))
        p.append(log_rank(Times.from_arrays(grok, NAN), diverged).p)
    assert p[0] == p[1] == p[2] < 0.01
    censored = Times.from_arrays(half, 19.0, np.where(np.isnan(half), "running", "stopped"))
    assert log_rank(Times.from_arrays(grok, NAN), censored).p > 0.5


def test_the_test_has_its_size_with_censoring_and_divergence():
    rng, rejected = np.random.default_rng(3), []
    for size in [6] * 300 + [40] * 300:  # exact, and by the chi-squared distribution
        groups = []
        for _ in range(2):
            times = drawn(rng, size)
            lost = np.isnan(times.epochs) & (rng.random(size) < 0.5)
            groups.append(
                Times(times.epochs, times.follow_up, np.where(lost, "diverged", times.end))
            )
        rejected.append(log_rank(*groups).p < 0.05)
    for half in (rejected[:300], rejected[300:]):
        assert stats.binomtest(sum(half), 300, 0.05, alternative="greater").pvalue > 0.01


def test_what_cannot_be_tested():
    times = Times.from_arrays([20, 40], NAN)
    nothing = Times.from_arrays([NAN, NAN], 100)
    never_evaluated = Times.from_arrays([NAN, NAN], NAN, "pending")
    assert np.isnan(log_rank(nothing, nothing).p)
    assert np.isnan(log_rank(times, never_evaluated).p)
    assert log_rank(times, nothing).reached == 2
    three = log_rank(times, never_evaluated, times * 3)
    assert three.statistic == pytest.approx(log_rank(times, times * 3).statistic)
    assert three.p == pytest.approx(stats.chi2.sf(three.statistic, 1))
    with pytest.raises(ConfigError, match="groups must be two or more"):
        log_rank(times)


def test_holm_steps_down_and_leaves_out_what_was_not_tested():
    np.testing.assert_allclose(
        holm([[0.01, NAN], [0.04, 0.03]]), [[0.03, NAN], [0.06, 0.06]], rtol=1e-12
    )
    assert holm([0.9, 0.8]).tolist() == [1, 1]
