"""Resume a run: read it, check that it can go on, and update its config.json."""

from __future__ import annotations

import contextlib
import warnings
from pathlib import Path
from typing import Any

from grokjax.config.config import Config
from grokjax.config.sweep import Sweep
from grokjax.errors import ConfigError
from grokjax.results import changes, params, run, run_config
from grokjax.results.pieces import check_known, with_new_pieces
from grokjax.results.run import Run
from grokjax.runtime import compile_cache, environment, paths, processes
from grokjax.runtime.devices import configure_devices
from grokjax.storage import digests, files, journal
from grokjax.storage.checkpoint import Checkpoints
from grokjax.storage.member_state import FINAL_STATUSES
from grokjax.terminal import printed_commands
from grokjax.training import initial_states, initial_weights, preflight, shared_directory
from grokjax.training.launch import Launch
from grokjax.training.options import Options, metrics_of_run


def resume_run(
    given: str | Path, sweep: Sweep | Config | None, options: Options, restartable: bool = False
) -> Run:
    """Resume the run in a directory.

    Args:
      given: the directory.
      sweep: the run's members and new ones; None: as they are.
      options: how the launch is carried out.
      restartable: whether the calling program, started again, would resume the run.
    """
    directory = paths.parse_path("directory", given).resolve()
    preflight.check_utf8(directory)
    run_config.check_unaltered(directory)
    stored = run.load(directory)
    check_known([stored.config, *stored.sweep])
    init = processes.run_on_all(lambda: initial_weights.load(directory, stored.info))
    start = processes.run_on_all(
        lambda: initial_states.load(directory, stored.info, len(stored.sweep))
    )
    extended = stored.sweep
    if sweep is not None:
        extended = stored.sweep.extended(preflight.as_sweep(sweep))
    if start is not None and len(extended) > len(stored.sweep):
        raise ConfigError(f"sweep: {directory} is a branch, which keeps its members; branch again")
    recorded = metrics_of_run(stored.info, options.added_metrics)
    configure_devices(options.devices)
    with compile_cache.use(options.compile_cache), contextlib.ExitStack() as locked:
        shared_directory.require_same_settings(extended, options)
        processes.run_on_all(lambda: _check_checkpoints(directory))
        launch = processes.run_on_all(
            lambda: Launch(directory, extended, options, recorded, init, start)
        )
        processes.run_on_all(lambda: changes.check_unchanged(stored.networks, launch.networks))
        shared_directory.lock_directory(directory, locked)
        damaged = processes.run_on_all(lambda: _damaged_checkpoints(stored))
        processes.run_on_first(lambda: _prepare_directory(stored, extended, launch, damaged))
        return launch.run(printed_commands.format_resume_command(directory, restartable))


def _prepare_directory(stored: Run, sweep: Sweep, launch: Launch, damaged: dict[int, str]) -> None:
    """Set damaged files aside, and note in config.json what the resumed run will have."""
    directory = stored.directory
    info = run.load(directory).info
    if info["sweep"] != stored.info["sweep"]:
        raise ConfigError(f"{directory}: was extended meanwhile; start again")
    _set_aside(directory, damaged)
    journal.tidy(directory)
    digests.remove(directory, run.HISTORY)  # before config.json says more than it
    if sweep != stored.sweep:
        info |= _extension(stored, sweep, launch, info)
    elif FINAL_STATUSES.issuperset(stored.members["status"]):
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


def _extension(stored: Run, sweep: Sweep, launch: Launch, info: dict[str, Any]) -> dict[str, Any]:
    """Return the entries of config.json that change when a run is extended."""
    before = {"members": len(stored), "max_epochs": stored.config.max_epochs}
    return {
        "sweep": sweep.to_dict(),
        "networks": changes.extended_networks(stored.networks, launch.networks).to_list(),
        **with_new_pieces(info, sweep, stored.directory),
        "extended_from": [*info.get("extended_from", []), before],
    }


def _check_checkpoints(directory: Path) -> None:
    """Refuse checkpoints of another grokjax before anything is changed."""
    if (directory / "checkpoints").is_dir():
        with Checkpoints(directory, read_only=True) as checkpoints:
            checkpoints.check()


def _damaged_checkpoints(stored: Run) -> dict[int, str]:
    """Return the checkpoints that cannot be read. Every process looks, as Orbax requires."""
    if not (stored.directory / "checkpoints").is_dir():
        return {}
    with params.open_checkpoints(stored.directory, stored.sweep, stored.networks) as checkpoints:
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
