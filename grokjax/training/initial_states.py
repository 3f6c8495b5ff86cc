"""Whole states that the members of a branch start from, and what its parents recorded until then.

They are kept in the branch's own directory: a resume does not need the parents' run. Letters: R
parents, K recorded evaluations of all parents.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from grokjax.errors import DamagedRun
from grokjax.results import history
from grokjax.storage import digests, files, journal
from grokjax.storage.member_state import Arrays, SavedMember, StopState, digest
from grokjax.training.initial_weights import read_described

NAME = files.INITIAL_STATES


@dataclass(frozen=True)
class InitialStates:
    """The states of R parents at one epoch, for the members of one launch.

    states: by name, `[R, ...]`. stop_states: R of them. records: the parents' evaluations up to the
    epoch: `parent` (int32 `[K]`, below R), `epoch` (int32 `[K]`) and metrics (float32 `[K, ...]`).
    parent_of: the parent of each member.
    """

    states: Arrays
    stop_states: tuple[StopState, ...]
    records: Arrays
    parent_of: tuple[int, ...]

    @property
    def epoch(self) -> int:
        return int(self.states["epoch"][0])

    def of(self, member: int) -> SavedMember:
        """Return the state in which a member starts."""
        parent = self.parent_of[member]
        state = {name: array[parent] for name, array in self.states.items()}
        return SavedMember(state, self.stop_states[parent])

    def _arrays(self) -> Arrays:
        stops = [asdict(each) for each in self.stop_states]
        return (
            {f"state/{name}": array for name, array in self.states.items()}
            | {f"stop/{n}": np.array([s[n] for s in stops], np.int32) for n in stops[0]}
            | {f"records/{name}": array for name, array in self.records.items()}
        )

    def describe(self) -> dict[str, Any]:
        """Return what config.json needs to load them again."""
        return {"digest": digest(self._arrays()), "parent_of": list(self.parent_of)}

    def save(self, directory: Path) -> None:
        """Write them into a run directory."""
        with digests.write_listed(directory, NAME) as temporary, temporary.open("wb") as file:
            np.savez(file, allow_pickle=False, **self._arrays())

    def write_records(self, directory: Path) -> None:
        """Append those of the parents' records to the journal that the members lack there."""
        recorded = history.recorded_epochs(directory)
        members, rows = [], []
        for member, parent in enumerate(self.parent_of):
            own, epochs = self.records["parent"] == parent, self.records["epoch"]
            new = np.flatnonzero(own & ~np.isin(epochs, [*recorded.get(member, ())]))
            members += [member] * len(new)
            rows += new.tolist()
        if rows:
            found = {name: array[rows] for name, array in self.records.items() if name != "parent"}
            journal.append(directory, "records", {"member": np.array(members, np.int32)} | found)


def collect_records(directory: Path, members: Sequence[int], last: int) -> Arrays:
    """Return the records of some members of a run up to an epoch, as `InitialStates` has them."""
    rows: dict[tuple[int, int], Arrays] = {}
    for part in journal.read_parts(directory, "records"):
        numbers = part.pop("member").tolist()
        part["parent"] = np.array(
            [members.index(m) if m in members else -1 for m in numbers], np.int32
        )
        for i in np.flatnonzero((part["parent"] >= 0) & (part["epoch"] <= last)):
            row = {name: array[i] for name, array in part.items()}
            rows[int(row["parent"]), int(row["epoch"])] = row
    ordered = [rows[key] for key in sorted(rows)]
    names = set.intersection(*(set(row) for row in ordered)) if ordered else set()
    return {name: np.stack([row[name] for row in ordered]) for name in sorted(names)}


def load(directory: Path, info: Mapping[str, Any], members: int) -> InitialStates | None:
    """Return the states that the members of a branch start from; None if the run is none.

    info: the content of config.json. members: how many the run has.

    Raises DamagedRun if they are missing or were altered.
    """
    described = info.get("branch")
    if described is None:
        return None
    path = directory / NAME
    arrays = read_described(path, described, "the members of this branch start from it")
    try:
        states, stops, records = (_named(arrays, f"{n}/") for n in ("state", "stop", "records"))
        each = [stops[field.name].tolist() for field in fields(StopState)]
        stop_states = tuple(StopState(*values) for values in zip(*each, strict=True))
        parent_of = tuple(described["parent_of"])
        if len(parent_of) != members or not set(parent_of) <= set(range(len(stop_states))):
            raise ValueError(f"parents {parent_of}")
        return InitialStates(states, stop_states, records, parent_of)
    except (LookupError, TypeError, ValueError) as error:
        raise DamagedRun(f"{path}: cannot be read ({error})") from error


def _named(arrays: Arrays, prefix: str) -> Arrays:
    return {n.removeprefix(prefix): array for n, array in arrays.items() if n.startswith(prefix)}


def stacked(states: Iterable[Arrays]) -> Arrays:
    """Return the states of R parents as one, `[R, ...]`."""
    states = list(states)
    return {name: np.stack([state[name] for state in states]) for name in states[0]}
