"""Checkpoints of the members in training, through Orbax.

A checkpoint holds what cannot be derived: the state of every lane, written by
the process that holds it, and which member was in it. It is read back as NumPy
rows, one a member, and knows nothing of devices or processes, so that any
number of them can go on with it. Finished members are in the journal and not
here: its cost is set by the lanes.
"""

from __future__ import annotations

import contextlib
import logging
import math
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orbax.checkpoint as ocp

from grokjax import files, forking, hosts, layout, memory, quiet
from grokjax.config import SCHEMA_VERSION, Config, ConfigError, check_schema
from grokjax.files import DamagedRun
from grokjax.states import Arrays, InLanes, Saved, digest, digest_of, read_back

KEPT = 2
"""Checkpoints kept: the newest, and one to fall back to."""

LANES = 2**12
"""More lanes than any run has, to bound a checkpoint's size; idle ones are in it too."""


class Checkpoints:
    """The checkpoints of one run directory. Close it, or use it in a `with`.

    sweep: whose members it has; a checkpoint that declares more than they need is not read.
    """

    def __init__(
        self, directory: Path, read_only: bool = False, sweep: Sequence[Config] = ()
    ) -> None:
        forking.refuse()
        forking.note_threads()
        each = max(map(layout.state_bytes, sweep), default=math.inf)
        self._most_bytes = 2 * (len(sweep) + LANES) * (each + 1000)
        self._directory = (directory / "checkpoints").absolute()
        for path, size in files.sizes(self._directory):  # before Orbax takes them for JSON
            if path.parent.name != "d" and size > files.MOST_TEXT:
                raise DamagedRun(f"{path}: {size / 1e6:.0f} MB are more than it can have")
        # Named, or a manager that has not saved yet could not tell what it finds.
        handlers = ocp.handlers.create_default_handler_registry(
            state=ocp.PyTreeCheckpointHandler(), meta=ocp.JsonCheckpointHandler()
        )
        quiet.hide_closed_loops()
        with quiet.silent():  # it would warn that a reader only reads
            options = ocp.CheckpointManagerOptions(
                preservation_policy=ocp.checkpoint_managers.LatestN(KEPT),
                enable_async_checkpointing=False,  # a few MB: shorter than handing it over
                cleanup_tmp_directories=not read_only,  # a reader would delete a save under way
                read_only=read_only,
            )
            try:
                self._manager = quiet.patiently(
                    lambda: ocp.CheckpointManager(
                        self._directory, options=options, handler_registry=handlers
                    )
                )
            except (ValueError, TypeError, RecursionError) as error:
                raise DamagedRun(f"{self._directory}: cannot be read ({error})") from error

    def __enter__(self) -> Checkpoints:
        return self

    def __exit__(self, *_: object) -> None:
        self._manager.close()

    def steps(self) -> list[int]:
        """Numbers of the checkpoints that are kept, ascending.

        A kill in the middle of removing an older one leaves the rest of it; the next save
        removes that too.
        """
        return sorted(self._manager.all_steps())[-KEPT:]

    def steps_now(self) -> list[int]:
        """As `steps`, from the disk, where another process may write."""
        names = [path.name for path in self._directory.glob("*")]
        return sorted(int(name) for name in names if name.isdigit())[-KEPT:]

    def save(
        self, lanes: InLanes, parked: Mapping[int, Arrays], notes: Mapping[int, dict[str, int]]
    ) -> None:
        """Writes the next checkpoint; when this returns, it is on disk. All processes call it.

        parked: state of members in training that have no lane. notes: of all.
        """
        step = max(self.steps(), default=0) + 1
        # Parked members one by one: another program's have other shapes.
        tree = {"lanes": dict(lanes.state)} | {
            f"member-{m}": {name: np.asarray(array)[None] for name, array in row.items()}
            for m, row in parked.items()
        }
        digests = lanes.digests() | {m: digest(row) for m, row in parked.items()}
        meta = {
            "schema": SCHEMA_VERSION,
            "members": {"lanes": [lanes.members.get(lane, -1) for lane in range(lanes.number)]}
            | {f"member-{m}": [m] for m in parked},
            "notes": {str(m): note for m, note in notes.items()},
            "digests": {str(m): value for m, value in digests.items()},
        }
        meta["digest"] = digest_of(meta)
        args = ocp.args.Composite(state=ocp.args.PyTreeSave(tree), meta=ocp.args.JsonSave(meta))
        try:
            with hosts.among_peers(), quiet.silent(logging.CRITICAL):
                self._manager.save(step, args=args)
                self._manager.wait_until_finished()
            if hosts.first():  # the digests of members do not cover what is not theirs
                files.list_all(self._directory / str(step))
        except ValueError as error:  # what tensorstore makes of a full disk
            reason = quiet.reason(error)
            raise OSError(f"checkpoint {step} could not be written: {reason}") from error

    def check(self) -> None:
        """Raises ConfigError if the newest that can be read was written by another grokjax;
        DamagedRun if there are some and none can be read.
        """
        for step in reversed(self.steps()):
            with contextlib.suppress(DamagedRun):
                self._meta(step)
                return
        if steps := self.steps():
            raise self._nothing_left(steps)

    def problems(self) -> dict[int, str]:
        """What is wrong with each checkpoint that cannot be read, by number.

        Not with what a live trainer removes meanwhile.
        """
        found = {}
        for step in self.steps():
            try:
                self.restore(step)
            except (DamagedRun, ConfigError, MemoryError) as error:
                found[step] = str(error)
        return {step: what for step, what in found.items() if step in self.steps_now()}

    def damaged(self) -> dict[int, str]:
        """As `problems`; raises DamagedRun if there are checkpoints, and none is intact."""
        found = self.problems()
        if found and len(found) == len(self.steps()):
            raise self._nothing_left(list(found))
        return found

    def _nothing_left(self, steps: list[int]) -> DamagedRun:
        return DamagedRun(
            f"{self._directory}: neither of the checkpoints {steps} can be read; nothing was "
            "changed; remove them to train the members in them again from their start"
        )

    def _meta(self, step: int) -> dict[str, Any]:
        """What a checkpoint says of itself, once its files are what was written."""
        folder = self._directory / str(step)
        try:
            for name, what in files.problems(folder).items():
                raise DamagedRun(f"checkpoint {step} is damaged ({name}: {what})")
            args = ocp.args.Composite(meta=ocp.args.JsonRestore())
            meta = self._manager.restore(step, args=args)["meta"]
            schema = meta["schema"]
            digest = meta.pop("digest", None)
        except DamagedRun:
            raise
        except Exception as error:
            raise _unreadable(step, error) from error
        check_schema(f"checkpoint {step}", schema)
        if digest != digest_of(meta):
            raise DamagedRun(f"checkpoint {step} is not what was written (its digest differs)")
        return meta

    def restore(self, step: int) -> dict[int, Saved]:
        """The members of one checkpoint as NumPy arrays; needs no device.

        Raises DamagedRun if it cannot be read, or is not what was written;
        ConfigError if another grokjax wrote it, which has lost nothing.
        """
        meta = self._meta(step)
        try:
            # Asked for as NumPy by name: left to itself Orbax restores onto the saved devices.
            saved = self._manager.item_metadata(step).state
            declared = [leaf for names in saved.values() for leaf in names.values()]
            size = sum(math.prod(leaf.shape) * np.dtype(leaf.dtype).itemsize for leaf in declared)
            if size > self._most_bytes:
                raise ValueError(f"declares {size / 1e6:,.0f} MB, more than the run can have")
            memory.want(f"checkpoint {step}", 2 * size)
            arrays = {
                group: {name: ocp.RestoreArgs(restore_type=np.ndarray) for name in names}
                for group, names in saved.items()
            }
            tree = self._manager.restore(
                step,
                args=ocp.args.Composite(state=ocp.args.PyTreeRestore(restore_args=arrays)),
            )["state"]
            members = {}
            for group, state in tree.items():
                for i, m in enumerate(meta["members"][group]):
                    if m >= 0:
                        row = {name: array[i] for name, array in state.items()}
                        members[m] = read_back(row, meta["notes"][str(m)])
            digests = {int(m): value for m, value in meta["digests"].items()}
        except MemoryError:
            raise
        except Exception as error:  # Orbax, tensorstore, zstd and json each raise their own
            raise _unreadable(step, error) from error
        if {m: digest(each.state) for m, each in members.items()} != digests:
            raise DamagedRun(f"checkpoint {step} is not what was written (its digest differs)")
        return members

    def restore_latest(self) -> dict[int, Saved]:
        """The newest checkpoint that can be read; no members if there is none at all.

        Warns of each damaged one it passes over: members then go back to the
        one before, and lose no more than time. Raises DamagedRun if all are damaged.
        """
        steps: list[int] = []
        for _ in range(quiet.ATTEMPTS):
            steps, damaged = self.steps(), []
            for step in reversed(steps):
                try:
                    members = self.restore(step)
                except DamagedRun as error:
                    damaged.append(str(error))
                    continue
                if damaged and self.steps_now() == steps:
                    at = max((int(each.state["epoch"]) for each in members.values()), default=0)
                    text = f"going back to checkpoint {step}, its furthest member at epoch {at:,}"
                    warnings.warn(f"{'; '.join(damaged)}; {text}", stacklevel=2)
                return members
            if self.steps_now() == steps:
                break
            quiet.patiently(self._manager.reload)  # a live trainer has removed what this one knew
        if steps:
            raise self._nothing_left(steps)
        return {}


def _unreadable(step: int, error: Exception) -> DamagedRun:
    return DamagedRun(f"checkpoint {step} cannot be read ({quiet.one_line(error)})")
