"""How times to grok grow with a setting: accelerated failure times, with censored members counted.

The model is log T = log T0 + a x + s e: a setting x multiplies times by exp(a x), and e is noise of
a known distribution. It is fitted by maximum likelihood (Kalbfleisch & Prentice 2002, Ch. 3). With
x = rho - 1 it is the delay law T = T1 exp(a (rho - 1)) of arXiv 2606.13753.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize, special

from grokjax.analysis.times import Times
from grokjax.errors import invalid
from grokjax.runtime.arguments import sequence, takes

Family = Literal["weibull", "lognormal"]


class Noise(NamedTuple):
    """The distribution of e."""

    log_survival: Callable[[np.ndarray], np.ndarray]
    log_density: Callable[[np.ndarray], np.ndarray]
    median: float


NOISE: dict[Family, Noise] = {
    "weibull": Noise(lambda e: -np.exp(e), lambda e: e - np.exp(e), np.log(np.log(2))),
    "lognormal": Noise(
        lambda e: special.log_ndtr(-e), lambda e: -(e**2) / 2 - np.log(2 * np.pi) / 2, 0.0
    ),
}
"""By family of the times; `scipy.stats` has the same, but takes ten times as long a call."""


@dataclass(frozen=True)
class AcceleratedTimes:
    """A fit of log T = log T0 + a x + s e.

    slope: a, per unit of x. interval: its 95% interval, from resampled groups. baseline: the
      median of T at x = 0, in the unit of the times. scale: s. members, reached: how many were
      evaluated, and how many reached the event; the others are censored. log_likelihood: its
      maximum.
    """

    family: Family
    slope: float
    interval: tuple[float, float]
    baseline: float
    scale: float
    members: int
    reached: int
    log_likelihood: float

    def median(self, x: ArrayLike) -> np.ndarray:
        """Return the fitted median of T at x."""
        return self.baseline * np.exp(self.slope * np.asarray(x, float))


@takes(times=Times, x=sequence)
def fit_accelerated_times(
    times: Times,
    x: ArrayLike,
    family: Family = "weibull",
    not_before: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    resamples: int = 400,
    seed: int = 0,
) -> AcceleratedTimes:
    """Fit how times depend on a setting.

    Args:
      times: of M members; one that has not reached the event is censored at its `follow_up`.
      x: the setting, or a function of it, `[M]`.
      family: the distribution of times at one x.
      not_before: the last time before the event at which each member was evaluated, `[M]`: the
        event happened between the two. None: it happened at exactly `times.epochs`.
      groups: what is drawn again for the interval, `[M]`, such as seeds, where members of a seed
        share a split. None: members.
      resamples: draws for the interval.
      seed: of these draws.

    Raises ConfigError for an unknown family, fewer than three members that reached the event, or
    settings that do not differ.
    """
    if family not in NOISE:
        raise invalid("family", family, f"must be one of {', '.join(NOISE)}")
    upper = np.where(np.isnan(times.epochs), np.inf, times.epochs)
    exact = upper if not_before is None else np.asarray(not_before, float)
    lower = np.where(np.isnan(times.epochs), times.follow_up, exact)
    x, names = np.asarray(x, float), np.arange(len(times)) if groups is None else np.asarray(groups)
    known = ~np.isnan(lower) & ~np.isnan(x)
    lower, upper, x, names = lower[known], upper[known], x[known], names[known]
    reached = int(np.isfinite(upper).sum())
    if reached < 3 or np.ptp(x[np.isfinite(upper)]) == 0:
        raise invalid("times", reached, "must have at least 3 that were reached, at different x")
    best, likelihood = _maximise(lower, upper, x, NOISE[family], None)
    slopes = _resampled_slopes(lower, upper, x, names, family, best, resamples, seed)
    intercept, slope, log_scale = best
    scale = float(np.exp(log_scale))
    return AcceleratedTimes(
        family,
        float(slope),
        (float(np.quantile(slopes, 0.025)), float(np.quantile(slopes, 0.975))),
        float(np.exp(intercept + scale * NOISE[family].median)),
        scale,
        len(x),
        reached,
        likelihood,
    )


def _resampled_slopes(
    lower: np.ndarray,
    upper: np.ndarray,
    x: np.ndarray,
    names: np.ndarray,
    family: Family,
    start: np.ndarray,
    resamples: int,
    seed: int,
) -> np.ndarray:
    """Slopes of fits to groups drawn with replacement, `[resamples]`."""
    rng, slopes = np.random.default_rng(seed), []
    rows = [np.flatnonzero(names == name) for name in np.unique(names)]
    while len(slopes) < resamples:
        drawn = np.concatenate([rows[i] for i in rng.integers(0, len(rows), len(rows))])
        if len(np.unique(x[drawn][np.isfinite(upper[drawn])])) > 1:
            fit, _ = _maximise(lower[drawn], upper[drawn], x[drawn], NOISE[family], start)
            slopes.append(fit[1])
    return np.array(slopes)


def _maximise(
    lower: np.ndarray, upper: np.ndarray, x: np.ndarray, noise: Noise, start: np.ndarray | None
) -> tuple[np.ndarray, float]:
    """Return (log T0 without the noise's median, slope, log scale) and the log-likelihood."""
    with np.errstate(divide="ignore"):
        low, high = np.log(lower), np.log(upper)
    exact, censored = lower == upper, np.isinf(upper)

    def loss(parameters: np.ndarray) -> float:
        intercept, slope, log_scale = parameters
        scale, center = np.exp(log_scale), intercept + slope * x
        a, b = (low - center) / scale, (high - center) / scale
        terms = np.where(censored, noise.log_survival(a), noise.log_density(a) - log_scale)
        between = ~exact & ~censored
        # sf(a) - sf(b), without cancellation where both are small
        terms[between] = noise.log_survival(a[between]) + np.log(
            -np.expm1(noise.log_survival(b[between]) - noise.log_survival(a[between]))
        )
        total = float(np.sum(terms))
        return -total if np.isfinite(total) else np.inf

    if start is None:
        here = np.isfinite(high)
        slope, intercept = np.polyfit(x[here], high[here], 1)
        residual = np.std(high[here] - intercept - slope * x[here])
        start = np.array([intercept, slope, np.log(max(residual, 1e-3))])
    options = {"xatol": 1e-6, "fatol": 1e-8, "maxiter": 4_000, "maxfev": 4_000}
    with np.errstate(over="ignore", invalid="ignore"):  # far from the maximum
        found = optimize.minimize(loss, start, method="Nelder-Mead", options=options)
    return found.x, -float(found.fun)
