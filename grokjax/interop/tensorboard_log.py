"""Write evaluations as event files of TensorBoard while members train."""

from __future__ import annotations

import os
import re
import socket
import time
from pathlib import Path
from typing import Any

import numpy as np

from grokjax.interop.libraries import import_library
from grokjax.interop.scalars import Scalars, scalar_names, settings_of
from grokjax.results.run import Run

FOLDER = "tensorboard"
"""Name of the folder, in the run directory, where none is given."""

MOST_MEMBERS = 256
"""Members that are logged: TensorBoard becomes slow with more, each of which is a run in it."""


class TensorBoardLog:
    """Writes event files, of which each member is a run: give it to `train(on_evaluation=...)`.

    Scalars are the metrics that are one number, against epochs; swept settings are in the HParams
    table. See them, also while members train, with `tensorboard --logdir runs/mine/tensorboard`.

    folder: where; None: `tensorboard` in the run directory. most_members: so many are logged.

    Raises ConfigError if TensorBoard is not installed (extra `tensorboard`); needs no TensorFlow.
    """

    def __init__(
        self, folder: str | os.PathLike[str] | None = None, most_members: int = MOST_MEMBERS
    ) -> None:
        import_library("tensorboard", "TensorBoardLog")
        self._folder, self._most = None if folder is None else Path(folder), most_members
        self._files: dict[int, Path] = {}

    def open(self, run: Run) -> None:
        """Prepare the folder."""
        self._run, self._names = run, scalar_names(run)
        self._root = self._folder or run.directory / FOLDER
        self._root.mkdir(parents=True, exist_ok=True)
        self._suffix = f"events.out.tfevents.{time.time():.0f}.{socket.gethostname()}.{os.getpid()}"

    def __call__(self, members: np.ndarray, epochs: np.ndarray, metrics: Scalars) -> None:
        """Append the evaluations to the event file of each member."""
        from tensorboard.compat.proto.event_pb2 import Event  # pyright: ignore[reportAttributeAccessIssue]
        from tensorboard.compat.proto.summary_pb2 import (
            Summary,  # pyright: ignore[reportAttributeAccessIssue]
        )

        columns = {name: metrics[name].tolist() for name in self._names if name in metrics}
        for i, (m, epoch) in enumerate(zip(members.tolist(), epochs.tolist(), strict=True)):
            if m >= self._most:
                continue
            values = [Summary.Value(tag=n, simple_value=c[i]) for n, c in columns.items()]
            event = Event(step=epoch, wall_time=time.time(), summary=Summary(value=values))
            self._append(m, event)

    def _append(self, member: int, event: Any) -> None:
        # A file is opened for each write: thousands of members would be too many open files.
        from tensorboard.summary.writer.record_writer import RecordWriter

        events = [event] if member in self._files else [*self._first_events(member), event]
        with self._files[member].open("ab") as file:
            writer = RecordWriter(file)
            for each in events:
                writer.write(each.SerializeToString())

    def _first_events(self, member: int) -> list[Any]:
        """Name a member's file, and return the events that it begins with."""
        from tensorboard.compat.proto.event_pb2 import Event  # pyright: ignore[reportAttributeAccessIssue]
        from tensorboard.plugins.hparams.summary_v2 import hparams_pb

        settings = settings_of(self._run, member)
        words = [f"member {member}", *(f"{name}={value}" for name, value in settings.items())]
        folder = self._root / re.sub(r"[^\w.=+\- ]", "_", " ".join(words))[:200]
        folder.mkdir(exist_ok=True)
        self._files[member] = folder / self._suffix
        now = time.time()
        return [
            Event(wall_time=now, file_version="brain.Event:2"),
            Event(wall_time=now, summary=hparams_pb(settings)),
        ]
