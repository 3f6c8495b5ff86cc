"""Stream evaluations into a CSV file while members train."""

from __future__ import annotations

import csv
import os
from pathlib import Path
from typing import TextIO

import numpy as np

from grokjax.interop.scalars import Scalars, scalar_names, settings_of
from grokjax.results.run import Run
from grokjax.storage import files

FILE = "evaluations.csv"
"""Name of the file, in the run directory, where none is given."""


class CsvLog:
    """Writes a line for each evaluation of each member: give it to `train(on_evaluation=...)`.

    Columns: `member`, `epoch`, the swept settings, and the metrics that are one number. A run that
    is resumed goes on with the file, without a line twice. For all metrics see `Run.history`.

    path: of the file; None: `evaluations.csv` in the run directory.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        self._path = None if path is None else Path(path)
        self._file: TextIO | None = None

    def open(self, run: Run) -> None:
        """Open the file, and find how far each member's lines go."""
        path = self._path or run.directory / FILE
        self._run, self._names = run, scalar_names(run)
        header = ["member", "epoch", *settings_of(run, 0), *self._names]
        path.parent.mkdir(parents=True, exist_ok=True)
        self._written = _complete_lines(path, header)
        self._file = path.open("a", newline="", encoding="utf-8")
        self._writer = csv.writer(self._file)
        if not path.stat().st_size:
            self._writer.writerow(header)

    def __call__(self, members: np.ndarray, epochs: np.ndarray, metrics: Scalars) -> None:
        """Write the evaluations that the file does not have yet, and flush them."""
        if self._file is None:
            raise RuntimeError("open(run) comes first; grokjax.train calls it")
        columns = [metrics[name].tolist() if name in metrics else None for name in self._names]
        for i, (m, epoch) in enumerate(zip(members.tolist(), epochs.tolist(), strict=True)):
            if epoch <= self._written.get(m, -1):
                continue
            numbers = ["" if column is None else f"{column[i]:.6g}" for column in columns]
            self._writer.writerow([m, epoch, *settings_of(self._run, m).values(), *numbers])
        self._file.flush()

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


def _complete_lines(path: Path, header: list[str]) -> dict[int, int]:
    """Return the last epoch of each member in a file; cut off a line that a kill left incomplete.

    A file with another header is of other settings, and is kept under another name.
    """
    if not path.exists():
        return {}
    content = path.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if len(whole) < len(content):
        with path.open("r+b") as file:
            file.truncate(len(whole))
    rows = list(csv.reader(whole.decode("utf-8", "replace").splitlines()))
    if not rows:
        return {}
    if rows[0] != header:
        path.rename(files.unused_path(path.with_name(f"{path.stem}-old{path.suffix}")))
        return {}
    last: dict[int, int] = {}
    for row in rows[1:]:
        last[int(row[0])] = max(int(row[1]), last.get(int(row[0]), -1))
    return last
