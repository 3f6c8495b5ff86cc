"""Random orders of examples; a member trains on the first ones. Letters: N examples."""

from __future__ import annotations

import jax
import jax.numpy as jnp

ONE_WORD = 2**16
"""The most indices that share a word of 32 bits with a random number, 16 bits each."""


def shuffled(key: jax.Array, wanted: jax.Array, most: int) -> jax.Array:
    """Shuffle the wanted indices, and list the others after them: bool `[N]` -> int32 `[N]`.

    If the wanted indices are the first ones, their order does not depend on N, only on `most`, an
    upper bound of N: element i of a threefry draw depends on the key and i alone. One word of 32
    bits holds an index below its random number, which sorts four times faster on CPU than a pair
    of words (`jax.random.permutation` has a static length and sorts pairs). For N = 2 809, 20 bits
    are random: two given indices tie with probability 1e-6, and the smaller one then comes first.
    Above `ONE_WORD` too few random bits would be left, so pairs are sorted.
    """
    index = jnp.arange(len(wanted), dtype=jnp.uint32)
    ranks = _ranks(key, wanted, most)
    if most > ONE_WORD:
        return jax.lax.sort((ranks, index.astype(jnp.int32)), num_keys=1, is_stable=True)[1]
    return (jnp.sort(ranks | index) & _index_bits(most)).astype(jnp.int32)


def _index_bits(most: int) -> jax.Array:
    """Return the mask of the bits that hold an index below `most`; 0 if it has its own word."""
    return jnp.uint32(0 if most > ONE_WORD else (1 << (most - 1).bit_length()) - 1)


def _ranks(key: jax.Array, wanted: jax.Array, most: int) -> jax.Array:
    """Return a random number for each index, uint32 `[N]`, with the bits of the index clear.

    Indices that are not wanted get the largest number.
    """
    unit = _index_bits(most) + 1
    last = jnp.uint32(0xFFFFFFFF) & ~_index_bits(most)
    ranks = jax.random.bits(key, wanted.shape, jnp.uint32) & ~_index_bits(most)
    return jnp.where(wanted, jnp.minimum(ranks, last - unit), last)


def symmetric(
    key: jax.Array, exists: jax.Array, mirror: jax.Array, train_size: jax.Array
) -> jax.Array:
    """Shuffle the examples that exist, with each and its mirror on one side of the split.

    Both come where the smaller of their numbers is shuffled to. If the split would fall between the
    two, one example that has no mirror on another place (a = b, or its mirror does not exist) takes
    the place of one of them.

    Args:
      key: of the split.
      exists: bool `[N]`.
      mirror: int32 `[N]`, the number of (b, a) for each (a, b).
      train_size: int32 `[]`.
    """
    count = len(exists)
    number = jnp.arange(count, dtype=jnp.int32)
    couple = jnp.where(exists & exists[mirror], jnp.minimum(number, mirror), number)
    ranks = jnp.where(exists, _ranks(key, exists, count)[couple], jnp.uint32(0xFFFFFFFF))
    order = jax.lax.sort((ranks, couple, number), num_keys=3)[2]
    place = jnp.arange(count, dtype=jnp.int32)
    last, first = order[train_size - 1], order[train_size]  # of the train and the test split
    alone = (exists & ((mirror == number) | ~exists[mirror]))[order]
    after = jnp.min(jnp.where(alone & (place >= train_size), place, count))
    before = jnp.max(jnp.where(alone & (place < train_size), place, -1))
    here, other = (
        jnp.where(after < count, train_size - 1, train_size),
        jnp.where(after < count, after, before),
    )
    swapped = jnp.where(place == other, order[here], order)
    swapped = jnp.where(place == here, order[other], swapped)  # not `.at`: off CPU no scatter
    return jnp.where((mirror[last] == first) & (last != first), swapped, order)
