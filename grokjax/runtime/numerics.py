"""Pin JAX's own settings that results depend on, whatever its `JAX_*` variables say."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import jax

from grokjax.runtime import forking

CPU_OPTIONS = {"xla_disable_hlo_passes": "cse"}
"""Compiler options on CPU, for the same bits on one device and on several.

XLA turns `a / broadcast(b)` into `a * broadcast(1 / b)` where that broadcast has no other use. Only
a program of several devices is partitioned before that, which also merges equal broadcasts (CSE:
common subexpression elimination), so the divisions in a softmax and its gradient would differ.
"""


@contextlib.contextmanager
def pinned_jax_settings(precision: str = "float32") -> Iterator[None]:
    """Trace with this matrix-product precision, float32 arrays, and threefry's current bits.

    `JAX_THREEFRY_PARTITIONABLE=0` would change every draw, and make it depend on how many
    are drawn; `prng.stream_key` names the generator itself.

    Raises RuntimeError in a process that was forked after JAX was used.
    """
    forking.check_not_forked()
    with (
        jax.default_matmul_precision(precision),
        jax.threefry_partitionable(True),
        jax.numpy_dtype_promotion("standard"),
        jax.enable_x64(False),
        jax.disable_jit(False),
    ):
        yield
