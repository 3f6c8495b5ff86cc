"""Two operations with gradients of our own, for speed and exactness."""

from __future__ import annotations

import jax
import jax.numpy as jnp


@jax.custom_vjp
def lookup(table: jax.Array, rows: jax.Array) -> jax.Array:
    """Return `table[rows]`: `[P, H]`, int32 `[N]` -> `[N, H]`.

    Its gradient sums rows of the cotangent by token, see `sum_by_row`.
    """
    return table[rows]


def _lookup_forward(table: jax.Array, rows: jax.Array) -> tuple[jax.Array, tuple]:
    return table[rows], (rows, table.shape[0])


def sum_by_row(rows: jax.Array, values: jax.Array, size: int) -> jax.Array:
    """Sum values `[N, H]` by their row, int32 `[N]` -> `[size, H]`.

    On CPU this is a scatter-add (measured in `lookup`: 4 830 member-steps/s against 3 500 with a
    one-hot product). Elsewhere scatters are slow or not deterministic, so it is a product with a
    one-hot matrix.
    """
    return jax.lax.platform_dependent(
        rows,
        values,
        cpu=lambda rows, values: _scatter_add(rows, values, size),
        default=lambda rows, values: _one_hot_product(rows, values, size),
    )


def _scatter_add(rows: jax.Array, values: jax.Array, size: int) -> jax.Array:
    return jnp.zeros((size, values.shape[1]), values.dtype).at[rows].add(values)


def _one_hot_product(rows: jax.Array, values: jax.Array, size: int) -> jax.Array:
    return jax.nn.one_hot(rows, size, dtype=values.dtype).T @ values


def _lookup_backward(saved: tuple, cotangent: jax.Array) -> tuple[jax.Array, None]:
    rows, size = saved
    return sum_by_row(rows, cotangent, size), None


lookup.defvjp(_lookup_forward, _lookup_backward)


@jax.custom_vjp
def product(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """Return `x @ kernel`: `[N, I]`, `[I, O]` -> `[N, O]`.

    JAX derives the kernel's gradient as `(cotangent.T @ x).T`, and XLA's CPU backend then has AdamW
    read across rows. Written as `x.T @ cotangent`, a step takes 20% less time.
    """
    return x @ kernel


def _product_forward(x: jax.Array, kernel: jax.Array) -> tuple[jax.Array, tuple]:
    return x @ kernel, (x, kernel)


def _product_backward(saved: tuple, cotangent: jax.Array) -> tuple[jax.Array, jax.Array]:
    x, kernel = saved
    return cotangent @ kernel.T, x.T @ cotangent


product.defvjp(_product_forward, _product_backward)
