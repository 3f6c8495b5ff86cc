"""Several processes as one: joining, agreeing, gathering.

Every process runs the same host loop over the same table of members and takes
the same decisions, so all that crosses between processes is what only one of
them knows: its lanes' metrics and finished rows, a signal, the time, a failure.
All of it goes through JAX's own collectives, between the rounds and never in one.
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

from grokjax.files import DamagedRun
from grokjax.settings import ConfigError, refuse

T = TypeVar("T")

MESSAGE_BYTES = 1000
MOST_PROCESSES = 65_536
HEARTBEAT_TIMEOUT = 30
"""Seconds of silence after which JAX takes a process for dead. One that ends is seen at the next
gather, at once; but in a checkpoint, where the others wait for it at a barrier, only by this.
"""


class OutOfMemory(RuntimeError):
    """The devices have no room for as many lanes."""


class LostProcess(RuntimeError):
    """Another process of this run has ended."""


_GONE = re.compile(r"Gloo|NCCL|[Bb]arrier|[Cc]oordination|Connection (closed|reset)|heartbeat")

_AGREED = {error.__name__: error for error in (ConfigError, DamagedRun, OutOfMemory)}


def join(
    coordinator: str | None = None, num_processes: int | None = None, process_id: int | None = None
) -> None:
    """Makes this process one of several, if it was launched so; before any device is used.

    Give all of these or none: then Slurm, Open MPI, TPU pods and GKE are detected.

    Args:
      coordinator: `host:port` of process 0.
      num_processes: of this launch; 1 means alone, whatever could be detected.
      process_id: this one's number.

    Raises:
      ConfigError: some of the three are missing or out of range.
      LostProcess: the others cannot be reached.
    """
    given = (coordinator, num_processes, process_id)
    if num_processes == 1 or (given == (None, None, None) and not _launched_together()):
        return
    if given != (None, None, None):
        _check(coordinator, num_processes, process_id)
    import jax

    if jax.distributed.is_initialized():
        return
    # JAX would take SIGTERM for itself; grokjax.interrupt does, and the processes agree on it.
    jax.config.update("jax_enable_preemption_service", False)
    try:
        jax.distributed.initialize(
            coordinator,
            num_processes or _step_size(),
            process_id,
            cluster_detection_method="deactivate" if coordinator else None,
            heartbeat_timeout_seconds=HEARTBEAT_TIMEOUT,
        )
    except ValueError:  # JAX finds no cluster after all, as on a machine with libtpu and no TPU
        if coordinator:
            raise
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:200]
        raise LostProcess(f"the other processes cannot be reached ({reason})") from error


def _check(coordinator: str | None, num_processes: int | None, process_id: int | None) -> None:
    if coordinator is None or num_processes is None or process_id is None:
        raise ConfigError(
            "coordinator: give --coordinator, --num-processes and --process-id, or none of them"
        )
    if not 1 <= num_processes <= MOST_PROCESSES:
        raise refuse("num_processes", num_processes, f"from 1 to {MOST_PROCESSES}")
    if not 0 <= process_id < num_processes:
        raise refuse("process_id", process_id, f"from 0 to {num_processes - 1}")
    host, _, port = coordinator.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65_536:
        raise refuse("coordinator", coordinator, "HOST:PORT, a port from 1 to 65535")


def _step_size() -> int | None:
    """Tasks of this Slurm step; JAX would take those of the job, which a step need not fill."""
    return _number("SLURM_STEP_NUM_TASKS")


def _number(variable: str) -> int | None:
    value = os.environ.get(variable, "")
    return int(value) if value.isdigit() else None


def _launched_together() -> bool:
    """Whether a launcher that JAX knows started several processes like this one."""
    sizes = (_step_size(), _number("OMPI_COMM_WORLD_SIZE"))
    indexed_job = {"KUBERNETES_SERVICE_HOST", "JOB_COMPLETION_INDEX"} <= os.environ.keys()
    return (
        any(size is not None and size > 1 for size in sizes)
        or (indexed_job and importlib.util.find_spec("kubernetes") is not None)
        or importlib.util.find_spec("libtpu") is not None
    )


def count() -> int:
    """Processes of this run. Needs no device where there is one."""
    import jax

    return jax.process_count() if jax.distributed.is_initialized() else 1


def index() -> int:
    """This one's number; process 0 writes and speaks for all."""
    import jax

    return jax.process_index() if jax.distributed.is_initialized() else 0


