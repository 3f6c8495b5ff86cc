"""Launching and resuming ensembles: what is refused at the door, then the engine."""

from __future__ import annotations

import json
from pathlib import Path

from grokjax import journal, lock, run
from grokjax.config import SCHEMA_VERSION, Config, ConfigError
from grokjax.engine import Engine
from grokjax.lock import Lock
from grokjax.run import Run
from grokjax.sweep import Sweep

CHECKPOINT_EVERY = 60.0
"""Seconds. A save of four lanes takes 0.1 s, so this costs 0.2%."""


def train(
    sweep: Sweep | Config,
    out: str | Path,
    *,
    lanes: int | str = "auto",
    devices: int | str = "auto",
    checkpoint_every: float = CHECKPOINT_EVERY,
    progress: bool = True,
    recipe: str | None = None,
) -> Run:
    """Trains every member of a sweep and writes a run directory.

    Args:
      sweep: the members; a Config is a sweep of one.
      out: the run directory, new or empty.
      lanes: members in training at a time; auto: two a CPU core, which is the most there.
      devices: devices to use; auto: all, on CPU one a core.
      checkpoint_every: seconds.
      progress: whether to show any.
      recipe: name to note in the run's config.json.

    Returns:
      The finished run, as `load(out)`.

    Raises:
      ConfigError: `out` holds something or is being written, too little disk,
        bad lanes or devices. Nothing is written then.
      Interrupted: SIGINT or SIGTERM came; all is saved, `resume` goes on.
    """
    sweep = Sweep(sweep) if isinstance(sweep, Config) else sweep
    directory = Path(out)
    _check_out(directory)
    engine = Engine(directory, sweep, lanes, devices, checkpoint_every, progress)
    info = {
        "schema": SCHEMA_VERSION,
        "recipe": recipe,
        "sweep": sweep.to_dict(),
        "environment": engine.environment,
    }
    content = (json.dumps(info, indent=1) + "\n").encode()
    with Lock(directory):
        _check_out(directory)  # again: another launch may have come first
        journal.write_listed(directory, run.CONFIG, content)
        return engine.run()


def resume(
    directory: str | Path,
    *,
    sweep: Sweep | None = None,
    lanes: int | str = "auto",
    devices: int | str = "auto",
    checkpoint_every: float = CHECKPOINT_EVERY,
    progress: bool = True,
) -> Run:
    """Goes on with a run where its last checkpoint left it, with the same bits on CPU.

    Lanes and devices may be others than before. `sweep`, if given, must be the run's.

    Raises:
      FileNotFoundError: there is no run. DamagedRun: it cannot be read.
      ConfigError: `sweep` is not the run's, its config.json was changed by hand,
        or as for `train`.
      Interrupted: as for `train`.
    """
    loaded = run.load(directory)
    if journal.altered(loaded.directory, run.CONFIG):
        raise ConfigError(
            f"{loaded.directory / run.CONFIG}: was changed by hand; a resume keeps its settings"
        )
    if sweep is not None:
        _check_same(loaded.sweep, sweep)
    engine = Engine(loaded.directory, loaded.sweep, lanes, devices, checkpoint_every, progress)
    with Lock(loaded.directory):
        return engine.run()


def _check_out(directory: Path) -> None:
    if (directory / run.CONFIG).exists():
        raise ConfigError(f"out: {directory} holds a run already; resume it, or name another")
    if any(place.is_file() for place in (directory, *directory.parents)):
        raise ConfigError(f"out: {directory} is not a directory; name another")
    if directory.is_dir() and any(path.name != lock.NAME for path in directory.iterdir()):
        raise ConfigError(f"out: {directory} is not an empty directory; name another")


def _check_same(ours: Sweep, theirs: Sweep) -> None:
    for i, (a, b) in enumerate(zip(ours.members, theirs.members, strict=False)):
        for name, value in a.to_dict().items():
            if getattr(b, name) != value:
                raise ConfigError(
                    f"{name}: {getattr(b, name)!r} is not allowed for member {i}; "
                    f"the run has {value!r}, and a resume keeps its settings"
                )
    if len(ours) != len(theirs):
        raise ConfigError(f"sweep: has {len(theirs)} members; the run has {len(ours)}")
