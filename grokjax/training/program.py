"""The two compiled programs of some lanes.

This is the only place where training is mapped over members: `shard_map` maps lanes over devices,
so that no collective can appear, and `vmap` maps the lanes of a device; on CPU they run one after
the other.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from grokjax.config.hyperparams import Hypers, hypers_of, hypers_type
from grokjax.config.settings import ProgramConfig
from grokjax.config.sweep import Program
from grokjax.errors import OutOfMemory
from grokjax.metrics.builtin import BUILTIN
from grokjax.metrics.metric import Metric
from grokjax.runtime import compile_cache
from grokjax.runtime.numerics import CPU_OPTIONS, pinned_jax_settings
from grokjax.training import batches, member
from grokjax.training.initial_weights import InitialWeights


@contextlib.contextmanager
def allocation() -> Iterator[None]:
    """Raise `OutOfMemory` where an allocation on a device fails."""
    try:
        yield
    except jax.errors.JaxRuntimeError as error:
        if "RESOURCE_EXHAUSTED" not in str(error):
            raise
        raise OutOfMemory(" ".join(str(error).split())[:200]) from error


@dataclass(frozen=True)
class Programs:
    """The two programs of some lanes, traced or compiled.

    refill: (new `[L]`, Hypers, state) -> (state, metrics); it initialises the lanes that are new.
    round: (Hypers, state) -> (state, metrics), or in a program without `eval_every` (Hypers,
      Advance, state). Both programs donate the state.
    sharding: how arrays `[L, ...]` are divided between the devices.
    state: shapes of the state.
    """

    refill: Any
    round: Any
    sharding: NamedSharding
    state: Any


Signature = tuple[tuple[str, tuple[int, ...], str], ...]
"""Names, shapes and dtypes of hyperparameters: a program is compiled once for all that share it."""


@dataclass(frozen=True)
class ProgramKey:
    """All that a compiled program is a function of, except the devices.

    config: the settings that its members share. The rest is as for `member.build_member`.
    """

    config: ProgramConfig
    max_train_size: int
    variants: tuple[str, ...]
    metrics: tuple[Metric, ...]
    hypers: Signature

    @classmethod
    def of(
        cls,
        program: Program,
        metrics: tuple[Metric, ...] = BUILTIN,
        initial: InitialWeights | None = None,
    ) -> ProgramKey:
        given = None if initial is None else initial.vector_of(program.example)
        hypers = hypers_of(program.example, program.variants, given)
        signature = tuple(
            (name, value.shape, value.dtype.name)
            for name, value in zip(hypers._fields, hypers, strict=True)
        )
        return cls(program.config, program.max_train_size, program.variants, metrics, signature)

    def blank_hypers(self, lanes: int) -> Hypers:
        """Return hyperparameters of zeros, `[L, ...]`."""
        names = tuple(name for name, _, _ in self.hypers)
        return hypers_type(names)(
            *(np.zeros((lanes, *shape), dtype) for _, shape, dtype in self.hypers)
        )

    def member(self, on_cpu: bool) -> member.Member:
        rows = batches.CACHED_ROWS if on_cpu else None
        return member.build_member(
            self.config, self.max_train_size, self.variants, self.metrics, rows
        )


def trace_programs(
    key: ProgramKey, devices: tuple[Any, ...], number: int, on_cpu: bool
) -> Programs:
    """Trace the programs, to be lowered for any platform."""
    # In this very order, so that a process's lanes are neighbours; make_mesh reorders on TPU.
    mesh = Mesh(np.array(devices), ("member",), axis_types=(AxisType.Auto,))
    spec = PartitionSpec("member")
    sharding = NamedSharding(mesh, spec)
    one = key.member(on_cpu)

    def refill(new: Any, hypers: Hypers, state: Any) -> Any:
        fresh, metrics = one.init(hypers)
        return jax.tree.map(lambda f, s: jax.numpy.where(new, f, s), fresh, state), metrics

    def mapped(function: Callable[..., Any], *arguments: Any) -> Any:
        """Map a function of one member over lanes and devices; its last argument is donated."""

        def of_lanes(*arguments: Any) -> Any:
            if not on_cpu:
                return jax.vmap(function)(*arguments)
            # Each lane as a program of its own: in cache, in the products that are fast (as
            # batches they are 15% slower), in bits that no other lane can change.
            return jax.lax.map(lambda each: function(*each), arguments)

        # check_vma would have every constant in the scan's carry cast to varying by hand.
        sharded = jax.shard_map(of_lanes, mesh=mesh, in_specs=spec, out_specs=spec, check_vma=False)
        shapes = jax.tree.map(
            lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=sharding), arguments
        )
        options = CPU_OPTIONS if on_cpu else None
        jitted = jax.jit(sharded, donate_argnums=len(arguments) - 1, compiler_options=options)
        return jitted.trace(*shapes)

    hypers, new = key.blank_hypers(number), np.zeros(number, bool)
    with pinned_jax_settings(key.config.precision):
        state = jax.eval_shape(jax.vmap(one.start), hypers)
        advance = member.Advance(np.zeros(number, np.int32), np.zeros(number, bool))  # pyright: ignore[reportArgumentType]
        told = (advance,) if key.config.eval_every is None else ()
        both = mapped(refill, new, hypers, state), mapped(one.round, hypers, *told, state)
    return Programs(*both, sharding, state)


@functools.lru_cache(maxsize=16)
def compile_programs(
    key: ProgramKey, devices: tuple[Any, ...], number: int, on_cpu: bool
) -> Programs:
    """Compile both programs at once, or load them; keep the last few for other runs."""
    programs = trace_programs(key, devices, number, on_cpu)
    with pinned_jax_settings(key.config.precision):
        lowered = programs.refill.lower(), programs.round.lower()
    refill, round = compile_cache.compile_all(lowered, devices)
    return dataclasses.replace(programs, refill=refill, round=round)


def program_bytes(analysis: Any) -> int:
    """Return the bytes that a compiled program takes on a device, by XLA's own analysis."""
    parts = "argument", "output", "temp", "generated_code"
    total = sum(getattr(analysis, f"{part}_size_in_bytes") for part in parts)
    return total - analysis.alias_size_in_bytes
