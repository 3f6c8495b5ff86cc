"""Branches: new members that start from kept states of the members of a run."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from grokjax.config.config import Config
from grokjax.config.evaluations import evaluations
from grokjax.config.settings import check_name
from grokjax.config.stopping import judge
from grokjax.config.sweep import Sweep
from grokjax.errors import ConfigError, invalid
from grokjax.metrics.metric import Metric
from grokjax.results import run_config, selection
from grokjax.results.pieces import check_known
from grokjax.results.run import Run, load
from grokjax.results.snapshots import Snapshots
from grokjax.runtime.devices import configure_devices
from grokjax.settings.field import fields_of
from grokjax.storage.member_state import Arrays, StopState
from grokjax.tasks.data import Data
from grokjax.training import initial_states, initial_weights, preflight, shared_directory
from grokjax.training.evaluation_callback import Callback
from grokjax.training.initial_states import InitialStates
from grokjax.training.inventory import state_arrays
from grokjax.training.options import CHECKPOINT_EVERY, Options, metrics_of_run
from grokjax.training.progress import Progress
from grokjax.training.resuming import resume_run
from grokjax.training.starting import start_run

LISTED = 12
"""Epochs that a refusal lists, those nearest to the one that was asked for."""


def branch(
    run: Run | str | Path,
    member: int | Iterable[int],
    epoch: int,
    changes: Mapping[str, Any],
    out: str | Path,
    *,
    lanes: int | str = "auto",
    devices: int | str = "auto",
    checkpoint_every: float = CHECKPOINT_EVERY,
    progress: bool | Progress = True,
    metrics: Iterable[Any] = (),
    compile_cache: bool = True,
    on_evaluation: Callback | Iterable[Callback] | None = None,
    resume: bool = False,
) -> Run:
    """Train on from kept states of members of a run, with some settings changed.

    A new member has the parameters, the optimiser's state and the epoch of its parent, and its
    data, split and random streams. The first member of each parent changes nothing: on CPU this
    control continues to the bits of the parent. `out` is a run directory like any other, with the
    parents' evaluations up to the epoch; it needs the parents' run no longer.

    Args:
      run: the parents' run, trained with `snapshot="states"`.
      member: the parent, or several; the sweep then has the changes of each.
      epoch: one at which their states were kept.
      changes: for each changed setting a value or a list of values; several multiply. Settings of
        kind run, such as `max_epochs`, have one value, for the controls too.
      out: as for `train`.
      lanes: as for `train`.
      devices: as for `train`.
      checkpoint_every: as for `train`.
      progress: as for `train`.
      metrics: what to record besides the metrics of the run; of those, your own functions again.
      compile_cache: as for `train`.
      on_evaluation: as for `train`.
      resume: as for `train`.

    Returns:
      The finished run. `info["branch"]` names the parents' run, members and epoch.

    Raises:
      ConfigError: a member or an epoch without a kept state, a setting that a branch cannot change,
        as it is the data's, the network's, or makes another state; or as for `train`.
      Interrupted: as for `train`.

    Example:
      >>> changes = {"weight_decay": [0.0, 3.0]}
      >>> new = branch("runs/small", 3, 10, changes, "runs/branch", progress=False)
      >>> new.members.weight_decay.tolist()  # the control has that of its parent
      [1.0, 0.0, 3.0]
    """
    options = Options(
        lanes, devices, checkpoint_every, progress, metrics, compile_cache, on_evaluation
    )
    parent_run = run if isinstance(run, Run) else load(run)
    check_known([parent_run.config, *parent_run.sweep])
    parents = _parents(parent_run, member)
    snapshots = _snapshots(parent_run, parents, epoch)
    directory = preflight.run_directory(out)
    sweep, parent_of = _members(parent_run, parents, epoch, changes)
    configure_devices(devices)
    about = {"run": str(parent_run.directory.resolve()), "members": parents, "epoch": epoch}
    if resume and shared_directory.holds_run(directory):
        stored = run_config.read(directory)[0].get("branch") or {}
        if any(stored.get(name) != about[name] for name in ("members", "epoch")):
            raise ConfigError(f"out: {directory} holds another run; name another directory")
        return resume_run(directory, sweep, options, restartable=True)
    states = [snapshots.state(m, epoch) for m in parents]
    _check_states(sweep, [parent_run.sweep[parents[i]] for i in parent_of], states)
    records = initial_states.collect_records(parent_run.directory, parents, epoch)
    stop_states = tuple(_stop_state(sweep.config, records, i) for i in range(len(parents)))
    start = InitialStates(initial_states.stacked(states), stop_states, records, parent_of)
    init = _initial_weights(parent_run, [parents[i] for i in parent_of])
    recorded, recipe = _recorded(parent_run, options), parent_run.info["recipe"]
    return start_run(directory, sweep, options, recorded, recipe, init, start, about, resume)


def _parents(run: Run, member: int | Iterable[int]) -> list[int]:
    given = member if isinstance(member, Iterable) else [member]
    parents = selection.members(given, run.members.index.tolist())
    if not parents:
        raise invalid("member", parents, "must be a member of the run, or several")
    return parents


def _snapshots(run: Run, parents: list[int], epoch: int) -> Snapshots:
    """Return the parents' snapshots. Raises ConfigError unless each has its state at the epoch."""
    config = run.config
    if config.snapshot != "states":
        raise ConfigError(
            f"run: {run.directory} keeps no states to branch from; train it with snapshot states "
            "and snapshot_every"
        )
    snapshots = Snapshots(run.directory, run.sweep, run.networks, parents)
    for i, m in enumerate(parents):
        kept = [e for e, has in zip(snapshots.epochs, snapshots.kept[i], strict=True) if has]
        if isinstance(epoch, bool) or epoch not in kept:
            near = sorted(sorted(kept, key=lambda e: abs(e - epoch))[:LISTED])
            listed = ", ".join(map(str, near)) + (", ..." if len(kept) > LISTED else "")
            raise invalid("epoch", epoch, f"must be one at which member {m} was kept: {listed}")
    return snapshots


