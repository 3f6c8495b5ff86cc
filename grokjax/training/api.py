"""Train a sweep, and resume a run: what the package and the command line call."""

from __future__ import annotations

import contextlib
import json
import time
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from grokjax.config.config import Config
from grokjax.config.sweep import Sweep
from grokjax.errors import ConfigError
from grokjax.metrics.builtin import BUILTIN
from grokjax.results import changes, params, run, run_config
from grokjax.results.pieces import check_known, with_new_pieces
from grokjax.results.run import Run
from grokjax.runtime import environment, paths, processes
from grokjax.runtime.arguments import check_bool
from grokjax.runtime.devices import configure_devices
from grokjax.storage import digests, files, journal, lock
from grokjax.storage.checkpoint import Checkpoints
from grokjax.storage.files import SCHEMA_VERSION
from grokjax.storage.lock import Lock
from grokjax.storage.member_state import FINAL_STATUSES
from grokjax.terminal import printed_commands
from grokjax.training import preflight
from grokjax.training.launch import Launch
from grokjax.training.options import CHECKPOINT_EVERY, Options, metrics_of_run
from grokjax.training.progress import Progress

VISIBLE_WITHIN = 60.0
"""Seconds until all hosts see what one writes: network file systems cache missing files so long."""


def train(
    sweep: Sweep | Config,
    out: str | Path,
    *,
    lanes: int | str = "auto",
    devices: int | str = "auto",
    checkpoint_every: float = CHECKPOINT_EVERY,
    progress: bool | Progress = True,
    metrics: Iterable[Any] = (),
    recipe: str | None = None,
    resume: bool = False,
) -> Run:
    """Train every member of a sweep and write a run directory.

    Several processes that have joined (`grokjax.runtime.processes.initialize`) call it alike.

    Args:
      sweep: the members; a Config is a sweep of one.
      out: the run directory: new, empty or, with `resume`, one that holds a run.
      lanes: members in training at a time; auto: one a CPU core, which is the most there, and on
        accelerators as many as fit and pay.
      devices: devices to use, of each process; auto: all, on CPU one a core.
      checkpoint_every: seconds from one checkpoint to the next.
      progress: whether to show any; or a `Progress` of your own.
      metrics: functions of your own to record at each evaluation, see `grokjax.metric`.
      recipe: a name to note in the run's config.json.
      resume: whether to go on with a run that `out` holds, as `resume(out, sweep=sweep)` does: a
        script that is stopped and started again then trains only what is missing.

    Returns:
      The finished run, as `load(out)`.

    Raises:
      ConfigError: settings or arguments that cannot be used, a directory that holds something or is
        being written, too little memory or disk, a task, model, rule or metric of your own that
        does not fit, or, with `resume`, a run of another sweep. Nothing is written then.
      Interrupted: a signal came (SIGINT, SIGTERM, SIGHUP, SIGUSR1 or SIGUSR2); everything is saved,
        and the message says how to resume.
    """
    options = Options(lanes, devices, checkpoint_every, progress, metrics)
    sweep = preflight.as_sweep(sweep)
    preflight.check_recipe(recipe)
    directory = preflight.run_directory(out)  # the working directory may change, or be removed
    configure_devices(devices)
    if check_bool("resume", resume) and _holds_run(directory):
        return _resume(directory, sweep, options, again=True)
    processes.run_on_first(lambda: preflight.check_empty(directory))
    _require_same_settings(sweep, options)
    recorded = (*BUILTIN, *options.users_metrics)
    launch = processes.run_on_all(lambda: Launch(directory, sweep, options, recorded))
    with contextlib.ExitStack() as locked:

        def write() -> None:
            preflight.check_empty(directory)  # again: another launch may have come first
            run_config.write(directory, _description(sweep, launch, options, recipe))

        _lock(directory, locked)
        processes.run_on_first(write)
        return launch.run(printed_commands.format_resume_command(directory, restartable=resume))


def resume(
    directory: str | Path,
    *,
    sweep: Sweep | Config | None = None,
    lanes: int | str = "auto",
    devices: int | str = "auto",
    checkpoint_every: float = CHECKPOINT_EVERY,
    progress: bool | Progress = True,
    metrics: Iterable[Any] = (),
) -> Run:
    """Resume a run where its last checkpoint left it, with the same bits on CPU.

    Lanes, devices and processes may be others than before. A `sweep` has all of the run's members,
    and extends it: new members are added, and a greater `max_epochs` trains those on that ended at
    the old one. Nothing that was trained is trained again.

    Args:
      directory: the run.
      sweep: the run's members and new ones; None: as they are.
      metrics: the functions of your own that the run records.
      lanes: as for `train`.
      devices: as for `train`.
      checkpoint_every: as for `train`.
      progress: as for `train`.

    Raises:
      FileNotFoundError: there is no run.
      DamagedRun: it cannot be read.
      ConfigError: `sweep` lacks one of the run's members, config.json was changed by hand, a piece
        of your own that the run needs is unknown or has changed, or as for `train`.
      Interrupted: as for `train`.
    """
    options = Options(lanes, devices, checkpoint_every, progress, metrics)
    return _resume(directory, sweep, options)


