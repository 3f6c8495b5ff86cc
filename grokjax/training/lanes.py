"""Lanes: slots on devices in which members of one program train, and their state.

The state is donated from call to call. With several processes each holds the lanes of its own
devices, and the results are gathered between calls. Letters: L lanes, l lanes of this process.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import jax
import numpy as np

import grokjax.runtime.devices
from grokjax.config.config import Config
from grokjax.config.hyperparams import hypers_of
from grokjax.config.sweep import Program
from grokjax.errors import DamagedRun
from grokjax.metrics.builtin import BUILTIN
from grokjax.metrics.metric import Metric
from grokjax.runtime import processes
from grokjax.storage.member_state import Arrays
from grokjax.training.initial_weights import InitialWeights
from grokjax.training.member import Advance
from grokjax.training.program import ProgramKey, allocation, compile_programs, program_bytes

Metrics = dict[str, np.ndarray]
"""float32 `[L, ...]` by name, of all lanes."""


class Lanes:
    """L lanes that train members of one program, a round at a time.

    Args:
      program: what its members share.
      devices: the devices to spread over, in the order of their processes and as many of each; L
        must be a multiple of their number.
      number: L.
      metrics: what is recorded.
      initial: what members start from; None: what their seeds draw.

    Raises:
      OutOfMemory: here, and in `start`, `round` and `place`, then in every process.
    """

    @allocation()
    def __init__(
        self,
        program: Program,
        devices: list[Any],
        number: int,
        metrics: tuple[Metric, ...] = BUILTIN,
        initial: InitialWeights | None = None,
    ) -> None:
        key = ProgramKey.of(program, metrics, initial)
        on_cpu = grokjax.runtime.devices.on_cpu(devices)
        programs = compile_programs(key, tuple(devices), number, on_cpu)
        self._refill, self._round = programs.refill, programs.round
        self._sharding = programs.sharding
        self._hypers = key.blank_hypers(number)
        self._is_told = key.config.eval_every is None
        self._program, self._initial = program, initial
        self._placed = self._put(self._hypers)
        zeros = jax.tree.map(lambda x: np.zeros(x.shape, x.dtype), programs.state)
        self._state: Any = self._put(zeros)
        self.number, self.devices = number, devices
        self._steps_per_epoch: dict[int, int] = {}
        named = jax.tree_util.tree_leaves_with_path(self._state)
        self.names = [jax.tree_util.keystr(path, simple=True, separator="/") for path, _ in named]

    def _put(self, tree: Any) -> Any:
        """Put arrays `[L, ...]`, equal in every process, onto the devices."""
        if processes.process_count() == 1:
            return jax.device_put(tree, self._sharding)
        # device_put would first compare the processes' copies.
        return jax.tree.map(
            lambda x: jax.make_array_from_callback(x.shape, self._sharding, lambda part: x[part]),
            tree,
        )

    @property
    def bytes_per_device(self) -> int:
        """Memory of the larger of the two programs on a device, by XLA's own analysis."""
        return max(
            program_bytes(program.memory_analysis()) for program in (self._refill, self._round)
        )

    def start(self, members: dict[int, Config]) -> Metrics:
        """Initialise new members, by lane, and return the metrics of all lanes."""
        new = np.zeros(self.number, bool)
        self._steps_per_epoch |= {lane: c.steps_per_epoch for lane, c in members.items()}
        columns = [column.copy() for column in self._hypers]
        for lane, config in members.items():
            new[lane] = True
            given = None if self._initial is None else self._initial.vector_of(config)
            hypers = hypers_of(config, self._program.variants, given)
            for column, value in zip(columns, hypers, strict=True):
                column[lane] = value
        self._hypers = type(self._hypers)(*columns)

        @allocation()
        def refill() -> Metrics:
            self._placed = self._put(self._hypers)
            self._state, metrics = self._refill(self._put(new), self._placed, self._state)
            return _local_rows(metrics)

        return processes.gather(processes.run_on_all(refill))

    def tell_memorised(self, epochs: dict[int, int]) -> None:
        """Tell interventions the epochs at which members memorised, by lane; -1: not yet."""
        if "memorised_step" not in self._hypers._fields:
            return
        steps = self._hypers.memorised_step.copy()
        for lane, epoch in epochs.items():
            steps[lane] = max(epoch * self._steps_per_epoch[lane], -1)
        if not np.array_equal(steps, self._hypers.memorised_step):
            self._hypers = self._hypers._replace(memorised_step=steps)
            self._placed = self._put(self._hypers)

    def round(
        self,
        epochs: int = 20,
        busy: Collection[int] | None = None,
        due: Collection[int] | None = None,
    ) -> Metrics:
        """Train all lanes for `eval_every` epochs and return their metrics.

        Args:
          epochs: in a program without `eval_every`, for how many instead.
          busy: there, the lanes that are trained; None: all.
          due: there, the lanes that are evaluated; None: all. The metrics of others are zeros.
        """
        told = (self._put(self._advance(epochs, busy, due)),) if self._is_told else ()

        @allocation()
        def advance() -> Metrics:
            self._state, metrics = self._round(self._placed, *told, self._state)
            return _local_rows(metrics)

        return processes.gather(processes.run_on_all(advance))

    def _advance(
        self, epochs: int, busy: Collection[int] | None, due: Collection[int] | None
    ) -> Advance:
        trained, evaluated = (
            np.array([chosen is None or lane in chosen for lane in range(self.number)])
            for chosen in (busy, due)
        )
        return Advance(np.where(trained, np.int32(epochs), np.int32(0)), evaluated)  # pyright: ignore[reportArgumentType]

    def free(self) -> None:
        """Free the memory of the state; these lanes cannot be used afterwards."""
        self._state = None

    @property
    def state(self) -> dict[str, jax.Array]:
        """The state of all lanes, by name `[L, ...]`; each process holds the rows of its lanes.

        Release the arrays before the next round, or donation has to copy them.
        """
        leaves = jax.tree.leaves(self._state)
        return dict(zip(self.names, leaves, strict=True))

    def of_this_process(self, names: Sequence[str] | None = None) -> tuple[int, Arrays]:
        """Return the first lane of this process, and the state of all its lanes, `[l, ...]`.

        names: of the arrays that are wanted; None: all.
        """
        per_process = self.number // processes.process_count()
        state = self.state
        wanted = {name: state[name] for name in names or state}
        return processes.process_index() * per_process, _local_rows(wanted)

    def read(self, lanes: list[int], names: Sequence[str] | None = None) -> list[Arrays]:
        """Return the state of some lanes, each as NumPy arrays by name, in every process.

        names: of the arrays that are wanted; None: all.
        """
        first, state = self.of_this_process(names)
        per_process = self.number // processes.process_count()
        rows = []
        for lane in lanes:
            inside = min(max(lane - first, 0), per_process - 1)  # of another process: any row
            row = processes.gather({name: array[inside][None] for name, array in state.items()})
            owner = lane // per_process
            # Copies: a view would keep the whole of it in memory.
            rows.append({name: array[owner].copy() for name, array in row.items()})
        return rows

    def place(self, members: dict[int, Arrays]) -> None:
        """Overwrite the state of some lanes with what `read` gave.

        Raises DamagedRun if its names, shapes or dtypes are those of another network or optimiser.
        """
        like = {name: (x.shape[1:], x.dtype) for name, x in self.state.items()}
        for arrays in members.values():
            if {name: (x.shape, x.dtype) for name, x in arrays.items()} != like:
                raise DamagedRun("a saved state is of another network or optimiser")

        @allocation()
        def write() -> None:
            first, state = self.of_this_process()
            for lane, arrays in members.items():
                for name, array in state.items():
                    if 0 <= lane - first < len(array):
                        array[lane - first] = arrays[name]
            leaves = [
                jax.make_array_from_process_local_data(self._sharding, state[name])
                for name in self.names
            ]
            self._state = jax.tree.unflatten(jax.tree.structure(self._state), leaves)

        processes.run_on_all(write)


def _local_rows(arrays: dict[str, jax.Array]) -> dict[str, np.ndarray]:
    """Return copies of the rows that this process holds, `[l, ...]`, in the order of lanes."""
    found = {}
    for name, array in arrays.items():
        shards = sorted(array.addressable_shards, key=lambda shard: shard.index[0].start or 0)
        # A view would keep a donated buffer alive, and JAX would copy it each round.
        found[name] = np.concatenate([np.asarray(shard.data) for shard in shards])
    return found
