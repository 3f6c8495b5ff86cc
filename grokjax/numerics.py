"""JAX's own settings that numbers depend on, pinned, whatever its `JAX_*` variables say."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import jax

from grokjax import forking


@contextlib.contextmanager
def pinned(precision: str = "float32") -> Iterator[None]:
    """What is traced within multiplies matrices in this precision, and draws the documented bits.

    With `JAX_THREEFRY_PARTITIONABLE=0` every draw would be another, and depend on
    how many are drawn. The generator itself is named by `streams.stream`. All
    is float32, and compiled.

    Raises RuntimeError in a process that was forked after JAX was used.
    """
    forking.refuse()
    with (
        jax.default_matmul_precision(precision),
        jax.threefry_partitionable(True),
        jax.numpy_dtype_promotion("standard"),
        jax.enable_x64(False),
        jax.disable_jit(False),
    ):
        yield
