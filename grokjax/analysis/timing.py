"""When members memorised and when they grokked."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def first_epoch(values: ArrayLike, epochs: ArrayLike, threshold: float) -> np.ndarray:
    """The first logged epoch at which each member is at `threshold` or above.

    Args:
      values: `[M, T]`, such as test accuracies; NaN where nothing was logged.
      epochs: `[T]`, ascending.
      threshold: in the units of `values`.

    Returns:
      float64 `[M]`, epochs; NaN for members that never were.
    """
    reached = np.asarray(values) >= threshold  # [M, T]; a NaN is not
    first = np.asarray(epochs, np.float64)[reached.argmax(axis=1)]
    return np.where(reached.any(axis=1), first, np.nan)


def quartiles(times: np.ndarray) -> tuple[float, float, float]:
    """25%, 50% and 75% of `times [M]`, members that never got there counting as later than all.

    A quartile that falls on such a member is NaN: it is not known, and a mean
    over the others would be too early.
    """
    later = 1e300  # finite: between two infinities there is no quantile
    known = np.asarray(times, np.float64)
    values = np.quantile(np.where(np.isnan(known), later, known), (0.25, 0.5, 0.75))
    low, middle, high = (float(v) if v < later / 1e6 else float("nan") for v in values)
    return low, middle, high


def as_text(quartiles: tuple[float, float, float], digits: int = 0) -> str:
    """Median and quartiles in words: `1020 (955 to 1140)`; a NaN is `unknown`."""
    low, middle, high = (
        "unknown" if np.isnan(value) else f"{value:.{digits}f}" for value in quartiles
    )
    return f"{middle} ({low} to {high})"
