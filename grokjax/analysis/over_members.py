"""Map a function of one member over all members; the only file of analysis that does so.

It also finds the network that parameters belong to, from a Run or from its settings.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, Generic, NamedTuple, TypeVar

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, PartitionSpec

from grokjax.analysis.groups import modulus_of, token_group
from grokjax.config.config import Config
from grokjax.config.settings import NetworkSettings
from grokjax.errors import invalid
from grokjax.models.model import Shapes, shapes_of
from grokjax.models.network import Network, build_network
from grokjax.results import prediction
from grokjax.results.pieces import check_known
from grokjax.results.run import Run
from grokjax.runtime import devices
from grokjax.runtime.numerics import CPU_OPTIONS, pinned_jax_settings
from grokjax.settings.data_spec import DataSpec

STACKED = "needs arrays of numbers with a leading axis of members"

Params = dict[str, Any]

Result = TypeVar("Result")

BATCH = 64
"""Members at a time on an accelerator; on CPU each device takes one after the other, in cache."""


class OverMembers(Generic[Result]):
    """A function of one member that is called with the arrays of all members.

    one: the function itself, on JAX arrays, to be used inside other such functions.

    A call takes NumPy arrays, or nested dicts and tuples of them, with a leading axis M, and
    returns NumPy arrays with that axis; keyword arguments are the same for all members. The
    members are spread over all devices of this process. On CPU a member's results do not depend
    on the other members.
    """

    def __init__(
        self, one: Callable[..., Result], mapped: Callable[..., Result] | None = None
    ) -> None:
        functools.update_wrapper(self, one)
        self.one = one
        self._mapped = mapped or one
        self._compiled = functools.cache(self._compile)

    def __call__(self, *stacked: Any, **settings: Any) -> Result:
        devices.configure_devices()  # before JAX is first used: one CPU device a core
        found = tuple(jax.local_devices())
        _check(self.one.__name__, stacked, jax.tree.leaves(stacked), settings)
        sizes = {len(leaf) for leaf in jax.tree.leaves(stacked)}
        if len(sizes) != 1:
            raise ValueError(f"{self.one.__name__}: arrays of {sorted(sizes)} members")
        (members,) = sizes
        # XLA inlines a loop of one iteration and fuses it differently, which changes rounding.
        used = found[: max(1, min(len(found), members // 2))]
        spare = max(2 - members, -members % len(used))

        def filled(leaf: Any) -> np.ndarray:
            rows = np.asarray(leaf)
            last = rows[-1:] if members else np.zeros((1, *rows.shape[1:]), rows.dtype)
            return np.concatenate([rows, *[last] * spare]) if spare else rows

        compiled = self._compiled(used, tuple(sorted(settings.items())))
        with pinned_jax_settings(_dtype_of(stacked).name):
            results = compiled(*jax.tree.map(filled, stacked))
        return jax.tree.map(lambda leaf: np.array(leaf)[:members], results)

    def _compile(self, used: tuple[Any, ...], settings: tuple) -> Callable[..., Result]:
        one = functools.partial(self._mapped, **dict(settings))
        batch, options = (None, CPU_OPTIONS) if used[0].platform == "cpu" else (BATCH, None)
        mesh = Mesh(np.array(used), ("member",), axis_types=(AxisType.Auto,))
        spec = PartitionSpec("member")

        def some(*stacked: Any) -> Result:
            return jax.lax.map(lambda row: one(*row), stacked, batch_size=batch)

        mapped = jax.shard_map(some, mesh=mesh, in_specs=spec, out_specs=spec, check_vma=False)
        return jax.jit(mapped, compiler_options=options)


def _dtype_of(stacked: Any) -> np.dtype:
    """Return float64 if any array is of it, such as parameters of that precision, else float32."""
    wide = any(np.asarray(leaf).dtype == np.float64 for leaf in jax.tree.leaves(stacked))
    return np.dtype(np.float64 if wide else np.float32)


def _check(name: str, given: tuple, leaves: list[Any], settings: dict[str, Any]) -> None:
    """Raise ConfigError unless arguments are stacked arrays, and keywords one value for all."""
    for setting, value in settings.items():
        if getattr(value, "__hash__", None) is None:
            raise invalid(setting, value, "must be one value for all members")
    for leaf in leaves:
        if not np.ndim(leaf) or np.asarray(leaf).dtype.kind not in "fiub":
            raise invalid(name, leaf, STACKED)
    if given and not leaves:
        raise invalid(name, None, STACKED)


def over_members(one: Callable[..., Result]) -> OverMembers[Result]:
    """Decorator: turn a function of one member into one of all members (see `OverMembers`)."""
    return OverMembers(one)


class MemberNetwork(NamedTuple):
    """The network of one member, in functions that are mapped over members.

    settings: those that all members share. traced: the model's traced ones, as attributes.
    """

    settings: NetworkSettings
    traced: SimpleNamespace

    @property
    def spec(self) -> DataSpec:
        """Shapes of the data."""
        return self.settings.spec

    @property
    def task_settings(self) -> Any:
        """The task."""
        return self.settings.task_settings


class OfNetworks(OverMembers[Result]):
    """A function `(params, network)` of one member, for all members of a Run.

    Called as `f(run)`, or as `f(run.params, network=run.network)`; the function itself gets a
    `MemberNetwork`, and if it takes `group` the group that the tokens form, which is the Run's or
    given with the parameters. Raises ValueError as `params_and_network` and `token_group` do.
    """

    def __init__(self, one: Callable[..., Result]) -> None:
        def mapped(
            params: Params, traced: Any, network: NetworkSettings, **settings: Any
        ) -> Result:
            return one(params, MemberNetwork(network, SimpleNamespace(**traced)), **settings)

        super().__init__(one, mapped)

    def __call__(
        self, source: Run | Params, network: NetworkSettings | None = None, **settings: Any
    ) -> Result:
        name, given = self.one.__name__, network
        params, network = params_and_network(name, source, network)
        if "group" in inspect.signature(self.one).parameters:
            settings["group"] = token_group(name, source, given or network, settings.get("group"))
        members = max((shape[0] for shape in shapes_of(params).values()), default=0)
        dtype = _dtype_of(params)
        traced = {n: np.asarray(value, dtype) for n, value in (network.traced or {}).items()}
        traced = {n: np.broadcast_to(value, members) for n, value in traced.items()}
        return super().__call__(params, traced, network=network.with_traced(None), **settings)


def of_networks(one: Callable[..., Result]) -> OfNetworks[Result]:
    """Decorator: turn a function of one network into one of a Run (see `OfNetworks`)."""
    return OfNetworks(one)


def params_and_network(
    name: str, source: Run | Params, network: NetworkSettings | None
) -> tuple[Params, NetworkSettings]:
    """Return the parameters of all members, and the settings of their network.

    Args:
      name: the function that asks, for messages.
      source: a Run, or parameters with a leading axis of members.
      network: None for a Run; for parameters their network, such as `run.network`.

    Raises:
      ValueError: parameters without a network or of another one, or a Run whose members
        have several kinds of network, or a task whose examples are not all pairs of Z_P.
      ConfigError: a model or task of your own that has not been imported.
    """
    if isinstance(source, Run):
        if network is not None:
            raise ValueError(f"{name}: a Run has its own network; leave out network")
        known = source.network  # the refusal of several kinds comes first
        _check_analysable(name, known)
        prediction.network_of(source.sweep[int(source.members.index[0])], source.networks)
        members = [source.sweep[int(member)] for member in source.members.index]
        names = known.traced or members[0].network.traced or {}
        traced = {
            n: np.array([getattr(m, n) for m in members], members[0].float_dtype) for n in names
        }
        return source.params, known.with_traced(traced)
    if not isinstance(source, dict) or not all(isinstance(name, str) for name in source):
        kind = type(source).__name__
        raise ValueError(f"{name}: pass a Run or its parameters (run.params), got {kind}")
    if network is None:
        raise ValueError(
            f"{name}: parameters do not say what network they are of; pass the Run, "
            "or network=run.network with them"
        )
    network = network.network if isinstance(network, Config) else network
    if not isinstance(network, NetworkSettings):
        kind = type(network).__name__
        raise ValueError(f"{name}: network must be settings such as run.network, got {kind}")
    _check_analysable(name, network)
    if network.traced is None:
        raise ValueError(f"{name}: members differ in traced settings of the network; pass the Run")
    _check_shapes(name, source, built_network(network).shapes)
    return source, network


def built_network(network: NetworkSettings | MemberNetwork) -> Network:
    """Return the functions of a network, from its settings."""
    if isinstance(network, NetworkSettings):
        return build_network(network.model_settings, network.spec)
    return built_network(network.settings).with_traced(network.traced)


def _check_analysable(name: str, network: NetworkSettings) -> None:
    """Raise unless the examples are all pairs of Z_P, and the module is known here."""
    modulus_of(name, network)
    check_known([network], "task", "model")


def _check_shapes(name: str, params: Params, expected: Shapes) -> None:
    """Raise ValueError unless parameters are those of members with such networks."""
    arrays = shapes_of(params)
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
        f"{list(expected.get(other, ())) or 'no such parameter'}"
    )
