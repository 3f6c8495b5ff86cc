"""Training ensembles and going on with them: settings are checked, then the engine runs."""

from __future__ import annotations

import contextlib
import json
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from grokjax import commands, description, door, files, hosts, journal, lock, paths, run, sessions
from grokjax.checkpoint import Checkpoints
from grokjax.config import SCHEMA_VERSION, Config
from grokjax.devices import prepare
from grokjax.engine import Engine
from grokjax.lock import Lock
from grokjax.progress import Progress
from grokjax.run import Run
from grokjax.settings import ConfigError, refuse
from grokjax.stopping import OVER
from grokjax.sweep import Sweep

CHECKPOINT_EVERY = 60.0
"""Seconds. A save of four lanes takes 0.1 s, so this costs 0.2%."""


VISIBLE_WITHIN = 60.0
"""Seconds until what one host writes is seen by the others; network file systems remember so long
what was not there."""


def train(
    sweep: Sweep | Config,
    out: str | Path,
    *,
    lanes: int | str = "auto",
    devices: int | str = "auto",
    checkpoint_every: float = CHECKPOINT_EVERY,
    progress: bool | Progress = True,
    recipe: str | None = None,
    resume: bool = False,
) -> Run:
    """Trains every member of a sweep and writes a run directory.

    Several processes that have joined (`grokjax.hosts.join`) call it alike.

    Args:
      sweep: the members; a Config is a sweep of one.
      out: the run directory: new, empty or, with `resume`, one that holds a run.
      lanes: members in training at a time; auto: one a CPU core, which is the most there,
        and on accelerators as many as fit and pay.
      devices: devices to use, of each process; auto: all, on CPU one a core.
      checkpoint_every: seconds.
      progress: whether to show any; or what is told of it, a `Progress` of your own.
      recipe: name to note in the run's config.json.
      resume: whether to go on with a run that `out` holds, as `resume(out, sweep=sweep)` does:
        a script that is stopped and started again then trains only what is missing.

    Returns:
      The finished run, as `load(out)`.

    Raises:
      ConfigError: `out` holds something or is being written, too little disk,
        bad lanes, devices, seconds or recipe; with `resume`, a run of another sweep.
        Nothing is written then.
      Interrupted: a signal came (SIGINT, SIGTERM, SIGHUP, SIGUSR1 or SIGUSR2); everything
        is saved, and the message says how to go on.
    """
    sweep = _sweep(sweep)
    _check_progress(progress)
    door.named(recipe)
    directory = door.place(out)  # the working directory may change, or be removed
    door.settled(lanes, devices, checkpoint_every)
    prepare(devices)
    if door.flag("resume", resume) and _holds_run(directory):
        return _resume(directory, sweep, lanes, devices, checkpoint_every, progress, True)
    hosts.together(lambda: door.empty(directory), by_first=True)
    _same_settings(sweep, lanes)
    engine = _engine(directory, sweep, lanes, devices, checkpoint_every, progress)
    with contextlib.ExitStack() as held:

        def settle() -> None:
            door.empty(directory)  # again: another launch may have come first
            info = {"schema": SCHEMA_VERSION, "recipe": recipe, "sweep": sweep.to_dict()}
            description.write(directory, info | {"environment": engine.environment})

        _take(directory, held)
        hosts.together(settle, by_first=True)
        return engine.run(commands.go_on(directory, again=resume))


def resume(
    directory: str | Path,
    *,
    sweep: Sweep | Config | None = None,
    lanes: int | str = "auto",
    devices: int | str = "auto",
    checkpoint_every: float = CHECKPOINT_EVERY,
    progress: bool | Progress = True,
) -> Run:
    """Goes on with a run where its last checkpoint left it, with the same bits on CPU.

    Lanes, devices and processes may be others than before. A `sweep` has all of
    the run's members, and extends it: members that are new are added to it, and
    a greater `max_epochs` trains on those that ended at the old one. Nothing
    that was trained is trained again.

    Raises:
      FileNotFoundError: there is no run. DamagedRun: it cannot be read.
      ConfigError: `sweep` lacks one of the run's members, its config.json was
        changed by hand, or as for `train`.
      Interrupted: as for `train`.
    """
    return _resume(directory, sweep, lanes, devices, checkpoint_every, progress)


