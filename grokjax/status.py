"""What a live run says of itself, for `grokjax info` in another process and after a crash."""

from __future__ import annotations

import contextlib
import json
import math
import os
import socket
import time
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

from grokjax import files, settings
from grokjax.files import DamagedRun

NAME = "status.json"


@dataclass(frozen=True)
class Status:
    """The host loop, about a second ago.

    time: Unix time of writing. epochs: of the members in lanes. rate:
    member-steps a second since training began. occupancy: share of the lanes'
    time spent training members, None before it is known. unsaved_*: what a
    crash would cost; time, epochs of members in lanes, and finished members.
    """

    time: float
    process: int
    host: str
    epochs: dict[str, int]
    waiting: int
    lanes: int
    rate: float
    occupancy: float | None
    unsaved_seconds: float
    unsaved_epochs: int
    unsaved_finished: int

    @property
    def age(self) -> float:
        """Seconds since it was written; 0 if the clock went back."""
        return max(0.0, time.time() - self.time)


def write(directory: Path, **values: object) -> None:
    """Replaces the run's status. It is a convenience: a failure is let pass, nothing is synced."""
    here = {"time": time.time(), "process": os.getpid(), "host": socket.gethostname()}
    status = Status(**(here | values))  # pyright: ignore[reportArgumentType]
    temporary = directory / f".{NAME}.{os.getpid()}.tmp"
    with contextlib.suppress(OSError):
        temporary.write_text(json.dumps(asdict(status)))
        os.replace(temporary, directory / NAME)


def read(directory: Path) -> Status | None:
    """The last status, if there is one that can be read."""
    try:
        values = files.read_json(directory / NAME)
        status = Status(**{f.name: values[f.name] for f in fields(Status)})
        numbers = [v for f, v in asdict(status).items() if f not in ("host", "epochs", "occupancy")]
        numbers += [*status.epochs.values(), status.occupancy or 0]
        if all(type(n) in (int, float) and math.isfinite(n) for n in numbers):
            return replace(status, host=settings.shown(status.host))
    except (OSError, DamagedRun, KeyError, TypeError, AttributeError):
        pass
    return None
