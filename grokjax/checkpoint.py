"""Checkpoints of the members in training, through Orbax.

A checkpoint holds what cannot be derived: the state of every lane that has a
member, as named NumPy arrays with a leading axis of members. It knows nothing
of lanes or devices, so it is restored onto any number of them. Finished
members are in the journal and not here, so its cost is set by the lanes.
"""

from __future__ import annotations

import hashlib
import warnings
from pathlib import Path

import numpy as np
import orbax.checkpoint as ocp

from grokjax.config import SCHEMA_VERSION
from grokjax.journal import DamagedRun

KEPT = 2
"""Checkpoints kept: the newest, and one to fall back to."""

Arrays = dict[str, np.ndarray]
"""Named arrays `[A, ...]` of A members in training; `member` int32 `[A]` says which."""


class Checkpoints:
    """The checkpoints of one run directory. Close it, or use it in a `with`."""

    def __init__(self, directory: Path, read_only: bool = False) -> None:
        options = ocp.CheckpointManagerOptions(
            preservation_policy=ocp.checkpoint_managers.LatestN(KEPT),
            enable_async_checkpointing=False,  # a few MB: shorter than handing it over
            cleanup_tmp_directories=not read_only,  # a reader would delete a save under way
            read_only=read_only,
        )
        # Named, or a manager that has not saved yet could not tell what it finds.
        handlers = ocp.handlers.create_default_handler_registry(
            state=ocp.PyTreeCheckpointHandler(), meta=ocp.JsonCheckpointHandler()
        )
        self._manager = ocp.CheckpointManager(
            (directory / "checkpoints").absolute(), options=options, handler_registry=handlers
        )

    def __enter__(self) -> Checkpoints:
        return self

    def __exit__(self, *_: object) -> None:
        self._manager.close()

    def steps(self) -> list[int]:
        """Numbers of the checkpoints there are, ascending."""
        return sorted(self._manager.all_steps())

    def save(self, state: Arrays) -> None:
        """Writes the next checkpoint; when this returns, it is on disk."""
        step = max(self.steps(), default=0) + 1
        meta = {"schema": SCHEMA_VERSION, "digest": digest(state)}
        args = ocp.args.Composite(state=ocp.args.PyTreeSave(state), meta=ocp.args.JsonSave(meta))
        try:
            self._manager.save(step, args=args)
            self._manager.wait_until_finished()
        except ValueError as error:  # what tensorstore makes of a full disk
            raise OSError(f"checkpoint {step} could not be written: {error}") from error

    def restore(self, step: int) -> Arrays:
        """One checkpoint as NumPy arrays; needs no device.

        Raises DamagedRun if it cannot be read, or is not what was written.
        """
        try:
            meta = self._manager.restore(
                step, args=ocp.args.Composite(meta=ocp.args.JsonRestore())
            )["meta"]
            # Asked for as NumPy by name: left to itself Orbax restores onto the saved devices.
            saved = self._manager.item_metadata(step).state
            arrays = {name: ocp.RestoreArgs(restore_type=np.ndarray) for name in saved}
            state = self._manager.restore(
                step,
                args=ocp.args.Composite(state=ocp.args.PyTreeRestore(restore_args=arrays)),
            )["state"]
        except Exception as error:  # Orbax, tensorstore, zstd and json each raise their own
            reason = " ".join(str(error).split())[:200]
            raise DamagedRun(f"checkpoint {step} cannot be read ({reason})") from error
        if digest(state) != meta.get("digest"):
            raise DamagedRun(f"checkpoint {step} is not what was written (its digest differs)")
        if meta["schema"] > SCHEMA_VERSION:
            raise DamagedRun(
                f"checkpoint {step} has schema {meta['schema']}; this grokjax reads up to "
                f"{SCHEMA_VERSION}"
            )
        return state

    def restore_latest(self) -> Arrays:
        """The newest checkpoint that can be read; no arrays if there is none.

        Warns of each damaged one it passes over: members then go back to the
        one before, or to their start, and lose no more than time.
        """
        for step in reversed(self.steps()):
            try:
                return self.restore(step)
            except DamagedRun as error:
                warnings.warn(f"{error}; going back to the one before", stacklevel=2)
        return {}


def digest(state: Arrays) -> str:
    """SHA-256 over names, dtypes, shapes and bytes, in order of name."""
    sha = hashlib.sha256()
    for name in sorted(state):
        array = np.ascontiguousarray(state[name])
        sha.update(f"{name} {array.dtype} {array.shape}\n".encode())
        sha.update(array.data)
    return sha.hexdigest()
