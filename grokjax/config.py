"""The settings of one member: every field, its range, and JSON both ways.

Importing this file costs nothing: no JAX, so `grokjax --help` and a refused
command line answer at once.

A field is of one of three kinds (its `metadata["kind"]`):

* `static` fixes shapes and the compiled program; members that differ in one
  are trained by different programs, one after the other;
* `traced` enters the program as data (`grokjax.hypers.Hypers`, one row a
  member), so any number of values share one program. A few (`switch`) are
  compiled in only where they are not 0;
* `run` says how long members train and when they are looked at; it has one
  value for a whole run.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal, get_type_hints

from grokjax import consistency, tasks
from grokjax.settings import (
    BELOW_ONE,
    FRACTION,
    MODULUS,
    POSITIVE,
    SEED,
    SHARE,
    SQUARABLE,
    ConfigError,
    at_least,
    at_most,
    checked,
    near,
    refuse,
    setting,
    shown,
    whole,
)
from grokjax.tasks import Operation

SCHEMA_VERSION = 3

Split = Literal["random", "symmetric", "numpy", "python", "torch"]
Activation = Literal["relu", "gelu", "tanh", "square"]
Initializer = Literal[
    "glorot-normal", "glorot-uniform", "he-normal", "lecun-normal", "torch", "gromov", "zhong"
]
Loss = Literal["cross-entropy", "mse", "stablemax"]
Optimizer = Literal["adamw", "adam", "sgd"]
StopWhen = Literal["grokked", "never"]
Spacing = Literal["regular", "log", "transition"]
Precision = Literal["float32", "tensorfloat32", "bfloat16"]


def check_schema(what: object, schema: object) -> None:
    """Raises ConfigError unless this grokjax reads what was written with `schema`."""
    if schema != SCHEMA_VERSION:
        raise ConfigError(
            f"{what}: has schema {shown(schema)}; this grokjax reads {SCHEMA_VERSION}"
        )


@dataclass(frozen=True, kw_only=True)
class Config:
    """Everything that one member's result is a function of.

    The defaults are the recipe `notebook` (see `grokjax.recipes`).

    Raises:
      ConfigError: a value of the wrong type or out of range, in one line.
    """

    seed: int = setting(0, "traced", "Key of the initial weights and of the batches", *SEED)
    data_seed: int | None = setting(
        None, "traced", "Key of the split and of random labels; default: seed", *SEED
    )
    learning_rate: float = setting(3e-4, "traced", "Step size of the optimiser", *at_least(0))
    weight_decay: float = setting(
        1.0, "traced", "Decay of all parameters: decoupled in adamw, else coupled L2", *at_least(0)
    )
    init_scale: float = setting(1.0, "traced", "Factor on all initial weights", *SQUARABLE)
    train_fraction: float = setting(0.5, "traced", "Share of the pairs to train on", *FRACTION)
    operation: Operation = setting("add", "traced", "Operation on the two tokens")
    label_noise: float = setting(
        0.0, "traced", "Share of training labels replaced by random ones", *SHARE
    )
    warmup_steps: int = setting(
        0, "traced", "Steps over which the learning rate rises from 0", *whole(0), switch=True
    )
    decay_steps: int = setting(
        0, "traced", "Steps after which the schedule has reached its end", *whole(0), switch=True
    )
    final_rate: float = setting(
        0.0, "traced", "Share of the learning rate that is left at the schedule's end", *SHARE
    )
    gradient_noise: float = setting(
        0.0, "traced", "Deviation of normal noise added to gradients", *at_least(0), switch=True
    )
    grokfast_alpha: float = setting(
        0.98, "traced", "Decay rate of Grokfast's exponential average", *BELOW_ONE
    )
    grokfast_lambda: float | None = setting(
        None, "traced", "Strength of Grokfast; default: 2 for ema, 5 for ma", *at_least(0)
    )

    modulus: int = setting(53, "static", "Number of tokens P; 120 for operations on S5", *MODULUS)
    classes: int | None = setting(
        None, "static", "Number of logits; default: as many as tokens", *whole(2)
    )
    split: Split = setting(
        "random",
        "static",
        "Pairs to train on: random, symmetric ((a, b) with (b, a)), or as numpy, python or torch "
        "shuffle them",
    )
    embed_dim: int = setting(
        128, "static", "Width D of the embedding; 0: one-hot inputs", *whole(0)
    )
    embeddings: Literal["shared", "separate"] = setting(
        "shared", "static", "Tables of the two tokens, shared or separate"
    )
    combine: Literal["concatenate", "sum"] = setting(
        "concatenate", "static", "How tokens enter the first layer: concatenate or sum"
    )
    hidden_dim: int = setting(256, "static", "Width H of the hidden layers", *whole(1))
    hidden_layers: int = setting(1, "static", "Number of hidden layers", *at_most(1, 3))
    activation: Activation = setting("relu", "static", "Activation of the hidden layers")
    biases: bool = setting(True, "static", "Whether layers have biases")
    layer_normalization: bool = setting(False, "static", "Normalise after each activation")
    tied: bool = setting(False, "static", "Use the embedding's weights for the output, too")
    initializer: Initializer = setting("glorot-normal", "static", "Distribution of initial weights")
    loss: Loss = setting(
        "cross-entropy", "static", "Loss: cross-entropy, mse (to one-hot labels) or stablemax"
    )
    batch_size: int | None = setting(
        64, "static", "Pairs a step, all if there are fewer; see --full-batch", *whole(1)
    )
    optimizer: Optimizer = setting("adamw", "static", "adamw, adam, or sgd with momentum beta1")
    beta1: float = setting(
        0.9, "static", "Decay rate of Adam's first moment; SGD's momentum", *BELOW_ONE
    )
    beta2: float = setting(0.999, "static", "Decay rate of Adam's second moment", *BELOW_ONE)
    eps: float = setting(1e-8, "static", "Adam's term against division by zero", *POSITIVE)
    schedule: Literal["constant", "cosine", "linear"] = setting(
        "constant", "static", "Learning rate after the warm-up: constant, or cosine or linear decay"
    )
    decay_towards: Literal["zero", "initial"] = setting(
        "zero", "static", "Where weight decay pulls: to zero or to the initial weights"
    )
    grokfast: Literal["none", "ema", "ma"] = setting(
        "none", "static", "Amplify slow gradients: none, ema or ma (exponential, moving average)"
    )
    grokfast_window: int = setting(100, "static", "Steps of Grokfast's moving average", *whole(1))
    orthogonal_gradient: bool = setting(
        False, "static", "Project gradients orthogonal to the weights of their array"
    )
    fixed_norm: bool = setting(False, "static", "Hold the weights at their initial norm")
    precision: Precision = setting(
        "float32", "static", "Matrix products off CPU: float32, tensorfloat32 or bfloat16"
    )

    max_epochs: int = setting(20_000, "run", "Epochs that a member trains at most", *whole(1))
    eval_every: int = setting(20, "run", "Epochs from one evaluation to the next", *whole(1))
    stop_when: StopWhen = setting(
        "grokked", "run", "grokked: once test accuracy has stayed at 0.99; or never"
    )
    stop_patience: int = setting(
        3, "run", "Evaluations in a row at 0.99 that count as learnt", *whole(1)
    )
    extra_epochs: int = setting(0, "run", "Epochs to train on after the grok", *whole(0))
    snapshot_every: int | None = setting(
        None, "run", "Epochs from one kept embedding to the next; default: keep none", *whole(1)
    )
    snapshot_spacing: Spacing = setting(
        "regular",
        "run",
        "regular; log: four to each doubling of the epoch; or transition: regular, and at each "
        "evaluation at 0.99 on train pairs but not on test pairs",
    )

    def __new__(cls, **values: Any) -> Config:
        """Refuses a setting that does not exist, before `__init__` raises a TypeError."""
        for name in values.keys() - FIELDS.keys():
            check_name(name)
        return super().__new__(cls)

    def __post_init__(self) -> None:
        for f in dataclasses.fields(self):
            object.__setattr__(self, f.name, checked(f, TYPES[f.name], getattr(self, f.name)))
        consistency.check(self)

    @property
    def pairs(self) -> int:
        """Pairs that the operation has, to train and to test on."""
        return tasks.TASKS[self.operation].pairs(self.modulus)

    @property
    def train_size(self) -> int:
        """Training pairs: int(fraction * pairs), as the published codes round."""
        return int(self.train_fraction * self.pairs)

    @property
    def noisy_size(self) -> int:
        """Training pairs whose label is replaced."""
        return int(self.label_noise * self.train_size)

    @property
    def num_classes(self) -> int:
        """Logits a pair, C."""
        return self.modulus if self.classes is None else self.classes

    @property
    def steps_per_epoch(self) -> int:
        """Optimiser steps an epoch, the short last batch included."""
        return 1 if self.batch_size is None else -(-self.train_size // self.batch_size)

    @property
    def static(self) -> Config:
        """This config with its traced fields at their defaults: equal for one program."""
        defaults: dict[str, Any] = {n: FIELDS[n].default for n in names_of("traced")}
        switched = {n: 1 for n in defaults if FIELDS[n].metadata["switch"] and getattr(self, n)}
        return dataclasses.replace(self, **(defaults | switched))

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
        if not isinstance(values, dict):
            raise refuse("config", values, "give a dict of settings")
        for name in values:
            check_name(name)
        return cls(**values)


FIELDS = {f.name: f for f in dataclasses.fields(Config)}
TYPES = {name: hint for name, hint in get_type_hints(Config).items() if name in FIELDS}


def names_of(*kinds: str) -> list[str]:
    """Field names of these kinds, in the order of declaration."""
    return [name for name, f in FIELDS.items() if f.metadata["kind"] in kinds]


def check_name(name: str) -> None:
    """Raises ConfigError unless `name` is a field of Config."""
    if not isinstance(name, str) or name not in FIELDS:
        raise ConfigError(f"{shown(name)}: no such setting; {near(name, FIELDS)}")
