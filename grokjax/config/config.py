"""The settings of one member: a flat view of the settings of its task, model, rule and training.

Each group of settings is a dataclass beside what it configures, and field names are unique over
all groups, so flags, sweep axes and coordinates are flat.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from typing import Any

from grokjax.config import derived
from grokjax.config.reference import WithSettings
from grokjax.config.settings import (
    DEFAULT_KINDS,
    KINDS,
    NetworkSettings,
    ProgramConfig,
    Settings,
    StandIns,
    check_name,
    fields_with,
    find_kind,
)
from grokjax.config.training import Training, dtype_of_precision
from grokjax.errors import ConfigError, invalid
from grokjax.optim.settings import Optimization
from grokjax.settings.field import Field, fields_of
from grokjax.tasks.data import Data

TORCH_ROWS = 14_650**2
"""ATen draws 64 bits for each example from 2**32 / 20 on."""


class Config(Settings):
    """Everything that one member's result is a function of.

    Args:
      task, model, optimizer: the kinds, each by name, or as a function or class of your own.
      interventions: what is done to members from a moment on, likewise: one, a list, or none.
      **settings: any setting of these kinds, of the data, of optimisation and of training, each of
        which is explained below. The defaults are the recipe `notebook` (see `grokjax.recipes`).

    Raises:
      ConfigError: a setting that does not exist, of the wrong type or out of range, in one line.

    Example:
      >>> config = Config(modulus=31, activation="square", weight_decay=0.3)
      >>> config.modulus, config.optimizer, config.train_size
      (31, 'adamw', 480)
      >>> config.replace(optimizer="sgd", learning_rate=0.1).beta1
      0.9
    """

    __doc__ = WithSettings(__doc__)  # pyright: ignore[reportAssignmentType]

    def __init__(
        self,
        *,
        task: Any = DEFAULT_KINDS["task"],
        model: Any = DEFAULT_KINDS["model"],
        optimizer: Any = DEFAULT_KINDS["optimizer"],
        interventions: Any = DEFAULT_KINDS["interventions"],
        **settings: Any,
    ) -> None:
        kinds = zip(KINDS, (task, model, optimizer, interventions), strict=True)
        self._fill(dict(kinds) | settings, {})

    def _fill(self, given: dict[str, Any], stand_ins: StandIns) -> None:
        found = {kind: find_kind(kind, given[kind], stand_ins) for kind in KINDS}
        classes = {kind: cls for kind, (_, cls) in found.items()}
        given = given | {kind: name for kind, (name, _) in found.items()}
        fields = fields_with(classes)
        for name in given:
            check_name(name, fields)
        if taken := [name for name in fields if hasattr(Config, name)]:
            raise ConfigError(f"{taken[0]}: grokjax uses the name itself; rename this setting")
        super().__init__(classes, {n: _value(field, given) for n, field in fields.items()})
        self._check()

    def _check(self) -> None:
        self.task_settings.check()
        self.model_settings.check(self.spec)
        self.group(Optimization).check()
        self.group(Training).check()
        if self.split == "symmetric" and not self.task_settings.has_mirror():
            fix = "give its Dataset a mirror"
            raise invalid("split", "symmetric", "needs a task of ordered pairs", fix)
        kind = self.task_settings.target_kind()
        refused = {"loss": ("mse", kind != "classes"), "label_noise": (0, kind == "values")}
        for name, (only, applies) in refused.items():
            if applies and self.values[name] != only:
                text = f"must be {only} with the float targets of {self.task}"
                raise invalid(name, self.values[name], text)
        if self.split == "torch" and self.num_rows > TORCH_ROWS:
            raise invalid("split", "torch", f"needs at most {TORCH_ROWS} examples to be replayed")
        if not 0 < self.train_size < self.num_examples:
            side = "train on" if self.train_size == 0 else "test on"
            text = f"must leave some of the {self.num_examples} examples to {side}"
            raise invalid("train_fraction", self.train_fraction, text)
        if self.rule.complete and "weight_decay" in self.rule.provided:
            fixed = {"decay_towards": "zero"}
            if not {"mask", "weight_decay_mask"} & self.rule.provided:
                fixed["weight_decay_on"] = "all"
            for name, only in fixed.items():
                if self.values[name] != only:
                    raise invalid(name, self.values[name], f"must be {only} with {self.optimizer}")

    def replace(self, **changes: Any) -> Config:
        """Return this config with some settings changed.

        With another task, model or optimizer, a setting that both kinds have keeps a value that is
        not the old kind's default; the others get the defaults of the new kind.
        """
        return self.replaced(changes)

    __replace__ = replace

    def replaced(self, changes: dict[str, Any], stand_ins: StandIns | None = None) -> Config:
        """Return what `replace` does; the kinds may be stand-ins."""
        config = Config.__new__(Config)
        if any(kind in changes for kind in KINDS):
            stand_ins = self._stand_ins(stand_ins)
            fields = fields_with(self.classes_with(changes, stand_ins))
            kept = {
                name: value
                for name, value in self.values.items()
                if name in fields and (name in KINDS or value != self.fields[name].default)
            }
            config._fill(kept | changes, stand_ins)
            return config
        for name in changes:
            check_name(name, self.fields)
        checked = {name: self.fields[name].checked(value) for name, value in changes.items()}
        Settings.__init__(config, self.group_classes, self.values | checked)
        vars(config).update(derived.unchanged(self, changes))
        config._check()
        return config

    def classes_with(
        self, changes: Mapping[str, Any], stand_ins: StandIns | None = None
    ) -> dict[str, type]:
        """Return the classes of task, model and optimizer that some changes lead to."""
        known = self._stand_ins(stand_ins)
        return {k: find_kind(k, changes.get(k, self.values[k]), known)[1] for k in KINDS}

    def _stand_ins(self, others: StandIns | None) -> StandIns:
        """Return this config's own classes by kind and name, with others."""
        known = others or {}
        return {k: {self.values[k]: self.group_classes[k], **known.get(k, {})} for k in KINDS}

    @property
    def num_rows(self) -> int:
        """Examples of the task, N, including those that the member's variant does not have."""
        return self.task_settings.num_rows()

    @functools.cached_property
    def num_examples(self) -> int:
        """Examples to train and to test on."""
        return self.task_settings.num_examples()

    @property
    def train_size(self) -> int:
        """Training examples: int(fraction * examples), as the published codes round."""
        return int(self.train_fraction * self.num_examples)

    @property
    def noisy_size(self) -> int:
        """Training examples whose label is replaced."""
        return int(self.label_noise * self.train_size)

    @property
    def steps_per_epoch(self) -> int:
        """Optimiser steps an epoch, the short last batch included."""
        return 1 if self.batch_size is None else -(-self.train_size // self.batch_size)

    @property
    def float_dtype(self) -> Any:
        """Dtype of the member's parameters, state and metrics."""
        return dtype_of_precision(self.values["precision"])

    @property
    def variant(self) -> str:
        """The variant of the task; empty where it has only one."""
        name = self.group_classes["task"].variant_name()
        return "" if name is None else str(self.values[name])

    @functools.cached_property
    def program(self) -> ProgramConfig:
        """The settings that a compiled program of this member is a function of.

        Two members are trained by one program if these are equal.
        """
        fields, values = self.fields, {n: self.values[n] for n in self.names("static")}
        values["eval_every"] = self.eval_every if self.eval_spacing == "regular" else None
        values["switched_on"] = tuple(
            n for n in fields if fields[n].switch and self.values[n] != fields[n].default
        )
        return ProgramConfig(self.group_classes, values, self.spec)

    @functools.cached_property
    def network(self) -> NetworkSettings:
        """The settings that the member's network is a function of."""
        names = {**fields_of(self.group_classes["task"]), **fields_of(self.group_classes["model"])}
        fields = self.fields
        static = {n: self.values[n] for n in names if fields[n].kind == "static"}
        kinds = {n: self.values[n] for n in ("task", "model")}
        classes = {kind: self.group_classes[kind] for kind in kinds}
        traced = {n: self.values[n] for n in fields_of(classes["model"]) if n not in static}
        return NetworkSettings(classes, kinds | static, self.spec).with_traced(traced)

    def items(self) -> Iterator[tuple[str, Any]]:
        yield from self.values.items()

    def to_dict(self) -> dict[str, dict[str, Any]]:
        """Plain JSON values, by group and name."""
        groups = {kind: self.group_classes[kind] for kind in KINDS}
        groups |= {"data": Data, "optimization": Optimization, "training": Training}
        named = {group: {n: self.values[n] for n in fields_of(c)} for group, c in groups.items()}
        return {
            group: ({"kind": self.values[group]} if group in KINDS else {}) | values
            for group, values in named.items()
        }

    @classmethod
    def from_dict(
        cls, values: dict[str, dict[str, Any]], stand_ins: StandIns | None = None
    ) -> Config:
        """Return the config that `to_dict` gave; raise ConfigError on an unknown setting.

        stand_ins: classes of settings of pieces that no registry knows.
        """
        if not isinstance(values, dict) or not all(isinstance(g, dict) for g in values.values()):
            raise invalid("config", values, "must be a dict of groups of settings")
        flat: dict[str, Any] = {}
        flat["interventions"] = DEFAULT_KINDS["interventions"]  # older runs have none
        for group, each in values.items():
            flat |= {group if name == "kind" else name: value for name, value in each.items()}
        if not all(isinstance(flat.get(kind), str) for kind in KINDS):
            raise invalid("config", values, f"must name its kinds of {', '.join(KINDS)}")
        config = cls.__new__(cls)
        config._fill(flat, stand_ins or {})
        return config


def _value(field: Field, given: Mapping[str, Any]) -> Any:
    if field.name not in given and field.required:
        raise ConfigError(f"{field.name} must be given, since it has no default")
    return field.checked(given.get(field.name, field.default))
