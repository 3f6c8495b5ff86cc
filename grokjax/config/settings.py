"""Settings of several groups, read as one: the kinds of pieces, and what compiled code may see."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from grokjax.config.training import Training
from grokjax.errors import ConfigError, printable, suggest
from grokjax.models.model import MODELS
from grokjax.optim.intervention import INTERVENTIONS, parts_of
from grokjax.optim.rule import OPTIMIZERS, OptaxRule
from grokjax.optim.settings import Optimization
from grokjax.settings.combinations import NOTHING
from grokjax.settings.data_spec import DataSpec
from grokjax.settings.field import Field, fields_of, view
from grokjax.settings.registry import Registry
from grokjax.tasks.data import Data
from grokjax.tasks.task import TASKS

KINDS: dict[str, Registry] = {
    "task": TASKS,
    "model": MODELS,
    "optimizer": OPTIMIZERS,
    "interventions": INTERVENTIONS,
}
"""The settings that name a task, a model, a rule and interventions, each with its registry."""

DEFAULT_KINDS = {
    "task": "binary-operation",
    "model": "mlp",
    "optimizer": "adamw",
    "interventions": NOTHING,
}

KIND_HELP = {
    "task": "Kind of task",
    "model": "Kind of network",
    "optimizer": "Update rule: adamw, adam, sgd with momentum beta1, or any rule of optax by its "
    "name (optax.sgd, optax.adam and optax.adamw are those of optax)",
    "interventions": "What is done to members from a moment on: none, or clamp-norm, rescale, "
    "change-settings, temperature, several joined by commas",
}


RESERVED = {
    *("config", "group_classes", "values", "kind"),  # of Config and its file
    *("member", "eval", "epoch", "epochs", "step", "status", "order"),  # of histories and tables
    *("initial_weights", "init", "init_from"),
    *("out", "directory", "recipe", "seeds", "add_seeds", "full_batch", "import", "metrics"),
    *("quiet", "help", "lanes", "devices", "checkpoint_every", "progress"),  # flags
    *("coordinator", "num_processes", "process_id"),
}
"""Names that no setting can have, beside the attributes of `Config`."""

StandIns = Mapping[str, Mapping[str, type]]
"""Classes of settings, by kind and name, of pieces that no registry knows."""


def find_kind(kind: str, value: Any, stand_ins: StandIns) -> tuple[str, type]:
    """Return the name and the class of settings that a value of `task`, say, stands for."""
    known, registry = stand_ins.get(kind, {}), KINDS[kind]
    if isinstance(value, str) and not known.keys().isdisjoint((value, *registry.names_in(value))):
        return value, registry.get(value, known)
    name = registry.name_of(value)
    return name, registry.get(name)


def fields_with(classes: Mapping[str, type]) -> dict[str, Field]:
    """Return all settings of a config with these classes of task, model and optimizer, by name.

    Raises ConfigError if two groups have a setting of the same name.
    """
    return _fields_with(*(classes[kind] for kind in KINDS))


@functools.cache
def _fields_with(*classes: type) -> dict[str, Field]:
    found = {n: Field(n, str, DEFAULT_KINDS[n], KIND_HELP[n]) for n in KINDS}
    owners: dict[str, type] = dict.fromkeys(found, Settings)
    for group in (Training, Data, Optimization, *classes):
        for name, field in fields_of(group).items():
            if name in found:
                # A parameter of optax's cannot be renamed; the user's own setting can be.
                users = owners[name] if issubclass(group, OptaxRule) else group
                raise ConfigError(
                    f"{name}: the name is used twice; rename this setting of {users.__name__}"
                )
            if name in RESERVED:
                raise ConfigError(
                    f"{name}: grokjax uses the name itself; rename this setting of {group.__name__}"
                )
            found[name], owners[name] = field, group
    return found


class Settings:
    """Immutable settings of several groups, read as attributes.

    group_classes: the classes of settings of task, model, optimizer and interventions. `values` has
    those that this object has; reading another one raises AttributeError.
    """

    group_classes: dict[str, type]
    values: dict[str, Any]

    def __init__(
        self, classes: dict[str, type], values: dict[str, Any], spec: DataSpec | None = None
    ) -> None:
        vars(self).update(group_classes=classes, values=values)
        if spec is not None:  # a program has no variant, of which a task could build its data
            vars(self)["spec"] = spec

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__["values"][name]
        except KeyError:
            raise AttributeError(f"{type(self).__name__} has no setting {name!r}") from None

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{name}: settings cannot be changed; use config.replace")

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Settings)
            and type(self) is type(other)
            and self.values == other.values
            and self.group_classes == other.group_classes
        )

    @functools.cached_property
    def _hash(self) -> int:
        return hash(tuple(self.values.items()))

    def __hash__(self) -> int:
        return self._hash

    def __repr__(self) -> str:
        defaults = {n: field.default for n, field in self.fields.items()} | DEFAULT_KINDS
        changed = {n: v for n, v in self.values.items() if n not in defaults or v != defaults[n]}
        return f"{type(self).__name__}({', '.join(f'{n}={v!r}' for n, v in changed.items())})"

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self.values]

    def __deepcopy__(self, memo: Any) -> Settings:
        return self

    def __reduce__(self) -> Any:
        pieces = {
            kind: {n: KINDS[kind].piece(n) for n in KINDS[kind].names_in(self.values[kind])}
            for kind in self.group_classes
        }
        further = {n: vars(self)[n] for n in ("spec", "traced") if n in vars(self)}
        return _unpickled, (type(self), self.values, pieces, further)

    @property
    def fields(self) -> dict[str, Field]:
        """All settings of a config with these kinds, by name."""
        return fields_with(self.group_classes)

    def names(self, *kinds: str) -> list[str]:
        """Names of the settings of these kinds (`grokjax.settings.field.Kind`)."""
        return [name for name, field in self.fields.items() if field.kind in kinds]

    def group(self, cls: type) -> Any:
        """Return the settings of one group as an instance of its dataclass."""
        return view(cls, {n: self.values[n] for n in fields_of(cls) if n in self.values})

    @functools.cached_property
    def task_settings(self) -> Any:
        """The task, as an instance of its class."""
        return self.group(self.group_classes["task"])

    @functools.cached_property
    def model_settings(self) -> Any:
        """The model, as an instance of its class."""
        return self.group(self.group_classes["model"])

    @functools.cached_property
    def rule(self) -> Any:
        """The update rule, as an instance of its class."""
        return self.group(self.group_classes["optimizer"])

    @functools.cached_property
    def intervention_settings(self) -> tuple[Any, ...]:
        """The interventions, in order, as instances of their classes."""
        return tuple(self.group(cls) for cls in parts_of(self.group_classes["interventions"]))

    @functools.cached_property
    def spec(self) -> DataSpec:
        """Shapes of the data."""
        return self.task_settings.spec()

    @property
    def num_classes(self) -> int:
        """Logits an example, C."""
        return self.spec.num_classes


class ProgramConfig(Settings):
    """The settings that a compiled program is a function of: those that its members share.

    It has no traced settings: reading one raises AttributeError.
    """

    def uses(self, name: str) -> bool:
        """Whether a traced setting with a switch is compiled in."""
        return name in self.values["switched_on"]


class NetworkSettings(Settings):
    """The settings that a network is a function of: those of its task's data and of its model.

    traced: the values of the model's traced settings, by name, or None where they are not known.
      They are no part of the network's kind: two objects that differ in them alone are equal.
    """

    traced: dict[str, Any] | None

    def with_traced(self, traced: dict[str, Any] | None) -> NetworkSettings:
        """Return these settings with other values of the traced ones."""
        network = NetworkSettings(self.group_classes, self.values, self.spec)
        vars(network)["traced"] = traced
        return network

    @property
    def fields(self) -> dict[str, Field]:
        return {**fields_of(self.group_classes["task"]), **fields_of(self.group_classes["model"])}


def check_name(name: object, fields: dict[str, Field]) -> None:
    """Raise ConfigError unless `name` is one of these settings."""
    if not isinstance(name, str) or name not in fields:
        hint = INTERVENTIONS.needed_for(name) or suggest(name, fields)
        raise ConfigError(f"{printable(name)}: no such setting; {hint}")


def _unpickled(cls: type, values: dict[str, Any], pieces: dict[str, Any], further: Any) -> Settings:
    for kind, found in pieces.items():
        for name, piece in found.items():
            if piece is not None:  # of a user: unpickling it has imported its file
                KINDS[kind].add(name, piece)
    classes = {kind: KINDS[kind].get(values[kind]) for kind in pieces}
    settings = object.__new__(cls)
    Settings.__init__(settings, classes, values)
    vars(settings).update(further)
    return settings
