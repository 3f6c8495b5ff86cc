"""Explain every setting in words, from its field, so that no explanation can be out of date."""

from __future__ import annotations

import inspect
from types import UnionType
from typing import Any, get_args

from grokjax.config.settings import DEFAULT_KINDS, KIND_HELP, KINDS
from grokjax.config.training import Training
from grokjax.optim.settings import Optimization
from grokjax.settings.field import PLAIN_VALUE, Field, fields_of
from grokjax.tasks.data import Data

COMMON = {
    "The data of any task": Data,
    "Optimisation, with any update rule": Optimization,
    "Training": Training,
}
"""Groups of settings that every config has."""

INT32 = f" and at most {2**31 - 1}"
"""What the explanation of a whole number leaves out."""

HEAD = """In brackets are each setting's type, default and kind. *traced*: data of the compiled
program, one value a member. *static*: members that differ in it need programs of their own.
*variant*: it chooses the targets, and is data too. *run*: one value for a whole run."""


def explain(field: Field) -> str:
    """Return one line on a setting: name, type, default, kind, meaning and range."""
    default = "required" if field.required else repr(field.default)
    text = field.help.rstrip(".") or "As the function or class of this piece says"
    allowed = f"; {field.allowed.text}".removesuffix(INT32) if field.allowed else ""
    return f"- `{field.name}` ({_type_name(field)}, {default}, {field.kind}): {text}{allowed}."


def explain_settings() -> str:
    """Return all settings of all known pieces as Markdown, by what they belong to."""
    kinds = [
        f"- `{name}` (name, {DEFAULT_KINDS[name]!r}, static): {text}."
        for name, text in KIND_HELP.items()
    ]
    parts = [HEAD, _section("Kinds of pieces", kinds)]
    parts += [_fields_section(title, group) for title, group in COMMON.items()]
    parts += [
        _fields_section(f"{kind} {name}", registry.get(name))
        for kind, registry in KINDS.items()
        for name in registry
        if fields_of(registry.get(name))
    ]
    return "\n\n".join(parts)


class WithSettings:
    """A docstring of a class to which `explain_settings` is appended when it is read.

    Only then are the modules of all tasks, models and rules imported.
    """

    def __init__(self, text: str | None) -> None:
        self._text = inspect.cleandoc(text or "")

    def __get__(self, instance: Any, owner: type | None = None) -> str:
        return f"{self._text}\n\n{explain_settings()}"


def _fields_section(title: str, group: type) -> str:
    return _section(title, [explain(field) for field in fields_of(group).values()])


def _section(title: str, lines: list[str]) -> str:
    return f"**{title}**\n\n" + "\n".join(lines)


def _type_name(field: Field) -> str:
    """Return the type of a setting in words: `int or None`, or the values that it can have."""
    if field.choices:
        name = " | ".join(field.choices)
    elif field.hint == PLAIN_VALUE:
        return "any plain value"
    else:
        plain = field.plain_hint
        parts = get_args(plain) if isinstance(plain, UnionType) else (plain,)
        name = " or ".join(getattr(part, "__name__", str(part)) for part in parts)
    return f"{name} or None" if type(None) in get_args(field.hint) else name
