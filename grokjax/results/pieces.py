"""The tasks, models and rules of the user's own that a run has, known here or not."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from grokjax.config.config import Config
from grokjax.config.settings import KINDS, Settings
from grokjax.config.sweep import Sweep
from grokjax.errors import ConfigError
from grokjax.models.model import Model
from grokjax.optim.intervention import Intervention
from grokjax.optim.rule import OptaxRule, Rule, optax_rule
from grokjax.results.networks import NetworkInfo, Networks, name_of
from grokjax.results.piece_files import describe_file, how_to_import
from grokjax.settings.field import fields_of
from grokjax.settings.stored_fields import class_from_fields, fields_to_dict
from grokjax.tasks.task import Task

BASES: dict[str, type] = {
    "task": Task,
    "model": Model,
    "optimizer": Rule,
    "interventions": Intervention,
}


def describe_pieces(configs: Iterable[Config], directory: Path) -> dict[str, dict[str, Any]]:
    """Return where the users' tasks, models and rules of these members are defined, as JSON values.

    By group and name: module, qualified name, the file as it is seen from the run directory, and
    the settings with their types. Tasks of grokjax that read files are among them.
    """
    found: dict[str, dict[str, Any]] = {}
    for config in configs:
        for group in KINDS:
            for name in KINDS[group].names_in(getattr(config, group)):
                source = KINDS[group].source_of(name)
                if source is not None and name not in found.get(group, {}):
                    fields = fields_to_dict(KINDS[group].get(name))
                    file = describe_file(KINDS[group].piece(name), directory)
                    found.setdefault(group, {})[name] = source | file | {"settings": fields}
    return found


def user_sources(info: dict[str, Any]) -> list[dict[str, Any]]:
    """Return where the user's own pieces are defined, of all groups of a config.json."""
    pieces = [piece for group in info["pieces"].values() for piece in group.values()]
    return [piece for piece in pieces if not piece["module"].startswith("grokjax.")]


def describe_optax_rules(configs: Iterable[Config]) -> dict[str, Any]:
    """Return the settings of the rules of optax that these members have, by name, as JSON values.

    With them a run is read without optax, and whatever optax calls its parameters by then.
    """
    classes = {config.optimizer: config.group_classes["optimizer"] for config in configs}
    return {
        name: {"settings": fields_to_dict(cls), "provided": sorted(cls.provided)}
        for name, cls in classes.items()
        if issubclass(cls, OptaxRule)
    }


def with_new_pieces(info: dict[str, Any], sweep: Sweep, directory: Path) -> dict[str, Any]:
    """Return `pieces` and `optax_rules` of config.json with those that a sweep adds."""
    examples = (program.example for program in sweep.programs())  # of every kind of member
    configs, stored = dict.fromkeys([sweep.config, *examples]), info["pieces"]
    described = describe_pieces(configs, directory)
    new = {group: each | stored.get(group, {}) for group, each in described.items()}
    rules = describe_optax_rules(configs) | info.get("optax_rules", {})
    return {"pieces": stored | new, "optax_rules": rules}


def stored_optax_rule(name: str, stored: dict[str, Any]) -> type:
    """Return the rule that `describe_optax_rules` described; raise an error for other values."""
    for field in stored["settings"]:
        name_of(field)
    return optax_rule(name_of(name), json.dumps(stored, sort_keys=True))


@functools.lru_cache(maxsize=64)
def stand_in(group: str, name: str, stored: str, difference: str = "") -> type:
    """Return a class of settings in place of a user's piece that is unknown or changed here.

    It answers all questions that reading a run asks, from what the run stores: `pieces` and
    `networks` of config.json, as JSON. The same answer gives the same class. difference: how a
    changed piece differs.
    """
    pieces, infos = json.loads(stored)
    piece, networks = pieces[group][name], Networks(map(NetworkInfo.from_dict, infos))
    for field in piece["settings"]:
        name_of(field)
    cls: Any = class_from_fields(name_of(name), piece["settings"], BASES[group], strict=False)
    if group == "task":

        def info_of(task: Any) -> NetworkInfo:
            # The shared settings are those of no member if the task's settings are swept: any
            # network will do. Each member's own is looked up when the run is read.
            names = [n for n in fields_of(cls) if n in networks.all[0].settings]
            values = vars(task)
            fitting = (
                i for i in networks.all if all(i.settings.get(n) == values[n] for n in names)
            )
            return next(fitting, networks.all[0])

        cls.spec = lambda task: info_of(task).spec
        cls.num_examples = lambda task: info_of(task).examples[
            str(getattr(task, cls.variant_name() or "", ""))
        ]
        cls.num_rows = cls.num_examples
        cls.has_mirror = lambda task: True  # checked when the run was trained, as are the losses
        cls.target_kind = lambda task: "classes"
    cls.difference = difference
    cls.missing = {k: name_of(piece[k]) for k in ("module", "name")}
    return cls


def changed_piece(group: str, name: str, difference: str) -> ConfigError:
    """Return the error for a piece that is not the one that a run was trained with."""
    return ConfigError(
        f"{group} {name} has changed since the run was trained: {difference}; use the file, or the "
        "version of grokjax, that the run was trained with"
    )


def check_known(configs: Iterable[Settings], *groups: str) -> None:
    """Raise ConfigError if members have a piece that is unknown here, or that has changed.

    groups: the groups that are needed, of task, model and optimizer; all without any.
    """
    for config in dict.fromkeys(configs):
        for group in groups or KINDS:
            cls = config.group_classes[group]
            missing = getattr(cls, "missing", None)
            if missing is not None:
                if cls.difference:  # pyright: ignore[reportAttributeAccessIssue]
                    raise changed_piece(group, getattr(config, group), cls.difference)  # pyright: ignore[reportAttributeAccessIssue]
                raise ConfigError(
                    f"{group} {getattr(config, group)} must be imported first: "
                    f"{how_to_import(**missing)} and load the run again"
                )
