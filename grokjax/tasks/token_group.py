"""The group that the tokens form under an operation, and the order that Fourier analysis takes.

The residues mod P are a cyclic group under addition, in their own order. For prime P the nonzero
ones are a cyclic group of order P - 1 under multiplication: its elements are the powers of a
primitive root g, so with g**j at place j a product of tokens is a sum of places.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from grokjax.tasks import symmetric_group


@dataclass(frozen=True)
class TokenGroup:
    """A group of tokens.

    name: for titles, such as `Z_53` or `Z_52 by powers of 2`.
    order: the tokens of the group. Of a cyclic group, place j has the j-th power of a generator
      (the j-th multiple, if the group is written with +); tokens that are missing are left out.
    generator: g, where the order is that of its powers; None for residues in their own order.
    obstacle: why there is no Fourier analysis over the tokens, for messages; empty for a cyclic
      group.
    """

    name: str
    order: tuple[int, ...]
    generator: int | None = None
    obstacle: str = ""

    @property
    def size(self) -> int:
        """Number of elements."""
        return len(self.order)

    @property
    def is_cyclic(self) -> bool:
        """Whether frequencies over the tokens in this order have a meaning."""
        return not self.obstacle

    @property
    def frequency(self) -> str:
        """Label of an axis of frequencies."""
        return "frequency" + (f" over powers of {self.generator}" if self.generator else "")

    def rows_of(self, count: int) -> np.ndarray | None:
        """Rows of a table of `count` tokens in the group's order; None for all rows as they are."""
        rows = np.array(self.order, np.int32)
        return None if np.array_equal(rows, np.arange(count)) else rows

    @property
    def in_words(self) -> str:
        """A sentence on the order of the tokens."""
        if self.obstacle:
            return f"There is no Fourier analysis over the tokens: {self.obstacle}."
        if self.generator is None:
            return f"Frequencies are over the tokens in their own order, 0 to {self.size - 1}."
        return (
            f"Frequencies are over the nonzero tokens in the order of the powers of "
            f"{self.generator} mod {self.size + 1} (1, {self.generator}, ...), a cyclic group of "
            f"order {self.size}; token 0 is left out."
        )


@functools.cache
def residues(modulus: int) -> TokenGroup:
    """Return the residues 0..P-1 under addition."""
    return TokenGroup(f"Z_{modulus}", tuple(range(modulus)))


@functools.cache
def powers(modulus: int) -> TokenGroup:
    """Return the nonzero residues under multiplication, in the order of a generator's powers.

    The generator is the smallest primitive root. The group has no such order, and an obstacle,
    where P is not an odd prime.
    """
    generator = primitive_root(modulus)
    if generator is None:
        why = f"products mod {modulus} have no order of powers, as P must be an odd prime for it"
        return TokenGroup(f"products mod {modulus}", (), obstacle=why)
    order = [1]
    while len(order) < modulus - 1:
        order.append(order[-1] * generator % modulus)
    return TokenGroup(f"Z_{modulus - 1} by powers of {generator}", tuple(order), generator)


@functools.cache
def permutations_of_five() -> TokenGroup:
    """Return the group S5, whose representations `analysis.irreps` looks at."""
    why = "S5 is no cyclic group; see the power of its irreducible representations"
    return TokenGroup("S5", tuple(range(symmetric_group.SIZE)), obstacle=why)


@functools.cache
def primitive_root(modulus: int) -> int | None:
    """Return the smallest g whose powers are all nonzero residues; None if P is no odd prime."""
    if modulus < 3 or not is_prime(modulus):
        return None
    factors = [q for q in range(2, modulus) if (modulus - 1) % q == 0 and is_prime(q)]
    tests = [(modulus - 1) // q for q in factors]
    return next(g for g in range(2, modulus) if all(pow(g, t, modulus) != 1 for t in tests))


def is_prime(number: int) -> bool:
    """Return whether a number is prime."""
    return number > 1 and all(number % d for d in range(2, int(number**0.5) + 1))
