"""What the networks of a sweep are: shapes, state and metrics, found without training anything."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Any

import jax

from grokjax.config.config import Config
from grokjax.config.hyperparams import hypers_of
from grokjax.config.settings import ProgramConfig
from grokjax.config.sweep import Program, Sweep
from grokjax.errors import ConfigError
from grokjax.metrics.builtin import BUILTIN
from grokjax.metrics.metric import Metric, check_names
from grokjax.models.network import Network, build_network
from grokjax.optim.optimizer import build_optimizer, check_rule
from grokjax.results.networks import MetricInfo, NetworkInfo, Networks, key_of
from grokjax.runtime.numerics import pinned_jax_settings
from grokjax.tasks.task import TASKS
from grokjax.training.interventions import check_interventions, intervention_state
from grokjax.training.member import build_member


def _state(program: ProgramConfig, network: Network, example: Config) -> dict[str, Any]:
    """Return the shapes of a member's state: its parameters and what the rule keeps for them."""
    dtype = example.float_dtype
    params = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, dtype), network.abstract)
    # With a random split, as the examples must be built for the order of a replayed one.
    hypers = hypers_of(example.replace(split="random"), (example.variant,))
    if program.optimizer not in ("adamw", "adam", "sgd"):
        check_rule(program.optimizer, program, hypers, params)
    check_interventions(program, network, hypers)
    state = jax.eval_shape(lambda params: build_optimizer(program, hypers).init(params), params)
    own = jax.eval_shape(lambda params: intervention_state(program, hypers, params), params)
    return {"params": params, "opt_state": state, "interventions": own}


def state_arrays(config: Config) -> dict[str, tuple[tuple[int, ...], str]]:
    """Return shape and dtype of each array of a member's state, by its name in snapshots."""
    program = config.program
    with pinned_jax_settings(program.precision):
        network = build_network(program.model_settings, program.spec)
        leaves = jax.tree_util.tree_leaves_with_path(_state(program, network, config))
    name_of = functools.partial(jax.tree_util.keystr, simple=True, separator="/")
    return {name_of(path): (leaf.shape, leaf.dtype.name) for path, leaf in leaves}


def state_bytes(program: ProgramConfig, network: Network, example: Config) -> int:
    """Return the bytes of a member's state."""
    leaves = jax.tree.leaves(_state(program, network, example))
    return sum(leaf.size * leaf.dtype.itemsize for leaf in leaves)


def take_inventory(sweep: Sweep, metrics: tuple[Metric, ...]) -> Networks:
    """Return what the run stores of every network of a sweep.

    Raises ConfigError where a model, rule or metric of the user's does not fit.
    """
    leading = [program.example for program in sweep.programs()]
    settings = {name for config in (sweep.config, *leading) for name in config.values}
    check_names(metrics, settings)
    with pinned_jax_settings(sweep[0].precision):
        found: dict[tuple, NetworkInfo] = {}
        examples: dict[tuple, dict[str, int]] = {}
        digests: dict[tuple, dict[str, str]] = {}
        for program in sweep.programs():
            key = key_of(program.example)
            sizes, digest = examples.setdefault(key, {}), digests.setdefault(key, {})
            for member in program.members:
                config = sweep[member]
                if config.spec != program.config.spec:
                    raise ConfigError(
                        f"task {config.task}: its variants must have data of the same shapes, got "
                        f"{program.config.spec} and {config.spec}"
                    )
                if config.variant not in sizes:
                    sizes[config.variant] = config.num_examples
                    if TASKS.source_of(config.task) is not None:
                        digest[config.variant] = config.task_settings.digest()
            network = build_network(program.config.model_settings, program.config.spec)
            size = state_bytes(program.config, network, program.example)
            if key in found and found[key].state_bytes >= size:
                continue
            found[key] = NetworkInfo(
                dict(program.example.network.values),
                network.shapes,
                network.token_table,
                metric_infos(program, network, metrics),
                program.config.spec,
                sizes,
                size,
                digest,
            )
    return Networks(found.values())


def metric_infos(
    program: Program, network: Network, metrics: Iterable[Metric]
) -> dict[str, MetricInfo]:
    """Return the metrics of a program's members with their dimensions.

    Users' metrics are traced once, to see that they can be computed and what shape they have.
    """
    spec, infos, shapes = program.config.spec, {}, {}
    recorded = [each for each in metrics if each.applies(network, spec)]
    if not set(BUILTIN).issuperset(recorded):
        shapes = _traced_shapes(program, tuple(metrics))
    for each in recorded:
        labels = each.labels(network, spec)
        if each in BUILTIN:
            infos[each.name] = MetricInfo({dim: list(labels[dim]) for dim in each.dims})
            continue
        sizes = dict(zip(each.dims, shapes[each.name], strict=True))
        dims = {dim: list(labels.get(dim, range(size))) for dim, size in sizes.items()}
        for dim, size in sizes.items():
            if len(dims[dim]) != size:
                raise ConfigError(
                    f"metric {each.name}: has {size} values along {dim} and {len(dims[dim])} labels"
                )
        infos[each.name] = MetricInfo(dims)
    _check_labels(infos)
    return infos


def _check_labels(infos: dict[str, MetricInfo]) -> None:
    """Raise ConfigError if two metrics of a network have one dimension with different labels."""
    first: dict[str, tuple[str, list[Any]]] = {}
    for name, info in infos.items():
        for dim, labels in info.dims.items():
            other, known = first.setdefault(dim, (name, labels))
            if labels != known:
                raise ConfigError(
                    f"metric {name}: dimension {dim} has other labels than in metric {other}; "
                    "rename it"
                )


def _traced_shapes(program: Program, metrics: tuple[Metric, ...]) -> dict[str, tuple[int, ...]]:
    member = build_member(program.config, program.max_train_size, program.variants, metrics)
    hypers = hypers_of(program.example, program.variants)
    return {name: x.shape for name, x in jax.eval_shape(member.init, hypers)[1].items()}
