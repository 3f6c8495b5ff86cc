"""What an update rule is: settings, and a function to an `optax.GradientTransformation`.

There are two kinds of functions. A *complete* rule has a parameter `learning_rate` and gives the
updates themselves, as the rules of optax do; if it has one, `weight_decay` is given to it as well.
Any other rule gives a direction, to which grokjax adds decay and the learning rate.

The rules of optax are found by name. Those that grokjax has itself are `optax.sgd` and so on.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import json
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from grokjax.errors import ConfigError
from grokjax.settings.field import DECAY_RATE, POSITIVE, setting, values_of
from grokjax.settings.registry import Library, Registry
from grokjax.settings.signature import as_settings, parameters_of, settings_class
from grokjax.settings.stored_fields import class_from_fields, fields_to_dict

PROVIDED = ("learning_rate", "weight_decay", "mask", "weight_decay_mask")
"""Parameters of a complete rule that grokjax fills in, if the rule has them. The masks are trees of
True and False: which arrays decay."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Base of the settings of an update rule.

    function: makes the transformation from the settings by keyword; or `package.module:function`.
    decay: whether weight decay is added to the direction (decoupled) or to the gradient (coupled).
    elementwise: whether each number is updated by itself, whatever the shape of its array. Other
      rules get parameters in their own layout and not as they are laid out for speed.
    """

    function: ClassVar[Any] = None
    decay: ClassVar[Literal["decoupled", "coupled"]] = "coupled"
    elementwise: ClassVar[bool] = False
    provided: ClassVar[frozenset[str]] = frozenset()

    @property
    def complete(self) -> bool:
        """Whether the rule applies the learning rate by itself."""
        return "learning_rate" in self.provided

    def transformation(self, *, hypers: Any = None, **provided: Any) -> Any:
        """Build the rule's transformation.

        Args:
          hypers: the member's hyperparameters, which have the values of traced settings.
          **provided: values of the parameters in `provided`.
        """
        function = self.function
        if isinstance(function, str):
            function = pkgutil.resolve_name(function)
        given = {n: v for n, v in provided.items() if n in self.provided}
        made = function(**values_of(self, hypers), **given)
        if not all(callable(getattr(made, part, None)) for part in ("init", "update")):
            raise ConfigError(
                f"optimizer {type(self).__name__}: must return an optax.GradientTransformation, "
                f"got {type(made).__name__}"
            )
        return made


@dataclass(frozen=True, kw_only=True)
class Adam(Rule):
    """Adam with coupled L2, as torch has it (Kingma & Ba 2015)."""

    function = "grokjax.optim.transforms:scale_by_adam"
    elementwise = True

    beta1: float = setting(0.9, "Decay rate of Adam's first moment; SGD's momentum", DECAY_RATE)
    beta2: float = setting(0.999, "Decay rate of Adam's second moment", DECAY_RATE)
    eps: float = setting(1e-8, "Adam's term against division by zero", POSITIVE)


@dataclass(frozen=True, kw_only=True)
class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019)."""

    decay = "decoupled"


@dataclass(frozen=True, kw_only=True)
class SGD(Rule):
    """Stochastic gradient descent with momentum and coupled L2, as torch has it."""

    function = "grokjax.optim.transforms:momentum"
    elementwise = True

    beta1: float = setting(0.9, "Momentum", DECAY_RATE)


def _adapted(name: str, source: Any) -> type:
    """Return the class of settings of a rule that a user registers."""
    if isinstance(source, type) and issubclass(source, Rule):
        return as_settings("optimizer", name, source)
    if not callable(source):
        raise ConfigError(f"optimizer {name}: must be a function to a GradientTransformation")
    if str(source.__module__).startswith("optax."):
        raise ConfigError(
            f"optimizer {name}: is a part of a rule in optax; give a function of yours that "
            "returns it, or a whole rule such as optax.lion"
        )
    return _function_rule(name, source)


def _function_rule(name: str, source: Callable[..., Any]) -> type:
    """Return the class of settings of a function, a setting for each parameter."""
    rule = settings_class("optimizer", name, source, Rule, PROVIDED)
    rule.function = staticmethod(source)
    rule.provided = frozenset(PROVIDED) & {p.name for p in parameters_of(source)}
    return rule


