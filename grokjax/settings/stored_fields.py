"""Settings of a class as plain JSON values, and a class made of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Literal

from grokjax.settings.field import PLAIN_VALUE, Field, fields_of, setting

TYPES: dict[str, Any] = {
    "int": int,
    "float": float,
    "bool": bool,
    "str": str,
    "choice": str,
    "any": PLAIN_VALUE,
}


def fields_to_dict(group: type) -> dict[str, dict[str, Any]]:
    """Return the settings of a group by name: types, defaults and kinds, as JSON values."""
    return {name: _field_to_dict(field) for name, field in fields_of(group).items()}


def _field_to_dict(field: Field) -> dict[str, Any]:
    hint = str if field.choices else field.plain_hint
    plain = "choice" if field.choices else "any" if hint == PLAIN_VALUE else hint.__name__
    return {
        "type": plain,
        "choices": list(field.choices),
        "optional": field.hint is not field.plain_hint,
        "default": field.default,
        "kind": field.kind,
    }


def class_from_fields(
    name: str, stored: Mapping[str, Mapping[str, Any]], base: type, *, strict: bool
) -> type:
    """Return a dataclass with the settings that `fields_to_dict` gave.

    strict: check choices and ask for values without a default, as for a class that is known.
    """
    fields = []
    for field, about in stored.items():
        hint: Any = TYPES[about["type"]]
        if strict and about["choices"]:
            hint = Literal[tuple(about["choices"])]
        if about["optional"] or (about["default"] is None and not strict):
            hint = hint | None
        added = setting(about["default"], f"Parameter of {name}", kind=about["kind"])
        fields.append((field, hint, added))
    return dataclasses.make_dataclass(name, fields, bases=(base,), frozen=True, kw_only=True)
