"""Command-line flags from the fields of Config, and back to a sweep."""

from __future__ import annotations

import dataclasses
from dataclasses import field
from typing import Annotated, Any, Literal, get_args, get_origin

import tyro

from grokjax.config import FIELDS, TYPES, Config, names_of
from grokjax.recipes import Recipe
from grokjax.settings import ConfigError, refuse
from grokjax.sweep import MOST_MEMBERS, Sweep

DEFAULT_SEEDS = 8


GROUPS = {
    "task": "operation modulus classes",
    "data": "train_fraction split data_seed label_noise batch_size",
    "network": "embed_dim embeddings combine hidden_dim hidden_layers activation biases "
    "layer_normalization tied initializer init_scale",
    "optimiser": "loss optimizer learning_rate weight_decay decay_towards beta1 beta2 eps grokfast "
    "grokfast_alpha grokfast_lambda grokfast_window gradient_noise orthogonal_gradient fixed_norm",
    "schedule": "schedule warmup_steps decay_steps final_rate",
    "stopping": "max_epochs stop_when stop_patience extra_epochs",
    "recording": "eval_every snapshot_every snapshot_spacing",
    "machine": "precision",
}
"""Settings by the box of `--help` in which they stand; `seed` stands with the command's own."""


def fields(recipe: Recipe | None, machine: type) -> list[tuple[str, Any, Any]]:
    """The fields of a command with a flag for every setting, several values where it can be swept.

    They are for `make_dataclass`: the seeds and a dataclass for each group, of which
    the last one extends `machine`. With a recipe its values are the defaults; without
    one the default is to leave the setting alone.
    """
    found = [_seeds(recipe), _setting("seed", recipe)]
    for group, names in GROUPS.items():
        members = [_setting(name, recipe) for name in names.split()]
        if group == "data":
            members.append(_flag("full_batch", bool, "All pairs a step", False))
        bases = (machine,) if group == "machine" else ()
        kind = dataclasses.make_dataclass(
            group, members, bases=bases, namespace={"__doc__": ""}, kw_only=True
        )
        found.append((group, kind, field(default_factory=kind)))
    return found


def _flag(name: str, hint: Any, text: str, default: Any, /, **how: Any) -> tuple[str, Any, Any]:
    """A field whose flag is named without its group's prefix."""
    if default is None:
        hint = hint | None
        how["help_behavior_hint"] = ""  # the text says what that means, where it is not plain
    conf = tyro.conf.arg(help=text, prefix_name=False, **how)
    return name, Annotated[hint, conf], field(default=default)


def _seeds(recipe: Recipe | None) -> tuple[str, Any, Any]:
    text = "Number of seeds, 0 to N - 1, for each combination of the other values"
    if recipe is not None:
        text += f" (default: {DEFAULT_SEEDS})"
    return _flag("seeds", int, text, None, metavar="INT")


def _setting(name: str, recipe: Recipe | None) -> tuple[str, Any, Any]:
    """The field of a setting."""
    setting, hint = FIELDS[name], TYPES[name]
    text, brief = setting.metadata["help"], setting.metadata["brief"]
    text += f", {brief}" if brief else ""
    default = None if recipe is None or name == "seed" else getattr(recipe.config, name)
    plain = _without_none(hint)
    choices = list(get_args(plain)) if get_origin(plain) is Literal else []
    if not all(choice in text for choice in choices):
        text += f": {', '.join(choices[:-1])} or {choices[-1]}"
    if name not in names_of("static", "traced"):
        return _flag(name, hint, text, default, metavar=_metavar(plain))
    if recipe is not None and name in recipe.axes:
        default = recipe.axes[name]
    elif default is not None:
        default = (default,)
    how: dict[str, Any] = {"metavar": f"{_metavar(plain)} ..."}
    if plain is bool:  # shown and given as any other; `words` gives the value
        how = {"metavar": "", "name": f"no-{name}", "aliases": ["--" + name.replace("_", "-")]}
    return _flag(name, tuple[plain, ...], text, default, **how)


def _metavar(plain: Any) -> str:
    """What stands for a value."""
    return {int: "INT", float: "FLOAT"}.get(plain, "NAME")


def values(command: Any) -> dict[str, Any]:
    """The values of the settings that a command was given, by name."""
    found = _flat(command)
    return {name: found[name] for name in (*FIELDS, "seeds", "full_batch")}


def _flat(command: Any) -> dict[str, Any]:
    """The values of a dataclass and of those in it."""
    found: dict[str, Any] = {}
    for f in dataclasses.fields(command):
        value = getattr(command, f.name)
        found |= _flat(value) if dataclasses.is_dataclass(value) else {f.name: value}
    return found


def _without_none(hint: Any) -> Any:
    """`int | None -> int`, anything else as it is."""
    return next(iter(get_args(hint))) if type(None) in get_args(hint) else hint


def _seed_count(seeds: int | None) -> int:
    if seeds is not None and seeds < 1:
        raise refuse("seeds", seeds, "it must be at least 1")
    if seeds is not None and seeds > MOST_MEMBERS:
        raise refuse("seeds", seeds, f"at most {MOST_MEMBERS}")
    return DEFAULT_SEEDS if seeds is None else seeds


def sweep_of(given: dict[str, Any], base: Config) -> Sweep:
    """The sweep of the `values` of a command, on top of a recipe's config."""
    given = dict(given)
    seeds, full_batch = given.pop("seeds"), given.pop("full_batch")
    if full_batch:
        given["batch_size"] = (None,)
    for name in names_of("static", "traced"):
        if given[name] is None and name != "seed":  # not given, and none in the recipe
            given[name] = (None,)
    if seeds is not None and given["seed"] is not None:
        raise ConfigError("seeds: give --seeds or --seed, not both")
    if given["seed"] is None:
        given["seed"] = tuple(range(_seed_count(seeds)))
    given["seed"] = given.pop("seed")  # the last axis: seeds of one setting stand together
    axes = {n: v for n, v in given.items() if isinstance(v, tuple) and len(v) != 1}
    shared = {n: v[0] if isinstance(v, tuple) else v for n, v in given.items() if n not in axes}
    return Sweep(dataclasses.replace(base, **shared), **axes)


def extended(sweep: Sweep, given: dict[str, Any], add_seeds: int | None) -> Sweep:
    """A run's sweep with what the flags add to it: seeds, values of an axis, epochs.

    Settings may be repeated and added to, not changed: values of an axis are
    given with the old ones among them.
    """
    given = dict(given)
    seeds, full_batch = given.pop("seeds"), given.pop("full_batch")
    if seeds is not None:
        if given["seed"] is not None:
            raise ConfigError("seeds: give --seeds or --seed, not both")
        given["seed"] = tuple(range(_seed_count(seeds)))
    if full_batch:
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
