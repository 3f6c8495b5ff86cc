"""Models: settings that build a Flax NNX module."""

from __future__ import annotations

import math
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from grokjax.errors import ConfigError
from grokjax.settings.data_spec import DataSpec
from grokjax.settings.field import fields_of
from grokjax.settings.registry import Registry
from grokjax.settings.signature import as_settings, parameters_of, settings_class

Shapes = dict[str, tuple[int, ...]]
"""Shapes of parameters by name, such as `hidden/kernel`."""


def flat_params(params: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested parameters by name."""
    found: dict[str, Any] = {}
    for key, value in params.items():
        if isinstance(value, Mapping):
            found |= flat_params(value, f"{prefix}{key}/")
        else:
            found[f"{prefix}{key}"] = value
    return found


def shapes_of(params: Mapping[str, Any]) -> Shapes:
    """Return the shapes of nested parameters by name."""
    return {name: np.shape(value) for name, value in flat_params(params).items()}


def read_parameter(params: Mapping[str, Any], name: str) -> Any:
    """Return one of nested parameters by its name, such as `hidden/kernel`."""
    node: Any = params
    for key in name.split("/"):
        node = node[key]
    return node


class TokenTable(NamedTuple):
    """The parameter that has one vector for each token, in which circles are searched for.

    parameter: its name. rows: how many of its first rows belong to the tokens. title: a name of the
    table for figures. second: the parameter with those of the second operand, where it has its own.
    """

    parameter: str
    rows: int
    title: str
    second: str | None = None

    @property
    def is_embedding(self) -> bool:
        """Whether inputs are rows of the table, as opposed to one-hot vectors that weight them."""
        return self.parameter.rsplit("/", 1)[-1] == "embedding"

    def read(self, params: Mapping[str, Any]) -> Any:
        """Return the table, `[..., P, D]`, of nested parameters with any leading axes."""
        return read_parameter(params, self.parameter)[..., : self.rows, :]


@dataclass(frozen=True, kw_only=True)
class Model:
    """Base of the settings of a model.

    network: the module's class, or `package.module:Class`, imported when it is first built. It is
      called with these settings, the `DataSpec`, and `rngs`.
    """

    network: ClassVar[Any] = None

    def check(self, spec: DataSpec) -> None:
        """Raise ConfigError where settings contradict each other or the data."""

    def module(self, spec: DataSpec, rngs: Any) -> Any:
        """Build the module."""
        network = self.network
        if isinstance(network, str):
            network = pkgutil.resolve_name(network)
        return network(self, spec, rngs=rngs)

    def token_table(self, spec: DataSpec, shapes: Shapes) -> TokenTable | None:
        """Return the token table: by default the first embedding that has one row per token."""
        for name, shape in shapes.items():
            embedding = name.rsplit("/", 1)[-1] == "embedding"
            if embedding and len(shape) == 2 and shape[0] == spec.num_tokens:
                return TokenTable(name, spec.modulus or shape[0], "embedding")
        return None


PROVIDED = ("num_tokens", "num_classes", "input_shape", "din", "dout", "rngs")
"""Parameters of a user's module that grokjax fills in; `din` and `dout` are numbers of features."""


@dataclass(frozen=True, kw_only=True)
class ModuleModel(Model):
    """A model made of a user's NNX module; its constructor's other parameters are settings."""

    source: ClassVar[Callable[..., Any]]
    accepted: ClassVar[frozenset[str]]

    def module(self, spec: DataSpec, rngs: Any) -> Any:
        provided = {
            "num_tokens": spec.num_tokens,
            "num_classes": spec.num_classes,
            "input_shape": spec.input_shape,
            "din": math.prod(spec.input_shape),
            "dout": spec.num_classes,
            "rngs": rngs,
        }
        given = {name: value for name, value in provided.items() if name in self.accepted}
        settings = {name: getattr(self, name) for name in fields_of(type(self))}
        return type(self).source(**given, **settings)


def _adapted(name: str, source: Any) -> type:
    """Return the class of settings of a model that a user registers."""
    if isinstance(source, type) and issubclass(source, Model):
        return as_settings("model", name, source)
    if not isinstance(source, type) or "__call__" not in dir(source):
        raise ConfigError(
            f"model {name}: must be a class of flax.nnx modules with __call__(inputs)"
        )
    cls = settings_class("model", name, source, ModuleModel, PROVIDED)
    cls.accepted = frozenset(PROVIDED) & {p.name for p in parameters_of(source)}
    return cls


MODELS = Registry(
    "model",
    {
        "mlp": "grokjax.models.mlp:MLP",
        "dense": "grokjax.models.dense:Dense",
        "transformer": "grokjax.models.transformer:Transformer",
    },
    _adapted,
)


def model(source: Any) -> Any:
    """Decorator: make a `flax.nnx.Module`, or a subclass of `Model`, known by its name.

    The module's `__call__(inputs)` takes one batch of inputs and returns logits `[B, C]`.
    Parameters of its constructor become settings; those named in `PROVIDED` are filled in.
    Attributes that are arrays must be `nnx.Param`; make constants in `__call__`. Compiled code is
    kept: if you change a function that the module calls, define the module again.

    Example:
      >>> import grokjax
      >>> from flax import nnx
      >>> @model
      ... class OneLayer(nnx.Module):
      ...     def __init__(self, num_tokens, num_classes, *, width: int = 16, rngs):
      ...         self.embed = nnx.Embed(num_tokens, width, rngs=rngs)
      ...         self.output = nnx.Linear(2 * width, num_classes, rngs=rngs)
      ...
      ...     def __call__(self, inputs):
      ...         return self.output(self.embed(inputs).reshape(len(inputs), -1))
      >>> grokjax.Config(model=OneLayer, width=8).width
      8
    """
    MODELS.add(source.__name__, source)
    return source
