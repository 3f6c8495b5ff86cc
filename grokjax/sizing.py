"""How many lanes: as many as fit and pay, from the compiled program and the clock."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from grokjax import devices, hosts
from grokjax.hosts import OutOfMemory
from grokjax.lanes import Lanes
from grokjax.sweep import Program

FIRST = 32
"""Lanes an accelerator to begin with."""

PAYS = 1.1
"""A doubling must bring this much more speed; beyond, lanes only make members slower."""


def build(program: Program, found: list[Any], number: int) -> Lanes:
    """Lanes in every process, or OutOfMemory in every process."""
    lanes = hosts.together(lambda: Lanes(program, found, number))
    assert lanes is not None
    return lanes


def doubled(lanes: Lanes, program: Program, found: list[Any], members: int) -> Lanes:
    """Lanes for an accelerator: these, doubled while they fit and pay.

    What a size needs is read off its compiled programs, and the next one needs
    twice that; what it brings is timed, one round after a warm-up.
    """
    speed = _speed(lanes)
    room = _least(devices.memory(found))
    while True:
        number, used = devices.lanes(2 * lanes.number, found, members)
        # Both are there while the next is timed, hence three times.
        if number <= lanes.number or 3 * _most(lanes.bytes_per_device) > room:
            return lanes
        try:
            larger = build(program, used, number)
            faster = _speed(larger)
        except OutOfMemory:
            return lanes
        if faster < PAYS * speed:
            return lanes
        lanes, speed = larger, faster


def _speed(lanes: Lanes) -> float:
    """Lanes a second, timed by process 0. Trains whatever is in them."""
    lanes.round()
    start = time.perf_counter()
    lanes.round()
    seconds = np.array([[time.perf_counter() - start]])
    return lanes.number / float(hosts.gather({"seconds": seconds})["seconds"][0, 0])


def _least(room: int | None) -> float:
    """The smallest of all processes' rooms; infinite where devices do not tell."""
    return -_most(-np.inf if room is None else -room)


def _most(value: float) -> float:
    """The largest of all processes' values: the compiler need not take the same everywhere."""
    return float(hosts.gather({"value": np.array([[float(value)]])})["value"].max())


def smaller(lanes: Lanes, busy: int) -> int:
    """The number of lanes halved as often as the busy ones still fit."""
    count = len(lanes.devices)
    each = lanes.number // count
    while each // 2 >= max(2, -(-busy // count)):
        each //= 2
    return each * count


def halved(lanes: int, found: list[Any], members: int) -> int:
    """Half as many lanes, after an allocation failed.

    Raises OutOfMemory if there are none fewer.
    """
    number, _ = devices.lanes(max(1, lanes // 2), found, members)
    if number >= lanes:
        raise OutOfMemory(f"the devices have no room for the fewest lanes there are, {lanes}")
    return number
