"""Numbers as the documents write them: `4 861`, `.993`, `1 020 (950 to 1 140)`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike


def whole(value: Any) -> str:
    """Format a whole number with a space before each three digits; NaN reads `not reached`."""
    return "not reached" if np.isnan(value) else f"{value:,.0f}".replace(",", " ")


def fraction(value: Any, digits: int = 3) -> str:
    """Format a number of about 1 without the 0 before its point: `.993`, `-.031`, `1.000`."""
    text = f"{value:.{digits}f}"
    return text.replace("0.", ".", 1) if abs(float(text)) < 1 else text


def spread(quartiles: Iterable[float], form: Callable[[Any], str] = whole) -> str:
    """Format quartiles as the median with the others in brackets."""
    low, median, high = map(form, quartiles)
    return f"{median} ({low} to {high})"


def quartiles(values: ArrayLike) -> list[float]:
    """Return the quartiles of values that are all known."""
    return np.quantile(np.asarray(values, float), (0.25, 0.5, 0.75)).tolist()
