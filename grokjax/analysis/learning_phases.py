"""The three phases of grokking (Nanda et al. 2023, Sec. 5.2), located from recorded losses.

Memorisation: the network fits its train examples without the key frequencies, so the excluded loss
falls with the train loss. Circuit formation: the key frequencies take over, so the excluded loss
rises, while the test loss is still high. Clean-up: the test loss falls, as what was memorised is
removed.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from grokjax.runtime.arguments import takes

PHASES = ("memorisation", "circuit formation", "clean-up")


class PhaseEnds(NamedTuple):
    """Epoch at which each phase ends, float `[M]`; NaN where the member has not got there."""

    memorisation: np.ndarray
    """`[M]`, at the minimum of the excluded loss."""
    circuit_formation: np.ndarray
    """`[M]`, once the test loss has halved."""
    clean_up: np.ndarray
    """`[M]`, once the test loss has fallen nine tenths of the way, on a log scale."""


@takes(epochs="T", test_loss="M T", excluded_loss="M T")
def phase_ends(epochs: ArrayLike, test_loss: ArrayLike, excluded_loss: ArrayLike) -> PhaseEnds:
    """Locate the phases of each member.

    - Circuit formation ends at the first evaluation, after the maximum of the test loss, at which
      it is at most half of that maximum.
    - Memorisation ends at the minimum of the excluded loss up to that evaluation, the last such
      one.
    - Clean-up ends at the first evaluation from there on at which the test loss has fallen nine
      tenths of the way, on a log scale, from its maximum to the smallest value after it.

    A test loss that has not fallen to a tenth of its maximum has not grokked: its phases are NaN.

    Args:
      epochs: of the evaluations, `[T]`.
      test_loss: `[M, T]`, NaN after a member stopped.
      excluded_loss: `[M, T]`, on the train examples, such as
        `history.excluded_loss.sel(subset="train")`.
    """
    curves = zip(np.asarray(test_loss, float), np.asarray(excluded_loss, float), strict=True)
    rows = [_rows(*each) for each in curves]
    known = np.append(np.asarray(epochs, float), np.nan)  # -1 is the last entry
    return PhaseEnds(*known[np.array(rows, int).reshape(-1, 3)].T)


def _rows(test: np.ndarray, excluded: np.ndarray) -> tuple[int, int, int]:
    """Return the numbers of the evaluations at which the phases of one member end; -1 if never."""
    known = np.isfinite(test) & np.isfinite(excluded) & (test > 0)
    values = np.where(known, test, np.inf)
    highest = int(np.where(known, test, -np.inf).argmax())
    most, least = values[highest], values[highest:].min()
    if not known.any() or least > most / 10:
        return -1, -1, -1
    formed = highest + int(np.argmax(values[highest:] <= most / 2))
    before = np.where(known, excluded, np.inf)[: formed + 1]
    memorised = formed - int(before[::-1].argmin())
    cleaned = formed + int(np.argmax(values[formed:] <= most * (least / most) ** 0.9))
    return memorised, formed, cleaned
