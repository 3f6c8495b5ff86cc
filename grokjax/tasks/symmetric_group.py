"""The symmetric group on five things, S5: its elements, their product and inverse."""

from __future__ import annotations

import functools
import itertools

import numpy as np

SIZE = 120
"""Elements of S5."""


@functools.cache
def permutations() -> np.ndarray:
    """Return the elements as images of 0..4, int64 `[120, 5]`, in lexicographic order."""
    return np.array(list(itertools.permutations(range(5))))


def _index(elements: np.ndarray) -> np.ndarray:
    """Return the numbers of these elements, `[N, 5]` -> `[N]`."""
    digits = 5 ** np.arange(4, -1, -1)
    return np.searchsorted(permutations() @ digits, elements @ digits)


def compose(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Apply a, then b: the element with c[i] = b[a[i]]; numbers of elements, `[N]` each."""
    elements = permutations()
    return _index(np.take_along_axis(elements[b], elements[a], axis=1))


def inverse(a: np.ndarray) -> np.ndarray:
    """Return the inverse of each element, by number, `[N]`."""
    return _index(permutations()[a].argsort(axis=1))
