"""Lanes: the compiled program of one group of members, and their state on the devices.

`programs` maps a member over them. Their state is donated from call to call. With
several processes each holds the lanes of its own devices, and what comes back
to the host is gathered between calls: `l` is the number of lanes held here.
"""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

import grokjax.devices
from grokjax import hosts, layout
from grokjax.config import Config
from grokjax.files import DamagedRun
from grokjax.hypers import Hypers
from grokjax.programs import allocation, compiled, repeated, size
from grokjax.states import Arrays
from grokjax.sweep import Program

Metrics = dict[str, np.ndarray]
"""float32 `[L]` or `[L, F]` by name, of all lanes."""


class Lanes:
    """L lanes that train members of one program in lockstep.

    Args:
      program: what its members share.
      devices: to spread over, in the order of their processes and as many of
        each; L must be a multiple of their number.
      number: L.

    Raises:
      OutOfMemory: here, and in `start`, `round` and `place`, then in every process.
    """

    @allocation()
    def __init__(self, program: Program, devices: list[Any], number: int) -> None:
        settings = program.config.compiled, program.max_train_size, tuple(devices), number
        programs = compiled(*settings, on_cpu=grokjax.devices.on_cpu(devices))
        self._refill, self._round = programs.refill, programs.round
        self._sharding = programs.sharding
        self._hypers = repeated(Hypers.of(program.config), number)
        self._config = program.config
        self._placed = self._put(self._hypers)
        zeros = jax.tree.map(lambda x: np.zeros(x.shape, x.dtype), programs.state)
        self._state: Any = self._put(zeros)
        self.number, self.devices = number, devices
        named = jax.tree_util.tree_leaves_with_path(self._state)
        self.names = [jax.tree_util.keystr(path, simple=True, separator="/") for path, _ in named]

    def _put(self, tree: Any) -> Any:
        """Arrays `[L, ...]`, alike in every process, onto the devices."""
        if hosts.count() == 1:
            return jax.device_put(tree, self._sharding)
        # device_put would first compare the processes' copies.
        return jax.tree.map(
            lambda x: jax.make_array_from_callback(x.shape, self._sharding, lambda part: x[part]),
            tree,
        )

    def as_text(self) -> str:
        """The round's compiled program (HLO)."""
        return self._round.as_text()

    @property
    def bytes_per_device(self) -> int:
        """What the larger of the two programs takes on a device, by XLA's own analysis."""
        return max(size(program.memory_analysis()) for program in (self._refill, self._round))

    def start(self, members: dict[int, Config]) -> Metrics:
        """Puts new members, by lane, at their beginning; metrics of all lanes, at epoch 0."""
        new = np.zeros(self.number, bool)
        columns = [column.copy() for column in self._hypers]
        for lane, config in members.items():
            new[lane] = True
            for column, value in zip(columns, Hypers.of(config), strict=True):
                column[lane] = value
        self._hypers = Hypers(*columns)

        @allocation()
        def refill() -> Metrics:
            self._placed = self._put(self._hypers)
            self._state, metrics = self._refill(self._put(new), self._placed, self._state)
            return _here(metrics)

        return hosts.gather(hosts.together(refill) or {})

    def round(self) -> Metrics:
        """Trains all lanes for `eval_every` epochs; metrics of all lanes."""

        @allocation()
        def advance() -> Metrics:
            self._state, metrics = self._round(self._placed, self._state)
            return _here(metrics)

        return hosts.gather(hosts.together(advance) or {})

    def free(self) -> None:
        """Gives up the state; nothing else can be done with these lanes then."""
        self._state = None

    @property
    def state(self) -> dict[str, jax.Array]:
        """The state of all lanes, by name `[L, ...]`: global arrays, each process holding its own.

        Let go of them before the next round, or donation has to copy.
        """
        leaves = jax.tree.leaves(self._state)
        return dict(zip(self.names, leaves, strict=True))

    def here(self) -> tuple[int, Arrays]:
        """The first lane held by this process, and the state of all of them, `[l, ...]`."""
        per_process = self.number // hosts.count()
        return hosts.index() * per_process, _here(self.state)

    def read(self, lanes: list[int]) -> list[Arrays]:
        """The state of some lanes, each as named NumPy arrays, in every process."""
        first, state = self.here()
        per_process = self.number // hosts.count()
        rows = []
        for lane in lanes:
            inside = min(max(lane - first, 0), per_process - 1)  # of another process: any row
            row = hosts.gather({name: array[inside][None] for name, array in state.items()})
            owner = lane // per_process
            # Copies: a view would keep the whole of it in memory.
            rows.append({name: array[owner].copy() for name, array in row.items()})
        return rows

    def embeddings(self, lanes: list[int]) -> np.ndarray:
        """The `layout.table` of some lanes, float32 `[len(lanes), P, D]`, in every process."""
        params = self._state.params
        layer = "embed" if self._config.embed_dim else "hidden"
        embedding = {"embedding": layout.table({layer: _here(params[layer])}, self._config)}
        return hosts.gather(embedding)["embedding"][lanes]

    def place(self, members: dict[int, Arrays]) -> None:
        """Overwrites the state of some lanes with what `read` gave.

        Raises DamagedRun if it is another model's.
        """
        like = {name: (x.shape[1:], x.dtype) for name, x in self.state.items()}
        for arrays in members.values():
            if {name: (x.shape, x.dtype) for name, x in arrays.items()} != like:
                raise DamagedRun("a saved state is of another network or optimiser")

        @allocation()
        def write() -> None:
            first, state = self.here()
            for lane, arrays in members.items():
                for name, array in state.items():
                    if 0 <= lane - first < len(array):
                        array[lane - first] = arrays[name]
            leaves = [
                jax.make_array_from_process_local_data(self._sharding, state[name])
                for name in self.names
            ]
            self._state = jax.tree.unflatten(jax.tree.structure(self._state), leaves)

        hosts.together(write)


def _here(arrays: dict[str, jax.Array]) -> dict[str, np.ndarray]:
    """The rows that this process holds, `[l, ...]`, in the order of lanes; copies."""
    found = {}
    for name, array in arrays.items():
        shards = sorted(array.addressable_shards, key=lambda shard: shard.index[0].start or 0)
        # A view would keep a donated buffer alive, and JAX would copy it each round.
        found[name] = np.concatenate([np.asarray(shard.data) for shard in shards])
    return found
