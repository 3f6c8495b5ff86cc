"""Settings read off the signature of a user's function or class."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Collection
from typing import Any, Literal, get_args, get_origin, get_type_hints

from grokjax.errors import ConfigError
from grokjax.settings.field import PLAIN, PLAIN_VALUE, fields_of, plain_value, setting

USER_KINDS = {
    "task": ("static", "variant"),
    "model": ("static",),
    "optimizer": ("static", "traced"),
    "interventions": ("static", "traced"),
}
"""Kinds of the settings that a user's class may have, by group."""


def settings_class(
    group: str,
    name: str,
    source: Callable[..., Any],
    base: type,
    provided: Collection[str],
    traced: Collection[Any] = (),
) -> type:
    """Return a dataclass with a setting for each parameter of `source` that a flag can hold.

    Args:
      group: what `source` is, for messages: `task`, `model` or `optimizer`.
      name: its name.
      source: a function or a class; parameters that no flag can hold keep their defaults.
      base: the class to derive from.
      provided: parameters that grokjax fills in, and that are no settings.
      traced: types of parameters that become traced settings; all others are static.

    Raises:
      ConfigError: a parameter that has no default and is neither provided nor of a plain type.
    """
    target = source.__init__ if inspect.isclass(source) else source
    try:
        hints = get_type_hints(target)
    except NameError:  # an annotation that only type checkers can resolve
        hints = {}
    fields = []
    for parameter in parameters_of(source):
        if parameter.name in provided:
            continue
        if parameter.name in ("source", "accepted") or callable(
            getattr(base, parameter.name, None)
        ):
            raise ConfigError(
                f"{group} {name}: must not name a parameter {parameter.name}; rename it"
            )
        required = parameter.default is parameter.empty
        # None, in place of a default, is refused until a value is given.
        default = None if required else plain_value(parameter.default)
        annotated = hints.get(parameter.name, PLAIN_VALUE if required else type(default))
        hint = _plain(annotated, default)
        if hint is not None:
            kind = "traced" if hint in traced else "static"
            made = setting(default, f"Parameter of {name}", kind=kind)
            fields.append((parameter.name, hint, made))
        elif required:
            raise ConfigError(
                f"{group} {name}: its parameter {parameter.name} must be a number, a text, True or "
                f"False, have a default, or be one of {', '.join(provided)}"
            )
    return dataclasses.make_dataclass(
        name,
        fields,
        bases=(base,),
        frozen=True,
        kw_only=True,
        namespace={"source": staticmethod(source), "__doc__": source.__doc__ or ""},
    )


def as_settings(group: str, name: str, cls: type) -> type:
    """Return a user's subclass of `Task`, `Model` or `Rule` as a frozen dataclass.

    Raises ConfigError where it cannot be one, or has a setting that a flag cannot hold.
    """
    if hasattr(cls, "__post_init__"):
        raise ConfigError(f"{group} {name}: its __post_init__ is never called; use a property")
    try:
        if "__dataclass_fields__" not in vars(cls):
            cls = dataclasses.dataclass(frozen=True, kw_only=True)(cls)
        fields = fields_of(cls).values()
    except (TypeError, ValueError, NameError) as error:
        raise ConfigError(f"{group} {name}: cannot be a dataclass ({error})") from error
    kinds = USER_KINDS[group]
    traced = (int, float, bool)
    if group == "interventions":  # None is NaN in compiled code: such as for `unchanged`
        traced += (float | None, int | None)
    for field in fields:
        if field.kind not in kinds:
            raise ConfigError(
                f"{group} {name}: its setting {field.name} must be {' or '.join(kinds)}, "
                f"got kind {field.kind!r}"
            )
        if field.kind == "traced" and field.hint not in traced:
            raise ConfigError(
                f"{group} {name}: its traced setting {field.name} must be a number, True or False"
            )
        if not field.choices and field.plain_hint not in PLAIN:
            raise ConfigError(
                f"{group} {name}: its setting {field.name} must be a number, a text, True or False"
            )
    return cls


def parameters_of(source: Callable[..., Any]) -> list[inspect.Parameter]:
    """Return the named parameters of a function, or of a class's constructor.

    A class is not asked for its own signature: that of an NNX module is `(*args, **kwargs)`.
    """
    target = source.__init__ if inspect.isclass(source) else source
    parameters = list(inspect.signature(target).parameters.values())
    variadic = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [p for p in parameters[inspect.isclass(source) :] if p.kind not in variadic]


def _plain(hint: Any, default: Any) -> Any:
    """Return the type of a setting, or None for a parameter that is left at its default."""
    arguments = [a for a in get_args(hint) if a is not type(None)]
    if get_origin(hint) is Literal:
        return hint if all(isinstance(a, str) for a in arguments) else None
    if hint in PLAIN or hint == PLAIN_VALUE:
        return hint
    if type(None) in get_args(hint) and len(arguments) == 1 and arguments[0] in PLAIN:
        return hint
    return type(default) if type(default) in PLAIN else None  # such as a union with arrays
