"""The limit of the machine: only the matrix products of a step, or only its memory traffic.

On CPU a product uses the faster of NumPy and XLA, in one process per core; on an accelerator
XLA does the products of `LANES` members at once.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from rivals.workload import Weights, Workload

LANES = 1024
"""Members whose work an accelerator does at once."""

TRIAL = 0.2
"""Seconds for timing NumPy and XLA on each product."""

Repeat = Callable[[int], None]


@functools.partial(jax.jit, static_argnums=2)
def repeat_product(a: jax.Array, b: jax.Array, count: int) -> jax.Array:
    """Compute `a @ b` `count` times, each depending on the one before."""

    def body(_: int, carry: tuple) -> tuple:
        a, product = carry
        product = jnp.matmul(a, b, precision="float32")
        corner = (0,) * a.ndim
        return a.at[corner].add(1e-9 * product[corner]), product

    empty = jnp.zeros((*a.shape[:-1], b.shape[-1]))
    return jax.lax.fori_loop(0, count, body, (a, empty))[1]


@functools.partial(jax.jit, static_argnums=1, donate_argnums=0)
def repeat_copy(x: jax.Array, count: int) -> jax.Array:
    """Read and write `x` `count` times."""
    return jax.lax.fori_loop(0, count, lambda _, x: -x, x)


class MachineLimit:
    """A part of the work of a member-step, without the rest; one unit is `count` of them."""

    def __init__(self, work: Workload, members: int, weights: Weights) -> None:
        self.work = work
        self.on_cpu = jax.default_backend() == "cpu"
        self.members = 1 if self.on_cpu else LANES
        self.count = max(1, int(2e9 / work.flops)) if self.on_cpu else 20

    def loss(self) -> None:
        """None: it does not train."""

    def parts(self) -> list[Repeat]:
        """Functions that together do the work of `count` member-steps."""
        raise NotImplementedError

    def run(self, tick: Callable[[int], None]) -> None:
        parts = self.parts()
        while True:
            for part in parts:
                part(self.count)
            tick(self.count * self.members)


class Products(MachineLimit):
    """The matrix products of a step, in their shapes."""

    def parts(self) -> list[Repeat]:
        return [self.fastest(*shape) for shape in self.work.products()]

    def fastest(self, m: int, k: int, n: int) -> Repeat:
        rng = np.random.default_rng(0)
        a, b = (rng.normal(size=s).astype(np.float32) for s in ((m, k), (k, n)))
        if not self.on_cpu:
            a, b = (np.broadcast_to(x, (LANES, *x.shape)) for x in (a, b))
        on_device = jax.device_put(a), jax.device_put(b)
        out = np.empty((m, n), np.float32)

        def by_xla(count: int) -> None:
            repeat_product(*on_device, count).block_until_ready()

        def by_numpy(count: int) -> None:
            for _ in range(count):
                np.matmul(a, b, out=out)

        if not self.on_cpu:
            return by_xla
        return min(by_xla, by_numpy, key=self.seconds)

    def seconds(self, repeat: Repeat) -> float:
        """Shortest time of a few units, after a warm-up."""
        repeat(self.count)
        best, end = float("inf"), time.perf_counter() + TRIAL
        while time.perf_counter() < end:
            start = time.perf_counter()
            repeat(self.count)
            best = min(best, time.perf_counter() - start)
        return best


class Bytes(MachineLimit):
    """The bytes that AdamW must move, between arrays of the size of a member's state."""

    def parts(self) -> list[Repeat]:
        size = self.work.parameters
        if not self.on_cpu:
            x = jnp.ones((LANES, size))

            def by_xla(count: int) -> None:
                nonlocal x
                passes = round(count * self.work.bytes / (8 * size))
                x = repeat_copy(x, passes).block_until_ready()

            return [by_xla]
        p, m, v, gradient = (np.ones(size, np.float32) for _ in range(4))
        ring = [(p, m), (m, v), (v, gradient), (gradient, p)]

        def by_numpy(count: int) -> None:
            for i in range(
                round(count * self.work.bytes / (8 * size))
            ):  # 8 bytes: a read and a write
                target, source = ring[i % 4]
                np.copyto(target, source)

        return [by_numpy]
