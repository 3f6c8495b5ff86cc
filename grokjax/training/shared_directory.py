"""What the processes of a launch must share: one locked run directory, and the same settings."""

from __future__ import annotations

import contextlib
import json
import time
from pathlib import Path

from grokjax.config.sweep import Sweep
from grokjax.runtime import processes
from grokjax.storage import files, lock
from grokjax.storage.lock import Lock
from grokjax.storage.member_state import Arrays, digest
from grokjax.training.options import Options

VISIBLE_WITHIN = 60.0
"""Seconds until all hosts see what one writes: network file systems cache missing files so long."""


def holds_run(directory: Path) -> bool:
    """Return whether process 0 sees a run there; what it sees decides for all processes."""
    return bool(processes.value_of_first((directory / files.CONFIG).exists()))


def require_same_settings(sweep: Sweep, options: Options, init: Arrays | None = None) -> None:
    """Raise ConfigError unless all processes were given the same members, weights and lanes."""
    weights = None if init is None else digest(init)
    watched = bool(options.callbacks)
    given = json.dumps([sweep.to_dict(), options.lanes, weights, watched])
    text = "sweep: the processes were given different settings, lanes, initial weights or callbacks"
    processes.require_same(given, text)


def lock_directory(directory: Path, locked: contextlib.ExitStack) -> None:
    """Let process 0 lock the directory for all, and check that all processes share it."""
    processes.run_on_first(lambda: locked.enter_context(Lock(directory)))
    path, began = directory / lock.NAME, time.monotonic()
    while not path.exists() and time.monotonic() - began < VISIBLE_WITHIN:
        time.sleep(0.2)
    owner = path.read_text() if path.exists() else ""
    text = f"{directory}: must be one directory, shared by all processes"
    processes.require_same(owner, text)
