"""What is derived from a config's settings, and is shared by configs that differ in others.

A sweep of 100 000 seeds takes 5 s and 300 MB less if its members share these objects.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from grokjax.settings.field import fields_of

OF_DATA_AND_MODEL = ("spec", "task_settings", "model_settings", "num_examples", "network")
"""Cached properties of a `Config` that only settings of its task and its model decide."""


def unchanged(config: Any, changed: Iterable[str]) -> dict[str, Any]:
    """Return the cached properties of a config, by name, that do not depend on some settings.

    changed: the settings; none is a kind of task, model, rule or intervention.
    """
    names, groups, fields = set(changed), config.group_classes, config.fields
    found = []
    if names.isdisjoint(fields_of(groups["task"])) and names.isdisjoint(fields_of(groups["model"])):
        found += OF_DATA_AND_MODEL
    if all(fields[name].kind == "traced" and not fields[name].switch for name in names):
        found.append("program")
    return {name: getattr(config, name) for name in found}
