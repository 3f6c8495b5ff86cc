"""What is stored of a member: its state in training, its stop state, and its outcome."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from grokjax.errors import invalid
from grokjax.runtime import processes

Arrays = dict[str, np.ndarray]
"""Named arrays: one member's state, or `[A, ...]` of A members."""

STATE_DTYPES = ("float32", "float64", "int32", "uint32", "bool")
"""Dtypes of the arrays of a state; random keys are uint32."""

PARAM_DTYPES = ("float32", "float64", "int32")
"""Dtypes of parameters, the arrays whose names begin with `params/`."""

Status = Literal[
    "grokked", "memorised", "not memorised", "diverged", "pruned", "running", "pending"
]

FINAL_STATUSES = frozenset({"grokked", "memorised", "not memorised", "diverged", "pruned"})
"""Statuses of members that have left their lanes."""


@dataclass(frozen=True)
class StopState:
    """What the stop rule remembers of a member between evaluations.

    train_streak, streak: evaluations in a row with train and with test accuracy at the threshold.
    memorised_epoch, grokked_epoch: epoch at which that streak first was `stop_patience` long, -1
    before.
    """

    streak: int = 0
    grokked_epoch: int = -1
    train_streak: int = 0
    memorised_epoch: int = -1


@dataclass(frozen=True)
class Outcome:
    """How a member left its lane: its final status, the epochs it trained, its stop state."""

    status: str
    epochs: int
    stop_state: StopState = StopState()


@dataclass(frozen=True)
class SavedMember:
    """One member in training: its arrays and its stop state."""

    state: Arrays
    stop_state: StopState


@dataclass(frozen=True)
class LaneStates:
    """The state of all lanes, and the members in them.

    state: global arrays `[L, ...]` by name. members: lane to member.
    first_lane: of the lanes of this process. rows: their arrays `[l, ...]`.
    """

    state: Mapping[str, Any]
    members: dict[int, int]
    first_lane: int
    rows: Arrays


def check_dtypes(state: Mapping[str, Any]) -> None:
    """Raise ConfigError unless all arrays of a state have dtypes that can be stored."""
    for name, array in state.items():
        dtypes = PARAM_DTYPES if name.startswith("params/") else STATE_DTYPES
        if array.dtype not in dtypes:
            raise invalid(f"dtype of {name}", str(array.dtype), f"must be {' or '.join(dtypes)}")


def restored(state: Arrays, notes: dict[str, int]) -> SavedMember:
    """Return a member as a checkpoint has it. Raises ValueError or KeyError if it is invalid.

    notes: the fields of its stop state.
    """
    if state["epoch"].dtype != np.int32 or state["epoch"].shape or state["epoch"] < 0:
        raise ValueError(f"epoch {state['epoch']!r}")
    check_dtypes(state)
    fields = asdict(StopState())
    if notes.keys() != fields.keys() or any(type(value) is not int for value in notes.values()):
        raise ValueError(f"notes {notes!r}")
    return SavedMember(state, StopState(**notes))


def lane_digests(lanes: LaneStates) -> dict[int, str]:
    """Return the digest of each member in a lane, computed by the process that has the lane."""
    if not lanes.members:
        return {}
    mine = np.zeros((len(next(iter(lanes.rows.values()))), 32), np.uint8)
    for i in range(len(mine)):
        if lanes.first_lane + i in lanes.members:
            row = {name: array[i] for name, array in lanes.rows.items()}
            mine[i] = np.frombuffer(bytes.fromhex(digest(row)), np.uint8)
    gathered = processes.gather({"digest": mine})["digest"]
    return {m: bytes(gathered[lane]).hex() for lane, m in lanes.members.items()}


def digest(state: Arrays) -> str:
    """Return the SHA-256 over names, dtypes, shapes and bytes, in order of name."""
    sha = hashlib.sha256()
    for name in sorted(state):
        array = np.ascontiguousarray(state[name])
        sha.update(f"{name} {array.dtype} {array.shape}\n".encode())
        sha.update(array.data)
    return sha.hexdigest()
