"""What the machine can do: the products of a step and nothing else, its bytes and nothing else.

On CPU by whichever of NumPy and XLA is faster for a product, one process a core
at once; on an accelerator by XLA, for `LANES` members side by side.
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
"""Members side by side on an accelerator."""

TRIAL = 0.2
"""Seconds of comparing NumPy with XLA, for each product."""

Repeat = Callable[[int], None]


@functools.partial(jax.jit, static_argnums=2)
def repeated(a: jax.Array, b: jax.Array, count: int) -> jax.Array:
    """`a @ b` so many times, each after the one before."""

    def body(_: int, carry: tuple) -> tuple:
        a, product = carry
        product = jnp.matmul(a, b, precision="float32")
        corner = (0,) * a.ndim
        return a.at[corner].add(1e-9 * product[corner]), product

    empty = jnp.zeros((*a.shape[:-1], b.shape[-1]))
    return jax.lax.fori_loop(0, count, body, (a, empty))[1]


@functools.partial(jax.jit, static_argnums=1, donate_argnums=0)
def scaled(x: jax.Array, count: int) -> jax.Array:
    """Reads and writes `x` so many times."""
    return jax.lax.fori_loop(0, count, lambda _, x: -x, x)


class Machine:
    """One unit is `count` member-steps' worth."""

    def __init__(self, work: Workload, members: int, weights: Weights) -> None:
        self.work = work
        self.on_cpu = jax.default_backend() == "cpu"
        self.members = 1 if self.on_cpu else LANES
        self.count = max(1, int(2e9 / work.flops)) if self.on_cpu else 20

    def loss(self) -> None:
        """It trains nothing."""

    def parts(self) -> list[Repeat]:
        """What a member-step is made of."""
        raise NotImplementedError

    def run(self, tick: Callable[[int], None]) -> None:
        parts = self.parts()
        while True:
            for part in parts:
                part(self.count)
            tick(self.count * self.members)


class Products(Machine):
    """The matrix products of a step, in their shapes, and nothing else."""

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
            repeated(*on_device, count).block_until_ready()

        def by_numpy(count: int) -> None:
            for _ in range(count):
                np.matmul(a, b, out=out)

        if not self.on_cpu:
            return by_xla
        return min(by_xla, by_numpy, key=self.seconds)

    def seconds(self, repeat: Repeat) -> float:
        """The best of a few units, after a warm-up."""
        repeat(self.count)
        best, end = float("inf"), time.perf_counter() + TRIAL
        while time.perf_counter() < end:
            start = time.perf_counter()
            repeat(self.count)
            best = min(best, time.perf_counter() - start)
        return best


class Bytes(Machine):
    """As many bytes as AdamW must move, among arrays the size of a member's state."""

    def parts(self) -> list[Repeat]:
        size = self.work.parameters
        if not self.on_cpu:
            x = jnp.ones((LANES, size))

            def by_xla(count: int) -> None:
                nonlocal x
                passes = round(count * self.work.bytes / (8 * size))
                x = scaled(x, passes).block_until_ready()

            return [by_xla]
        p, m, v, gradient = (np.ones(size, np.float32) for _ in range(4))
        ring = [(p, m), (m, v), (v, gradient), (gradient, p)]

        def by_numpy(count: int) -> None:
            for i in range(round(count * self.work.bytes / (8 * size))):  # 8: read and write
                to, of = ring[i % 4]
                np.copyto(to, of)

        return [by_numpy]
