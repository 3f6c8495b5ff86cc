"""Labels against definitions of their own: Python's integers, inverses by search, SymPy."""

from typing import get_args

import numpy as np
import pytest
from sympy.combinatorics import Permutation

from grokjax import tasks
from grokjax.config import Config
from grokjax.hypers import Hypers
from grokjax.settings import ConfigError


def quotient(a, b, modulus):
    """The c with b c = a mod P, by trying all."""
    return next((c for c in range(modulus) if b % modulus and b * c % modulus == a), -1)


DEFINITIONS = {
    "add": lambda a, b, p: (a + b) % p,
    "subtract": lambda a, b, p: (a - b) % p,
    "multiply": lambda a, b, p: a * b % p,
    "divide": quotient,
    "a2+b": lambda a, b, p: (pow(a, 2, p) + b) % p,
    "a3+b": lambda a, b, p: (pow(a, 3, p) + b) % p,
    "a2+b2": lambda a, b, p: (pow(a, 2, p) + pow(b, 2, p)) % p,
    "a2+ab+b2": lambda a, b, p: ((a + b) ** 2 - a * b) % p,
    "a2+ab+b2+a": lambda a, b, p: ((a + b) ** 2 - a * b + a) % p,
    "a3+ab": lambda a, b, p: a * (a * a + b) % p,
    "a3+ab2+b": lambda a, b, p: (a * (a * a + b * b) + b) % p,
    "divide-or-subtract": lambda a, b, p: quotient(a, b, p) if b & 1 else (a - b) % p,
    "add-or-multiply": lambda a, b, p: a * b % p if a & 1 else (a + b) % p,
    "add-or-subtract": lambda a, b, p: (a - b) % p if a & 1 else (a + b) % p,
    "sum": lambda a, b, p: a + b if a <= b else -1,
}

SYMPY = {
    "s5": lambda a, b: a * b,  # SymPy: a first
    "s5-conjugate": lambda a, b: a * b * ~a,
    "s5-aba": lambda a, b: a * b * a,
}


@pytest.mark.parametrize("operation", DEFINITIONS)
@pytest.mark.parametrize("modulus", [2, 7, 97])
def test_labels_against_integers(operation, modulus):
    found = tasks.labels(operation, modulus)
    pairs = [(a, b) for a in range(modulus) for b in range(modulus)]
    assert tasks.pairs(modulus).tolist() == [list(pair) for pair in pairs]
    if modulus == 97 and "divide" in operation:  # the search would take minutes
        pairs, found = pairs[:970], found[:970]
    assert found.tolist() == [DEFINITIONS[operation](a, b, modulus) for a, b in pairs]


def test_division_undoes_multiplication():
    b, c = tasks.pairs(97).T
    there = b != 0
    product = tasks.labels("multiply", 97)[there]
    assert np.array_equal(tasks.labels("divide", 97)[product * 97 + b[there]], c[there])


@pytest.mark.parametrize("operation", SYMPY)
def test_s5_against_sympy(operation):
    elements = [Permutation(row.tolist()) for row in tasks.permutations()]
    number = {tuple(p.array_form): i for i, p in enumerate(elements)}
    assert len(number) == 120
    found = tasks.labels(operation, 120)
    for pair in np.random.default_rng(0).permutation(14_400)[:1500].tolist():
        product = SYMPY[operation](elements[pair // 120], elements[pair % 120])
        assert found[pair] == number[tuple(product.array_form)]


@pytest.mark.parametrize("operation", get_args(tasks.Operation))
def test_counts_of_pairs_and_answers(operation):
    """As published: 9 312 pairs of a division, 14 400 of S5, 55 sums of ten numbers."""
    modulus = 120 if tasks.TASKS[operation].needs == "120" else 97
    found, task = tasks.labels(operation, modulus), tasks.TASKS[operation]
    assert task.pairs(modulus) == (found >= 0).sum()
    if operation != "random":
        assert sorted(set(found.tolist()) - {-1}) == list(range(task.classes(modulus)))
    published = {"divide": 9312, "sum": 4753, "add": 9409, "s5": 14_400}
    assert published.get(operation, task.pairs(modulus)) == task.pairs(modulus)
    assert tasks.TASKS["sum"].pairs(10) == 55


def test_every_operation_has_a_row_of_the_table_where_it_is_defined():
    assert set(tasks.TASKS) == set(get_args(tasks.Operation))
    for modulus in (9, 97, 120):
        table = tasks.label_table(modulus)
        # Neither quotients nor S5 at 9; S5 only at 120.
        assert len(table) == len(tasks.defined(modulus)) == {9: 14, 97: 16, 120: 17}[modulus]
        for i, name in enumerate(tasks.defined(modulus)):
            assert np.array_equal(table[i], tasks.labels(name, modulus))
            if name != "sum":
                assert Hypers.of(Config(operation=name, modulus=modulus)).operation == i


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"operation": "divide", "modulus": 9}, "operation: 'divide' .* prime, and 9 is not"),
        ({"operation": "s5"}, "operation: 's5' .* S5 has 120 elements .* set modulus 120"),
        ({"operation": "sum", "modulus": 10}, "classes: 10 .* has 19 answers: set classes 19"),
        ({"classes": 52}, "classes: 52 .* has 53 answers"),
    ],
)
def test_what_cannot_be_computed_is_refused(settings, message):
    with pytest.raises(ConfigError, match=message) as caught:
        Config(**settings)
    assert "\n" not in str(caught.value)
