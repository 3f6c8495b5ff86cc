"""Published train/test splits, replayed exactly from their seed. No JAX, no torch.

Every one is a Fisher-Yates shuffle by the Mersenne Twister, whose first pairs
are trained on; they differ in how it is seeded and how a draw is made of it.
"""

from __future__ import annotations

import functools
import random

import numpy as np


def _numpy(seed: int, count: int) -> np.ndarray:
    """`np.random.seed(seed); np.random.shuffle(...)` of `count` rows."""
    order = np.arange(count)
    np.random.RandomState(seed).shuffle(order)  # the legacy one is meant
    return order


def _python(seed: int, count: int) -> np.ndarray:
    """`random.seed(seed); random.shuffle(...)` of a list of `count`."""
    order = list(range(count))
    random.Random(seed).shuffle(order)
    return np.array(order)


def _torch(seed: int, count: int) -> np.ndarray:
    """`torch.manual_seed(seed); torch.randperm(count)` on CPU, so also `random_split`.

    Element i changes places with one of those from i on, by the remainder of a
    32-bit draw, as ATen does it. Its generator is seeded as NumPy's legacy one.
    """
    order = np.arange(count)
    twister = np.random.RandomState(seed)  # the legacy one is meant
    draws = twister.randint(0, 2**32, max(count - 1, 0), dtype=np.uint32)
    for i, draw in enumerate(draws.tolist()):
        j = i + draw % (count - i)
        order[i], order[j] = order[j], order[i]
    return order


SHUFFLES = {"numpy": _numpy, "python": _python, "torch": _torch}


@functools.lru_cache(maxsize=64)
def order(source: str, seed: int, pairs: bytes) -> np.ndarray:
    """Pair numbers in the order that a published code shuffles them into, int32 `[P**2]`.

    Args:
      source: a key of `SHUFFLES`.
      seed: of its generator.
      pairs: which pairs the operation has, bool `[P**2]` as bytes. They are
        listed by number, a outer and b inner; the others come last.
    """
    there = np.frombuffer(pairs, bool)
    numbers = np.flatnonzero(there)
    shuffled = numbers[SHUFFLES[source](seed, len(numbers))]
    return np.concatenate([shuffled, np.flatnonzero(~there)]).astype(np.int32)
