"""The journal of a run directory: what training yields, in parts that are each written once.

A part is an `.npz` of arrays in one of five folders, with ascending numbers:

* `records/`: one row an evaluation: `member`, `epoch` (int32 `[R]`) and every metric (float32
  `[R, ...]`);
* `params/`: one row a finished member: `member`, `epochs` and the fields of `StopState` (int32
  `[R]`), `status` (text `[R]`) and its parameters, as `params/embed/embedding [R, P, D]`;
* `optimizer/`: one row a member that ended at `max_epochs`: `member`, `epochs`, and the rest of
  its state, as `opt_state/...`, from which a resume can train it further;
* `snapshots/`: one row a snapshot: `member`, `epoch`, and either `embedding [R, P, D]` or the
  parameters, as `params/embed/embedding [R, P, D]`, in float32 or as the bits of bfloat16 (uint16),
  and in a run that keeps whole states the rest of them, as `opt_state/...`;
* `rounds/`: one row a round: `session`, `seconds`, `training` (float64: Unix time of the start,
  time since then, duration of the round), `steps` (int64), `lanes`, `busy`, `waiting` (int32).
  Only these differ from run to run.

`records/live.npz` has the rows that wait for the next numbered part of the records. The trainer
replaces it every few seconds, so that readers see them, and removes it once they are in a
numbered part. It is neither synced nor listed: a resume removes it and trains its rows again.

Members are deterministic, so a row that is written twice is the same, and readers take the last:
nothing has to be undone after a crash. Readers skip a damaged part with a warning; a resume moves
it to `damaged/` and trains its members again.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from grokjax.errors import DamagedRun
from grokjax.storage import digests, files, journal_parts
from grokjax.storage.journal_parts import KINDS, STOP_STATE, part_name, part_paths, read_part
from grokjax.storage.member_state import Arrays, Outcome, StopState

LOSSES = {
    "records": "members that lack one of their evaluations are trained again by a resume",
    "params": "the members in it are trained again by a resume",
    "optimizer": "the members in it start anew if a resume gives them more epochs",
    "snapshots": "its snapshots are lost",
    "rounds": "the times of its rounds are lost",
}
"""What the loss of a part means, by kind."""

LIVE = "records/live.npz"

LIST_LOST = (
    "other missing or altered files may go unnoticed; a resume lists the files that exist and "
    "trains what is missing again"
)
"""What the loss of the list of digests means."""

DAMAGED = "damaged"
"""Folder to which a resume moves damaged files."""


def append(directory: Path, kind: str, arrays: Arrays) -> None:
    """Write the next part of this kind and list its digest; records are no longer live then."""
    numbers = [int(path.stem) for path in part_paths(directory, kind)]
    name = f"{kind}/{max(numbers, default=0) + 1:06d}.npz"
    with digests.write_listed(directory, name) as temporary, temporary.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)
    if kind == "records":
        (directory / LIVE).unlink(missing_ok=True)


def write_live(directory: Path, records: Arrays) -> None:
    temporary = files.atomic_write(directory / LIVE, synced=False)
    with temporary as path, path.open("wb") as file:
        np.savez(file, allow_pickle=False, **records)


def read_live(directory: Path) -> list[Arrays]:
    """Return the part of live records, if it exists; warn if it is damaged.

    Read it before the numbered parts: a trainer may move its rows into one of them meanwhile.
    """
    part, problem = _try_live(directory)
    if problem:
        warnings.warn(
            f"{directory}: {LIVE} is {problem}; skipped: {LOSSES['records']}", stacklevel=3
        )
    return [] if part is None else [part]


def _try_live(directory: Path) -> tuple[Arrays | None, str | None]:
    """Return the live records, or else their problem; neither if they do not exist."""
    problem = None
    for _ in range(5):  # a trainer may replace or remove the file at any moment
        try:
            before = (directory / LIVE).stat()
            problem = journal_parts.problem(directory, LIVE, None)
            if problem is None:
                return read_part(directory / LIVE), None
            if (directory / LIVE).stat().st_mtime_ns == before.st_mtime_ns:
                break
        except FileNotFoundError:
            return None, None
        except DamagedRun:
            continue
    return None, problem


def read_parts(directory: Path, kind: str, *keys: str) -> Iterator[Arrays]:
    """Yield the intact parts of this kind in order; with `keys`, only these arrays of each."""
    live = read_live(directory) if kind == "records" else []
    for path in intact_parts(directory, kind):
        yield read_part(path, *keys)
    for part in live:
        yield {key: part[key] for key in keys or part}


def intact_parts(directory: Path, kind: str) -> list[Path]:
    """Return the intact parts of this kind; warn about the damaged ones."""
    if lost := digests.list_problem(directory):  # this line as the place, to warn only once
        warnings.warn(f"{directory}: {digests.NAME} is {lost}: {LIST_LOST}", stacklevel=1)
    damaged = journal_parts.problems(directory, kind)
    for name, problem in damaged.items():
        warnings.warn(f"{directory}: {name} is {problem}; skipped: {LOSSES[kind]}", stacklevel=3)
    return [path for path in part_paths(directory, kind) if part_name(path) not in damaged]


def read_outcomes(directory: Path) -> dict[int, Outcome]:
    """Return the outcome of each member whose parameters are written; of several, the last one."""
    outcomes = {}
    for part in read_parts(directory, "params", "member", "status", "epochs", *STOP_STATE):
        for member, status, epochs, *stop_state in zip(*part.values(), strict=True):
            outcomes[int(member)] = Outcome(
                str(status), int(epochs), StopState(*map(int, stop_state))
            )
    return outcomes


class EndedStates:
    """The states of members that ended at `max_epochs`; each is read when it is requested."""

    def __init__(self, directory: Path) -> None:
        self._places: dict[str, dict[tuple[int, int], tuple[Path, int]]] = {}
        for kind in ("params", "optimizer"):
            self._places[kind] = {}
            for path in intact_parts(directory, kind):
                part = read_part(path, "member", "epochs")
                for i, key in enumerate(zip(*(x.tolist() for x in part.values()), strict=True)):
                    self._places[kind][key] = path, i
        # The next member is probably in the part that was read last.
        self._read = functools.lru_cache(maxsize=2)(read_part)

    def has(self, member: int, epochs: int) -> bool:
        """Return whether the state in which a member ended after so many epochs was kept."""
        return all((member, epochs) in places for places in self._places.values())

    def state(self, member: int, epochs: int) -> Arrays | None:
        """Return the state in which the member ended, or None if it was not kept."""
        if not self.has(member, epochs):
            return None
        state: Arrays = {"epoch": np.array(epochs, np.int32)}
        for kind in ("params", "optimizer"):
            path, i = self._places[kind][member, epochs]
            state |= {n: x[i] for n, x in self._read(path).items() if "/" in n}
        return state


def verify(directory: Path) -> list[str]:
    """Return one line for each damaged part or listed file, and for the list if it is damaged."""
    lost = digests.list_problem(directory)
    found = digests.problems(directory)
    for kind in KINDS:
        found |= journal_parts.problems(directory, kind)
    listed = digests.read(directory) if found else {}  # a live trainer may have delisted a file
    found = {name: problem for name, problem in found.items() if name in listed or "/" in name}
    if lost:
        found[digests.NAME] = lost
    if problem := _try_live(directory)[1]:
        found[LIVE] = problem
    return [f"{name}: {problem}" for name, problem in found.items()]


def set_aside(directory: Path) -> list[str]:
    """Move every damaged part into `damaged/` and return the problems. For the lock's holder.

    A missing part leaves an empty file there, because members that lack records are trained again
    only if the folder exists. A damaged list of digests is moved too; `tidy` writes a new one.
    """
    done = []
    if lost := digests.list_problem(directory):
        _move_aside(directory, digests.NAME)
        done.append(f"{digests.NAME} is {lost}")
    for kind in KINDS:
        for name, problem in journal_parts.problems(directory, kind).items():
            digests.delist(directory, name)
            _move_aside(directory, name)
            done.append(f"{name} is {problem}")
    return done


def _move_aside(directory: Path, name: str) -> None:
    path, folder = directory / name, directory / DAMAGED
    folder.mkdir(exist_ok=True)
    if path.exists():
        path.rename(files.unused_path(folder / name.replace("/", "-")))
    else:
        (folder / f"{name.replace('/', '-')}.missing").touch()


def tidy(directory: Path) -> None:
    """Remove temporary files of killed writers, and list the files that they had not listed yet.

    For the lock's holder, once damaged files have been moved.
    """
    for folder in (directory, *(directory / kind for kind in KINDS)):
        for path in folder.glob(".*.tmp"):
            path.unlink(missing_ok=True)
    (directory / LIVE).unlink(missing_ok=True)
    parts = [part_name(path) for kind in KINDS for path in part_paths(directory, kind)]
    digests.list_unlisted(directory, [files.CONFIG, *parts])
