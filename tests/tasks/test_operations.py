"""Labels against independent definitions: Python's integers, inverses by search, SymPy."""

from typing import get_args

import numpy as np
import pytest
from sympy.combinatorics import Permutation

from grokjax.config.config import Config
from grokjax.config.hyperparams import hypers_of
from grokjax.errors import ConfigError
from grokjax.tasks import operations, symmetric_group
from grokjax.tasks.task import build_dataset


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
    found = operations.labels_of(operation, modulus)
    pairs = [(a, b) for a in range(modulus) for b in range(modulus)]
    assert operations.all_pairs(modulus).tolist() == [list(pair) for pair in pairs]
    if modulus == 97 and "divide" in operation:  # the search would take minutes
        pairs, found = pairs[:970], found[:970]
    assert found.tolist() == [DEFINITIONS[operation](a, b, modulus) for a, b in pairs]


def test_division_undoes_multiplication():
    b, c = operations.all_pairs(97).T
    invertible = b != 0
    product = operations.labels_of("multiply", 97)[invertible]
    assert np.array_equal(
        operations.labels_of("divide", 97)[product * 97 + b[invertible]], c[invertible]
    )


@pytest.mark.parametrize("operation", SYMPY)
def test_s5_against_sympy(operation):
    elements = [Permutation(row.tolist()) for row in symmetric_group.permutations()]
    number = {tuple(p.array_form): i for i, p in enumerate(elements)}
    assert len(number) == 120
    found = operations.labels_of(operation, 120)
    for pair in np.random.default_rng(0).permutation(14_400)[:1500].tolist():
        product = SYMPY[operation](elements[pair // 120], elements[pair % 120])
        assert found[pair] == number[tuple(product.array_form)]


@pytest.mark.parametrize("operation", get_args(operations.OperationName))
def test_counts_of_pairs_and_answers(operation):
    """As published: 9 312 pairs of a division, 14 400 of S5, 55 sums of ten numbers."""
    modulus = 120 if operations.OPERATIONS[operation].needs == "120" else 97
    found, task = (
        operations.labels_of(operation, modulus),
        operations.OPERATIONS[operation],
    )
    assert task.num_pairs(modulus) == (found >= 0).sum()
    if operation != "random":
        assert sorted(set(found.tolist()) - {-1}) == list(range(task.num_answers(modulus)))
    published = {"divide": 9312, "sum": 4753, "add": 9409, "s5": 14_400}
    assert published.get(operation, task.num_pairs(modulus)) == task.num_pairs(modulus)
    assert operations.OPERATIONS["sum"].num_pairs(10) == 55


def test_a_program_holds_the_targets_of_the_operations_that_its_members_use():
    assert set(operations.OPERATIONS) == set(get_args(operations.OperationName))
    for modulus, count in ((9, 14), (97, 16), (120, 17)):
        # Neither quotients nor S5 at 9; S5 only at 120.
        names = tuple(operations.defined(modulus))
        assert len(names) == count
        configs = [Config(operation=n, modulus=modulus, classes=2 * modulus - 1) for n in names]
        assert len({config.program for config in configs}) == 1
        data = build_dataset(configs[0].program.task_settings, names)
        for row, name in enumerate(names):
            assert np.array_equal(data.targets[row], operations.labels_of(name, modulus))
            assert hypers_of(configs[row], names).variant == row
        alone = build_dataset(configs[0].program.task_settings, names[3:4])
        assert np.array_equal(alone.targets, data.targets[3:4])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"operation": "divide", "modulus": 9},
            "operation needs a modulus that is prime; modulus is 9, got 'divide'",
        ),
        ({"operation": "s5"}, "operation needs modulus 120, .* S5; modulus is 53, got 's5'"),
        (
            {"operation": "sum", "modulus": 10},
            "classes must be at least 19, .* of sum with modulus 10, got 10",
        ),
        ({"classes": 52}, "classes must be at least 53, .* of add with modulus 53, got 52"),
    ],
)
def test_an_operation_that_is_not_defined_on_so_many_tokens_is_refused(settings, message):
    with pytest.raises(ConfigError, match=message) as caught:
        Config(**settings)
    assert "\n" not in str(caught.value)
