"""Check that devices compute correctly, on cases that some release of JAX silently got wrong.

jax-ml/jax#39103: jax 0.10.2 on CPU miscompiles a sum over squares under vmap, by 0.8%.
jax-ml/jax#40633: jax 0.11.0 and 0.11.1 on some NVIDIA GPUs return wrong results of single
operators (0 for sqrt(512), 513 for 1 + 1) and of training steps.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

UPDATES = 8

TOLERANCE = 1e-4
"""Largest accepted error of the weights, which are about 0.3; float32 is off by 3e-7."""


@functools.cache
def check_devices(devices: tuple[Any, ...]) -> None:
    """Check that these devices, all of this process, sum and train as NumPy does.

    The check takes about half a second and runs once per process. Single operators run on the
    first device only, because compiling them takes 60 ms per device.

    Raises RuntimeError that names the device, the JAX release and the issue.
    """
    from grokjax.runtime.numerics import pinned_jax_settings  # imports JAX

    with pinned_jax_settings():
        _operators(devices[0])
        sums, weights = _on_each(devices)
    x, labels, state = _problem()
    for step in range(1, UPDATES + 1):
        state = _adam_update(np, float(step), x, labels, state)
    for device, found, after in zip(devices, sums, weights, strict=True):
        if found != 32_768**2:
            _fail(device, f"{found:.0f}, but {32_768**2} is right", 39103)
        error = np.max(np.abs(after - state[0]))
        if not error < TOLERANCE:  # also true for NaN
            _fail(device, f"weights that are off by {error:.1e} after {UPDATES} updates", 40633)


def _fail(device: Any, what: str, issue: int) -> None:
    import jax

    raise RuntimeError(
        f"self-check: {device} computed {what} (jax {jax.__version__}; see "
        f"jax-ml/jax#{issue}); install another jax release"
    )


def _operators(device: Any) -> None:
    """Check operators outside of jit, as in jax-ml/jax#40633.

    Seen on an NVIDIA RTX A6000 with driver 610; jax 0.10.2 and earlier are right.
    """
    import jax
    import jax.numpy as jnp

    with jax.default_device(device):
        found = float(jnp.sqrt(jnp.float32(512))), *np.asarray(jnp.ones(4) + 1).tolist()
    if not np.allclose(found, [512**0.5, 2, 2, 2, 2]):
        _fail(device, f"{found[0]:g} for sqrt(512) and {found[1]:g} for 1 + 1", 40633)


def _on_each(devices: tuple[Any, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Return the sum `[devices]` and the trained weights `[devices, 5, 3]` of each device."""
    import jax
    import jax.numpy as jnp
    from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

    from grokjax.runtime import compile_cache

    mesh = Mesh(np.array(devices), ("device",), axis_types=(AxisType.Auto,))
    same, own = PartitionSpec(), PartitionSpec("device")

    def placed(values: Any, spec: Any) -> Any:
        return jax.device_put(values, NamedSharding(mesh, spec))

    def lowered(function: Any, specs: tuple, *arguments: Any) -> Any:
        return jax.jit(
            jax.shard_map(function, mesh=mesh, in_specs=specs, out_specs=own, check_vma=False)
        ).lower(*arguments)

    def updated(step: Any, x: Any, labels: Any, states: Any) -> Any:
        state = _adam_update(jnp, step, x, labels, tuple(leaf[0] for leaf in states))
        return tuple(leaf[None] for leaf in state)

    x, labels, state = (jax.tree.map(np.float32, value) for value in _problem())
    stacked = tuple(np.stack([leaf] * len(devices)) for leaf in state)
    rows, fixed, state = placed(_rows(), same), placed((x, labels), same), placed(stacked, own)
    steps = [placed(np.float32(step), same) for step in range(1, UPDATES + 1)]
    last_square, update = compile_cache.compile_all(
        [
            lowered(lambda rows: _last_square(rows)[None], (same,), rows),
            lowered(updated, (same, same, same, own), steps[0], *fixed, state),
        ],
        devices,
    )
    sums = last_square(rows)
    for step in steps:
        state = update(step, *fixed, state)
    return np.asarray(sums, np.float64), np.asarray(state[0], np.float64)


def _rows() -> np.ndarray:
    """Return rows (n, 0, 0) for n from 0 to 32 768, float32 `[32 769, 3]`."""
    return np.arange(32_769, dtype=np.float32)[:, None] * np.eye(3, dtype=np.float32)[0]


def _last_square(rows: Any) -> Any:
    """Return the squared norm of the last row, 32 768**2, exact in float32 (jax-ml/jax#39103)."""
    import jax
    import jax.numpy as jnp

    return jax.vmap(lambda row: jnp.sum((jnp.eye(3) @ row) ** 2))(rows)[-1]


def _problem() -> tuple[np.ndarray, np.ndarray, tuple[np.ndarray, ...]]:
    """Return inputs `[16, 5]`, one-hot labels `[16, 3]`, and (weights, mean, square) `[5, 3]`."""
    rng = np.random.default_rng(0)
    weights, x = rng.normal(size=(5, 3)) / 5, rng.normal(size=(16, 5))
    labels = np.eye(3)[rng.integers(0, 3, 16)]
    return x, labels, (weights, np.zeros_like(weights), np.zeros_like(weights))


def _adam_update(xp: Any, step: Any, x: Any, labels: Any, state: tuple) -> tuple:
    """Return the state after one Adam step of softmax regression; xp: NumPy or `jax.numpy`."""
    weights, mean, square = state
    probs = xp.exp(x @ weights)
    probs = probs / probs.sum(axis=1, keepdims=True)
    gradient = x.T @ (probs - labels) / len(x)
    mean = mean + 0.1 * (gradient - mean)
    square = square + 0.01 * (gradient**2 - square)
    root = xp.sqrt(square / (1 - 0.99**step)) + 1e-8
    return weights - 0.05 * mean / (1 - 0.9**step) / root, mean, square