def _members(
    run: Run, parents: list[int], epoch: int, changes: Mapping[str, Any]
) -> tuple[Sweep, tuple[int, ...]]:
    """Return the members of a branch, and the parent of each as its place among the parents."""
    if not isinstance(changes, Mapping):
        raise invalid("changes", changes, "must be a dict of settings and their values")
    config = run.sweep[parents[0]]
    axes = {name: _axis(name, value, config) for name, value in changes.items()}
    shared = {n: axes.pop(n)[0] for n in [*axes] if config.fields[n].kind == "run"}
    configs, parent_of = dict[Config, None](), list[int]()
    for i, m in enumerate(parents):
        control = run.sweep[m].replace(**shared)
        rows = itertools.product(*axes.values())
        own = [control, *(control.replace(**dict(zip(axes, row, strict=True))) for row in rows)]
        own = [each for each in dict.fromkeys(own) if each not in configs]
        configs |= dict.fromkeys(own)
        parent_of += [i] * len(own)
    members = list(configs)
    _check_lengths(members[0], epoch)
    names = dict.fromkeys([*run.sweep.swept, *axes])
    columns = {name: [member.values.get(name) for member in members] for name in names}
    varying = {n: c for n, c in columns.items() if any(value != c[0] for value in c)}
    base = members[0]
    return (Sweep.zip(base, **varying) if varying else Sweep(base)), tuple(parent_of)


def _axis(name: str, value: Any, config: Config) -> list[Any]:
    """Return the values of a changed setting. Raises ConfigError if a branch cannot change it."""
    check_name(name, config.fields)
    groups = (config.group_classes["task"], config.group_classes["model"], Data)
    kept = {"task", "model", "seed", "init_scale"}.union(*map(fields_of, groups))
    if name in kept:
        raise ConfigError(
            f"{name}: cannot be changed in a branch, which keeps the parent's data, network and "
            "random streams"
        )
    single = isinstance(value, str | bytes) or not isinstance(value, Iterable)
    values = [value] if single else list(value)
    if not values or (config.fields[name].kind == "run" and len(values) > 1):
        number = "one value" if values else "at least one value"
        raise invalid(name, values, f"must have {number}")
    return values


def _check_lengths(config: Config, epoch: int) -> None:
    if epoch >= config.max_epochs:
        text = f"must be above the branch's epoch {epoch}"
        raise invalid("max_epochs", config.max_epochs, text)
    if config.eval_spacing == "regular" and epoch not in evaluations(config, epoch)[-1:]:
        raise invalid("eval_every", config.eval_every, f"must divide the branch's epoch {epoch}")


def _check_states(sweep: Sweep, parents: list[Config], states: list[Arrays]) -> None:
    """Raise ConfigError unless each member's state has the arrays of its parent's."""
    kinds = [{n: (x.shape, x.dtype.name) for n, x in each.items()} for each in states]
    if len({parent.network for parent in parents}) > 1 or any(k != kinds[0] for k in kinds):
        raise ConfigError(
            "member: these members have different networks or optimisers; branch each by itself"
        )
    checked = set[Any]()
    for member, parent in zip(sweep, parents, strict=True):
        if member.program in checked:
            continue
        checked.add(member.program)
        if state_arrays(member) | {"epoch": ((), "int32")} != kinds[0]:
            run_settings = member.names("run")
            changed = [
                f"{name} {value}"
                for name, value in member.items()
                if name not in run_settings and value != parent.values.get(name)
            ]
            raise ConfigError(
                f"{', '.join(changed)}: has another state of the optimiser than the parent; a "
                "branch can only change settings that leave its arrays as they are"
            )


def _stop_state(config: Config, records: Arrays, parent: int) -> StopState:
    """Return what the stop rule of the branch remembers of its parent's evaluations."""
    state = StopState()
    for i in np.flatnonzero(records["parent"] == parent):
        if epoch := int(records["epoch"][i]):  # the untrained member is not judged
            metrics = {name: array[i] for name, array in records.items()}
            state, _ = judge(config, state, epoch, metrics)
    return state


def _initial_weights(run: Run, parents: list[int]) -> Arrays | None:
    """Return the weights that the parents started from, of each member; None: what seeds drew.

    `fixed_norm` and `decay_towards="initial"` refer to them.
    """
    arrays = initial_weights.load(run.directory, run.info)
    if arrays is None or not run.info["initial_weights"]["per_member"]:
        return arrays
    return {name: array[parents] for name, array in arrays.items()}


def _recorded(run: Run, options: Options) -> tuple[Metric, ...]:
    """Return the metrics of the run, and those that are added."""
    known = set(run.networks.metric_names)
    again = tuple(each for each in options.added_metrics if each.name in known)
    more = (each for each in options.added_metrics if each.name not in known)
    return (*metrics_of_run(run.info, again), *more)
