"""Published train/test splits, replayed exactly from their seed, without torch.

Each is a Fisher-Yates shuffle with the Mersenne Twister; the first examples are trained on. They
differ in how the generator is seeded and how it draws.
"""

from __future__ import annotations

import functools
import random

import numpy as np


def _numpy(seed: int, count: int) -> np.ndarray:
    """Do what `np.random.seed(seed); np.random.shuffle(...)` does to `count` rows."""
    order = np.arange(count)
    np.random.RandomState(seed).shuffle(order)  # the legacy generator is intended
    return order


def _python(seed: int, count: int) -> np.ndarray:
    """Do what `random.seed(seed); random.shuffle(...)` does to a list of `count`."""
    order = list(range(count))
    random.Random(seed).shuffle(order)
    return np.array(order)


def _torch(seed: int, count: int) -> np.ndarray:
    """Return `torch.manual_seed(seed); torch.randperm(count)` on CPU, which `random_split` uses.

    As in ATen, element i changes places with one from i on, chosen by the remainder of a 32-bit
    draw. The generator is seeded as NumPy's legacy one.
    """
    order = np.arange(count)
    twister = np.random.RandomState(seed)  # the legacy generator is intended
    draws = twister.randint(0, 2**32, max(count - 1, 0), dtype=np.uint32)
    for i, draw in enumerate(draws.tolist()):
        j = i + draw % (count - i)
        order[i], order[j] = order[j], order[i]
    return order


SHUFFLES = {"numpy": _numpy, "python": _python, "torch": _torch}


@functools.lru_cache(maxsize=64)
def order(source: str, seed: int, exists: bytes) -> np.ndarray:
    """Return the numbers of the examples in the order of a published code, int32 `[N]`.

    Args:
      source: a key of `SHUFFLES`.
      seed: the seed of its generator.
      exists: which examples the member's variant has, bool `[N]` as bytes. They are listed by
        number before they are shuffled; the others come last.
    """
    found = np.frombuffer(exists, bool)
    numbers = np.flatnonzero(found)
    shuffled = numbers[SHUFFLES[source](seed, len(numbers))]
    return np.concatenate([shuffled, np.flatnonzero(~found)]).astype(np.int32)
