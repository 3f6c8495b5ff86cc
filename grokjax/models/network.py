"""A Flax NNX module as pure functions on a nested dict of parameters.

This is the only file, besides the modules themselves, that imports flax. A module is built once,
split into graph and parameters, and merged again inside pure functions; all transforms are `jax.*`.
Letters: B batch, C classes, H hidden.
"""

from __future__ import annotations

import dataclasses
import functools
import types
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from grokjax.errors import ConfigError, reason
from grokjax.models.model import Model, Shapes, TokenTable, shapes_of
from grokjax.settings.data_spec import DataSpec
from grokjax.settings.field import fields_of

Params = dict[str, Any]
"""Nested dict of arrays; joined by `/`, its keys are the parameters' names.

They are float32, or float64 where that is the precision of the run."""

Table = Any
"""The result of a module's `precompute`; an empty tuple if it has no such method."""


@dataclass(frozen=True)
class Network:
    """A network, for one member.

    shapes: shapes of the parameters, by name. abstract: the same as ShapeDtypeStructs, nested.
    token_table: the parameter with the vectors of the tokens, or None.
    init: typed key -> Params.
    pack, unpack: Params -> Params in their training layout, and back; also of gradients and
      moments.
    precompute: (packed Params, traced settings) -> Table, what depends on one token alone; computed
      once a step. Traced settings are an object with the model's as attributes, such as Hypers;
      None will do for a model that has none.
    logits: (packed Params, Table, inputs `[B, ...]`) -> `[B, C]`.
    activations: the same -> last hidden layer `[B, H]`; None if the module has no such method.
    neuron_weights: (packed Params, Table) -> weights by name; None if it has no such method.
    """

    shapes: Shapes
    abstract: Params
    token_table: TokenTable | None
    init: Callable[[jax.Array], Params]
    pack: Callable[[Params], Params]
    unpack: Callable[[Params], Params]
    precompute: Callable[..., Table]
    logits: Callable[[Params, Table, jax.Array], jax.Array]
    activations: Callable[[Params, Table, jax.Array], jax.Array] | None
    neuron_weights: Callable[[Params, Table], dict[str, jax.Array]] | None

    def with_traced(self, traced: Any) -> Network:
        """Return the network of a member with these traced settings, see `precompute`."""
        precompute = self.precompute
        return dataclasses.replace(
            self, precompute=lambda packed, other=None: precompute(packed, traced)
        )

    def apply(self, params: Params, inputs: jax.Array, traced: Any = None) -> jax.Array:
        """Return logits `[B, C]` of parameters in their own layout."""
        packed = self.pack(params)
        return self.logits(packed, self.precompute(packed, traced), inputs)

    def hidden(self, params: Params, inputs: jax.Array, traced: Any = None) -> jax.Array:
        """Return the last hidden layer `[B, H]`."""
        assert self.activations is not None
        packed = self.pack(params)
        return self.activations(packed, self.precompute(packed, traced), inputs)


@functools.lru_cache(maxsize=64)
def build_network(model: Model, spec: DataSpec) -> Network:
    """Build the network of a model for data of these shapes.

    Raises ConfigError, naming the model, if its module cannot be trained.
    """
    with jax.enable_x64(False):  # modules are built, and parameters drawn, in float32
        return _built(getattr(model, "name", type(model).__name__), model, spec)


def _built(name: str, model: Model, spec: DataSpec) -> Network:
    def module(key: jax.Array) -> Any:
        return model.module(spec, nnx.Rngs(params=key, default=key))

    cls, graph, blank = _abstract(name, module)

    def init(key: jax.Array) -> Params:
        return _with_text_keys(nnx.to_pure_dict(nnx.state(module(key))))

    def merged(packed: Params) -> Any:
        return nnx.merge(graph, _with_keys_of(blank, packed))

    def optional(method: str) -> Callable[..., Any] | None:
        if not hasattr(cls, method):
            return None
        return lambda packed, *arguments: getattr(merged(packed), method)(*arguments)

    def called_with(inputs: jax.Array, table: Table) -> tuple[Any, ...]:
        return (inputs, table) if precompute else (inputs,)

    precompute, activations = optional("precompute"), optional("activations")
    abstract = _with_text_keys(blank)
    shapes, traced = shapes_of(abstract), traced_names(model)
    pack = unpack = lambda params: params
    if hasattr(cls, "training_layout"):
        pack, unpack = cls.training_layout(model)
    network = Network(
        shapes=shapes,
        abstract=abstract,
        token_table=model.token_table(spec, shapes),
        init=init,
        pack=pack,
        unpack=unpack,
        precompute=lambda packed, given=None: (
            precompute(packed, *(getattr(given, n) for n in traced)) if precompute else ()
        ),
        logits=lambda packed, table, inputs: merged(packed)(*called_with(inputs, table)),
        activations=activations
        and (lambda packed, table, inputs: activations(packed, *called_with(inputs, table))),
        neuron_weights=optional("neuron_weights"),
    )
    _check_logits(name, network, spec, model)
    return network


