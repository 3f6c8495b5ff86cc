"""`status.json`: what the training process reports, for `grokjax info` and after a crash."""

from __future__ import annotations

import contextlib
import json
import math
import os
import socket
import time
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

from grokjax import errors
from grokjax.errors import DamagedRun
from grokjax.storage import files

NAME = "status.json"


@dataclass(frozen=True)
class TrainingStatus:
    """The host loop, about a second ago.

    time: Unix time of writing. process, host: the writer's. epochs: of each member in a lane, by
    number. waiting: members without a lane. rate: member-steps per second since training began.
    occupancy: fraction of the lanes' time that was spent on training; None before it is known.
    unsaved_*: what a crash would cost: seconds, epochs of members in lanes, finished members.
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
        """Seconds since it was written; 0 if the clock was set back."""
        return max(0.0, time.time() - self.time)


def write(directory: Path, **values: object) -> None:
    """Replace the run's status. Nothing depends on it: failures are ignored, nothing is synced."""
    writer = {"time": time.time(), "process": os.getpid(), "host": socket.gethostname()}
    status = TrainingStatus(**(writer | values))  # pyright: ignore[reportArgumentType]
    temporary = directory / f".{NAME}.{os.getpid()}.tmp"
    with contextlib.suppress(OSError):
        temporary.write_text(json.dumps(asdict(status)))
        os.replace(temporary, directory / NAME)


def read(directory: Path) -> TrainingStatus | None:
    """Return the last status, or None if it is missing or invalid."""
    try:
        values = files.read_json(directory / NAME)
        status = TrainingStatus(**{f.name: values[f.name] for f in fields(TrainingStatus)})
        numbers = [v for f, v in asdict(status).items() if f not in ("host", "epochs", "occupancy")]
        numbers += [*status.epochs.values(), status.occupancy or 0]
        if all(type(n) in (int, float) and math.isfinite(n) for n in numbers):
            return replace(status, host=errors.printable(status.host))
    except (OSError, DamagedRun, KeyError, TypeError, AttributeError):
        pass
    return None