def _resume(
    directory: str | Path, sweep: Sweep | Config | None, options: Options, again: bool = False
) -> Run:
    """Resume; again: whether the program that called, started again, would do the same."""
    directory = paths.parse_path("directory", directory).resolve()
    preflight.check_utf8(directory)
    run_config.check_unaltered(directory)
    loaded = run.load(directory)
    check_known([loaded.config, *loaded.sweep])
    extended = loaded.sweep
    if sweep is not None:
        extended = loaded.sweep.extended(preflight.as_sweep(sweep))
    recorded = metrics_of_run(loaded.info, options.users_metrics)
    configure_devices(options.devices)
    _require_same_settings(extended, options)
    processes.run_on_all(lambda: _check_checkpoints(loaded.directory))
    launch = processes.run_on_all(lambda: Launch(directory, extended, options, recorded))
    processes.run_on_all(lambda: changes.check_unchanged(loaded.networks, launch.networks))
    with contextlib.ExitStack() as locked:

        def write() -> None:
            info = run.load(directory).info
            if info["sweep"] != loaded.info["sweep"]:
                raise ConfigError(f"{directory}: was extended meanwhile; start again")
            _set_aside(directory, damaged)
            journal.tidy(directory)
            digests.remove(directory, run.HISTORY)  # before config.json says more than it
            if extended != loaded.sweep:
                before = {"members": len(loaded), "max_epochs": loaded.config.max_epochs}
                networks = changes.extended_networks(loaded.networks, launch.networks)
                info |= {
                    "sweep": extended.to_dict(),
                    "networks": networks.to_list(),
                    **with_new_pieces(info, extended),
                    "extended_from": [*info.get("extended_from", []), before],
                }
            elif FINAL_STATUSES.issuperset(loaded.members["status"]):
                return  # nothing is trained
            last = environment.sessions(info)[-1]
            if changed := environment.differences(last, launch.environment):
                warnings.warn(
                    f"{directory}: goes on with {', '.join(changed)}; its bits may differ from "
                    "those of a run without the change",
                    stacklevel=2,
                )
            resumed = [*info.get("resumed_with", []), launch.environment]
            run_config.write(directory, info | {"resumed_with": resumed})

        _lock(directory, locked)
        damaged = processes.run_on_all(lambda: _damaged_checkpoints(loaded)) or {}
        processes.run_on_first(write)
        return launch.run(printed_commands.format_resume_command(directory, again))


def _description(
    sweep: Sweep, launch: Launch, options: Options, recipe: str | None
) -> dict[str, Any]:
    """Return what config.json says of a new run."""
    users = {each.name: each.source for each in options.users_metrics}
    return {
        "schema": SCHEMA_VERSION,
        "recipe": recipe,
        "sweep": sweep.to_dict(),
        "networks": launch.networks.to_list(),
        **with_new_pieces({"pieces": {"metrics": users} if users else {}}, sweep),
        "environment": launch.environment,
    }


def _holds_run(directory: Path) -> bool:
    """Return whether process 0 sees a run there; what it sees decides for all processes."""
    seen = np.array([[(directory / files.CONFIG).exists()]])
    return bool(processes.gather({"seen": seen})["seen"][0, 0])


def _require_same_settings(sweep: Sweep, options: Options) -> None:
    given = json.dumps([sweep.to_dict(), options.lanes])
    processes.require_same(given, "sweep: the processes were given different settings or lanes")


def _lock(directory: Path, locked: contextlib.ExitStack) -> None:
    """Lock the directory, by process 0 for all, once all are seen to share it."""
    processes.run_on_first(lambda: locked.enter_context(Lock(directory)))
    path, began = directory / lock.NAME, time.monotonic()
    while not path.exists() and time.monotonic() - began < VISIBLE_WITHIN:
        time.sleep(0.2)
    owner = path.read_text() if path.exists() else ""
    text = f"{directory}: must be one directory, shared by all processes"
    processes.require_same(owner, text)


def _check_checkpoints(directory: Path) -> None:
    """Refuse checkpoints of another grokjax before anything is changed."""
    if (directory / "checkpoints").is_dir():
        with Checkpoints(directory, read_only=True) as checkpoints:
            checkpoints.check()


def _damaged_checkpoints(loaded: Run) -> dict[int, str]:
    """Return the checkpoints that cannot be read. Every process looks, as Orbax requires."""
    if not (loaded.directory / "checkpoints").is_dir():
        return {}
    with params.open_checkpoints(loaded.directory, loaded.sweep, loaded.networks) as checkpoints:
        return checkpoints.damaged()


def _set_aside(directory: Path, checkpoints: dict[int, str]) -> None:
    """Move what is damaged out of the way, and warn of it."""
    aside = directory / journal.DAMAGED
    for step in checkpoints:
        aside.mkdir(exist_ok=True)
        path = directory / "checkpoints" / str(step)
        path.rename(files.unused_path(aside / f"checkpoint-{step}"))
    for damage in [*checkpoints.values(), *journal.set_aside(directory)]:
        warnings.warn(f"{directory}: {damage}; set aside in {journal.DAMAGED}/", stacklevel=2)
