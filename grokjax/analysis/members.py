"""From a function of one member to a function of all: the only place where analysis is mapped.

Also how analysis is told which network parameters are of: by a Run, or in words.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np

from grokjax import layout
from grokjax.config import Config
from grokjax.settings import refuse

if TYPE_CHECKING:
    from grokjax.run import Run

Params = dict[str, Any]

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


class OfNetworks(OverMembers[Result]):
    """A function `(params, network)` of one member, for all members of a Run.

    Called as `f(run)`, or as `f(run.params, network=run.network)`. Raises ValueError as
    `params_and_network` does.
    """

    def __call__(
        self, source: Run | Params, network: Config | None = None, **settings: Any
    ) -> Result:
        params, network = params_and_network(self.one.__name__, source, network)
        return super().__call__(params, network=network, **settings)


def of_networks(one: Callable[..., Result]) -> OfNetworks[Result]:
    """Decorator: a function of one network, for those of a Run (see `OfNetworks`)."""
    return OfNetworks(one)


def params_and_network(
    name: str, source: Run | Params, network: Config | None
) -> tuple[Params, Config]:
    """The parameters of all members, and the settings of the network that they are of.

    Args:
      name: of the function that asks, for messages.
      source: a Run, or parameters with a leading axis of members.
      network: None for a Run; for parameters a Config, such as `run.network`.

    Raises:
      ValueError: parameters without a network or of another one, or a Run whose members
        have several kinds of network.
    """
    from grokjax.run import Run

    if isinstance(source, Run):
        if network is not None:
            raise ValueError(f"{name}: a Run has its own network; leave out network")
        known = source.network  # the refusal of several kinds comes first
        return source.params, known
    if not isinstance(source, dict) or not all(isinstance(q, dict) for q in source.values()):
        kind = type(source).__name__
        raise ValueError(f"{name}: pass a Run or its parameters (run.params), got {kind}")
    if network is None:
        raise ValueError(
            f"{name}: parameters do not say what network they are of; pass the Run, "
            "or network=run.network with them"
        )
    if not isinstance(network, Config):
        kind = type(network).__name__
        raise ValueError(f"{name}: network must be a Config such as run.network, got {kind}")
    _check_shapes(name, source, layout.shapes(network))
    return source, layout.network(network)


def _check_shapes(name: str, params: Params, expected: layout.Shapes) -> None:
    """Raises ValueError unless parameters are those of members with such networks."""
    arrays = {f"{layer}/{n}": np.shape(x) for layer, q in params.items() for n, x in q.items()}
    if {n: shape[1:] for n, shape in arrays.items()} == expected:
        return
    if arrays == expected:
        raise ValueError(
            f"{name}: these are one member's parameters, without an axis of members; "
            "use run.of([member])"
        )
    other = next(n for n in [*expected, *arrays] if arrays.get(n, ())[1:] != expected.get(n))
    raise ValueError(
        f"{name}: these parameters are of another network: {other} is "
        f"{list(arrays.get(other, ())[1:]) or 'missing'}, and network has "
        f"{list(expected.get(other, ())) or 'none'}"
    )