def _resume(
    directory: str | Path,
    sweep: Sweep | Config | None,
    lanes: int | str,
    devices: int | str,
    checkpoint_every: float,
    progress: bool | Progress,
    again: bool = False,
) -> Run:
    """`resume`; again: whether the program that called, started again, would do the same."""
    directory = paths.given("directory", directory).resolve()
    _check_progress(progress)
    door.spelt(directory)
    description.refuse_altered(directory)
    loaded = run.load(directory)
    extended = loaded.sweep if sweep is None else loaded.sweep.extended(_sweep(sweep))
    door.settled(lanes, devices, checkpoint_every)
    prepare(devices)
    _same_settings(extended, lanes)
    hosts.together(lambda: _check_checkpoints(loaded.directory))
    engine = _engine(loaded.directory, extended, lanes, devices, checkpoint_every, progress)
    with contextlib.ExitStack() as held:

        def settle() -> None:
            info = run.load(directory).info
            if info["sweep"] != loaded.info["sweep"]:
                raise ConfigError(f"{directory}: was extended meanwhile; start again")
            _set_aside(loaded.directory, damaged)
            journal.tidy(loaded.directory)
            files.remove(loaded.directory, run.HISTORY)  # before config.json says more than it
            if extended != loaded.sweep:
                before = {"members": len(loaded), "max_epochs": loaded.config.max_epochs}
                log = [*info.get("extended_from", []), before]
                info |= {"sweep": extended.to_dict(), "extended_from": log}
            elif OVER.issuperset(loaded.members["status"]):
                return  # nothing is trained
            if changed := sessions.differences(sessions.of(info)[-1], engine.environment):
                warnings.warn(
                    f"{directory}: goes on with {', '.join(changed)}; its bits may differ from "
                    "those of a run without the change",
                    stacklevel=2,
                )
            resumed = [*info.get("resumed_with", []), engine.environment]
            description.write(loaded.directory, info | {"resumed_with": resumed})

        _take(loaded.directory, held)
        damaged = hosts.together(lambda: _damaged(loaded)) or {}
        hosts.together(settle, by_first=True)
        return engine.run(commands.go_on(directory, again))


def _holds_run(directory: Path) -> bool:
    """Whether process 0 sees a run there; what it sees decides for all processes."""
    seen = np.array([[(directory / files.CONFIG).exists()]])
    return bool(hosts.gather({"seen": seen})["seen"][0, 0])


def _sweep(given: Sweep | Config) -> Sweep:
    """The members that a launch was given."""
    if isinstance(given, Config):
        return Sweep(given)
    if not isinstance(given, Sweep):
        raise refuse("sweep", given, "give a Sweep or a Config, such as recipe.config")
    return given


def _check_progress(progress: object) -> None:
    """Raises ConfigError for what cannot show progress, before anything is written."""
    if not isinstance(progress, bool | Progress):
        raise refuse("progress", progress, "give True, False or a grokjax.progress.Progress")


def _same_settings(sweep: Sweep, lanes: int | str) -> None:
    given = json.dumps([sweep.to_dict(), lanes])
    hosts.same(given, "sweep: the processes were given different settings or lanes")


def _take(directory: Path, held: contextlib.ExitStack) -> None:
    """The lock, by process 0 for all, having seen that it is one directory for all."""
    hosts.together(lambda: held.enter_context(Lock(directory)), by_first=True)
    path, began = directory / lock.NAME, time.monotonic()
    while not path.exists() and time.monotonic() - began < VISIBLE_WITHIN:
        time.sleep(0.2)
    owner = path.read_text() if path.exists() else ""
    hosts.same(owner, f"{directory}: is not one directory for all; a shared one is needed")


def _check_checkpoints(directory: Path) -> None:
    """Refuses those of another grokjax before anything is changed."""
    if (directory / "checkpoints").is_dir():
        with Checkpoints(directory, read_only=True) as checkpoints:
            checkpoints.check()


def _damaged(loaded: Run) -> dict[int, str]:
    """Checkpoints that cannot be read. Every process looks, as Orbax will have it."""
    if not (loaded.directory / "checkpoints").is_dir():
        return {}
    with Checkpoints(loaded.directory, True, loaded.sweep.members) as checkpoints:
        return checkpoints.damaged()


def _set_aside(directory: Path, checkpoints: dict[int, str]) -> None:
    """Moves what is damaged out of the way, and warns of it."""
    aside = directory / journal.ASIDE
    for step in checkpoints:
        aside.mkdir(exist_ok=True)
        path = directory / "checkpoints" / str(step)
        path.rename(files.unused(aside / f"checkpoint-{step}"))
    for damage in [*checkpoints.values(), *journal.set_aside(directory)]:
        warnings.warn(f"{directory}: {damage}; set aside in {journal.ASIDE}/", stacklevel=2)


def _engine(directory: Path, *arguments: Any) -> Engine:
    """The engine, or its refusal in every process."""
    engine = hosts.together(lambda: Engine(directory, *arguments))
    assert engine is not None
    return engine
