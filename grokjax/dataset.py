"""What a member learns from: the order of its pairs and their labels.

A function of the data seed and the traced settings alone; a round computes it
anew. Letters: P modulus, so P**2 pairs; O operations.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from grokjax import replay, tasks
from grokjax.config import Config
from grokjax.hypers import Hypers
from grokjax.numerics import pinned
from grokjax.streams import LABEL_NOISE, LABELS, SPLIT, stream

ONE_WORD = 2**16
"""Most indices that share a word of 32 bits with a random number: 16 bits each."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Data:
    """Of one member.

    order: all pair numbers, those trained on first, then those tested on, then
      those that the operation leaves out. labels: by pair number, as trained on; 0 for
      a pair that is left out.
    """

    order: jax.Array  # int32 [P**2]
    labels: jax.Array  # int32 [P**2]


def shuffled(key: jax.Array, wanted: jax.Array, most: int) -> jax.Array:
    """A random order of the wanted indices, then the others: bool `[N]` -> int32 `[N]`.

    Where the first are wanted, their order does not depend on N, only on `most`,
    which no N exceeds: element i of a threefry draw depends on the key and i
    alone. An index is sorted by a random number above it in one word, four times
    faster on CPU than a pair of words (`jax.random.permutation` has a static
    length and sorts those). Of 2 809, 20 bits are random: two given ones tie with
    probability 1e-6, and the smaller then comes first. Above `ONE_WORD` too few
    would be left.
    """
    index = jnp.arange(len(wanted), dtype=jnp.uint32)
    ranks = _ranks(key, wanted, most)
    if most > ONE_WORD:
        return jax.lax.sort((ranks, index.astype(jnp.int32)), num_keys=1, is_stable=True)[1]
    return (jnp.sort(ranks | index) & _low(most)).astype(jnp.int32)


def _low(most: int) -> jax.Array:
    """The bits of a word that hold an index below `most`; none if it gets a word of its own."""
    return jnp.uint32(0 if most > ONE_WORD else (1 << (most - 1).bit_length()) - 1)


def _ranks(key: jax.Array, wanted: jax.Array, most: int) -> jax.Array:
    """A random number for each index, uint32 `[N]`, the low bits clear; what is not wanted last."""
    unit = _low(most) + 1
    last = jnp.uint32(0xFFFFFFFF) & ~_low(most)
    ranks = jax.random.bits(key, wanted.shape, jnp.uint32) & ~_low(most)
    return jnp.where(wanted, jnp.minimum(ranks, last - unit), last)


def symmetric(key: jax.Array, there: jax.Array, train_size: jax.Array) -> jax.Array:
    """A random order of the pairs that are there, with (a, b) and (b, a) on one side of a split.

    Both come where the smaller of their numbers is shuffled to. If the split
    would fall between the two, one pair that has no other side (a = b, or its
    mirror is left out) takes the place of one of them.
    """
    count = len(there)
    modulus = int(count**0.5)
    number = jnp.arange(count, dtype=jnp.int32)
    mirror = number % modulus * modulus + number // modulus
    couple = jnp.where(there & there[mirror], jnp.minimum(number, mirror), number)
    ranks = jnp.where(there, _ranks(key, there, count)[couple], jnp.uint32(0xFFFFFFFF))
    order = jax.lax.sort((ranks, couple, number), num_keys=3)[2]
    place = jnp.arange(count, dtype=jnp.int32)
    last, first = order[train_size - 1], order[train_size]  # of the train and the test split
    alone = (there & ((mirror == number) | ~there[mirror]))[order]
    after = jnp.min(jnp.where(alone & (place >= train_size), place, count))
    before = jnp.max(jnp.where(alone & (place < train_size), place, -1))
    here, other = (
        jnp.where(after < count, train_size - 1, train_size),
        jnp.where(after < count, after, before),
    )
    swapped = jnp.where(place == other, order[here], order)
    swapped = jnp.where(place == here, order[other], swapped)  # not `.at`: off CPU no scatter
    return jnp.where((mirror[last] == first) & (last != first), swapped, order)


def build(config: Config) -> Callable[[Hypers], Data]:
    """The data of a program's members."""
    modulus = config.modulus
    table = jnp.asarray(tasks.label_table(modulus))  # [O, P**2]
    names = tasks.defined(modulus)
    drawn = names.index("random")
    answers = jnp.array([tasks.TASKS[name].classes(modulus) for name in names], jnp.int32)  # [O]

    def order_of(hypers: Hypers, there: jax.Array) -> jax.Array:
        if config.split in replay.SHUFFLES:
            return hypers.order
        key = stream(hypers.data_seed, SPLIT)
        if config.split == "symmetric":
            return symmetric(key, there, hypers.train_size)
        # One seed at two train fractions has nested training sets.
        return shuffled(key, there, modulus**2)

    def data(hypers: Hypers) -> Data:
        labels = table[hypers.operation]
        order = order_of(hypers, labels >= 0)
        count = answers[hypers.operation]
        random = random_labels(stream(hypers.data_seed, LABELS), modulus**2, count)
        labels = jnp.where(hypers.operation == drawn, random, labels)
        noise = random_labels(stream(hypers.data_seed, LABEL_NOISE), modulus**2, count)
        labels = jnp.where(jnp.argsort(order) < hypers.noisy_size, noise, labels)
        # A pair left out may fill up a batch: it counts for 0, but not if its loss is infinite.
        return Data(order, jnp.maximum(labels, 0))

    return data


class Examples(NamedTuple):
    """The data of one member in NumPy, int32: pairs `[N, 2]` and labels `[N]` of both splits."""

    train_pairs: np.ndarray
    train_labels: np.ndarray  # as trained on, label noise included
    test_pairs: np.ndarray
    test_labels: np.ndarray


def of(config: Config) -> Examples:
    """What a member with these settings learns from and is tested on."""
    with pinned():
        data = jax.jit(build(config))(Hypers.of(config))
    order, labels, pairs = map(np.asarray, (data.order, data.labels, tasks.pairs(config.modulus)))
    train, test = order[: config.train_size], order[config.train_size : config.pairs]
    return Examples(pairs[train], labels[train], pairs[test], labels[test])


def random_labels(key: jax.Array, pairs: int, answers: jax.Array) -> jax.Array:
    """One of the operation's answers drawn for every pair, int32 `[P**2]`; maybe the true one."""
    return jax.random.randint(key, (pairs,), 0, answers, jnp.int32)
