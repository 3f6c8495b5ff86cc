"""Let several processes train as one: start them together, share failures, gather arrays.

Every process runs the same host loop over the same members and makes the same decisions. So
they exchange only what one process alone knows: its lanes' metrics and parameters, a signal,
the time, a failure. All of it goes through JAX's collectives, between rounds and never in one.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

import numpy as np

from grokjax.errors import ConfigError, DamagedRun, LostProcess, OutOfMemory, invalid

T = TypeVar("T")

MESSAGE_BYTES = 1000
MAX_PROCESSES = 65_536
HEARTBEAT_TIMEOUT = 30
"""Seconds of silence after which JAX takes a process for dead.

A process that ends is noticed at once by the next gather. Only during a checkpoint, where the
others wait for it at a barrier, does it take this long.
"""

_LOST_PROCESS = re.compile(
    r"Gloo|NCCL|[Bb]arrier|[Cc]oordination|Connection (closed|reset)|heartbeat"
)

_SHARED_ERRORS = {error.__name__: error for error in (ConfigError, DamagedRun, OutOfMemory)}


def initialize(
    coordinator: str | None = None, num_processes: int | None = None, process_id: int | None = None
) -> None:
    """Connect this process to the others of its launch, if any; call it before using a device.

    Give all arguments or none. With none, Slurm, Open MPI, TPU pods and GKE are detected.

    Args:
      coordinator: `host:port` of process 0.
      num_processes: of this launch; 1 means a single process, whatever could be detected.
      process_id: this process's number, from 0.

    Raises:
      ConfigError: some of the arguments are missing or out of range.
      LostProcess: the other processes cannot be reached.
    """
    given = (coordinator, num_processes, process_id)
    if num_processes == 1 or (given == (None, None, None) and not _cluster_detected()):
        return
    if given != (None, None, None):
        _check_arguments(coordinator, num_processes, process_id)
    import jax

    if jax.distributed.is_initialized():
        return
    # grokjax.runtime.signals handles SIGTERM, and the processes agree on it; JAX must not.
    jax.config.update("jax_enable_preemption_service", False)
    try:
        jax.distributed.initialize(
            coordinator,
            num_processes or _slurm_step_tasks(),
            process_id,
            cluster_detection_method="deactivate" if coordinator else None,
            heartbeat_timeout_seconds=HEARTBEAT_TIMEOUT,
        )
    except ValueError:  # JAX finds no cluster, as on a machine with libtpu but no TPU
        if coordinator:
            raise
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:200]
        raise LostProcess(f"the other processes cannot be reached ({reason})") from error


def _check_arguments(
    coordinator: str | None, num_processes: int | None, process_id: int | None
) -> None:
    if coordinator is None or num_processes is None or process_id is None:
        raise ConfigError(
            "coordinator: give all of --coordinator, --num-processes and --process-id, or none"
        )
    if not 1 <= num_processes <= MAX_PROCESSES:
        raise invalid("num_processes", num_processes, f"must be from 1 to {MAX_PROCESSES}")
    if not 0 <= process_id < num_processes:
        raise invalid("process_id", process_id, f"must be from 0 to {num_processes - 1}")
    host, _, port = coordinator.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65_536:
        raise invalid("coordinator", coordinator, "must be HOST:PORT with a port from 1 to 65535")


def _slurm_step_tasks() -> int | None:
    """Return the number of tasks of this Slurm step; JAX would wait for all tasks of the job."""
    return _integer_variable("SLURM_STEP_NUM_TASKS")


def _integer_variable(variable: str) -> int | None:
    value = os.environ.get(variable, "")
    return int(value) if value.isdigit() else None


def _cluster_detected() -> bool:
    """Whether a launcher that JAX supports seems to have started several processes."""
    sizes = (_slurm_step_tasks(), _integer_variable("OMPI_COMM_WORLD_SIZE"))
    indexed_job = {"KUBERNETES_SERVICE_HOST", "JOB_COMPLETION_INDEX"} <= os.environ.keys()
    return (
        any(size is not None and size > 1 for size in sizes)
        or (indexed_job and importlib.util.find_spec("kubernetes") is not None)
        or importlib.util.find_spec("libtpu") is not None
    )


def process_count() -> int:
    """Return the number of processes; unlike JAX's, it starts no device in a single process."""
    import jax

    return jax.process_count() if jax.distributed.is_initialized() else 1


