"""The settings of one member: every field, its range, and JSON both ways.

Importing this file costs nothing: no JAX, so `grokjax --help` and a refused
command line answer at once.

A field is of one of three kinds (its `metadata["kind"]`):

* `static` fixes shapes and the compiled program; members that differ in one
  are trained by different programs, one after the other;
* `traced` enters the program as data (`Hypers`, one row a member), so any
  number of values share one program;
* `run` says how long members train and when they are looked at; it has one
  value for a whole run.
"""

from __future__ import annotations

import dataclasses
import numbers
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, get_args, get_origin, get_type_hints

import numpy as np

SCHEMA_VERSION = 2

Operation = Literal["add", "subtract", "multiply"]
StopWhen = Literal["grokked", "never"]
Spacing = Literal["regular", "log", "transition"]
Precision = Literal["float32", "tensorfloat32", "bfloat16"]


class ConfigError(ValueError):
    """A setting that cannot be used. The message is one line: field, value, what is allowed."""


def refuse(name: str, value: object, allowed: str) -> ConfigError:
    """The one form of every refusal, to be raised by the caller."""
    return ConfigError(f"{name}: {value!r} is not allowed; {allowed}")


def check_schema(what: object, schema: object) -> None:
    """Raises ConfigError unless this grokjax reads what was written with `schema`."""
    if schema != SCHEMA_VERSION:
        raise ConfigError(f"{what}: has schema {schema}; this grokjax reads {SCHEMA_VERSION}")


def _setting(
    default: Any, kind: str, help: str, allowed: str = "", ok: Callable[[Any], bool] | None = None
) -> Any:
    return field(
        default=default, metadata={"kind": kind, "help": help, "allowed": allowed, "ok": ok}
    )


def _at_least(bound: int | float) -> tuple[str, Callable[[Any], bool]]:
    return f"at least {bound}", lambda value: value >= bound


_POSITIVE = ("greater than 0", lambda value: value > 0)
_BETA = ("at least 0 and less than 1", lambda value: 0 <= value < 1)
_FRACTION = ("greater than 0 and less than 1", lambda value: 0 < value < 1)
# Pairs are numbered in int32.
_MODULUS = ("at least 2 and at most 46340", lambda value: 2 <= value <= 46_340)
_SEED = ("from 0 to 4294967295", lambda value: 0 <= value < 2**32)


