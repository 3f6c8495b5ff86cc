"""The state of members as named arrays, as a checkpoint holds it, and digests of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from grokjax import hosts
from grokjax.stopping import Standing

Arrays = dict[str, np.ndarray]
"""Named arrays: one member's state, or `[A, ...]` of A members."""


@dataclass(frozen=True)
class Saved:
    """One member in training. state: its arrays; notes: what the host loop remembers of it."""

    state: Arrays
    notes: dict[str, int]


@dataclass(frozen=True)
class InLanes:
    """The state of all lanes, and the members in them.

    state: global arrays `[L, ...]` by name. members: lane to member.
    here: the first lane that this process holds, and its rows `[l, ...]`.
    """

    state: Mapping[str, Any]
    members: dict[int, int]
    here: tuple[int, Arrays]

    @property
    def number(self) -> int:
        return len(next(iter(self.state.values())))

    def digests(self) -> dict[int, str]:
        """Member to digest, each computed by the process that holds its lane."""
        first, rows = self.here
        mine = np.zeros((len(next(iter(rows.values()))), 32), np.uint8)
        for i in range(len(mine)):
            if first + i in self.members:
                row = {name: array[i] for name, array in rows.items()}
                mine[i] = np.frombuffer(bytes.fromhex(digest(row)), np.uint8)
        every = hosts.gather({"digest": mine})["digest"]
        return {m: bytes(every[lane]).hex() for lane, m in self.members.items()}


def read_back(row: Arrays, notes: dict[str, int]) -> Saved:
    """A member read back. Raises ValueError or KeyError if it is none."""
    if row["epoch"].dtype != np.int32 or row["epoch"].shape or row["epoch"] < 0:
        raise ValueError(f"epoch {row['epoch']!r}")
    if notes.keys() != asdict(Standing()).keys() or any(type(n) is not int for n in notes.values()):
        raise ValueError(f"notes {notes!r}")
    return Saved(row, notes)


def digest_of(meta: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(meta, sort_keys=True).encode()).hexdigest()


def digest(state: Arrays) -> str:
    """SHA-256 over names, dtypes, shapes and bytes, in order of name."""
    sha = hashlib.sha256()
    for name in sorted(state):
        array = np.ascontiguousarray(state[name])
        sha.update(f"{name} {array.dtype} {array.shape}\n".encode())
        sha.update(array.data)
    return sha.hexdigest()
