"""The operations on two tokens 0..P-1 that Power et al. 2022 and others published.

The P**2 ordered pairs are numbered `a * P + b`, as the published codes enumerate them. An operation
may leave some of them out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from grokjax.tasks import symmetric_group
from grokjax.tasks.symmetric_group import compose, inverse
from grokjax.tasks.token_group import TokenGroup, is_prime, permutations_of_five, powers, residues

OperationName = Literal[
    "add",
    "subtract",
    "multiply",
    "divide",
    "a2+b",
    "a3+b",
    "a2+b2",
    "a2+ab+b2",
    "a2+ab+b2+a",
    "a3+ab",
    "a3+ab2+b",
    "divide-or-subtract",
    "add-or-multiply",
    "add-or-subtract",
    "s5",
    "s5-conjugate",
    "s5-aba",
    "random",
    "sum",
]

Labels = Callable[[np.ndarray, np.ndarray, int], np.ndarray]
"""(a, b, P) -> labels, int64 `[N]` each; -1 for a pair that is left out."""


@dataclass(frozen=True)
class Operation:
    """One operation.

    formula: in words and signs.
    labels: the function that computes it.
    source: who published it.
    needs: what P must be: any number, a prime, or 120, the elements of S5.
    num_pairs: P -> how many of the P**2 pairs it is defined on.
    num_answers: P -> how many different answers it has.
    cyclic: whether the next token of its group in place of b moves every answer equally far around
      it, in either direction; only then do frequencies over the tokens have a meaning.
    """

    formula: str
    labels: Labels
    source: str
    needs: Literal["any", "prime", "120"] = "any"
    num_pairs: Callable[[int], int] = lambda modulus: modulus**2
    num_answers: Callable[[int], int] = lambda modulus: modulus
    cyclic: bool = False


def _modular(function: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Labels:
    return lambda a, b, modulus: function(a, b) % modulus


def _quotient(a: np.ndarray, b: np.ndarray, modulus: int) -> np.ndarray:
    """Return the c with b c = a, -1 where b is 0."""
    inverses = np.array([pow(int(x), -1, modulus) if x else 0 for x in range(modulus)])
    return np.where(b == 0, -1, a * inverses[b] % modulus)


_POWER = "Power et al. 2022"

OPERATIONS: dict[str, Operation] = {
    "add": Operation("a + b mod P", _modular(lambda a, b: a + b), _POWER, cyclic=True),
    "subtract": Operation("a - b mod P", _modular(lambda a, b: a - b), _POWER, cyclic=True),
    "multiply": Operation("a b mod P", _modular(lambda a, b: a * b), _POWER, cyclic=True),
    "divide": Operation(
        "a / b mod P, b not 0",
        _quotient,
        _POWER,
        "prime",
        num_pairs=lambda modulus: modulus * (modulus - 1),
        cyclic=True,
    ),
    "a2+b": Operation("a^2 + b mod P", _modular(lambda a, b: a**2 + b), _POWER, cyclic=True),
    "a3+b": Operation("a^3 + b mod P", _modular(lambda a, b: a**3 + b), _POWER, cyclic=True),
    "a2+b2": Operation("a^2 + b^2 mod P", _modular(lambda a, b: a**2 + b**2), _POWER),
    "a2+ab+b2": Operation(
        "a^2 + a b + b^2 mod P", _modular(lambda a, b: a**2 + a * b + b**2), _POWER
    ),
    "a2+ab+b2+a": Operation(
        "a^2 + a b + b^2 + a mod P", _modular(lambda a, b: a**2 + a * b + b**2 + a), _POWER
    ),
    "a3+ab": Operation("a^3 + a b mod P", _modular(lambda a, b: a**3 + a * b), _POWER),
    "a3+ab2+b": Operation(
        "a^3 + a b^2 + b mod P", _modular(lambda a, b: a**3 + a * b**2 + b), _POWER
    ),
    "divide-or-subtract": Operation(
        "a / b mod P for odd b, a - b mod P for even b",
        lambda a, b, modulus: np.where(b % 2 == 1, _quotient(a, b, modulus), (a - b) % modulus),
        _POWER,
        "prime",
    ),
    "add-or-multiply": Operation(
        "a + b mod P for even a, a b mod P for odd a",
        _modular(lambda a, b: np.where(a % 2 == 0, a + b, a * b)),
        "openai/grok, operator +*",
    ),
    "add-or-subtract": Operation(
        "a + b mod P for even a, a - b mod P for odd a",
        _modular(lambda a, b: np.where(a % 2 == 0, a + b, a - b)),
        "openai/grok, operator +-",
        cyclic=True,
    ),
    "s5": Operation("a, then b, in S5", lambda a, b, _: compose(a, b), _POWER, "120"),
    "s5-conjugate": Operation(
        "a, then b, then the inverse of a, in S5",
        lambda a, b, _: compose(compose(a, b), inverse(a)),
        _POWER,
        "120",
    ),
    "s5-aba": Operation(
        "a, then b, then a, in S5", lambda a, b, _: compose(compose(a, b), a), _POWER, "120"
    ),
    "random": Operation(
        "a random answer to every pair, drawn from the data seed",
        lambda a, b, modulus: 0 * a,  # `Dataset.random` has each member draw its own
        "Nanda et al. 2023, rand",
    ),
    "sum": Operation(
        "a + b, unordered pairs",
        lambda a, b, modulus: np.where(a <= b, a + b, -1),
        "Liu et al. 2022 (effective theory)",
        num_pairs=lambda modulus: modulus * (modulus + 1) // 2,
        num_answers=lambda modulus: 2 * modulus - 1,
    ),
}


def refusal(operation: str, modulus: int) -> str | None:
    """Return what an operation needs that so many tokens do not fulfil; None if it is defined."""
    needs = OPERATIONS[operation].needs
    size = symmetric_group.SIZE
    if needs == "120" and modulus != size:
        return f"needs modulus {size}, the elements of S5; modulus is {modulus}"
    if needs == "prime" and not is_prime(modulus):
        return f"needs a modulus that is prime; modulus is {modulus}"
    return None


def defined(modulus: int) -> list[str]:
    """Return the operations that are defined on so many tokens."""
    return [name for name in get_args(OperationName) if refusal(name, modulus) is None]


def group_of(operation: str, modulus: int) -> TokenGroup:
    """Return the group that the tokens form under an operation."""
    if OPERATIONS[operation].needs == "120":
        return permutations_of_five()
    return powers(modulus) if operation in ("multiply", "divide") else residues(modulus)


def all_pairs(modulus: int) -> np.ndarray:
    """Return all ordered pairs (a, b), int32 `[P**2, 2]`, in the order of their numbers."""
    numbers = np.arange(modulus**2, dtype=np.int32)
    return np.stack([numbers // modulus, numbers % modulus], axis=-1)


def labels_of(operation: str, modulus: int) -> np.ndarray:
    """Return the labels of one operation, int32 `[P**2]`; -1 for pairs that it leaves out."""
    # int64: a cube overflows int32 above P = 1 290.
    a, b = all_pairs(modulus).astype(np.int64).T
    return OPERATIONS[operation].labels(a, b, modulus).astype(np.int32)
