"""How probable each learning phase is, from several seeds, with binomial intervals.

Phases: Liu et al. 2022, Sec. 4 (see `analysis.times.phases`). Intervals: Clopper & Pearson 1934.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from grokjax.analysis.incidence import binomial_interval

PHASES = ("comprehension", "grokking", "memorization", "confusion")


class Probabilities(NamedTuple):
    """Probability of each of F phases in each cell, with its 95% interval; NaN without members."""

    share: np.ndarray
    """float64 `[..., F]`, of the members in the phase."""
    low: np.ndarray
    """float64 `[..., F]`, lower end of the interval."""
    high: np.ndarray
    """float64 `[..., F]`, upper end of the interval."""
    members: np.ndarray  # int [...], whose phase is known


def phase_codes(phases: np.ndarray) -> np.ndarray:
    """Return the place of each phase in `PHASES`, int of any shape; -1 for unknown ones (empty)."""
    found = np.asarray(phases, str)[..., None] == np.array(PHASES)
    return np.where(found.any(axis=-1), found.argmax(axis=-1), -1)


def phase_probabilities(codes: np.ndarray) -> Probabilities:
    """Return the probability of each phase in each cell.

    codes: place in `PHASES`, int `[..., S]`, a value a seed; -1 is left out.
    """
    codes = np.asarray(codes)
    count = (codes[..., None] == np.arange(len(PHASES))).sum(axis=-2)
    members = count.sum(axis=-1)
    low, high = binomial_interval(count, members[..., None])
    known = members[..., None] > 0
    share = np.divide(count, members[..., None], out=np.full(count.shape, np.nan), where=known)
    low, high = (np.where(known, limit, np.nan) for limit in (low, high))
    return Probabilities(share, low, high, members)
