"""Processes that work in turns: each set up once, then a slice of time at a call."""

from __future__ import annotations

import contextlib
import importlib
import multiprocessing
import os
import resource
import sys
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from rivals.workload import Workload


class Over(Exception):
    """The stage wants no more slices."""


@dataclass(frozen=True)
class Slice:
    """What a process did in its slice. peak: MB, of the process or, if it has one, of its GPU."""

    steps: int
    seconds: float
    peak: float


@dataclass
class Ticker:
    """Counts member-steps, and hands back control when the slice is over."""

    connection: Connection
    began: float
    steps: int = 0
    units: int = 0
    wanted: float = 0.0
    first: float = 0.0

    def __call__(self, steps: int) -> None:
        now = time.perf_counter()
        self.units += 1
        if self.units == 1:  # compiles
            self.first, self.began = now - self.began, now
            return
        if self.units == 2:  # what is left of the first is the compiling
            self.connection.send(max(0.0, self.first - (now - self.began)))
        else:
            self.steps += steps
            if now - self.began < self.wanted:
                return
            self.connection.send(Slice(self.steps, now - self.began, peak()))
        wanted = self.connection.recv()
        if wanted is None:
            raise Over
        self.wanted, self.steps, self.began = wanted, 0, time.perf_counter()


def peak() -> float:
    jax, torch = sys.modules.get("jax"), sys.modules.get("torch")
    if jax and jax.default_backend() != "cpu":
        return jax.local_devices()[0].memory_stats()["peak_bytes_in_use"] / 1e6
    if torch and torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def perform(connection: Connection, role: str, members: int, work: Workload) -> None:
    """The life of a process: the loss at planted weights, then slices until told to end."""
    module, name = role.split(".")
    make = getattr(importlib.import_module(f"rivals.{module}"), name)
    connection.send(make(work, members, work.weights(scale=2.0, bias=0.3)).loss())
    try:
        make(work, members, work.weights()).run(Ticker(connection, time.perf_counter()))
    except Over:
        connection.close()


class Process:
    """A process on the stage; `core`: held to that one by its affinity, from its first moment."""

    def __init__(self, role: str, members: int, work: Workload, core: int | None) -> None:
        spawn = multiprocessing.get_context("spawn")
        self._connection, there = spawn.Pipe()
        self._process = spawn.Process(target=perform, args=(there, role, members, work))
        before = os.sched_getaffinity(0)
        if core is not None:
            os.sched_setaffinity(0, {core})  # libraries count cores when they are loaded
        try:
            self._process.start()
        finally:
            os.sched_setaffinity(0, before)
        there.close()

    def hear(self) -> Any:
        """What it has to say. Raises EOFError if it ended, having said why on stderr."""
        return self._connection.recv()

    def tell(self, wanted: float | None) -> None:
        self._connection.send(wanted)

    def end(self) -> None:
        """Lets it tidy up, unless it is stuck or in the middle of a slice."""
        with contextlib.suppress(OSError):
            self.tell(None)
        self._process.join(timeout=20)
        self._process.kill()
        self._process.join()
