"""The symmetric group on five things, S5: elements, product, inverse, irreducible characters.

Both the conjugacy classes and the irreducible representations are named by the partitions of 5: a
class by the lengths of its cycles, a representation as usual (Fulton & Harris 1991, Sec. 4.1), so
that (5) is the trivial one and (1,1,1,1,1) the sign.
"""

from __future__ import annotations

import functools
import itertools

import numpy as np

SIZE = 120
"""Elements of S5."""

PARTITIONS = (
    (5,),
    (4, 1),
    (3, 2),
    (3, 1, 1),
    (2, 2, 1),
    (2, 1, 1, 1),
    (1, 1, 1, 1, 1),
)
"""Partitions of 5 in reverse lexicographic order."""


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


def cycle_types() -> np.ndarray:
    """Return the conjugacy class of each element, as its row in `PARTITIONS`, int `[120]`."""
    return np.array([PARTITIONS.index(_cycle_lengths(element)) for element in permutations()])


def _cycle_lengths(element: np.ndarray) -> tuple[int, ...]:
    seen: set[int] = set()
    lengths = []
    for start in range(len(element)):
        cycle, i = set[int](), start
        while i not in seen | cycle:
            cycle.add(i)
            i = int(element[i])
        seen |= cycle
        lengths += [len(cycle)] if cycle else []
    return tuple(sorted(lengths, reverse=True))


@functools.cache
def characters() -> np.ndarray:
    """Return the irreducible characters, int `[7, 7]`: representation by class.

    The permutations of the ways to fill rows of lengths lambda with 1..5 have a character that
    contains the representation of lambda once, and others only of earlier partitions (Young's
    rule), so subtracting those leaves it.
    """
    sizes = np.bincount(cycle_types())
    found: list[np.ndarray] = []
    for partition in PARTITIONS:
        rest = np.array([_fillings_fixed_by(lengths, partition) for lengths in PARTITIONS])
        for known in found:
            rest = rest - (rest @ (sizes * known) // SIZE) * known
        found.append(rest)
    return np.stack(found)


def _fillings_fixed_by(cycles: tuple[int, ...], rows: tuple[int, ...]) -> int:
    """Count the ways to put whole cycles into rows of these lengths, filling each row."""
    if not cycles:
        return int(not any(rows))
    first, *rest = cycles
    left = [(*rows[:i], length - first, *rows[i + 1 :]) for i, length in enumerate(rows)]
    return sum(_fillings_fixed_by(tuple(rest), new) for new in left if min(new) >= 0)


@functools.cache
def projectors() -> np.ndarray:
    """Return the projectors of functions on S5 onto its representations, float64 `[7, 120, 120]`.

    The part of a function f that transforms by a representation of dimension d and character chi is
    (d / 120) sum_g chi(g**-1) f(g**-1 h) (Serre 1977, Theorem 8).
    """
    number = np.arange(SIZE)
    quotients = compose(np.tile(inverse(number), SIZE), np.repeat(number, SIZE))  # h k**-1
    values = characters()[:, cycle_types()[quotients]]  # [7, 120 * 120]
    return (values[:, :1] * values / SIZE).reshape(-1, SIZE, SIZE)
