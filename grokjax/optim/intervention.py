"""What an intervention is: settings, and what it does to a member from a moment on.

From that moment, which is the member's own and traced, an intervention changes the weights after
each update, the settings of the update, or both. Members in which it never begins are controls in
the same program. Without interventions nothing is compiled in.
"""

from __future__ import annotations

import dataclasses
import functools
import pkgutil
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from grokjax.errors import ConfigError
from grokjax.settings.combinations import Combinations
from grokjax.settings.field import fields_of, setting, values_of, whole
from grokjax.settings.signature import as_settings, parameters_of, settings_class

NEVER = 2**31 - 1
"""Step at which an intervention without a moment begins."""

PROVIDED = ("params", "moment")
"""Parameters of a user's function that grokjax fills in."""


def _or_never(name: str) -> Callable[[Any], np.int32]:
    def step(config: Any) -> np.int32:
        value = getattr(config, name)
        return np.int32(NEVER if value is None else value)

    return step


@dataclass(frozen=True, kw_only=True)
class Intervention:
    """Base of the settings of an intervention.

    It begins at the earlier of the two moments that its settings name, for all interventions of a
    member at once.

    function: makes the `grokjax.optim.effects.Effect` from the settings by keyword; or
      `package.module:function`.
    any_layout: whether it works on weights as they are laid out for speed, with the names of the
      model but other shapes. Other interventions get them in the model's own layout.
    """

    function: ClassVar[Any] = None
    any_layout: ClassVar[bool] = False

    intervene_from: int | None = setting(
        None,
        "Updates before the interventions begin: the first one after so many updates; default: "
        "they never begin",
        whole(0),
        kind="traced",
        traced_value=_or_never("intervene_from"),
    )
    intervene_after_memorised: int | None = setting(
        None,
        "Updates from the evaluation at which the member has memorised until they begin; default: "
        "only intervene_from counts",
        whole(0),
        kind="traced",
        traced_value=_or_never("intervene_after_memorised"),
    )

    def check_params(self, params: Any) -> None:
        """Raise ConfigError unless a model's parameters have what the settings name."""

    def effect(self, hypers: Any) -> Any:
        """Return what it does to a member with these hyperparameters."""
        function = self.function
        if isinstance(function, str):
            function = pkgutil.resolve_name(function)
        return function(**self.own_values(hypers))

    def own_values(self, hypers: Any) -> dict[str, Any]:
        """Return its settings by name, without those that say when it begins."""
        return {n: v for n, v in values_of(self, hypers).items() if n not in COMMON}


COMMON = frozenset(fields_of(Intervention))
"""Settings that all interventions of a member share: when they begin."""


@dataclass(frozen=True, kw_only=True)
class FunctionIntervention(Intervention):
    """An intervention made of a user's function from parameters to parameters."""

    accepted: ClassVar[frozenset[str]]
    source: ClassVar[Callable[..., Any]]

    def effect(self, hypers: Any) -> Any:
        make = pkgutil.resolve_name("grokjax.optim.effects:of_function")
        return make(type(self).source, type(self).accepted, hypers, self)


def _adapted(name: str, source: Any) -> type:
    """Return the class of settings of an intervention that a user registers."""
    if isinstance(source, type) and issubclass(source, Intervention):
        return as_settings("interventions", name, source)
    names = [p.name for p in parameters_of(source)] if callable(source) else []
    if isinstance(source, type) or "params" not in names:
        raise ConfigError(
            f"intervention {name}: must be a function of params to params, or an Intervention"
        )
    cls = settings_class(
        "interventions", name, source, FunctionIntervention, PROVIDED, (float, float | None)
    )
    cls.accepted = frozenset(PROVIDED) & set(names)
    return cls


@functools.cache
def combined(names: tuple[str, ...], classes: tuple[type, ...]) -> type:
    """Return the class of settings of several interventions: the settings of all of them.

    Raises ConfigError where two have a setting of one name.
    """
    counts = Counter(n for cls in classes for n in fields_of(cls) if n not in COMMON)
    if twice := [name for name, count in counts.items() if count > 1]:
        raise ConfigError(
            f"{twice[0]}: two of the interventions {', '.join(names)} have a setting of this name; "
            "rename one"
        )
    cls = dataclasses.make_dataclass("Interventions", [], bases=classes, frozen=True, kw_only=True)
    cls.parts = classes
    return cls


def parts_of(cls: type) -> tuple[type, ...]:
    """Return the classes of a member's interventions, in order."""
    return getattr(cls, "parts", (cls,))


INTERVENTIONS = Combinations(
    "interventions",
    {
        "clamp-norm": "grokjax.optim.interventions:ClampNorm",
        "rescale": "grokjax.optim.interventions:Rescale",
        "change-settings": "grokjax.optim.interventions:ChangeSettings",
        "temperature": "grokjax.optim.interventions:Temperature",
    },
    _adapted,
    combined,
)


def intervention(source: Any) -> Any:
    """Decorator: make a function, or a subclass of `Intervention`, known by its name.

    A function of `params` returns the weights to go on with. It is called after each update from
    the moment on at which interventions begin. With a parameter `moment` it gets the
    `grokjax.optim.effects.Moment`. Its other parameters become settings: those that are floats are
    traced, one value a member. Compiled code is kept: if you change a function that `source` calls,
    define `source` again.

    Example:
      >>> import grokjax
      >>> import jax
      >>> @intervention
      ... def shrunk(params: dict, factor: float = 0.5):
      ...     return jax.tree.map(lambda weights: factor * weights, params)
      >>> config = grokjax.Config(interventions="shrunk", intervene_from=500, factor=0.9)
      >>> grokjax.Sweep(config, factor=[0.8, 0.9]).swept
      ('factor',)
    """
    INTERVENTIONS.add(source.__name__, source)
    return source
