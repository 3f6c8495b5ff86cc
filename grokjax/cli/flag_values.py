"""Read the values of the flags that `flags` makes into a sweep, new or extended."""

from __future__ import annotations

import dataclasses
from typing import Any

from grokjax.cli.flags import DEFAULT_SEEDS, Flags
from grokjax.config.axes import MOST_MEMBERS
from grokjax.config.settings import KINDS, fields_with
from grokjax.config.sweep import Sweep
from grokjax.errors import ConfigError, invalid


def values(command: Any) -> dict[str, Any]:
    """Return the settings that a command was given, by name; None where a flag was not given."""
    found = _flatten(command)
    return {name: found[name] for name in (*command.flags.fields, "seeds", "full_batch")}


def _flatten(command: Any) -> dict[str, Any]:
    """Return the values of a dataclass and of the dataclasses nested in it."""
    found: dict[str, Any] = {}
    for f in dataclasses.fields(command):
        value = getattr(command, f.name)
        found |= _flatten(value) if dataclasses.is_dataclass(value) else {f.name: value}
    return found


def _with_seeds(given: dict[str, Any]) -> dict[str, Any]:
    """Return values in which `seeds` and `full_batch` are values of `seed` and `batch_size`."""
    given = dict(given)
    seeds = given.pop("seeds")
    if given.pop("full_batch"):
        given["batch_size"] = (None,)
    if seeds is not None:
        if given["seed"] is not None:
            raise ConfigError("seeds: give --seeds or --seed, not both")
        given["seed"] = tuple(range(_checked_count("seeds", seeds)))
    return given


def _checked_count(name: str, seeds: int) -> int:
    if not 1 <= seeds <= MOST_MEMBERS:
        raise invalid(name, seeds, f"must be from 1 to {MOST_MEMBERS}")
    return seeds


def sweep_of(given: dict[str, Any], flags: Flags) -> Sweep:
    """Return the sweep that the `values` of a command describe."""
    assert flags.base is not None
    given = _with_seeds(given)
    for name, setting in flags.fields.items():
        if setting.kind != "run" and given[name] is None and name != "seed":
            given[name] = (None,)  # neither given nor set by the recipe
    # Seeds are the last axis, so that those of one setting are adjacent.
    seeds = given.pop("seed")
    given["seed"] = tuple(range(DEFAULT_SEEDS)) if seeds is None else seeds
    axes = {n: v for n, v in given.items() if isinstance(v, tuple) and len(v) != 1}
    shared = {n: v[0] if isinstance(v, tuple) else v for n, v in given.items() if n not in axes}
    kinds = {kind: (given[kind] or (getattr(flags.base, kind),))[0] for kind in KINDS}
    first = fields_with({kind: KINDS[kind].get(name) for kind, name in kinds.items()})
    for name, value in shared.items():
        if name not in first and value != flags.fields[name].default:
            raise ConfigError(
                f"{name}: belongs to one of several kinds; give one kind, or make a Sweep in Python"
            )
    shared = {name: value for name, value in shared.items() if name in first}
    # A config needs a value of each setting without a default, of a swept one as well.
    required = {n: v[0] for n, v in axes.items() if v and n in first and flags.fields[n].required}
    return Sweep(flags.base.replace(**shared | required | kinds), **axes)


def changes(given: dict[str, Any]) -> dict[str, Any]:
    """Return the settings that the `values` of a command give, by name."""
    return {name: value for name, value in _with_seeds(given).items() if value is not None}


def extended(sweep: Sweep, given: dict[str, Any], add_seeds: int | None) -> Sweep:
    """Return a run's sweep extended by what the flags add: seeds, values of an axis, epochs.

    The values of an axis must include the old ones; other settings must stay as they are.
    """
    given = _with_seeds(given)
    if add_seeds is not None:
        if given["seed"] is not None:
            raise ConfigError("add_seeds: give --add-seeds, --seeds or --seed, not two of them")
        _checked_count("add_seeds", add_seeds)
        old = dict.fromkeys(member.seed for member in sweep)
        first = max(old) + 1
        if first + add_seeds > 2**32:
            requirement = f"must be at most {2**32 - first}"
            fix = f"seeds are below 2**32 and the run has seed {max(old)}"
            raise invalid("add_seeds", add_seeds, requirement, fix)
        given["seed"] = (*old, *range(first, first + add_seeds))
    max_epochs = given.pop("max_epochs")
    for name, value in given.items():
        if value is not None:
            sweep = _with_values(sweep, name, value if isinstance(value, tuple) else (value,))
    if max_epochs is None:
        return sweep
    config = sweep.config.replace(max_epochs=max_epochs)
    return sweep.extended(Sweep.zip(config, **sweep.columns) if sweep.columns else Sweep(config))


def _with_values(sweep: Sweep, name: str, values: tuple[Any, ...]) -> Sweep:
    """Return the sweep extended by those values of a setting that it lacks."""
    old = tuple(dict.fromkeys(m.values[name] for m in sweep if name in m.values))
    is_fixed = name in sweep.config.names("run")
    if not set(old) <= set(values) or (is_fixed and values != old):
        shown = ", ".join(map(str, old[:8])) + (", ..." if len(old) > 8 else "")
        requirement = f"must {'stay' if is_fixed else 'include'} {shown} as in the run"
        raise invalid(name, values, requirement, "a resume can add values of axes but change none")
    new = [value for value in values if value not in old]
    return sweep.with_values(name, new) if new else sweep