BUILTIN = {
    "adamw": "grokjax.optim.rule:AdamW",
    "adam": "grokjax.optim.rule:Adam",
    "sgd": "grokjax.optim.rule:SGD",
}

CLASHING = ("seed", "warmup_steps")
"""Parameters of rules of optax that are settings of grokjax; the rule's name is put before them."""


class OptaxRule(Rule):
    """Base of the settings of a rule of optax."""


def _optax_function(name: str) -> Callable[..., Any] | None:
    """Return the complete rule that optax or optax.contrib has under this name, or None."""
    name = name.removeprefix("optax.")
    if name.startswith(("_", "scale_by_")):
        return None
    for module in ("optax", "optax.contrib"):
        found = vars(importlib.import_module(module)).get(name)  # without deprecated names
        if inspect.isfunction(found) and "learning_rate" in inspect.signature(found).parameters:
            return found
    return None


def _optax_names() -> Iterator[str]:
    """Yield the names of all rules of optax and optax.contrib."""
    for module in ("optax", "optax.contrib"):
        for name in vars(importlib.import_module(module)):
            if _optax_function(name) is not None:
                yield f"optax.{name}" if name in BUILTIN else name


def _optax_name(source: Any) -> str | None:
    """Return the name of a function of optax that is a rule, or None."""
    name = getattr(source, "__name__", None)
    if not isinstance(name, str) or not str(source.__module__).startswith("optax."):
        return None
    return (f"optax.{name}" if name in BUILTIN else name) if _optax_function(name) else None


def _renamed(name: str, parameter: str) -> str:
    """Return the name of the setting for a parameter of a rule of optax."""
    return f"{name.removeprefix('optax.')}_{parameter}" if parameter in CLASHING else parameter


def _search_optax(name: str) -> type | None:
    """Return the class of settings of the rule that optax has under this name, or None."""
    function = _optax_function(name)
    if function is None:
        return None
    read: Any = _function_rule(name, function)
    settings = {_renamed(name, n): about for n, about in fields_to_dict(read).items()}
    stored = {"settings": settings, "provided": sorted(read.provided)}
    return optax_rule(name, json.dumps(stored, sort_keys=True))


@functools.cache
def optax_rule(name: str, stored: str) -> type:
    """Return the class of settings of a rule of optax without importing optax.

    The same description gives the same class, whether it is read from optax or from a run.

    Args:
      name: the rule's name.
      stored: JSON of its `settings`, as `fields_to_dict` gives them, and of its `provided`.
    """
    about = json.loads(stored)

    def function(**settings: Any) -> Any:
        found = _optax_function(name)
        if found is None:
            raise ConfigError(f"optimizer {name}: this version of optax does not have it")
        names = {_renamed(name, each): each for each in CLASHING}
        return found(**{names.get(n, n): value for n, value in settings.items()})

    cls: Any = class_from_fields(name, about["settings"], OptaxRule, strict=True)
    cls.function = staticmethod(function)
    cls.provided = frozenset(PROVIDED) & frozenset(about["provided"])
    return cls


OPTAX = Library("any rule of optax", "optax", _search_optax, _optax_name, _optax_names)

OPTIMIZERS = Registry("optimizer", BUILTIN, _adapted, OPTAX)


def rule(source: Callable[..., Any]) -> Callable[..., Any]:
    """Decorator: make a function to an `optax.GradientTransformation` known by its name.

    With a parameter `learning_rate` it is a complete rule, else it gives a direction. Other
    parameters with defaults become settings. Compiled code is kept: where you change a function
    that `source` calls, define `source` again.

    Example:
      >>> import grokjax
      >>> import optax
      >>> @rule
      ... def signs(learning_rate: float):
      ...     return optax.chain(optax.sign_sgd(learning_rate))
      >>> grokjax.Config(optimizer=signs, weight_decay=0.0).optimizer
      'signs'
    """
    OPTIMIZERS.add(source.__name__, source)
    return source
