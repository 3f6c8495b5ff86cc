"""Groups of tokens: their order, their names, and what a task may give."""

from dataclasses import replace

import numpy as np
import pytest
import sympy

from grokjax import Config, ConfigError
from grokjax.tasks.operations import group_of, labels_of
from grokjax.tasks.token_group import TokenGroup, powers, primitive_root, residues
from tests.tasks.test_task import larger

PRIMES = list(sympy.primerange(3, 200))


def test_the_generator_is_the_smallest_primitive_root():
    assert [primitive_root(p) for p in PRIMES] == [sympy.primitive_root(p) for p in PRIMES]
    assert [primitive_root(n) for n in (1, 2, 4, 9, 12, 49)] == [None] * 6


@pytest.mark.parametrize("operation", ["multiply", "divide"])
@pytest.mark.parametrize("modulus", [3, 7, 31])
def test_a_product_is_a_sum_of_places(modulus, operation):
    group = group_of(operation, modulus)
    assert sorted(group.order) == list(range(1, modulus))
    assert group.order[0] == 1
    place = np.full(modulus, -1)
    place[list(group.order)] = np.arange(modulus - 1)
    a, b = np.divmod(np.arange(modulus**2), modulus)
    nonzero = (a > 0) & (b > 0)
    sign = 1 if operation == "multiply" else -1
    found = place[labels_of(operation, modulus)[nonzero]]
    np.testing.assert_array_equal(found, (place[a] + sign * place[b])[nonzero] % (modulus - 1))


def test_names_and_words():
    group = powers(53)
    assert (group.name, group.frequency) == ("Z_52 by powers of 2", "frequency over powers of 2")
    assert group.in_words == (
        "Frequencies are over the nonzero tokens in the order of the powers of 2 mod 53 (1, 2, "
        "...), a cyclic group of order 52; token 0 is left out."
    )
    assert (residues(7).name, residues(7).frequency) == ("Z_7", "frequency")
    composite = group_of("multiply", 12)
    assert not composite.is_cyclic
    assert composite.obstacle == (
        "products mod 12 have no order of powers, as P must be an odd prime for it"
    )
    assert [group_of(name, 120).name for name in ("s5", "s5-aba", "add")] == ["S5", "S5", "Z_120"]


AXES = ("Z_5", "Z_5")


def test_a_task_of_the_users_may_name_its_group():
    def products():
        return replace(larger(5), axes=AXES, groups=(powers(5),))

    def sums():
        return replace(larger(5), axes=AXES)

    assert Config(task=products).task_settings.token_group() == powers(5)
    assert Config(task=sums).task_settings.token_group() == residues(5)
    assert Config(task=larger).task_settings.token_group() is None


@pytest.mark.parametrize(
    ("axes", "groups", "message"),
    [
        ((), (powers(5),), "groups must be 1 TokenGroup of the P in axes"),
        (AXES, (powers(5), powers(5)), "groups must be 1 TokenGroup of the P in axes"),
        (AXES, ("Z_5",), "groups must be 1 TokenGroup of the P in axes"),
        (AXES, (powers(7),), "a group's order must hold tokens from 0 to 4, each at most once"),
        (AXES, (TokenGroup("x", (1, 1, 2)),), "order must hold tokens from 0 to 4, each at most"),
        (AXES, (TokenGroup("x", (1,)),), "a cyclic group must have at least 2 tokens"),
    ],
)
def test_groups_that_do_not_fit_are_refused(axes, groups, message):
    def wrong():
        return replace(larger(5), axes=axes, groups=groups)

    with pytest.raises(ConfigError, match=message):
        Config(task=wrong)
