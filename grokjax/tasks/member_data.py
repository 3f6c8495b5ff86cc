"""The data of one member: the order of its examples, and their targets.

Both are functions of the data seed and the traced settings alone; each round computes them anew.
Letters: N examples, V variants, C outputs, K classes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from grokjax.runtime.prng import LABEL_NOISE, LABELS, SPLIT, stream_key
from grokjax.tasks import published_splits, splits
from grokjax.tasks.dataset import Dataset


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class MemberData:
    """The data of one member.

    order: numbers of all examples: the train split, the test split, and then the examples that the
      member's variant does not have.
    targets: those trained on, by number of the example; class 0 for an example that is left out.
    true_labels: the classes without label noise, -1 for an example that is left out; None for
      targets to regress on.
    codes: the outputs that stand for each class, None where they are one-hot.
    """

    order: jax.Array  # int32 [N]
    targets: jax.Array  # int32 [N], or float32 [N, C]
    true_labels: jax.Array | None  # int32 [N]
    codes: jax.Array | None = None  # float32 [K, C]


def build_member_data(data: Dataset, split: str) -> Callable[[Any], MemberData]:
    """Return the function from a member's hyperparameters to its data."""
    table = jnp.asarray(data.targets)  # [V, N, ...]
    count = len(data.inputs)
    exists = jnp.ones(table.shape[:2], bool) if data.regression else table >= 0
    answers = jnp.array(data.answers, jnp.int32)  # [V]
    random = jnp.array(data.random)  # [V]
    mirror = None if data.mirror is None else jnp.asarray(data.mirror, jnp.int32)
    codes = None if data.codes is None else jnp.asarray(data.codes)  # [V, K, C]

    def order_of(hypers: Any) -> jax.Array:
        if split in published_splits.SHUFFLES:
            return hypers.order
        key = stream_key(hypers.data_seed, SPLIT)
        if split == "symmetric":
            assert mirror is not None
            return splits.symmetric(key, exists[hypers.variant], mirror, hypers.train_size)
        # One seed at two train fractions has nested training sets.
        return splits.shuffled(key, exists[hypers.variant], count)

    def member_data(hypers: Any) -> MemberData:
        targets, order = table[hypers.variant], order_of(hypers)
        if data.regression:
            return MemberData(order, targets, None)
        classes = answers[hypers.variant]
        if any(data.random):
            drawn = random_labels(stream_key(hypers.data_seed, LABELS), count, classes)
            targets = jnp.where(random[hypers.variant], drawn, targets)
        noise = random_labels(stream_key(hypers.data_seed, LABEL_NOISE), count, classes)
        noisy = jnp.where(jnp.argsort(order) < hypers.noisy_size, noise, targets)
        # An example that is left out may pad a batch with weight 0: its loss must be finite.
        own_codes = None if codes is None else codes[hypers.variant]
        return MemberData(order, jnp.maximum(noisy, 0), targets, own_codes)

    return member_data


def random_labels(key: jax.Array, count: int, answers: jax.Array) -> jax.Array:
    """Draw one of the answers for every example, int32 `[N]`; it may be the true one."""
    return jax.random.randint(key, (count,), 0, answers, jnp.int32)


class Examples(NamedTuple):
    """The data of one member in NumPy, both splits.

    Inputs are `[n, ...]`; labels are int32 `[n]`, or float32 `[n, C]` where they are regressed on.
    """

    train_inputs: np.ndarray
    """`[n, ...]`, int32 tokens or float32 features."""
    train_labels: np.ndarray
    """`[n]` or `[n, C]`, as trained on, label noise included."""
    test_inputs: np.ndarray
    """`[N - n, ...]`, like `train_inputs`."""
    test_labels: np.ndarray
    """`[N - n]` or `[N - n, C]`, without noise."""
