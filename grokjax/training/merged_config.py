"""The settings of a merged run, and whether runs can be merged at all."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from grokjax.config.axes import columns_of
from grokjax.config.config import Config
from grokjax.config.settings import KINDS
from grokjax.config.sweep import Sweep
from grokjax.errors import ConfigError, printable
from grokjax.results.networks import Networks, joined_networks
from grokjax.results.run import Run
from grokjax.runtime import environment
from grokjax.storage.files import SCHEMA_VERSION
from grokjax.terminal.printed_commands import format_command

Place = tuple[int, int]
"""Where a member of a merged run comes from: the number of the run, and its number there."""


def merged_sweep(runs: Sequence[Run]) -> tuple[Sweep, list[Place]]:
    """Return the members of all runs as one sweep, and where each comes from.

    Raises ConfigError for runs whose settings differ where they must not, or that share a member.
    """
    _check_settings(runs)
    places = _ordered(runs)
    members = [runs[i].sweep[m] for i, m in places]
    first: dict[Config, Place] = {}
    for config, (i, m) in zip(members, places, strict=True):
        if config in first:
            other, n = first[config]
            same = ", ".join(f"{name} {config.values.get(name)!r}" for name in runs[i].sweep.swept)
            raise ConfigError(
                f"merge: member {n} of {runs[other].directory} and member {m} of "
                f"{runs[i].directory} are equal ({same}); merge each member once"
            )
        first[config] = i, m
    names = dict.fromkeys(name for run in runs for name in run.sweep.swept)
    for name in dict.fromkeys(name for config in members for name in config.values):
        if len({config.values.get(name) for config in members}) > 1:
            names[name] = None
    # Classes of the user's own pieces that are unknown here, as the runs store them.
    known = {kind: {c.values[kind]: c.group_classes[kind] for c in members} for kind in KINDS}
    return Sweep._of(runs[0].config, columns_of(members, names), known), places


def _check_settings(runs: Sequence[Run]) -> None:
    """Raise ConfigError unless all settings agree but traced ones and axes of every run."""
    first = runs[0]
    for run in runs[1:]:
        axes = set(first.sweep.swept) & set(run.sweep.swept)
        names = dict.fromkeys([*first.config.values, *run.config.values])
        # Last the one that can be changed, so that nobody extends a run that differs in others.
        for name in sorted(names, key="max_epochs".__eq__):
            field = first.config.fields.get(name) or run.config.fields[name]
            ours, theirs = first.config.values.get(name), run.config.values.get(name)
            if field.kind in ("traced", "variant") or name in axes or ours == theirs:
                continue
            fix = "use grokjax.concat to read such runs together"
            if name == "max_epochs":
                shorter, longer = sorted((first, run), key=lambda each: each.config.max_epochs)
                command = format_command("resume", shorter.directory)
                fix = f"extend one first: {command} --max-epochs {longer.config.max_epochs}"
            raise ConfigError(
                f"{name} must be the same in all runs, got {ours!r} in {first.directory} and "
                f"{theirs!r} in {run.directory}; {fix}"
            )


def _ordered(runs: Sequence[Run]) -> list[Place]:
    """Return the members of all runs: of shards of one sweep in its order, else run by run."""
    shards = [run.info.get("shard") for run in runs]
    places = [(i, m) for i, run in enumerate(runs) for m in range(len(run.sweep))]
    if any(shard is None or shard[1] != (shards[0] or shard)[1] for shard in shards):
        return places
    return sorted(places, key=lambda place: (place[1], (shards[place[0]] or [0])[0]))


def merged_info(runs: Sequence[Run], sweep: Sweep, directory: Path) -> dict[str, Any]:
    """Return what config.json says of a merged run, but for initial weights.

    Raises ConfigError for runs that record other metrics, or whose own pieces have changed.
    """
    pieces: dict[str, dict[str, Any]] = {}
    rules: dict[str, Any] = {}
    for run in runs:
        for group, own in run.info["pieces"].items():
            moved = {name: _moved(piece, run.directory, directory) for name, piece in own.items()}
            pieces[group] = moved | pieces.get(group, {})
        rules |= run.info.get("optax_rules", {})
    sessions = [made for run in runs for made in environment.sessions(run.info)]
    recipes = {run.info["recipe"] for run in runs}
    return {
        "schema": SCHEMA_VERSION,
        "recipe": recipes.pop() if len(recipes) == 1 else None,
        "sweep": sweep.to_dict(),
        "networks": _networks(runs).to_list(),
        "pieces": pieces,
        "optax_rules": rules,
        "environment": sessions[0],
        "resumed_with": sessions[1:],
        "merged_from": [
            {"run": printable(run.directory.resolve().name)[:190], "members": len(run.sweep)}
            for run in runs
        ],
    }


def _networks(runs: Sequence[Run]) -> Networks:
    """Return the networks of all runs. Raises ConfigError if one has other metrics in another."""
    for run in runs[1:]:
        for info in run.networks.all:
            other = runs[0].networks.with_settings(info.settings)
            if other is None or info.metrics.keys() == other.metrics.keys():
                continue
            name = min(info.metrics.keys() ^ other.metrics.keys())
            has, lacks = (run, runs[0]) if name in info.metrics else (runs[0], run)
            raise ConfigError(
                f"metrics must be the same in all runs, but {has.directory} records {name} and "
                f"{lacks.directory} does not; use grokjax.concat to read such runs together"
            )
    return joined_networks({str(run.directory): run.networks for run in runs})


def _moved(piece: dict[str, Any], before: Path, directory: Path) -> dict[str, Any]:
    """Return what a run says of a piece of the user's own, its file as seen from `directory`."""
    if not isinstance(piece.get("file"), str):
        return piece
    return piece | {"file": os.path.relpath(before.resolve() / piece["file"], directory)}