@dataclass(frozen=True, kw_only=True)
class Config:
    """Everything that one member's result is a function of.

    The defaults are the recipe `notebook` (see `grokjax.recipes`).

    Raises:
      ConfigError: a value of the wrong type or out of range, in one line.
    """

    seed: int = _setting(0, "traced", "key of the initial weights and the batches", *_SEED)
    data_seed: int | None = _setting(
        None, "traced", "key of the train/test split; none: the seed", *_SEED
    )
    learning_rate: float = _setting(3e-4, "traced", "step size of AdamW", *_at_least(0))
    weight_decay: float = _setting(
        1.0, "traced", "decoupled decay of every parameter, biases included", *_at_least(0)
    )
    init_scale: float = _setting(
        1.0, "traced", "factor on all initial weights (Liu et al. 2022, Omnigrok)", *_POSITIVE
    )
    train_fraction: float = _setting(0.5, "traced", "share of the pairs trained on", *_FRACTION)
    operation: Operation = _setting("add", "traced", "what is computed from the two tokens")

    modulus: int = _setting(53, "static", "number of tokens P, and of classes", *_MODULUS)
    embed_dim: int = _setting(128, "static", "width D of the embedding", *_at_least(1))
    hidden_dim: int = _setting(256, "static", "width H of the hidden layer", *_at_least(1))
    batch_size: int | None = _setting(
        64, "static", "rows a step; none, or as many as there are: full batch", *_at_least(1)
    )
    beta1: float = _setting(0.9, "static", "AdamW's decay rate of the first moment", *_BETA)
    beta2: float = _setting(0.999, "static", "AdamW's decay rate of the second moment", *_BETA)
    eps: float = _setting(1e-8, "static", "AdamW's term against division by zero", *_POSITIVE)
    precision: Precision = _setting(
        "float32", "static", "of matrix products on GPU and TPU; CPU always has float32"
    )

    max_epochs: int = _setting(20_000, "run", "epochs a member trains at most", *_at_least(1))
    eval_every: int = _setting(20, "run", "epochs from one evaluation to the next", *_at_least(1))
    stop_when: StopWhen = _setting(
        "grokked", "run", "grokked: leave once test accuracy has stayed at 0.99; never: go on"
    )
    stop_patience: int = _setting(
        3, "run", "evaluations in a row at 0.99 that count as grokked", *_at_least(1)
    )
    extra_epochs: int = _setting(0, "run", "epochs to train on after it grokked", *_at_least(0))
    snapshot_every: int | None = _setting(
        None, "run", "epochs from one kept embedding to the next; none: keep none", *_at_least(1)
    )
    snapshot_spacing: Spacing = _setting(
        "regular",
        "run",
        "regular; log: four to each doubling from snapshot_every on; transition: regular, and each "
        "evaluation between memorising and grokking with more than twice chance on the test pairs",
    )

    def __post_init__(self) -> None:
        for f in dataclasses.fields(self):
            object.__setattr__(self, f.name, _checked(f, getattr(self, f.name)))
        pairs, train = self.modulus**2, self.train_size
        if not 0 < train < pairs:
            side = "train on" if train == 0 else "test on"
            raise refuse(
                "train_fraction",
                self.train_fraction,
                f"with modulus {self.modulus} it leaves none of the {pairs} pairs to {side}",
            )
        if self.snapshot_spacing != "regular" and self.snapshot_every is None:
            raise refuse("snapshot_spacing", self.snapshot_spacing, "set snapshot_every with it")
        for name in ("max_epochs", "extra_epochs", "snapshot_every"):
            value = getattr(self, name)
            if value is not None and value % self.eval_every:
                raise refuse(name, value, f"a multiple of eval_every ({self.eval_every})")

    @property
    def train_size(self) -> int:
        """Training pairs: int(fraction * P**2), as the published codes round."""
        return int(self.train_fraction * self.modulus**2)

    @property
    def steps_per_epoch(self) -> int:
        """Optimiser steps an epoch, the short last batch included."""
        return 1 if self.batch_size is None else -(-self.train_size // self.batch_size)

    @property
    def param_shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of the network's parameters, by name."""
        tokens, width, hidden = self.modulus, self.embed_dim, self.hidden_dim
        return {
            "embed/embedding": (tokens, width),
            "hidden/kernel": (2 * width, hidden),
            "hidden/bias": (hidden,),
            "output/kernel": (hidden, tokens),
            "output/bias": (tokens,),
        }

    @property
    def static(self) -> Config:
        """This config with its traced fields at their defaults: equal for one program."""
        defaults = {n: FIELDS[n].default for n in names_of("traced")}
        return dataclasses.replace(self, **defaults)

    @property
    def compiled(self) -> Config:
        """This config with all at its default that the compiled program does not hold."""
        dead = {n: FIELDS[n].default for n in names_of("run")}
        kept = {"eval_every": self.eval_every, "max_epochs": self.eval_every}
        return dataclasses.replace(self.static, **(dead | kept))

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values, by field name."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Config:
        """The inverse of `to_dict`. Raises ConfigError on a field that does not exist."""
        for name in values:
            check_name(name)
        return cls(**values)


class Hypers(NamedTuple):
    """The traced settings, scalars for one member or stacked `[L]` for lanes.

    A NamedTuple is a pytree without registering it, so this file needs no JAX.
    """

    seed: Any  # uint32 []
    data_seed: Any  # uint32 []
    learning_rate: Any  # float32 []
    weight_decay: Any  # float32 []
    init_scale: Any  # float32 []
    train_size: Any  # int32 []
    operation: Any  # int32 [], index into the table of labels

    @classmethod
    def of(cls, config: Config) -> Hypers:
        """The traced settings of one member, as NumPy scalars."""
        data_seed = config.seed if config.data_seed is None else config.data_seed
        return cls(
            seed=np.uint32(config.seed),
            data_seed=np.uint32(data_seed),
            learning_rate=np.float32(config.learning_rate),
            weight_decay=np.float32(config.weight_decay),
            init_scale=np.float32(config.init_scale),
            train_size=np.int32(config.train_size),
            operation=np.int32(get_args(Operation).index(config.operation)),
        )


FIELDS = {f.name: f for f in dataclasses.fields(Config)}
TYPES = {name: hint for name, hint in get_type_hints(Config).items() if name in FIELDS}


def names_of(*kinds: str) -> list[str]:
    """Field names of these kinds, in the order of declaration."""
    return [name for name, f in FIELDS.items() if f.metadata["kind"] in kinds]


def check_name(name: str) -> None:
    """Raises ConfigError unless `name` is a field of Config."""
    if name not in FIELDS:
        raise ConfigError(f"{name}: no such setting; there are {', '.join(FIELDS)}")


def _checked(f: dataclasses.Field[Any], value: Any) -> Any:
    """`value` as a plain Python value of the field's type, or a refusal."""
    hint, allowed, ok = TYPES[f.name], f.metadata["allowed"], f.metadata["ok"]
    if get_origin(hint) is Literal:
        if value not in get_args(hint):
            raise refuse(f.name, value, "one of " + ", ".join(get_args(hint)))
        return value
    if value is None and type(None) in get_args(hint):
        return None
    kind = numbers.Real if hint is float else numbers.Integral
    if isinstance(value, bool) or not isinstance(value, kind):
        number = "number" if hint is float else "whole number"
        raise refuse(f.name, value, f"a {number} {allowed}")
    most = int(np.finfo(np.float32).max)
    if not -most <= value <= most:  # pyright: ignore[reportOperatorIssue]; nor NaN
        raise refuse(f.name, value, f"a finite number {allowed}")
    plain = float(value) if hint is float else int(value)  # pyright: ignore[reportArgumentType]
    if ok is not None and not ok(plain):
        raise refuse(f.name, value, f"it must be {allowed}")
    return plain
