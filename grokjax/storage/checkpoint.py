"""Checkpoints of the members in training, through Orbax.

A checkpoint has what cannot be derived: the states of all lanes, each written by the process that
has the lane, and which member was in which lane. It is read as NumPy rows, one per member, without
devices or processes, so that any number of them can resume it. Finished members are in the
journal, not here: the size of a checkpoint depends on the lanes, not on the sweep.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import warnings
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from grokjax.errors import ConfigError, DamagedRun
from grokjax.runtime import forking, memory, processes
from grokjax.storage import digests, files, orbax_io
from grokjax.storage.files import SCHEMA_VERSION, check_schema
from grokjax.storage.member_state import (
    Arrays,
    LaneStates,
    SavedMember,
    StopState,
    check_dtypes,
    digest,
    lane_digests,
    restored,
)

MAX_LANES = 2**12
"""More lanes than any run has. Idle lanes are saved too, so this bounds a checkpoint's size."""


class Checkpoints:
    """Context manager: the checkpoints of one run directory.

    members, state_bytes: how many members the run has, and the size of the largest one's state.
    A checkpoint that declares more than these members and `MAX_LANES` lanes need is not read.
    """

    def __init__(
        self,
        directory: Path,
        read_only: bool = False,
        members: int = 0,
        state_bytes: float = math.inf,
    ) -> None:
        forking.check_not_forked()
        forking.mark_threads_started()
        self._max_bytes = 2 * (members + MAX_LANES) * (state_bytes + 1000)
        self._directory = (directory / "checkpoints").absolute()
        for path, size in files.file_sizes(self._directory):  # Orbax would parse them as JSON
            if path.parent.name != "d":
                files.check_text_size(path, size)
        self._manager = orbax_io.open_manager(self._directory, read_only, files.CHECKPOINTS_KEPT)

    def __enter__(self) -> Checkpoints:
        return self

    def __exit__(self, *_: object) -> None:
        self._manager.close()

    def steps(self) -> list[int]:
        """Return the numbers of the checkpoints that are kept, ascending.

        A kill while an older one is being removed leaves a part of it; the next save removes it.
        """
        return sorted(self._manager.all_steps())[-files.CHECKPOINTS_KEPT :]

    def steps_on_disk(self) -> list[int]:
        """Like `steps`, but read from the disk, to which another process may write."""
        names = [path.name for path in self._directory.glob("*")]
        return sorted(int(name) for name in names if name.isdigit())[-files.CHECKPOINTS_KEPT :]

    def save(
        self,
        lanes: LaneStates,
        parked: Mapping[int, Arrays],
        stop_states: Mapping[int, StopState],
    ) -> None:
        """Write the next checkpoint; it is on disk when this returns. All processes call it.

        lanes: there may be none. parked: states of members in training that have no lane.
        stop_states: of all members.
        """
        step = max(self.steps(), default=0) + 1
        # Parked members are saved one by one, for those of other programs have other shapes.
        tree = ({"lanes": dict(lanes.state)} if lanes.state else {}) | {
            f"member-{m}": {name: np.asarray(array)[None] for name, array in row.items()}
            for m, row in parked.items()
        }
        for state in tree.values():
            check_dtypes(state)
        number = len(next(iter(lanes.state.values()), ()))
        sums = lane_digests(lanes) | {m: digest(row) for m, row in parked.items()}
        meta = {
            "schema": SCHEMA_VERSION,
            "members": {"lanes": [lanes.members.get(lane, -1) for lane in range(number)]}
            | {f"member-{m}": [m] for m in parked},
            "notes": {str(m): asdict(stop_state) for m, stop_state in stop_states.items()},
            "digests": {str(m): value for m, value in sums.items()},
        }
        meta["digest"] = meta_digest(meta)
        orbax_io.write(self._manager, step, tree, meta)
        if processes.is_first():  # the members' digests do not cover Orbax's own files
            digests.list_all(self._directory / str(step))

    def check(self) -> None:
        """Raise ConfigError if another grokjax wrote the newest readable checkpoint.

        Raises DamagedRun if there are checkpoints and none can be read.
        """
        for step in reversed(self.steps()):
            with contextlib.suppress(DamagedRun):
                self._meta(step)
                return
        if steps := self.steps():
            raise self._all_damaged(steps)

    def problems(self) -> dict[int, str]:
        """Return why checkpoints cannot be read, by number.

        Those that a live trainer removes meanwhile are left out.
        """
        found = {}
        for step in self.steps():
            try:
                self.restore(step)
            except (DamagedRun, ConfigError, MemoryError) as error:
                found[step] = str(error)
        return {step: what for step, what in found.items() if step in self.steps_on_disk()}

    def damaged(self) -> dict[int, str]:
        """Like `problems`; raises DamagedRun if all checkpoints are damaged."""
        found = self.problems()
        if found and len(found) == len(self.steps()):
            raise self._all_damaged(list(found))
        return found

    def _all_damaged(self, steps: list[int]) -> DamagedRun:
        return DamagedRun(
            f"{self._directory}: none of the checkpoints {steps} can be read; nothing was "
            "changed; remove them to train the members in them again from their start"
        )

    def _meta(self, step: int) -> dict[str, Any]:
        """Return a checkpoint's description of itself, after the digests of its files agree."""
        folder = self._directory / str(step)
        try:
            for name, what in digests.problems(folder).items():
                raise DamagedRun(f"checkpoint {step} is damaged ({name}: {what})")
            meta = orbax_io.read_meta(self._manager, step)
            schema = meta["schema"]
            expected = meta.pop("digest", None)
        except DamagedRun:
            raise
        except Exception as error:
            raise _unreadable(step, error) from error
        check_schema(f"checkpoint {step}", schema)
        if expected != meta_digest(meta):
            raise _altered(step)
        return meta

    def restore(self, step: int) -> dict[int, SavedMember]:
        """Return the members of one checkpoint as NumPy arrays; needs no device.

        Raises DamagedRun if it cannot be read or was altered; ConfigError if another grokjax
        wrote it, which means no loss.
        """
        meta = self._meta(step)
        try:
            self._check_size(step, orbax_io.declared_bytes(self._manager, step))
            tree = orbax_io.read_state(self._manager, step)
            members = {}
            for group, state in tree.items():
                for i, m in enumerate(meta["members"][group]):
                    if m >= 0:
                        row = {name: array[i] for name, array in state.items()}
                        members[m] = restored(row, meta["notes"][str(m)])
            expected = {int(m): value for m, value in meta["digests"].items()}
        except MemoryError:
            raise
        except Exception as error:  # Orbax, tensorstore, zstd and json each raise their own
            raise _unreadable(step, error) from error
        if {m: digest(each.state) for m, each in members.items()} != expected:
            raise _altered(step)
        return members

    def _check_size(self, step: int, size: int) -> None:
        """Raise ValueError or MemoryError if a checkpoint declares too many bytes of arrays."""
        if size > self._max_bytes:
            raise ValueError(f"declares {size / 1e6:,.0f} MB, more than the run can have")
        memory.require(f"checkpoint {step}", 2 * size)

    def restore_latest(self) -> dict[int, SavedMember]:
        """Return the members of the newest readable checkpoint; empty if nothing was saved.

        Warns about each damaged checkpoint that it skips: members then go back to the one before,
        and lose only time. Raises DamagedRun if all are damaged.
        """
        steps: list[int] = []
        for _ in range(orbax_io.ATTEMPTS):
            steps, damaged = self.steps(), []
            for step in reversed(steps):
                try:
                    members = self.restore(step)
                except DamagedRun as error:
                    damaged.append(str(error))
                    continue
                if damaged and self.steps_on_disk() == steps:
                    at = max((int(each.state["epoch"]) for each in members.values()), default=0)
                    text = f"going back to checkpoint {step}, its furthest member at epoch {at:,}"
                    warnings.warn(f"{'; '.join(damaged)}; {text}", stacklevel=2)
                return members
            if self.steps_on_disk() == steps:
                break
            orbax_io.retry_read(self._manager.reload)  # a live trainer has removed checkpoints
        if steps:
            raise self._all_damaged(steps)
        return {}


def _unreadable(step: int, error: Exception) -> DamagedRun:
    return DamagedRun(f"checkpoint {step} cannot be read ({orbax_io.one_line(error)})")


def _altered(step: int) -> DamagedRun:
    return DamagedRun(f"checkpoint {step} was altered since it was written (its digest differs)")


def meta_digest(meta: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a checkpoint's description of itself."""
    return hashlib.sha256(json.dumps(meta, sort_keys=True).encode()).hexdigest()
