"""Divide the train examples of an epoch into steps, and each step into chunks.

Letters: N examples, S steps an epoch, B batch, K chunks a step, R rows a chunk.
"""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp

from grokjax.tasks.splits import shuffled

CACHED_ROWS = 384
"""R on CPU. Activations of 384 rows stay in a core's cache: a full-batch step at P = 113 takes 15%
less time than without chunks on one core, 30% less on two. Values from 256 to 768 are equally fast
within the noise."""


@dataclass(frozen=True)
class BatchPlan:
    """The shape of a program's epochs: `steps`, each of `chunks` of `rows` rows.

    max_train_size: the largest training set among the program's members.
    full_batch: whether each step takes all training examples, so that their order does not matter.
    batch_size: B, the rows of a step that are not padding.
    """

    max_train_size: int
    full_batch: bool
    steps: int
    batch_size: int
    chunks: int
    rows: int

    @classmethod
    def of(
        cls, batch_size: int | None, num_rows: int, max_train_size: int, cached_rows: int | None
    ) -> BatchPlan:
        """Return the plan of a program whose task has `num_rows` examples.

        cached_rows: the largest number of rows in a chunk; None: a step is one chunk.
        """
        full_batch = batch_size is None
        size = min(batch_size or max_train_size, max_train_size)
        steps = -(-max_train_size // size)
        if cached_rows is None:
            return cls(max_train_size, full_batch, steps, size, 1, size)
        if steps == 1:
            # The size of chunks must not depend on the bound, because a member's bits would too.
            # XLA would inline and fuse a single chunk differently, so an empty one is added.
            rows = min(cached_rows, num_rows)
            chunks = max(-(-size // rows), 1 if rows == num_rows else 2)
            return cls(max_train_size, full_batch, 1, size, chunks, rows)
        chunks = -(-size // cached_rows)
        return cls(max_train_size, full_batch, steps, size, chunks, -(-size // chunks))


def draw_batches(
    plan: BatchPlan, key: jax.Array, order: jax.Array, train_size: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Draw the batches of one epoch of a member.

    Args:
      plan: the plan of the program.
      key: the random key of this member and epoch.
      order: int32 `[N]`, numbers of the examples, the first `train_size` to train on.
      train_size: int32 `[]`, the member's own.

    Returns:
      Numbers of examples int32 `[S, K, R]`, and the weight of each row in the mean of its step,
      floats: 1 over the rows of the step, or 0 for padding.
    """
    bound = plan.max_train_size
    if plan.full_batch:
        rows = jnp.arange(bound, dtype=jnp.int32)
    else:
        rows = shuffled(key, jnp.arange(bound) < train_size, len(order))
    rows = jnp.pad(rows, (0, plan.steps * plan.batch_size - bound))
    filled = (jnp.arange(len(rows)) < train_size).astype(float)
    rows, filled = (x.reshape(plan.steps, -1) for x in (order[rows], filled))  # [S, B]
    weights = filled / jnp.maximum(filled.sum(axis=1, keepdims=True), 1)
    padding = ((0, 0), (0, plan.chunks * plan.rows - plan.batch_size))
    rows, weights = jnp.pad(rows, padding), jnp.pad(weights, padding)
    # Pad with a row of the batch: padding must not overflow on its own (0 * inf is NaN).
    rows = jnp.where(weights > 0, rows, rows[:, :1])
    shape = plan.steps, plan.chunks, plan.rows
    return rows.reshape(shape), weights.reshape(shape)
