"""The pairs of the tokens that form a cyclic group, among all pairs of Z_P."""

from __future__ import annotations

import functools
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array

from grokjax.tasks.token_group import TokenGroup


class GroupPairs(NamedTuple):
    """Where the pairs of G tokens are among all P**2, in the order of their places.

    order: int32 `[G]`, the token at each place of the group.
    rows: int32 `[G**2]`, the number of each pair of places, the first one outer.
    place: int32 `[P + 1]`, the place of each token; -1 for one outside, and for the last entry.
    """

    order: np.ndarray
    rows: np.ndarray
    place: np.ndarray

    def places(self, tokens: Array) -> Array:
        """Return the places of tokens, int32; -1 for a token outside the group and for -1."""
        return jnp.asarray(self.place)[tokens]


@functools.lru_cache(maxsize=8)
def group_pairs(group: TokenGroup, modulus: int) -> GroupPairs:
    """Return the pairs of a group's tokens among those of Z_P."""
    order = np.array(group.order, np.int32)
    place = np.full(modulus + 1, -1, np.int32)
    place[order] = np.arange(group.size, dtype=np.int32)
    return GroupPairs(order, (order[:, None] * modulus + order).ravel(), place)
