"""Pin JAX's own settings that results depend on, whatever its `JAX_*` variables say."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator

import jax

from grokjax.errors import invalid
from grokjax.runtime import forking

CPU_OPTIONS = {"xla_disable_hlo_passes": "cse"}
"""Compiler options on CPU, for the same bits on one device and on several.

XLA turns `a / broadcast(b)` into `a * broadcast(1 / b)` where that broadcast has no other use. Only
a program of several devices is partitioned before that, which also merges equal broadcasts (CSE:
common subexpression elimination), so the divisions in a softmax and its gradient would differ.
"""


DOUBLE_PLATFORMS = ("cpu", "gpu", "cuda", "rocm")
"""Platforms that compute in float64."""


def check_precision(precision: str, platform: str) -> None:
    """Raise ConfigError for float64 where devices lack it; warn where JAX's own setting is ignored.

    platform: of the devices that train.
    """
    if precision == "float64":
        if platform not in DOUBLE_PLATFORMS:
            text = f"must be float32 on {platform}, whose devices have no float64"
            raise invalid("precision", precision, text)
    elif getattr(jax.config, "jax_enable_x64", False):
        warnings.warn(
            f"JAX_ENABLE_X64 has no effect on this run, whose precision is {precision}; "
            "for float64 give --precision float64, in Python precision='float64'",
            stacklevel=2,
        )


@contextlib.contextmanager
def pinned_jax_settings(precision: str = "float32") -> Iterator[None]:
    """Trace in this precision, and with threefry's current bits.

    precision: of matrix products of float32 arrays, or `float64` for arrays of float64.

    `JAX_THREEFRY_PARTITIONABLE=0` would change every draw, and make it depend on how many
    are drawn; `prng.stream_key` names the generator itself.

    Raises RuntimeError in a process that was forked after JAX was used.
    """
    forking.check_not_forked()
    wide = precision == "float64"
    with (
        jax.default_matmul_precision("float32" if wide else precision),
        jax.threefry_partitionable(True),
        jax.numpy_dtype_promotion("standard"),
        jax.enable_x64(wide),
        jax.disable_jit(False),
    ):
        yield
