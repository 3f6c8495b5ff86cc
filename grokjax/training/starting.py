"""Start a run: write its directory, then train it."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

from grokjax.config.shards import Shard
from grokjax.config.sweep import Sweep
from grokjax.metrics.metric import Metric
from grokjax.results import run_config
from grokjax.results.piece_files import describe_file
from grokjax.results.pieces import with_new_pieces
from grokjax.results.run import Run
from grokjax.runtime import compile_cache, processes
from grokjax.storage import digests
from grokjax.storage.files import SCHEMA_VERSION
from grokjax.storage.member_state import Arrays
from grokjax.terminal import printed_commands
from grokjax.training import initial_states, initial_weights, preflight, shared_directory
from grokjax.training.initial_states import InitialStates
from grokjax.training.launch import Launch
from grokjax.training.options import Options


def start_run(
    directory: Path,
    sweep: Sweep,
    options: Options,
    recorded: tuple[Metric, ...],
    recipe: str | None,
    init: Arrays | None = None,
    start: InitialStates | None = None,
    branch: dict[str, Any] | None = None,
    restartable: bool = False,
    shard: Shard | None = None,
) -> Run:
    """Train a sweep in a new run directory.

    Args:
      directory: where; nothing is written if the sweep cannot be trained.
      sweep: the members.
      options: how the launch is carried out.
      recorded: all metrics that are recorded.
      recipe: as for `train`.
      init: weights that members start from, by name; None: what their seeds draw.
      start: in a branch, the whole states that they start from.
      branch: in a branch, what config.json says of its parents.
      restartable: as for `resume_run`.
      shard: of which shard of a larger sweep these are the members; None: of none.
    """

    def write_config() -> None:
        preflight.check_empty(directory)  # again: another launch may have come first
        for name in (initial_weights.NAME, initial_states.NAME):
            digests.remove(directory, name)  # of a launch killed at its start
        for given in (launch.initial, start):
            if given is not None:
                given.save(directory)  # first, for config.json says that there are some
        description = _description(directory, sweep, launch, options, recipe)
        if start is not None:
            description["branch"] = (branch or {}) | start.describe()
        if shard is not None:
            description["shard"] = list(shard)
        run_config.write(directory, description)

    with compile_cache.use(options.compile_cache), contextlib.ExitStack() as locked:
        processes.run_on_first(lambda: preflight.check_empty(directory))
        shared_directory.require_same_settings(sweep, options, init)
        launch = processes.run_on_all(
            lambda: Launch(directory, sweep, options, recorded, init, start)
        )
        shared_directory.lock_directory(directory, locked)
        processes.run_on_first(write_config)
        return launch.run(printed_commands.format_resume_command(directory, restartable))


def _description(
    directory: Path, sweep: Sweep, launch: Launch, options: Options, recipe: str | None
) -> dict[str, Any]:
    users = {
        each.name: each.source | describe_file(each.function, directory)
        for each in options.users_metrics
    }
    return {
        "schema": SCHEMA_VERSION,
        "recipe": recipe,
        "sweep": sweep.to_dict(),
        "networks": launch.networks.to_list(),
        **with_new_pieces({"pieces": {"metrics": users} if users else {}}, sweep, directory),
        "environment": launch.environment,
        "initial_weights": None if launch.initial is None else launch.initial.describe(),
    }
