"""Numbers as the documents write them: `4 861`, `.993`, `1 020 (950 to 1 140)`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from grokjax.analysis.incidence import Incidence


def whole(value: Any) -> str:
    """Format a whole number with a space before each three digits; NaN reads `not reached`."""
    return "not reached" if np.isnan(value) else f"{value:,.0f}".replace(",", " ")


def fraction(value: Any, digits: int = 3) -> str:
    """Format a number of about 1 without the 0 before its point: `.993`, `-.031`, `1.000`."""
    text = f"{value:.{digits}f}"
    return text.replace("0.", ".", 1) if abs(float(text)) < 1 else text


def scientific(value: float) -> str:
    """Format a number to two digits: `2.6e-5`, `8.8`."""
    return f"{value:.1f}" if value >= 0.1 else f"{value:.1e}".replace("e-0", "e-")


def spread(quartiles: Iterable[float], form: Callable[[Any], str] = whole) -> str:
    """Format quartiles as the median with the others in brackets."""
    low, median, high = map(form, quartiles)
    return f"{median} ({low} to {high})"


def quartiles(values: ArrayLike) -> list[float]:
    """Return the quartiles of values that are all known."""
    return np.quantile(np.asarray(values, float), (0.25, 0.5, 0.75)).tolist()


def extent(values: ArrayLike) -> str:
    """Format the range of whole numbers, `40 to 42`; one number where they are all the same."""
    low, high = np.min(values), np.max(values)
    return whole(low) if low == high else f"{whole(low)} to {whole(high)}"


def times_and_count(curve: Incidence) -> str:
    """Format quartiles and how many got there: `900 (750 to 1 040), 8/8`; `0/8` if none did."""
    count = f"{curve.reached}/{curve.members}"
    if not np.isnan(curve.quantile(0.5)):
        return f"{spread(curve.quartiles())}, {count}"
    return f"not reached, {count}" if curve.reached else count
