"""What a run directory holds besides checkpoints: parts, each written once and whole.

A part is an `.npz` of arrays in one of five folders, numbered upwards:

* `records/`: one row an evaluation: `member`, `epoch` (int32 `[R]`) and every
  metric (float32 `[R]` or `[R, F]`);
* `params/`: one row a finished member: `member`, `epochs` and the fields of
  `stopping.Standing` (int32 `[R]`), `status` (text `[R]`) and its parameters, as
  `embed/embedding [R, P, D]`;
* `optimizer/`: for members that ended at `max_epochs` the rest of their state,
  so that a resume can train them on: `member`, `epochs`, `opt_state/...`;
* `snapshots/`: one row a kept embedding: `member`, `epoch`, `embedding [R, P, D]`;
* `rounds/`: one row a round, the only ones that differ from run to run:
  `session`, `seconds`, `training` (float64: Unix time of the start, time since
  then, time that the round took), `steps` (int64), `lanes`, `busy`, `waiting`
  (int32).

`records/live.npz` shows the rows that wait for the next numbered part of the records. A trainer
replaces it every few seconds, so that a reader sees them at once, and removes it when they are in
a numbered part. It is neither synced nor listed: a resume removes it and trains its rows again.

Members are deterministic, so a row is the same however often it is written:
nothing is ever taken back after a crash, and of two equal rows a reader takes
the last. A part that is not what was written is passed over with a warning;
a resume sets it aside and trains what it held again.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from grokjax import files, memory
from grokjax.files import DamagedRun
from grokjax.parts import KINDS, STANDING, malformed, read
from grokjax.settings import shown
from grokjax.stopping import Ended, Standing

LOST = {
    "records": "members that lack one of their evaluations are trained again by a resume",
    "params": "the members in it are trained again by a resume",
    "optimizer": "the members in it start anew if a resume gives them more epochs",
    "snapshots": "its embeddings are lost",
    "rounds": "the times of its rounds are lost",
}
"""What the loss of a part means."""

LIVE = "records/live.npz"
"""Records on their way into a numbered part."""

UNLISTED = (
    "what else is missing or altered cannot all be told; a resume lists what is there, and trains "
    "again what is not"
)
"""What the loss of the list of digests means."""

ASIDE = "damaged"
"""Folder for what a resume has found damaged."""


def append(directory: Path, kind: str, arrays: dict[str, np.ndarray]) -> None:
    """Adds one part of this kind and its digest; records are not live any more then."""
    numbers = [int(path.stem) for path in _paths(directory, kind)]
    name = f"{kind}/{max(numbers, default=0) + 1:06d}.npz"
    with files.listing(directory, name) as temporary, temporary.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)
    if kind == "records":
        (directory / LIVE).unlink(missing_ok=True)


def publish(directory: Path, records: dict[str, np.ndarray]) -> None:
    """Makes these records the live ones."""
    temporary = files.replacing(directory / LIVE, synced=False)
    with temporary as path, path.open("wb") as file:
        np.savez(file, allow_pickle=False, **records)


def live(directory: Path) -> list[dict[str, np.ndarray]]:
    """The part of live records, if there is one.

    To be read before the numbered parts, into one of which a trainer may put its rows meanwhile.
    """
    part, wrong = _live(directory)
    if wrong:
        warnings.warn(
            f"{directory}: {LIVE} is {wrong}; passed over: {LOST['records']}", stacklevel=3
        )
    return [] if part is None else [part]


def _live(directory: Path) -> tuple[dict[str, np.ndarray] | None, str | None]:
    """The live records and what is wrong with them, neither if there are none."""
    wrong = None
    for _ in range(5):  # a trainer may replace or remove it between one look and the next
        try:
            before = (directory / LIVE).stat()
            wrong = _fault(directory, LIVE, None)
            if wrong is None:
                return read(directory / LIVE), None
            if (directory / LIVE).stat().st_mtime_ns == before.st_mtime_ns:
                break
        except FileNotFoundError:
            return None, None
        except DamagedRun:
            continue
    return None, wrong


def parts(directory: Path, kind: str, *keys: str) -> Iterator[dict[str, np.ndarray]]:
    """The intact parts of this kind in order; with `keys`, only these arrays of each."""
    waiting = live(directory) if kind == "records" else []
    for path in intact(directory, kind):
        yield read(path, *keys)
    for part in waiting:
        yield {key: part[key] for key in keys or part}


def intact(directory: Path, kind: str) -> list[Path]:
    """The parts of this kind that are what was written; warns of each other one."""
    if lost := files.list_problem(directory):  # from the same line always: it is said once
        warnings.warn(f"{directory}: {files.SUMS} is {lost}: {UNLISTED}", stacklevel=1)
    found = faults(directory, kind)
    for name, what in found.items():
        warnings.warn(f"{directory}: {name} is {what}; passed over: {LOST[kind]}", stacklevel=3)
    return [path for path in _paths(directory, kind) if _name(path) not in found]


def faults(directory: Path, kind: str) -> dict[str, str]:
    """What is wrong with parts of this kind, by name `kind/000001.npz`.

    A kill may leave the last part unlisted; it is whole, being renamed when it was.
    """
    ours = re.compile(rf"{kind}/\d+\.npz")
    listed = {n: d for n, d in files.digests(directory).items() if ours.fullmatch(n)}
    names = dict.fromkeys([*listed, *map(_name, _paths(directory, kind))])
    found = {name: _fault(directory, name, listed.get(name)) for name in names}
    return {name: what for name, what in found.items() if what}


def _fault(directory: Path, name: str, digest: str | None) -> str | None:
    """What is wrong with one part, or None."""
    path = directory / name
    if not path.is_file():
        return "missing"
    at = path.stat()
    if 2 * at.st_size > memory.available():
        return f"not to be read ({at.st_size / 1e9:.1f} GB are more than fit into memory)"
    if digest is not None and (altered := files.problem(directory, name, digest)):
        return altered
    wrong = malformed(path, at.st_size, at.st_mtime_ns, digest is None)
    return wrong and f"not to be read ({shown(wrong)})"


def _paths(directory: Path, kind: str) -> list[Path]:
    return sorted(p for p in (directory / kind).glob("[0-9]*.npz") if p.stem.isdigit())


def _name(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


def verify(directory: Path) -> list[str]:
    """One line for each listed file that is missing or altered, and each part that is no part;
    one for the list, if it is.
    """
    lost = files.list_problem(directory)
    found = files.problems(directory)
    for kind in KINDS:
        found |= faults(directory, kind)
    still = files.digests(directory) if found else {}  # a live trainer may take one out meanwhile
    found = {name: what for name, what in found.items() if name in still or "/" in name}
    if lost:
        found[files.SUMS] = lost
    if wrong := _live(directory)[1]:
        found[LIVE] = wrong
    return [f"{name}: {what}" for name, what in found.items()]


def set_aside(directory: Path) -> list[str]:
    """Moves every damaged part into `damaged/`, and returns what was wrong with each. For a writer.

    One that is missing leaves a note there: once there is such a folder, `Backlog` looks
    for members that lack records. So it is of the list of digests, which `tidy` writes anew.
    """
    done = []
    if lost := files.list_problem(directory):
        _move_aside(directory, files.SUMS)
        done.append(f"{files.SUMS} is {lost}")
    for kind in KINDS:
        for name, what in faults(directory, kind).items():
            files.delist(directory, name)
            _move_aside(directory, name)
            done.append(f"{name} is {what}")
    return done


def _move_aside(directory: Path, name: str) -> None:
    path, aside = directory / name, directory / ASIDE
    aside.mkdir(exist_ok=True)
    if path.exists():
        path.rename(files.unused(aside / name.replace("/", "-")))
    else:
        (aside / f"{name.replace('/', '-')}.missing").touch()


def tidy(directory: Path) -> None:
    """Removes what writers that were killed had not renamed yet, and lists what they had not
    listed yet; for the holder of the lock, once what is damaged is set aside.
    """
    for folder in (directory, *(directory / kind for kind in KINDS)):
        for path in folder.glob(".*.tmp"):
            path.unlink(missing_ok=True)
    (directory / LIVE).unlink(missing_ok=True)
    whole = [_name(path) for kind in KINDS for path in _paths(directory, kind)]
    files.list_also(directory, [files.CONFIG, *whole])


def finished(directory: Path) -> dict[int, Ended]:
    """How each member ended whose parameters are written; of several times the last."""
    done = {}
    for part in parts(directory, "params", "member", "status", "epochs", *STANDING):
        for member, status, epochs, *standing in zip(*part.values(), strict=True):
            done[int(member)] = Ended(str(status), int(epochs), Standing(*map(int, standing)))
    return done
