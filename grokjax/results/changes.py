"""Whether tasks, models and metrics are still those that a run was trained with.

They are compared with what the run stores in `networks` of config.json. Of an update rule only the
settings are known, so a change inside it is not noticed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from grokjax.config.settings import KINDS
from grokjax.errors import ConfigError
from grokjax.models.model import Shapes
from grokjax.results.networks import NetworkInfo, Networks
from grokjax.results.pieces import changed_piece
from grokjax.settings.field import fields_of, view
from grokjax.settings.stored_fields import fields_to_dict


def check_unchanged(stored: Networks, now: Networks) -> None:
    """Raise ConfigError, naming the piece, if a network of a run differs from today's."""
    for info in stored.all:
        today = now.with_settings(info.settings)
        if today is not None:
            _check_task(info, today)
            check_parameters(info, today.shapes)
            if info.token_table != today.token_table:
                found = f"its token table is {today.token_table}, not {info.token_table}"
                raise changed_piece("model", info.settings["model"], found)
            _check_metrics(info, today)


def _check_task(stored: NetworkInfo, now: NetworkInfo) -> None:
    name = stored.settings["task"]
    if found := _data_difference(stored, now.spec, now.examples):
        raise changed_piece("task", name, found)
    for variant, digest in stored.digests.items():
        check_digest(name, digest, now.digests.get(variant))


def check_digest(name: str, stored: str | None, now: str | None) -> None:
    """Raise ConfigError if a task has other examples than a run stores a digest of."""
    if stored is not None and stored != now:
        raise changed_piece("task", name, "its examples have other inputs or targets")


def check_parameters(stored: NetworkInfo, now: Shapes) -> None:
    """Raise ConfigError if a model has other parameters than a run stores."""
    for name in dict.fromkeys([*stored.shapes, *now]):
        shape, today = stored.shapes.get(name), now.get(name)
        if shape != today:
            found = f"parameter {name} {_words(today)}, and {_words(shape)} in the run"
            raise changed_piece("model", stored.settings["model"], found)


def _words(shape: tuple[int, ...] | None) -> str:
    return "does not exist" if shape is None else f"has shape {list(shape)}"


def _check_metrics(stored: NetworkInfo, now: NetworkInfo) -> None:
    for name in dict.fromkeys([*stored.metrics, *now.metrics]):
        metric, today = stored.metrics.get(name), now.metrics.get(name)
        if metric is None or today is None:
            where = "here" if today is None else "in the run"
            raise changed_piece("metric", name, f"this network does not have it {where}")
        if list(metric.dims.items()) != list(today.dims.items()):
            shapes = f"{_sizes(today.dims)}, and {_sizes(metric.dims)} in the run"
            raise changed_piece("metric", name, f"its dimensions or their labels are {shapes}")


def _sizes(dims: Mapping[str, list[Any]]) -> str:
    return f"({', '.join(f'{name} {len(labels)}' for name, labels in dims.items())})"


def _data_difference(stored: NetworkInfo, spec: Any, examples: Mapping[str, int]) -> str:
    """Say how the shapes and sizes of data differ from those of a run; empty if they do not."""
    before, today = dataclasses.asdict(stored.spec), dataclasses.asdict(spec)
    for name in before:
        if before[name] != today[name]:
            return f"its {name} is {today[name]}, and {before[name]} in the run"
    for variant, size in stored.examples.items():
        if size != examples.get(variant):
            return f"it has {examples.get(variant)} examples, and {size} in the run"
    return ""


def difference_of_piece(group: str, name: str, piece: dict[str, Any], networks: Networks) -> str:
    """Say how a piece that is known here differs from the one that a run stores; empty if not.

    This is found without JAX. What a model computes is compared where it is built.
    """
    cls = KINDS[group].get(name)
    stored, now = piece["settings"], fields_to_dict(cls)
    for field in dict.fromkeys([*stored, *now]):
        before, today = stored.get(field), now.get(field)
        if before is None or today is None:
            return f"the setting {field} {'is new' if before is None else 'is missing'}"
        same = all(before[key] == today[key] for key in ("type", "kind", "optional"))
        if not same or not set(before["choices"]) <= set(today["choices"]):
            return f"the setting {field} takes other values"
    if group == "task":
        for info in networks.all:
            if info.settings["task"] == name and (found := _task_difference(cls, info)):
                return found
    return ""


def _task_difference(cls: Any, stored: NetworkInfo) -> str:
    """Say how the data that a task builds here differ from those of a stored network."""
    fields, chooser = fields_of(cls), cls.variant_name()
    if not {n for n in fields if n != chooser} <= stored.settings.keys():
        return ""
    values = {n: f.checked(stored.settings[n]) for n, f in fields.items() if n != chooser}
    sizes = {}
    spec = stored.spec
    for variant in stored.examples:
        task = view(cls, {n: values[n] if n != chooser else variant for n in fields})
        try:
            spec, sizes[variant] = task.spec(), task.num_examples()
        except ConfigError as error:  # the user's function raised
            return str(error)
    return _data_difference(stored, spec, sizes)


def extended_networks(stored: Networks, now: Networks) -> Networks:
    """Return the networks of a run with new members; what it has stored stays."""
    networks = []
    for each in stored.all:
        today = now.with_settings(each.settings)
        if today is not None:  # new members may have other variants, or a larger rule
            each = dataclasses.replace(
                each,
                examples=today.examples | each.examples,
                digests=today.digests | each.digests,
                state_bytes=max(today.state_bytes, each.state_bytes),
            )
        networks.append(each)
    networks += [each for each in now.all if stored.with_settings(each.settings) is None]
    return Networks(networks)
