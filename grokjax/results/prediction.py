"""What members compute: logits of their parameters, and the data that they learn from."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

from grokjax.config.config import Config
from grokjax.config.hyperparams import hypers_of
from grokjax.config.settings import NetworkSettings
from grokjax.errors import ConfigError, invalid
from grokjax.models.model import Shapes, shapes_of
from grokjax.results.changes import check_digest, check_parameters
from grokjax.results.networks import Networks
from grokjax.results.pieces import check_known
from grokjax.settings.data_spec import DataSpec
from grokjax.tasks.dataset import Dataset, digest
from grokjax.tasks.task import Task, build_dataset

if TYPE_CHECKING:
    from grokjax.models.network import Network
    from grokjax.tasks.member_data import Examples, MemberData


def only_network(networks: Iterable[NetworkSettings]) -> NetworkSettings:
    """Return the one network of these; without traced settings if they differ in those.

    Raises ValueError if there are several or none.
    """
    networks = list(networks)
    found = list(dict.fromkeys(networks))
    if not found:
        raise ValueError("network: no member is selected; select at least one")
    if len(found) > 1:
        names = dict.fromkeys(name for network in found for name in network.values)
        differing = [n for n in names if len({network.values.get(n) for network in found}) > 1]
        raise ValueError(f"network: members differ in {', '.join(differing)}; use select")
    same = all(each.traced == found[0].traced for each in networks)
    return found[0] if same else found[0].with_traced(None)


def logits(
    params: dict[str, Any], inputs: Any, members: Sequence[Config], networks: Networks
) -> np.ndarray:
    """Compute logits `[N, C]` as `grokjax.Run.apply` describes them."""
    fitting = [m for m in members if networks.of(m).shapes == _shapes(params)]
    if not fitting:
        given = _shapes(params) or type(params).__name__
        raise invalid("params", given, "must be one member's parameters, as Run.params_of gives")
    network = only_network(member.network for member in fitting)
    if network.traced is None:
        differing = ", ".join(fitting[0].network.traced or {})
        raise ValueError(f"apply: members differ in {differing}; use run.of([member]).apply")
    spec = networks.of(fitting[0]).spec
    checked = _checked_inputs(inputs, spec)
    built = network_of(fitting[0], networks)
    import jax.numpy as jnp

    from grokjax.runtime.numerics import pinned_jax_settings

    precisions = {member.precision for member in members}
    with pinned_jax_settings(precisions.pop() if len(precisions) == 1 else "float32"):
        traced = SimpleNamespace(**network.traced)
        return np.asarray(built.apply(params, jnp.asarray(checked), traced))


def network_of(config: Config, networks: Networks) -> Network:
    """Return the network of a run's member.

    Raises ConfigError if its model is unknown here, or has changed since the run was trained.
    """
    check_known([config], "model")
    from grokjax.models.network import build_network

    info = networks.of(config)
    built = build_network(config.model_settings, info.spec)
    check_parameters(info, built.shapes)
    return built


def _shapes(params: Any) -> Shapes:
    """Return the shapes of nested parameters by name; empty for any other value."""
    try:
        return shapes_of(params) if isinstance(params, dict) else {}
    except ValueError:  # lists of unequal lengths
        return {}


def _checked_inputs(inputs: Any, spec: DataSpec) -> np.ndarray:
    """Return inputs as the network takes them. Raises ConfigError for those of another task."""
    shape = ", ".join(["N", *map(str, spec.input_shape)])
    tokens = spec.num_tokens is not None
    kind = "whole numbers" if tokens else "numbers"
    try:
        found = np.asarray(inputs)
    except ValueError:
        raise invalid("inputs", inputs, f"must be {kind} of shape [{shape}]") from None
    if found.shape[1:] != spec.input_shape or found.dtype.kind not in ("iu" if tokens else "iuf"):
        raise ConfigError(
            f"inputs must be {kind} of shape [{shape}], got {found.dtype} of shape "
            f"{list(found.shape)}"
        )
    if tokens:
        wrong = found[(found < 0) | (found >= spec.num_tokens)]
        if wrong.size:
            top = (spec.num_tokens or 0) - 1
            raise invalid("inputs", int(wrong[0]), f"must be tokens from 0 to {top}")
    return found.astype(spec.input_dtype)


def examples(config: Config, stored: str | None = None) -> Examples:
    """Return what a member with these settings learns from and is tested on.

    stored: the digest of its examples that a run stores; None if it stores none.

    Raises ConfigError if the task is unknown here, or has changed since the run was trained.
    """
    found = member_data(config, stored)
    from grokjax.tasks.member_data import Examples

    data = _dataset(config)
    train = found.order[: config.train_size]
    test = found.order[config.train_size : config.num_examples]
    targets = np.asarray(found.targets)
    return Examples(data.inputs[train], targets[train], data.inputs[test], targets[test])


def member_data(config: Config, stored: str | None = None) -> MemberData:
    """Return the order and the targets of a member's examples, in NumPy.

    stored, and what it raises: as for `examples`.
    """
    check_known([config], "task")
    import jax

    from grokjax.runtime.numerics import pinned_jax_settings

    if stored is not None:
        check_digest(config.task, stored, digest(_dataset(config)))
    compiled = _compiled_data(config.program.task_settings, config.variant, config.split)
    with pinned_jax_settings():
        found = compiled(hypers_of(config, (config.variant,)))
    return jax.tree.map(np.asarray, found)


def _dataset(config: Config) -> Dataset:
    return build_dataset(config.program.task_settings, (config.variant,))


@functools.lru_cache(maxsize=16)
def _compiled_data(task: Task, variant: str, split: str) -> Callable[[Any], MemberData]:
    import jax

    from grokjax.tasks.member_data import build_member_data

    return jax.jit(build_member_data(build_dataset(task, (variant,)), split))
