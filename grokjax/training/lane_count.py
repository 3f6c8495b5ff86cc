"""The number of lanes: as many as memory holds and as make training faster."""

from __future__ import annotations

import time
from typing import Any

from grokjax.config.sweep import Program
from grokjax.errors import OutOfMemory
from grokjax.metrics.metric import Metric
from grokjax.runtime import devices, processes
from grokjax.runtime.arguments import parse_auto_or_count
from grokjax.training.initial_weights import InitialWeights
from grokjax.training.lanes import Lanes

INITIAL_LANES = 32
"""Lanes that an accelerator begins with."""

MIN_SPEEDUP = 1.1
"""Factor on the speed below which a doubling is not kept: it would only make members slower."""


def build_lanes(
    program: Program,
    used: list[Any],
    number: int,
    metrics: tuple[Metric, ...],
    initial: InitialWeights | None = None,
) -> Lanes:
    """Build lanes on these devices. Raises OutOfMemory, then in every process."""
    return processes.run_on_all(lambda: Lanes(program, used, number, metrics, initial))


def grow_lanes(
    lanes: Lanes,
    program: Program,
    found: list[Any],
    members: int,
    metrics: tuple[Metric, ...],
    initial: InitialWeights | None = None,
) -> Lanes:
    """Double the lanes of accelerators for as long as memory and speed allow, and return them.

    The compiled programs say how much memory a number of lanes takes, and twice as many take twice
    that. The speed is that of one round after a warm-up.
    """
    speed = _measure_speed(lanes)
    free = -processes.largest_value(-devices.memory_for_lanes(found))
    while True:
        number, used = choose_lanes(2 * lanes.number, found, members)
        # Both exist while the larger one is timed, hence three times. Programs may differ between
        # processes.
        if number <= lanes.number or 3 * processes.largest_value(lanes.bytes_per_device) > free:
            return lanes
        try:
            larger = build_lanes(program, used, number, metrics, initial)
            faster = _measure_speed(larger)
        except OutOfMemory:
            return lanes
        if faster < MIN_SPEEDUP * speed:
            return lanes
        lanes, speed = larger, faster


def _measure_speed(lanes: Lanes) -> float:
    """Return rounds of a lane per second, by process 0's clock; it trains what is in the lanes."""
    lanes.round()
    start = time.perf_counter()
    lanes.round()
    return lanes.number / processes.value_of_first(time.perf_counter() - start)


def smallest_count(lanes: Lanes, busy: int) -> int:
    """Return the number of lanes, halved for as long as it holds the busy ones."""
    count = len(lanes.devices)
    each = lanes.number // count
    while each // 2 >= max(2, -(-busy // count)):
        each //= 2
    return each * count


def halve_count(number: int, found: list[Any], members: int) -> int:
    """Return about half this number of lanes, after an allocation failed.

    Raises OutOfMemory if fewer lanes are not possible.
    """
    fewer, _ = choose_lanes(max(1, number // 2), found, members)
    if fewer >= number:
        raise OutOfMemory(
            f"the devices do not have enough memory for {number} lanes, the fewest possible"
        )
    return fewer


def choose_lanes(wanted: int | str, found: list[Any], members: int) -> tuple[int, list[Any]]:
    """Return the number of lanes and their devices, of which every process has as many.

    On CPU each device carries one lane, on as few devices as carry the wanted lanes and members.
    Elsewhere each carries at least two, and all the same number; `auto` is one lane a member.

    Raises ConfigError unless `wanted` is `auto` or a whole number of at least 1.
    """
    number = min(parse_auto_or_count("lanes", wanted) or members, members)
    of_processes = devices.group_by_process(found)
    least = 1 if devices.on_cpu(found) else 2
    needed = -(-number // (least * len(of_processes)))  # devices of each process
    used = [device for each in of_processes for device in each[:needed]]
    each = 1 if devices.on_cpu(found) else max(least, -(-number // len(used)))
    return each * len(used), used
