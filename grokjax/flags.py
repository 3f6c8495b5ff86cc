"""Command-line flags from the fields of Config, and back to a sweep."""

from __future__ import annotations

import dataclasses
from dataclasses import field
from typing import Annotated, Any, get_args

import tyro

from grokjax.config import FIELDS, TYPES, Config, names_of
from grokjax.recipes import Recipe
from grokjax.settings import ConfigError, refuse
from grokjax.sweep import MOST_MEMBERS, Sweep

DEFAULT_SEEDS = 8


def settings_class(recipe: Recipe | None) -> type:
    """A dataclass with a flag a setting, several values where it can be swept.

    With a recipe its values are the defaults; without one the default is to
    leave the setting alone.
    """
    fields: list[tuple[str, Any, Any]] = []
    for name, f in FIELDS.items():
        hint = TYPES[name]
        sweepable = name in names_of("static", "traced")
        flag: Any = tuple[_without_none(hint), ...] if sweepable else hint
        value = None if recipe is None or name == "seed" else getattr(recipe.config, name)
        default = (value,) if sweepable and value is not None else value
        if recipe is not None and name in recipe.axes:
            default = recipe.axes[name]
        if default is None:  # not given; an empty axis is () and refused
            flag = flag | None
        text = f.metadata["help"] + (f" ({f.metadata['allowed']})" if f.metadata["allowed"] else "")
        fields.append((name, Annotated[flag, tyro.conf.arg(help=text)], field(default=default)))
    seeds = "members, seeds 0 to N - 1, instead of --seed"
    if recipe is not None:
        seeds += f"; none: {DEFAULT_SEEDS}, unless --seed names them"
    extra = [
        ("seeds", Annotated[int | None, tyro.conf.arg(help=seeds)], field(default=None)),
        (
            "full_batch",
            Annotated[bool, tyro.conf.arg(help="all rows a step, instead of --batch-size")],
            field(default=False),
        ),
    ]
    doc = "The settings; several values make an axis, axes multiply."
    return dataclasses.make_dataclass("Settings", [*extra, *fields], namespace={"__doc__": doc})


def _without_none(hint: Any) -> Any:
    """`int | None -> int`, anything else as it is."""
    return next(iter(get_args(hint))) if type(None) in get_args(hint) else hint


def _seed_count(seeds: int | None) -> int:
    if seeds is not None and seeds < 1:
        raise refuse("seeds", seeds, "it must be at least 1")
    if seeds is not None and seeds > MOST_MEMBERS:
        raise refuse("seeds", seeds, f"at most {MOST_MEMBERS}")
    return DEFAULT_SEEDS if seeds is None else seeds


def sweep_of(settings: Any, base: Config) -> Sweep:
    """The sweep that the flags name, on top of a recipe's config."""
    values = {name: getattr(settings, name) for name in FIELDS}
    if settings.full_batch and values["batch_size"] not in (None, (base.batch_size,)):
        raise ConfigError("batch_size: give --batch-size or --full-batch, not both")
    if settings.full_batch:
        values["batch_size"] = (None,)
    for name in names_of("static", "traced"):
        if values[name] is None and name != "seed":  # not given, and none in the recipe
            values[name] = (None,)
    if settings.seeds is not None and values["seed"] is not None:
        raise ConfigError("seeds: give --seeds or --seed, not both")
    if values["seed"] is None:
        values["seed"] = tuple(range(_seed_count(settings.seeds)))
    values["seed"] = values.pop("seed")  # the last axis: seeds of one setting stand together
    axes = {n: v for n, v in values.items() if isinstance(v, tuple) and len(v) != 1}
    shared = {n: v[0] if isinstance(v, tuple) else v for n, v in values.items() if n not in axes}
    return Sweep(dataclasses.replace(base, **shared), **axes)


def extended(sweep: Sweep, settings: Any, add_seeds: int | None) -> Sweep:
    """A run's sweep with what the flags add to it: seeds, values of an axis, epochs.

    Settings may be repeated and added to, not changed: values of an axis are
    given with the old ones among them.
    """
    given = {name: getattr(settings, name) for name in FIELDS}
    if settings.seeds is not None:
        if given["seed"] is not None:
            raise ConfigError("seeds: give --seeds or --seed, not both")
        given["seed"] = tuple(range(_seed_count(settings.seeds)))
    if settings.full_batch:
        if given["batch_size"] is not None:
            raise ConfigError("batch_size: give --batch-size or --full-batch, not both")
        given["batch_size"] = (None,)
    if add_seeds is not None:
        if given["seed"] is not None:
            raise ConfigError("add_seeds: give --add-seeds, --seeds or --seed, not two of them")
        if not 1 <= add_seeds <= MOST_MEMBERS:
            raise refuse("add_seeds", add_seeds, f"from 1 to {MOST_MEMBERS}")
        kept = dict.fromkeys(member.seed for member in sweep)
        if max(kept) + add_seeds >= 2**32:
            raise refuse("add_seeds", add_seeds, f"the run has seed {max(kept)}, and 2**32 is none")
        given["seed"] = (*kept, *range(max(kept) + 1, max(kept) + 1 + add_seeds))
    most = given.pop("max_epochs")
    for name, value in given.items():
        if value is not None:
            sweep = _added(sweep, name, value if isinstance(value, tuple) else (value,))
    if most is None:
        return sweep
    config = dataclasses.replace(sweep.config, max_epochs=most)
    return sweep.extended(Sweep.zip(config, **sweep.columns) if sweep.columns else Sweep(config))


def _added(sweep: Sweep, name: str, values: tuple[Any, ...]) -> Sweep:
    """The sweep with those of the values that it lacks."""
    kept = tuple(dict.fromkeys(getattr(member, name) for member in sweep))
    if not set(kept) <= set(values) or (name in names_of("run") and values != kept):
        shown = ", ".join(map(str, kept[:8])) + (", ..." if len(kept) > 8 else "")
        raise ConfigError(
            f"{name}: {values!r} is not allowed; the run has {shown}, and a resume keeps its "
            "settings; to add values, give the old ones too"
        )
    added = [value for value in values if value not in kept]
    return sweep.with_values(name, added) if added else sweep
