"""Lanes: the compiled program of one group of members, and their state on the devices.

The only `vmap` of training. Lanes are mapped over devices with `shard_map`, so
that no collective can appear; their state is donated from call to call.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax.sharding import AxisType, NamedSharding, PartitionSpec

from grokjax import member
from grokjax.checkpoint import Arrays
from grokjax.config import Config, Hypers
from grokjax.sweep import Program

Metrics = dict[str, np.ndarray]
"""float32 `[L]` or `[L, F]` by name, of all lanes."""


class Lanes:
    """L lanes that train members of one program in lockstep.

    Args:
      program: what its members share.
      devices: to spread over; L must be a multiple of their number.
      number: L.
    """

    def __init__(self, program: Program, devices: list[Any], number: int) -> None:
        mesh = jax.make_mesh(
            (len(devices),), ("member",), axis_types=(AxisType.Auto,), devices=devices
        )
        self._sharding = NamedSharding(mesh, PartitionSpec("member"))
        self._precision = program.config.precision
        one = member.build(program.config, program.max_train_size)

        def refill(new: Any, hypers: Hypers, state: Any) -> Any:
            fresh, metrics = one.init(hypers)
            return jax.tree.map(lambda f, s: jax.numpy.where(new, f, s), fresh, state), metrics

        self._hypers = jax.tree.map(
            lambda value: np.repeat(value, number), Hypers.of(program.config)
        )
        shapes = jax.eval_shape(jax.vmap(one.init), self._hypers)[0]
        self._state = self._put(jax.tree.map(lambda x: np.zeros(x.shape, x.dtype), shapes))
        new = np.zeros(number, bool)
        self._refill = self._compiled(refill, mesh, self._put(new), self._hypers, self._state)
        self._round = self._compiled(one.round, mesh, self._hypers, self._state)
        self.number = number
        self.names = [_name(path) for path, _ in jax.tree_util.tree_leaves_with_path(self._state)]

    def _compiled(self, function: Callable[..., Any], mesh: Any, *arguments: Any) -> Any:
        """`function` of one member, mapped over lanes and devices; its last argument is donated."""

        def pinned(*arguments: Any) -> Any:
            with jax.default_matmul_precision(self._precision):
                return jax.vmap(function)(*arguments)

        spec = PartitionSpec("member")
        # check_vma would have every constant in the scan's carry cast to varying by hand.
        mapped = jax.shard_map(pinned, mesh=mesh, in_specs=spec, out_specs=spec, check_vma=False)
        donated = len(arguments) - 1
        arguments = tuple(self._put(argument) for argument in arguments)
        return jax.jit(mapped, donate_argnums=donated).lower(*arguments).compile()

    def _put(self, tree: Any) -> Any:
        return jax.device_put(tree, self._sharding)

    def as_text(self) -> str:
        """The round's compiled program (HLO)."""
        return self._round.as_text()

    def start(self, members: dict[int, Config]) -> Metrics:
        """Puts new members, by lane, at their beginning; metrics of all lanes, at epoch 0."""
        new = np.zeros(self.number, bool)
        columns = [column.copy() for column in self._hypers]
        for lane, config in members.items():
            new[lane] = True
            for column, value in zip(columns, Hypers.of(config), strict=True):
                column[lane] = value
        self._hypers = Hypers(*columns)
        self._state, metrics = self._refill(self._put(new), self._put(self._hypers), self._state)
        return _on_host(metrics)

    def round(self) -> Metrics:
        """Trains all lanes for `eval_every` epochs; metrics of all lanes."""
        self._state, metrics = self._round(self._put(self._hypers), self._state)
        return _on_host(metrics)

    def read(self, lanes: list[int]) -> list[Arrays]:
        """The state of some lanes, each as named NumPy arrays."""
        leaves, _ = jax.tree_util.tree_flatten_with_path(self._state)
        host = {_name(path): np.asarray(leaf) for path, leaf in leaves}
        # Copies: a view would keep the donated buffer alive, and JAX would copy it each round.
        return [{name: array[lane].copy() for name, array in host.items()} for lane in lanes]

    def embeddings(self, lanes: list[int]) -> np.ndarray:
        """The embeddings of some lanes, float32 `[len(lanes), P, D]`."""
        return np.asarray(self._state.params["embed"]["embedding"])[lanes]

    def place(self, members: dict[int, Arrays]) -> None:
        """Overwrites the state of some lanes with what `read` gave.

        Raises KeyError or ValueError if it is another model's.
        """

        def edited(path: Any, leaf: jax.Array) -> np.ndarray:
            array = np.array(leaf)
            for lane, state in members.items():
                array[lane] = state[_name(path)]
            return array

        self._state = self._put(jax.tree_util.tree_map_with_path(edited, self._state))


def _name(path: Any) -> str:
    return jax.tree_util.keystr(path, simple=True, separator="/")


def _on_host(metrics: dict[str, jax.Array]) -> Metrics:
    return {name: np.asarray(value) for name, value in metrics.items()}