def traced_names(model: Model) -> tuple[str, ...]:
    """Return the names of the model's traced settings, which its `precompute` takes."""
    return tuple(n for n, field in fields_of(type(model)).items() if field.kind == "traced")


def _abstract(name: str, module: Callable[[jax.Array], Any]) -> tuple[type, Any, dict[Any, Any]]:
    """Return a module's class, its graph, and its parameters as shapes.

    Raises ConfigError if it cannot be built or has other variables than parameters.
    """

    def checked() -> Any:
        made = module(jax.random.key(0))
        _check_attributes(name, made)
        return made

    try:
        built = nnx.eval_shape(checked)
        graph, state = nnx.split(built)
    except ConfigError:
        raise
    except Exception as error:  # whatever the user's constructor raises
        raise _failed(name, "cannot be built", error) from error
    kinds = {type(variable).__name__ for _, variable in nnx.to_flat_state(state)}
    if others := sorted(kinds - {"Param"}):
        raise ConfigError(
            f"model {name}: must have no other variables than nnx.Param, got {', '.join(others)}; "
            "a network is a function of its parameters alone, without dropout or batch statistics"
        )
    if not kinds:
        raise ConfigError(f"model {name}: must have parameters, got none")
    return type(built), graph, nnx.to_pure_dict(state)


def _check_attributes(name: str, module: Any) -> None:
    """Raise ConfigError if an attribute is an array and no variable: graphs cannot hold arrays."""
    for path, value in nnx.iter_graph(module):
        each = value if isinstance(value, tuple | list) else (value,)
        if any(isinstance(one, jax.Array | np.ndarray | np.generic) for one in each):
            raise ConfigError(
                f"model {name}: its attribute {'.'.join(map(str, path))} must not be an array; "
                "make it an nnx.Param, or a constant in __call__"
            )


def _check_logits(name: str, network: Network, spec: DataSpec, model: Model) -> None:
    """Raise ConfigError unless the network returns one row of logits for each input."""
    traced = types.SimpleNamespace(**dict.fromkeys(traced_names(model), jnp.float32(0)))
    inputs = jax.ShapeDtypeStruct((3, *spec.input_shape), jnp.dtype(spec.input_dtype))
    wanted = (3, spec.num_classes)
    try:
        apply = functools.partial(network.apply, traced=traced)
        found = jax.eval_shape(apply, network.abstract, inputs)
    except Exception as error:  # whatever the user's module raises
        what = f"cannot be called with {inputs.dtype} of shape {list(inputs.shape)}"
        raise _failed(name, what, error) from error
    for leaf in jax.tree.leaves(network.abstract):
        if leaf.dtype != jnp.float32:
            raise ConfigError(f"model {name}: parameters must be float32, got {leaf.dtype}")
    if getattr(found, "shape", None) != wanted or found.dtype != jnp.float32:
        got = f"{getattr(found, 'dtype', type(found).__name__)} {list(getattr(found, 'shape', ()))}"
        raise ConfigError(
            f"model {name}: its __call__ must return float32 logits of shape [B, {wanted[1]}], "
            f"got {got} for a batch of {wanted[0]}"
        )


def _failed(name: str, what: str, error: Exception) -> ConfigError:
    return ConfigError(f"model {name}: {what} ({reason(error)})")


def _with_text_keys(node: Any) -> Any:
    """Return a nested dict with strings as keys, because NNX has numbers for entries of lists."""
    if not isinstance(node, dict):
        return node
    return {str(key): _with_text_keys(value) for key, value in node.items()}


def _with_keys_of(blank: Any, params: Any) -> Any:
    """Return a nested dict with the keys that the module has."""
    if not isinstance(blank, dict):
        return params
    return {key: _with_keys_of(value, params[str(key)]) for key, value in blank.items()}
