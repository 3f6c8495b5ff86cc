"""Classes, characters and projectors of S5."""

import numpy as np
from sympy.combinatorics import Permutation

from grokjax.tasks import symmetric_group

# Fulton & Harris 1991, Sec. 3.1, p. 28; classes by cycle lengths 5, 41, 32, 311, 221, 2111, 1.
CHARACTERS = [
    [1, 1, 1, 1, 1, 1, 1],
    [-1, 0, -1, 1, 0, 2, 4],
    [0, -1, 1, -1, 1, 1, 5],
    [1, 0, 0, 0, -2, 0, 6],
    [0, 1, -1, -1, 1, -1, 5],
    [-1, 0, 1, 1, 0, -2, 4],
    [1, -1, -1, 1, 1, -1, 1],
]


def test_classes_are_those_of_sympy():
    for element, row in zip(
        symmetric_group.permutations(), symmetric_group.cycle_types(), strict=True
    ):
        structure = Permutation(element.tolist()).cycle_structure
        lengths = [n for n, count in structure.items() for _ in range(count)]
        assert symmetric_group.PARTITIONS[row] == tuple(sorted(lengths, reverse=True))


def test_characters():
    found = symmetric_group.characters()
    np.testing.assert_array_equal(found, CHARACTERS)
    sizes = np.bincount(symmetric_group.cycle_types())
    np.testing.assert_array_equal((found * sizes) @ found.T, 120 * np.eye(7))


def test_projectors():
    """They are orthogonal, their ranks are the squared dimensions, and they commute with S5."""
    found = symmetric_group.projectors()
    np.testing.assert_allclose(found.sum(axis=0), np.eye(120), atol=1e-12)
    for i, one in enumerate(found):
        np.testing.assert_allclose(one @ one, one, atol=1e-12)
        assert round(np.trace(one)) == CHARACTERS[i][-1] ** 2
    number = np.arange(120)
    for g in (1, 37, 119):
        moved = symmetric_group.compose(np.full(120, g), number)
        np.testing.assert_allclose(found[:, moved][:, :, moved], found, atol=1e-12)
        moved = symmetric_group.compose(number, np.full(120, g))
        np.testing.assert_allclose(found[:, moved][:, :, moved], found, atol=1e-12)
