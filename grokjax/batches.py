"""The rows of an epoch: which pairs, in which steps, in chunks of which size.

Letters: P modulus, N training pairs (bound over the program), S steps an epoch,
B batch, K chunks a step, C rows a chunk.
"""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp

from grokjax import dataset
from grokjax.config import Config

CACHED_ROWS = 384
"""C on CPU. Activations of 384 rows stay in a core's cache: a step in full batch at P = 113 takes
15% less than in one piece on one core, 30% on two. 256 to 768 are alike within the noise."""


@dataclass(frozen=True)
class Layout:
    """An epoch of a program: `steps` of `chunks` of `rows`, `batch_size` of them filled."""

    max_train_size: int
    steps: int
    batch_size: int
    chunks: int
    rows: int

    @classmethod
    def of(cls, config: Config, max_train_size: int, cached: int | None) -> Layout:
        """Args: `cached`: the most rows of a chunk; None: a step is one chunk."""
        batch_size = min(config.batch_size or max_train_size, max_train_size)
        steps = -(-max_train_size // batch_size)
        if cached is None:
            return cls(max_train_size, steps, batch_size, 1, batch_size)
        if steps == 1:
            # Chunks of a size that does not depend on the bound, so that a member's bits do not.
            # One chunk alone would be inlined and fused otherwise: it gets an empty second.
            rows = min(cached, config.modulus**2)
            chunks = max(-(-batch_size // rows), 1 if rows == config.modulus**2 else 2)
            return cls(max_train_size, 1, batch_size, chunks, rows)
        chunks = -(-batch_size // cached)
        return cls(max_train_size, steps, batch_size, chunks, -(-batch_size // chunks))


def draw(
    config: Config, layout: Layout, key: jax.Array, order: jax.Array, train_size: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """One epoch of a member.

    Args:
      config: says whether batches are drawn at all.
      layout: of the program.
      key: of this member and epoch.
      order: int32 `[P**2]`, pair numbers, the first `train_size` to train on.
      train_size: int32 `[]`, the member's own.

    Returns:
      Pair numbers int32 `[S, K, C]`, and what each row counts for in the mean of
      its step, float32: 1 over the rows of the step, or 0.
    """
    bound = layout.max_train_size
    if config.batch_size is None:
        rows = jnp.arange(bound, dtype=jnp.int32)  # the order would not matter
    else:
        rows = dataset.shuffled(key, jnp.arange(bound) < train_size, len(order))
    rows = jnp.pad(rows, (0, layout.steps * layout.batch_size - bound))
    filled = (jnp.arange(len(rows)) < train_size).astype(jnp.float32)
    rows, filled = (x.reshape(layout.steps, -1) for x in (order[rows], filled))  # [S, B]
    weights = filled / jnp.maximum(filled.sum(axis=1, keepdims=True), 1)
    room = ((0, 0), (0, layout.chunks * layout.rows - layout.batch_size))
    rows, weights = jnp.pad(rows, room), jnp.pad(weights, room)
    # What counts for nothing overflows only where something that counts does.
    rows = jnp.where(weights > 0, rows, rows[:, :1])
    shape = layout.steps, layout.chunks, layout.rows
    return rows.reshape(shape), weights.reshape(shape)
