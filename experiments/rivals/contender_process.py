"""Contenders in processes of their own, which are set up once and then run in turns."""

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


class Stopped(Exception):
    """The benchmark asks for no more slices."""


@dataclass(frozen=True)
class TimeSlice:
    """Work of a process in one slice. peak: memory in MB, of the GPU if it uses one."""

    steps: int
    seconds: float
    peak: float


@dataclass
class SliceTimer:
    """Count member-steps, report each slice, and wait for the next one; passed as `tick`."""

    connection: Connection
    start: float
    steps: int = 0
    units: int = 0
    slice_seconds: float = 0.0
    first_unit: float = 0.0

    def __call__(self, steps: int) -> None:
        now = time.perf_counter()
        self.units += 1
        if self.units == 1:  # compiles
            self.first_unit, self.start = now - self.start, now
            return
        if self.units == 2:  # the first unit took longer by the time of compilation
            self.connection.send(max(0.0, self.first_unit - (now - self.start)))
        else:
            self.steps += steps
            if now - self.start < self.slice_seconds:
                return
            self.connection.send(TimeSlice(self.steps, now - self.start, peak_memory()))
        seconds = self.connection.recv()
        if seconds is None:
            raise Stopped
        self.slice_seconds, self.steps, self.start = seconds, 0, time.perf_counter()


def peak_memory() -> float:
    """Peak memory of this process in MB, on its GPU if it uses one."""
    jax, torch = sys.modules.get("jax"), sys.modules.get("torch")
    if jax and jax.default_backend() != "cpu":
        return jax.local_devices()[0].memory_stats()["peak_bytes_in_use"] / 1e6
    if torch and torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def run_contender(connection: Connection, class_path: str, members: int, work: Workload) -> None:
    """Send the loss at given weights, the compile time, then slices until told to stop."""
    module, name = class_path.split(".")
    contender = getattr(importlib.import_module(f"rivals.{module}"), name)
    connection.send(contender(work, members, work.weights(scale=2.0, bias=0.3)).loss())
    try:
        contender(work, members, work.weights()).run(SliceTimer(connection, time.perf_counter()))
    except Stopped:
        connection.close()


class ContenderProcess:
    """A contender in its own process; with `core`, its affinity is that core from the start."""

    def __init__(self, class_path: str, members: int, work: Workload, core: int | None) -> None:
        spawn = multiprocessing.get_context("spawn")
        self._connection, child = spawn.Pipe()
        self._process = spawn.Process(target=run_contender, args=(child, class_path, members, work))
        affinity = os.sched_getaffinity(0)
        if core is not None:
            os.sched_setaffinity(0, {core})  # inherited: libraries count cores as they load
        try:
            self._process.start()
        finally:
            os.sched_setaffinity(0, affinity)
        child.close()

    def receive(self) -> Any:
        """Wait for the next message. Raises EOFError if the process ended (see its stderr)."""
        return self._connection.recv()

    def send(self, slice_seconds: float | None) -> None:
        """Start a slice; None asks the process to stop."""
        self._connection.send(slice_seconds)

    def stop(self) -> None:
        """Ask the process to stop, and kill it after 20 seconds."""
        with contextlib.suppress(OSError):
            self.send(None)
        self._process.join(timeout=20)
        self._process.kill()
        self._process.join()