def process_index() -> int:
    """Return this process's number; process 0 writes files and prints for all."""
    import jax

    return jax.process_index() if jax.distributed.is_initialized() else 0


def is_first() -> bool:
    """Whether this is process 0, which writes files and prints for all."""
    return process_index() == 0


@contextlib.contextmanager
def print_if_killed(text: str) -> Iterator[None]:
    """Within this context, print `text` to stderr if this process, one of several, is killed.

    When process 0 ends, JAX aborts the others from a thread of its own, and Python cannot
    print. A shell does so instead when its pipe from this process closes.
    """
    if process_count() == 1:
        yield
        return
    command = ["sh", "-c", 'read -r _ || printf "%s\\n" "$0" >&2', text]
    shell = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)
    try:
        yield
    finally:
        shell.communicate(b"\n")


def run_on_all(action: Callable[[], T]) -> T:
    """Run `action()` in every process; if it fails in one with a shared error, all raise it.

    Raises:
      ConfigError, DamagedRun, OutOfMemory: in every process, if the action raises it in any.
        Any other error is raised only where it happens.
      LostProcess: a process has ended.
    """
    if process_count() == 1:
        return action()
    try:
        result = action()
    except tuple(_SHARED_ERRORS.values()) as error:
        _gather_texts(f"{type(error).__name__}\n{error}")
        raise
    for message in filter(None, _gather_texts("")):
        name, _, text = message.partition("\n")
        raise _SHARED_ERRORS[name](text)
    return result


def run_on_first(action: Callable[[], T]) -> T | None:
    """Run `action()` in process 0 only and return None elsewhere; errors as in `run_on_all`."""
    return run_on_all(action if is_first() else lambda: None)


def require_same(text: str, message: str) -> None:
    """Raise ConfigError(message) in all processes unless `text` is the same in all of them."""
    digest = np.frombuffer(hashlib.sha256(text.encode()).digest(), np.uint8)
    if len(np.unique(gather({"digest": digest[None]})["digest"], axis=0)) > 1:
        raise ConfigError(message)


def value_of_first(value: float) -> float:
    """Return process 0's value of a number, in every process."""
    return float(gather({"value": np.array([[float(value)]])})["value"][0, 0])


def largest_value(value: float) -> float:
    """Return the largest of all processes' values of a number, in every process."""
    return float(gather({"value": np.array([[float(value)]])})["value"].max())


def _gather_texts(text: str) -> list[str]:
    """Return the text of every process, cut to `MESSAGE_BYTES`."""
    mine = text.encode()[:MESSAGE_BYTES].ljust(MESSAGE_BYTES, b"\0")
    rows = gather({"text": np.frombuffer(mine, np.uint8)[None]})["text"]
    return [bytes(row).rstrip(b"\0").decode(errors="ignore") for row in rows]


@contextlib.contextmanager
def detect_lost_process() -> Iterator[None]:
    """Raise LostProcess for JAX's errors about a lost process; wrap calls that wait for others."""
    try:
        yield
    except (RuntimeError, ValueError) as error:  # which one depends on JAX's code path
        if process_count() == 1 or not _LOST_PROCESS.search(str(error)):
            raise
        reason = " ".join(str(error).split())[:150]
        raise LostProcess(f"another process of this run has ended ({reason})") from error


def gather(rows: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Concatenate each array `[n, ...]` over all processes to `[processes * n, ...]`.

    Shapes must be the same in all processes and, to avoid compiling anew, in all calls.
    Raises LostProcess if a process has ended.
    """
    if process_count() == 1:
        return dict(rows)
    from jax.experimental import multihost_utils

    # Bytes in one array need only one collective, and JAX converts no dtype.
    flat = [np.ascontiguousarray(array).reshape(len(array), -1) for array in rows.values()]
    packed = np.concatenate([array.view(np.uint8) for array in flat], axis=1)
    with detect_lost_process():
        whole = np.asarray(multihost_utils.process_allgather(packed, tiled=True))
    cuts = np.cumsum([array.view(np.uint8).shape[1] for array in flat])[:-1]
    parts = np.split(whole, cuts, axis=1)
    return {
        name: np.ascontiguousarray(part).view(array.dtype).reshape(len(whole), *array.shape[1:])
        for (name, array), part in zip(rows.items(), parts, strict=True)
    }
