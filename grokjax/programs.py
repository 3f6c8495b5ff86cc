"""The two compiled programs of some lanes. The one place where training is mapped over members:
lanes over devices with `shard_map`, so that no collective can appear, and those of a device by
`vmap`, or on CPU one after the other.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from grokjax import batches, member
from grokjax.config import Config
from grokjax.hosts import OutOfMemory
from grokjax.hypers import Hypers
from grokjax.numerics import pinned


@contextlib.contextmanager
def allocation() -> Iterator[None]:
    """A failure to allocate on a device as `OutOfMemory`."""
    try:
        yield
    except jax.errors.JaxRuntimeError as error:
        if "RESOURCE_EXHAUSTED" not in str(error):
            raise
        raise OutOfMemory(" ".join(str(error).split())[:200]) from error


@dataclass(frozen=True)
class Programs:
    """The two programs of some lanes, traced or compiled, and how their arrays lie on the devices.

    refill: (new `[L]`, Hypers, state) -> (state, metrics). round: (Hypers, state)
    -> (state, metrics). Both donate the state, whose shapes are `state`'s.
    """

    refill: Any
    round: Any
    sharding: NamedSharding
    state: Any


def traced(
    config: Config, max_train_size: int, devices: tuple[Any, ...], number: int, on_cpu: bool
) -> Programs:
    """The programs, to be lowered for any platform."""
    # In this very order, so that a process's lanes are neighbours; make_mesh reorders on TPU.
    mesh = Mesh(np.array(devices), ("member",), axis_types=(AxisType.Auto,))
    spec = PartitionSpec("member")
    sharding = NamedSharding(mesh, spec)
    one = member.build(config, max_train_size, batches.CACHED_ROWS if on_cpu else None)

    def refill(new: Any, hypers: Hypers, state: Any) -> Any:
        fresh, metrics = one.init(hypers)
        return jax.tree.map(lambda f, s: jax.numpy.where(new, f, s), fresh, state), metrics

    def mapped(function: Callable[..., Any], *arguments: Any) -> Any:
        """`function` of one member, mapped over lanes and devices; its last argument is donated."""

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
        return jax.jit(sharded, donate_argnums=len(arguments) - 1).trace(*shapes)

    hypers, new = repeated(Hypers.of(config), number), np.zeros(number, bool)
    with pinned(config.precision):
        state = jax.eval_shape(jax.vmap(one.init), hypers)[0]
        both = mapped(refill, new, hypers, state), mapped(one.round, hypers, state)
    return Programs(*both, sharding, state)


@functools.lru_cache(maxsize=16)
def compiled(*settings: Any, on_cpu: bool) -> Programs:
    """Compiles, both at once; the last few are kept, for other runs of this process."""
    programs = traced(*settings, on_cpu=on_cpu)
    lowered = programs.refill.lower(), programs.round.lower()
    with ThreadPoolExecutor(len(lowered)) as pool:
        refill, round = pool.map(lambda program: program.compile(), lowered)
    return dataclasses.replace(programs, refill=refill, round=round)


def repeated(hypers: Hypers, number: int) -> Hypers:
    return Hypers(*(np.stack([value] * number) for value in hypers))


def size(analysis: Any) -> int:
    parts = "argument", "output", "temp", "generated_code"
    total = sum(getattr(analysis, f"{part}_size_in_bytes") for part in parts)
    return total - analysis.alias_size_in_bytes