def first() -> bool:
    """Whether this process is the one that writes and speaks."""
    return index() == 0


@contextlib.contextmanager
def last_words(text: str) -> Iterator[None]:
    """While entered, has `text` said on stderr should this process, one of several, be ended.

    When process 0 is gone JAX aborts the others from a thread of its own, and
    Python gets no chance to speak; a shell does that sees its pipe close.
    """
    if count() == 1:
        yield
        return
    command = ["sh", "-c", 'read -r _ || printf "%s\\n" "$0" >&2', text]
    shell = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)
    try:
        yield
    finally:
        shell.communicate(b"\n")


def together(action: Callable[[], T], *, by_first: bool = False) -> T | None:
    """`action()` in every process; what it refuses in one, all refuse.

    by_first: only process 0 acts, the others get None.

    Raises ConfigError or OutOfMemory, everywhere, if it does so anywhere;
    LostProcess if a process has ended. Any other error is its own process's.
    """
    if count() == 1:
        return action()
    result, problem = None, None
    if not by_first or first():
        try:
            result = action()
        except tuple(_AGREED.values()) as error:
            problem = error
    said = _exchange("" if problem is None else f"{type(problem).__name__}\n{problem}")
    if problem is not None:
        raise problem
    for text in filter(None, said):
        kind, _, message = text.partition("\n")
        raise _AGREED[kind](message)
    return result


def same(text: str, otherwise: str) -> None:
    """Raises ConfigError(otherwise), everywhere, unless the text is the same in every process."""
    digest = np.frombuffer(hashlib.sha256(text.encode()).digest(), np.uint8)
    if len(np.unique(gather({"digest": digest[None]})["digest"], axis=0)) > 1:
        raise ConfigError(otherwise)


def _exchange(text: str) -> list[str]:
    """A short text from every process."""
    mine = text.encode()[:MESSAGE_BYTES].ljust(MESSAGE_BYTES, b"\0")
    rows = gather({"text": np.frombuffer(mine, np.uint8)[None]})["text"]
    return [bytes(row).rstrip(b"\0").decode(errors="ignore") for row in rows]


@contextlib.contextmanager
def among_peers() -> Iterator[None]:
    """What JAX says when a process is gone, as LostProcess. Around all that waits for others."""
    try:
        yield
    except (RuntimeError, ValueError) as error:  # one or the other, by the path of the call
        if count() == 1 or not _GONE.search(str(error)):
            raise
        reason = " ".join(str(error).split())[:150]
        raise LostProcess(f"another process of this run has ended ({reason})") from error


def gather(rows: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Arrays `[n, ...]` of every process, one below the other: `[processes * n, ...]`.

    Shapes must be the same everywhere and, for speed, from call to call. Raises
    LostProcess if a process has ended.
    """
    if count() == 1:
        return dict(rows)
    from jax.experimental import multihost_utils

    # As bytes in one array: one collective, and no number is converted on the way.
    flat = [np.ascontiguousarray(array).reshape(len(array), -1) for array in rows.values()]
    packed = np.concatenate([array.view(np.uint8) for array in flat], axis=1)
    with among_peers():
        whole = np.asarray(multihost_utils.process_allgather(packed, tiled=True))
    cuts = np.cumsum([array.view(np.uint8).shape[1] for array in flat])[:-1]
    parts = np.split(whole, cuts, axis=1)
    return {
        name: np.ascontiguousarray(part).view(array.dtype).reshape(len(whole), *array.shape[1:])
        for (name, array), part in zip(rows.items(), parts, strict=True)
    }
