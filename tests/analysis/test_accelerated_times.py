"""Fits of times against a setting: scipy's own fit, known slopes, censoring, intervals."""

import numpy as np
import pytest
from scipy import stats

from grokjax.analysis.accelerated_times import fit_accelerated_times
from grokjax.analysis.times import Times
from grokjax.errors import ConfigError


def test_two_groups_that_differ_by_a_factor_have_scipys_fit_and_that_slope():
    times = stats.weibull_min(6, scale=4000).rvs(40, random_state=0)
    limit, factor = 4200, 3.7
    epochs = np.where(times < limit, times, np.nan)
    both = np.concatenate([epochs, factor * epochs])
    follow_up = np.repeat([limit, factor * limit], 40)
    x = np.repeat([0, 1], 40)
    found = fit_accelerated_times(Times.from_arrays(both, follow_up), x, resamples=2)
    censored = stats.CensoredData.right_censored(np.minimum(times, limit), times >= limit)
    shape, _, scale = stats.weibull_min.fit(censored, floc=0)
    assert found.slope == pytest.approx(np.log(factor), abs=1e-5)
    assert found.scale == pytest.approx(1 / shape, rel=1e-4)
    assert found.baseline == pytest.approx(stats.weibull_min(shape, scale=scale).median(), rel=1e-4)
    assert (found.members, found.reached) == (80, 2 * np.isfinite(epochs).sum())


def drawn(noise, slope=7.5, seeds=32):
    """Times of seeds at norms from .85 to 1.1, each seed with a factor of its own."""
    rng = np.random.default_rng(0)
    x = np.repeat(np.linspace(-0.15, 0.1, 6), seeds)
    own = np.tile(0.1 * rng.normal(size=seeds), 6)
    noise = noise.rvs(size=len(x), random_state=rng)
    return x, np.exp(np.log(4000) + slope * x + own + 0.08 * noise), np.tile(np.arange(seeds), 6)


@pytest.mark.parametrize(
    ("family", "noise"), [("weibull", stats.gumbel_l), ("lognormal", stats.norm)]
)
def test_a_slope_is_found_from_evaluations_although_many_are_censored(family, noise):
    x, times, seeds = drawn(noise)
    evaluated = np.geomspace(1, 60_000, 360)
    i = np.searchsorted(evaluated, times)
    late = times > 6_000
    found = fit_accelerated_times(
        Times.from_arrays(np.where(late, np.nan, evaluated[i]), 6_000),
        x,
        family,
        not_before=np.where(late, np.nan, evaluated[i - 1]),
        groups=seeds,
        resamples=100,
    )
    assert late.mean() > 0.2
    assert found.interval[0] < 7.5 < found.interval[1]
    assert found.slope == pytest.approx(7.5, abs=0.25)
    assert found.median(0) == pytest.approx(np.median(times[x == x[np.abs(x).argmin()]]), rel=0.15)
    naive = np.polyfit(x[~late], np.log(times[~late]), 1)[0]
    assert naive < found.slope - 0.15, "leaving the late ones out flattens the law"


def test_an_interval_of_evaluations_is_half_a_step_earlier():
    x, times, _ = drawn(stats.norm)
    evaluated = np.geomspace(1, 60_000, 100)
    i = np.searchsorted(evaluated, times)
    seen = Times.from_arrays(evaluated[i], np.nan)
    as_seen = fit_accelerated_times(seen, x, "lognormal", resamples=1)
    between = fit_accelerated_times(seen, x, "lognormal", evaluated[i - 1], resamples=1)
    half = np.sqrt(evaluated[1] / evaluated[0])
    assert as_seen.baseline / between.baseline == pytest.approx(half, rel=0.005)


def test_members_of_a_seed_are_drawn_together():
    x, times, seeds = drawn(stats.norm, slope=0)
    settings = (np.where(x > 0, 1.0, 0.0), "lognormal")
    # Between groups of different seeds, what a seed has of its own makes a slope uncertain.
    where = np.where(x > 0, seeds < 16, seeds >= 16)
    found = Times.from_arrays(times, times).where(where)
    widths = [
        np.ptp(fit_accelerated_times(found, *settings, groups=each, resamples=100).interval)
        for each in (None, seeds)
    ]
    assert widths[1] > 1.2 * widths[0]


def test_what_cannot_be_fitted_is_refused():
    times = Times.from_arrays([100, 200, np.nan, np.nan], 300)
    with pytest.raises(ConfigError, match="times must have at least 3 that were reached, at d"):
        fit_accelerated_times(times, [0, 1, 2, 3])
    with pytest.raises(ConfigError, match="family must be one of weibull, lognormal, got 'gamma'"):
        fit_accelerated_times(times, [0, 1, 2, 3], "gamma")  # type: ignore[arg-type]
