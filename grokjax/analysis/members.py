"""From a function of one member to a function of all: the only place where analysis is mapped."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import numpy as np

from grokjax.settings import refuse

Result = TypeVar("Result")

BATCH = 64
"""Members at a time on an accelerator; on CPU each device takes one after the other, in cache."""


class OverMembers(Generic[Result]):
    """A function written for one member, called with what all of them have.

    one: the function itself, on JAX arrays, to be used inside other such functions.

    Called, it takes NumPy arrays, or nested dicts and tuples of them, with a
    leading axis M, and gives NumPy arrays with that axis; keywords are the same
    for all members. The members are dealt to all devices of this process, and
    a member's numbers on CPU do not depend on its company.
    """

    def __init__(self, one: Callable[..., Result]) -> None:
        functools.update_wrapper(self, one)
        self.one = one
        self._compiled = functools.cache(self._compile)

    def __call__(self, *stacked: Any, **settings: Any) -> Result:
        import jax

        from grokjax import devices
        from grokjax.numerics import pinned

        devices.prepare()  # before JAX is first used: a CPU device a core, for training too
        found = tuple(jax.local_devices())
        _check(self.one.__name__, stacked, jax.tree.leaves(stacked), settings)
        sizes = {len(leaf) for leaf in jax.tree.leaves(stacked)}
        if len(sizes) != 1:
            raise ValueError(f"{self.one.__name__}: arrays of {sorted(sizes)} members")
        (members,) = sizes
        # A loop of one iteration would be inlined, fused otherwise and so round otherwise.
        used = found[: max(1, min(len(found), members // 2))]
        spare = max(2 - members, -members % len(used))

        def filled(leaf: Any) -> np.ndarray:
            rows = np.asarray(leaf)
            last = rows[-1:] if members else np.zeros((1, *rows.shape[1:]), rows.dtype)
            return np.concatenate([rows, *[last] * spare]) if spare else rows

        compiled = self._compiled(used, tuple(sorted(settings.items())))
        with pinned():
            results = compiled(*jax.tree.map(filled, stacked))
        return jax.tree.map(lambda leaf: np.array(leaf)[:members], results)

    def _compile(self, used: tuple[Any, ...], settings: tuple) -> Callable[..., Result]:
        import jax
        from jax.sharding import AxisType, Mesh, PartitionSpec

        one = functools.partial(self.one, **dict(settings))
        batch = None if used[0].platform == "cpu" else BATCH
        mesh = Mesh(np.array(used), ("member",), axis_types=(AxisType.Auto,))
        spec = PartitionSpec("member")

        def some(*stacked: Any) -> Result:
            return jax.lax.map(lambda row: one(*row), stacked, batch_size=batch)

        mapped = jax.shard_map(some, mesh=mesh, in_specs=spec, out_specs=spec, check_vma=False)
        return jax.jit(mapped)


def _check(name: str, given: tuple, leaves: list[Any], settings: dict[str, Any]) -> None:
    """Refuses what are no arrays of numbers with a leading axis, and settings by member."""
    for setting, value in settings.items():
        if getattr(value, "__hash__", None) is None:
            raise refuse(setting, value, "give one value for all members")
    for leaf in leaves:
        if not np.ndim(leaf) or np.asarray(leaf).dtype.kind not in "fiub":
            raise refuse(name, leaf, "give arrays of numbers with a leading axis of members")
    if given and not leaves:
        raise refuse(name, None, "give arrays of numbers with a leading axis of members")


def over_members(one: Callable[..., Result]) -> OverMembers[Result]:
    """Decorator: a function for one member, for all of them (see `OverMembers`)."""
    return OverMembers(one)
