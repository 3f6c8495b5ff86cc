"""Write and read checkpoints through Orbax, with its logs silenced and its errors shortened.

Each checkpoint has two items: `state`, groups of named arrays, and `meta`, a JSON value.
"""

from __future__ import annotations

import contextlib
import logging
import math
import os
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import orbax.checkpoint as ocp

from grokjax.errors import DamagedRun
from grokjax.runtime import processes

ATTEMPTS = 10
"""Reads before a reader gives up, while a trainer saves faster than it reads."""

T = TypeVar("T")


def open_manager(directory: Path, read_only: bool, keep: int) -> ocp.CheckpointManager:
    """Return the manager of a folder of checkpoints. Raises DamagedRun if it cannot be read.

    keep: checkpoints that are kept.
    """
    # A manager that has not saved yet only knows the items that are registered by name.
    handlers = ocp.handlers.create_default_handler_registry(
        state=ocp.PyTreeCheckpointHandler(), meta=ocp.JsonCheckpointHandler()
    )
    _hide_closed_loop_errors()
    with _log_level(logging.ERROR):  # Orbax warns of what `read_only` implies
        options = ocp.CheckpointManagerOptions(
            preservation_policy=ocp.checkpoint_managers.LatestN(keep),
            enable_async_checkpointing=False,  # a few MB: faster to write than to hand over
            cleanup_tmp_directories=not read_only,  # a reader would delete a save in progress
            read_only=read_only,
        )
        try:
            return retry_read(
                lambda: ocp.CheckpointManager(directory, options=options, handler_registry=handlers)
            )
        except (ValueError, TypeError, RecursionError) as error:
            raise DamagedRun(f"{directory}: cannot be read ({error})") from error


def write(manager: ocp.CheckpointManager, step: int, state: Any, meta: Any) -> None:
    """Write one checkpoint and wait until it is on disk. Raises OSError if that fails."""
    args = ocp.args.Composite(state=ocp.args.PyTreeSave(state), meta=ocp.args.JsonSave(meta))
    try:
        with processes.detect_lost_process(), _log_level(logging.CRITICAL):
            manager.save(step, args=args)
            manager.wait_until_finished()
    except ValueError as error:  # tensorstore raises it on a full disk
        reason = _write_error_reason(error)
        raise OSError(f"checkpoint {step} could not be written: {reason}") from error


def read_meta(manager: ocp.CheckpointManager, step: int) -> Any:
    """Return the JSON value of a checkpoint."""
    args = ocp.args.Composite(meta=ocp.args.JsonRestore())
    return manager.restore(step, args=args)["meta"]


def declared_bytes(manager: ocp.CheckpointManager, step: int) -> int:
    """Return the size of a checkpoint's arrays, as it declares them."""
    groups = manager.item_metadata(step).state.values()
    leaves = [leaf for arrays in groups for leaf in arrays.values()]
    return sum(math.prod(leaf.shape) * np.dtype(leaf.dtype).itemsize for leaf in leaves)


def read_state(manager: ocp.CheckpointManager, step: int) -> dict[str, dict[str, np.ndarray]]:
    """Return the groups of arrays of a checkpoint, in memory of the host."""
    as_numpy = {  # by default Orbax restores onto the devices that saved
        group: {name: ocp.RestoreArgs(restore_type=np.ndarray) for name in arrays}
        for group, arrays in manager.item_metadata(step).state.items()
    }
    state = ocp.args.PyTreeRestore(restore_args=as_numpy)
    return manager.restore(step, args=ocp.args.Composite(state=state))["state"]


@contextlib.contextmanager
def _log_level(level: int) -> Iterator[None]:
    """Log only messages of Orbax that have at least this level."""
    log = logging.getLogger("absl")
    before = log.level
    log.setLevel(level)
    try:
        yield
    finally:
        log.setLevel(before)


def one_line(error: Exception) -> str:
    """Return the message of an error on one line of at most 200 characters."""
    return " ".join(str(error).split())[:200]


def retry_read(read: Callable[[], T]) -> T:
    """Return `read()`, tried again when a live trainer removes files that Orbax has just listed."""
    for _ in range(ATTEMPTS - 1):
        with contextlib.suppress(FileNotFoundError):
            return read()
    return read()


def _is_not_from_orbax(record: logging.LogRecord) -> bool:
    return not re.search("_SignalingThread|orbax|OCDBT", record.getMessage())


def _write_error_reason(error: Exception) -> str:
    """Return why a checkpoint could not be written, from the error that tensorstore raised.

    Also hides what Orbax's threads log about the same error from now on.
    """
    for name in ("absl", "asyncio"):
        logging.getLogger(name).addFilter(_is_not_from_orbax)
    code = re.search(r"os_error_code='(\d+)'", str(error))
    return os.strerror(int(code[1])) if code else one_line(error)


def _hide_closed_loop_errors() -> None:
    """Hide what Orbax's threads raise after a failed read or write, from now on.

    The failure itself is reported. The threads then find their event loop closed, and Python
    would print a traceback for each of them.
    """
    before = sys.unraisablehook
    if getattr(before, "__module__", None) == __name__:
        return

    def hook(unraisable: Any) -> None:
        if "Event loop is closed" not in str(unraisable.exc_value):
            before(unraisable)

    sys.unraisablehook = hook
