"""Operations: what is computed from a pair of tokens, in one registry. No JAX here, and NumPy
only where it is used: a refused command line should not wait for it.

A task is a binary operation on the tokens 0..P-1. Its P**2 ordered pairs are
numbered `pair = a * P + b`, as the published codes enumerate them; an operation
may leave some of them out, whose label is then -1.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

if TYPE_CHECKING:
    import numpy as np

Operation = Literal[
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

S5_SIZE = 120
"""Elements of the symmetric group on five things: its P."""

Rule: TypeAlias = "Callable[[np.ndarray, np.ndarray, int], np.ndarray]"


@dataclass(frozen=True)
class Task:
    """One operation.

    formula: in words and signs. rule: (a, b, P) -> labels, int64 `[N]` each,
    -1 for a pair that is left out. source: who published it. needs: of P, any,
    prime, or 120 for the group. pairs: how many of the P**2 there are.
    classes: how many answers. cyclic: whether the next token in place of b moves every
    answer by the same number of places around Z_P, in one direction or the other; only then
    do frequencies over the tokens in their own order mean something.
    """

    formula: str
    rule: Rule
    source: str
    needs: Literal["any", "prime", "120"] = "any"
    pairs: Callable[[int], int] = lambda modulus: modulus**2
    classes: Callable[[int], int] = lambda modulus: modulus
    cyclic: bool = False


def _modular(rule: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Rule:
    return lambda a, b, modulus: rule(a, b) % modulus


def _quotient(a: np.ndarray, b: np.ndarray, modulus: int) -> np.ndarray:
    """The c with b c = a; where b is 0 there is none."""
    import numpy as np

    inverse = np.array([pow(int(x), -1, modulus) if x else 0 for x in range(modulus)])
    return np.where(b == 0, -1, a * inverse[b] % modulus)


def _either(condition: np.ndarray, one: np.ndarray, other: np.ndarray | int) -> np.ndarray:
    import numpy as np

    return np.where(condition, one, other)


@functools.cache
def permutations() -> np.ndarray:
    """The elements of S5 as images of 0..4, int64 `[120, 5]`, in lexicographic order."""
    import numpy as np

    return np.array(list(itertools.permutations(range(5))))


def _number(elements: np.ndarray) -> np.ndarray:
    """Which elements of S5 these are, `[N, 5]` -> `[N]`."""
    import numpy as np

    digits = 5 ** np.arange(4, -1, -1)
    return np.searchsorted(permutations() @ digits, elements @ digits)


def then(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """First a, then b: the element of S5 with c[i] = b[a[i]], numbers `[N]`."""
    import numpy as np

    elements = permutations()
    return _number(np.take_along_axis(elements[b], elements[a], axis=1))


def _inverse(a: np.ndarray) -> np.ndarray:
    return _number(permutations()[a].argsort(axis=1))


_POWER = "Power et al. 2022"

TASKS: dict[str, Task] = {
    "add": Task("a + b mod P", _modular(lambda a, b: a + b), _POWER, cyclic=True),
    "subtract": Task("a - b mod P", _modular(lambda a, b: a - b), _POWER, cyclic=True),
    "multiply": Task("a b mod P", _modular(lambda a, b: a * b), _POWER),
    "divide": Task(
        "a / b mod P, b not 0", _quotient, _POWER, "prime", lambda modulus: modulus * (modulus - 1)
    ),
    "a2+b": Task("a^2 + b mod P", _modular(lambda a, b: a**2 + b), _POWER, cyclic=True),
    "a3+b": Task("a^3 + b mod P", _modular(lambda a, b: a**3 + b), _POWER, cyclic=True),
    "a2+b2": Task("a^2 + b^2 mod P", _modular(lambda a, b: a**2 + b**2), _POWER),
    "a2+ab+b2": Task("a^2 + a b + b^2 mod P", _modular(lambda a, b: a**2 + a * b + b**2), _POWER),
    "a2+ab+b2+a": Task(
        "a^2 + a b + b^2 + a mod P", _modular(lambda a, b: a**2 + a * b + b**2 + a), _POWER
    ),
    "a3+ab": Task("a^3 + a b mod P", _modular(lambda a, b: a**3 + a * b), _POWER),
    "a3+ab2+b": Task("a^3 + a b^2 + b mod P", _modular(lambda a, b: a**3 + a * b**2 + b), _POWER),
    "divide-or-subtract": Task(
        "a / b mod P for odd b, a - b mod P for even b",
        lambda a, b, modulus: _either(b % 2 == 1, _quotient(a, b, modulus), (a - b) % modulus),
        _POWER,
        "prime",
    ),
    "add-or-multiply": Task(
        "a + b mod P for even a, a b mod P for odd a",
        _modular(lambda a, b: _either(a % 2 == 0, a + b, a * b)),
        "openai/grok, operator +*",
    ),
    "add-or-subtract": Task(
        "a + b mod P for even a, a - b mod P for odd a",
        _modular(lambda a, b: _either(a % 2 == 0, a + b, a - b)),
        "openai/grok, operator +-",
        cyclic=True,
    ),
    "s5": Task("a, then b, in S5", lambda a, b, _: then(a, b), _POWER, "120"),
    "s5-conjugate": Task(
        "a, then b, then the inverse of a, in S5",
        lambda a, b, _: then(then(a, b), _inverse(a)),
        _POWER,
        "120",
    ),
    "s5-aba": Task("a, then b, then a, in S5", lambda a, b, _: then(then(a, b), a), _POWER, "120"),
    "random": Task(
        "a random answer to every pair, drawn from the data seed",
        lambda a, b, modulus: 0 * a,  # drawn in `grokjax.dataset`, for each member
        "Nanda et al. 2023, rand",
    ),
    "sum": Task(
        "a + b, unordered pairs",
        lambda a, b, modulus: _either(a <= b, a + b, -1),
        "Liu et al. 2022 (effective theory)",
        pairs=lambda modulus: modulus * (modulus + 1) // 2,
        classes=lambda modulus: 2 * modulus - 1,
    ),
}


def refusal(operation: str, modulus: int) -> str | None:
    """Why there is no such operation on so many tokens; None if there is."""
    needs = TASKS[operation].needs
    if needs == "120" and modulus != S5_SIZE:
        return f"S5 has {S5_SIZE} elements and modulus is {modulus}; set modulus {S5_SIZE}"
    if needs == "prime" and any(modulus % d == 0 for d in range(2, int(modulus**0.5) + 1)):
        return f"it needs a modulus that is prime, and {modulus} is not"
    return None


def defined(modulus: int) -> list[str]:
    """The operations on so many tokens, in the order of the table of their labels."""
    return [name for name in get_args(Operation) if refusal(name, modulus) is None]


def pairs(modulus: int) -> np.ndarray:
    """All ordered pairs (a, b), int32 `[P**2, 2]`, in the order of their numbers."""
    import numpy as np

    numbers = np.arange(modulus**2, dtype=np.int32)
    return np.stack([numbers // modulus, numbers % modulus], axis=-1)


def labels(operation: str, modulus: int) -> np.ndarray:
    """Labels of one operation, int32 `[P**2]`; -1 for pairs that it leaves out."""
    import numpy as np

    # int64: a cube overflows int32 above P = 1 290.
    a, b = pairs(modulus).astype(np.int64).T
    return TASKS[operation].rule(a, b, modulus).astype(np.int32)


def label_table(modulus: int) -> np.ndarray:
    """Labels of every operation, int32 `[O, P**2]`, in the order of `defined`."""
    import numpy as np

    return np.stack([labels(name, modulus) for name in defined(modulus)])
