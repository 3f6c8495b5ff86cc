"""What a metric is: a named function of a member's parameters and its evaluation.

Letters: N examples, C classes, H hidden.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp

from grokjax.errors import ConfigError, invalid, printable, reason
from grokjax.models.network import Network, Params
from grokjax.optim.losses import Loss
from grokjax.settings.data_spec import DataSpec
from grokjax.settings.registry import check_defined_once, source_location
from grokjax.tasks.token_group import TokenGroup

Labels = Mapping[str, Sequence[Any]]
"""Names or numbers along the dimensions of a metric."""


@dataclass(frozen=True)
class Evaluation:
    """One evaluation of a member: what it has computed, and what it can compute.

    network, spec: the member's network, and the shapes of its data.
    packed, table: parameters in their training layout, and what `precompute` gave for them.
    inputs: `[N, ...]`. targets: as trained on, `[N]` classes or `[N, C]` values.
    true_labels: the classes without label noise, int32 `[N]`, -1 for an example that is left out;
      None for values.
    loss: the recorded loss, of logits `[n, C]` and one-hot or other targets `[n, C]` -> `[n]`.
    losses: `[N]`, of each example. correct: bool `[N]`, whether it is classified right.
    kept_logits: those that `losses` are of, if a metric reads them; None otherwise.
    order: int32 `[N]`, the numbers of the examples, those trained on first, then those tested on.
    shared: what several metrics are computed from, kept by the first of them under its own name.
    train_size, num_examples: int32 `[]`, how many are trained on, and how many exist.
    variant: int32 `[]`, the row of the member's variant among those of its program.
    groups: the group that the tokens form under each of these variants; empty without any.
    """

    network: Network
    spec: DataSpec
    packed: Params
    table: Any
    inputs: jax.Array
    targets: jax.Array
    true_labels: jax.Array | None
    loss: Loss
    losses: jax.Array
    correct: jax.Array
    kept_logits: jax.Array | None
    order: jax.Array
    train_size: jax.Array
    num_examples: jax.Array
    variant: jax.Array
    groups: tuple[TokenGroup, ...]
    shared: dict[str, Any] = field(default_factory=dict)

    def logits(self) -> jax.Array:
        """Compute the logits of all examples, `[N, C]`, in the order of `inputs`."""
        if self.kept_logits is not None:
            return self.kept_logits
        return self.network.logits(self.packed, self.table, self.inputs)

    def activations(self) -> jax.Array:
        """Compute the last hidden layer of all examples, `[N, H]`."""
        if self.network.activations is None:
            raise AttributeError("the model's module has no method activations(inputs)")
        return self.network.activations(self.packed, self.table, self.inputs)

    def split_means(self, values: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Average values `[N]` over the train split and over the test split."""
        ordered = values[self.order]
        place = jnp.arange(len(ordered))
        ordered = ordered.astype(float)
        test = (place >= self.train_size) & (place < self.num_examples)
        return jnp.mean(ordered, where=place < self.train_size), jnp.mean(ordered, where=test)


@dataclass(frozen=True)
class Metric:
    """A value that is recorded at evaluations.

    name: of its variable in `run.history`.
    function: (Params, Evaluation) -> float array, one dimension for each of `dims`.
    dims: names of its dimensions.
    labels: (Network, DataSpec) -> what stands along each dimension; numbers from 0 by default.
    applies: (Network, DataSpec) -> whether a member with such a network and data has it.
    reads_logits: whether it calls `Evaluation.logits`, which are then computed only once.
    """

    name: str
    function: Callable[[Params, Evaluation], jax.Array]
    dims: tuple[str, ...] = ()
    labels: Callable[[Network, DataSpec], Labels] = lambda network, spec: {}
    applies: Callable[[Network, DataSpec], bool] = lambda network, spec: True
    reads_logits: bool = False

    @property
    def source(self) -> dict[str, str]:
        """Where its function is defined: `module` and `name`."""
        return source_location(self.function)


REGISTERED: dict[str, Metric] = {}
"""Metrics of users, by name, in the order in which they were defined."""


def metric(source: Any = None, *, dims: Sequence[str] = ()) -> Any:
    """Decorator: make a function of (params) or (params, evaluation) a metric of its own name.

    Args:
      source: the function, on one member's parameters; it returns a float array.
      dims: names of the array's dimensions; a scalar has none.

    Example:
      >>> import jax.numpy as jnp
      >>> @metric(dims=["token"])
      ... def token_norms(params):
      ...     return jnp.linalg.norm(params["embed"]["embedding"], axis=1)

      `grokjax.train(sweep, out, metrics=[token_norms])` records `history.token_norms`, with dims
      `member, eval, token`.
    """
    if source is None:
        return lambda function: metric(function, dims=dims)
    made = as_metric(source, dims)
    known = REGISTERED.get(made.name)
    if known is not None and known.source != made.source:
        raise ConfigError(
            f"metric {printable(made.name)}: the name is used twice: {known.source['module']} has "
            "one of that name; rename yours"
        )
    check_defined_once("metric", made.name)
    REGISTERED[made.name] = made
    return source


def as_metric(source: Any, dims: Sequence[str] | None = None) -> Metric:
    """Return the metric that a Metric or a function stands for."""
    if isinstance(source, Metric):
        return source
    if not callable(source) or not hasattr(source, "__name__"):
        raise invalid("metrics", source, "must be functions of (params) or (params, evaluation)")
    known = REGISTERED.get(source.__name__)
    if dims is None and known is not None and known.function.__wrapped__ is source:  # pyright: ignore[reportFunctionMemberAccess]
        return known
    if isinstance(dims, str):
        raise ConfigError(f"metric {printable(source.__name__)}: dims must be a list of names")
    takes_evaluation = _takes_evaluation(source)

    def function(params: Params, evaluation: Evaluation) -> jax.Array:
        return jnp.asarray(source(params, evaluation) if takes_evaluation else source(params))

    function.__wrapped__ = source  # pyright: ignore[reportFunctionMemberAccess]
    function.__module__, function.__qualname__ = source.__module__, source.__qualname__
    return Metric(source.__name__, function, tuple(dims or ()))


def _takes_evaluation(source: Callable[..., Any]) -> bool:
    """Whether a function has a second parameter without a default: the evaluation."""
    parameters = inspect.signature(source).parameters.values()
    by_place = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(p.kind in by_place and p.default is p.empty for p in parameters) > 1


RESERVED = frozenset({"member", "epoch", "step", "status", "eval", "epochs", "embedding"})
"""Names in the history and the journal that no metric can have."""


def check_names(metrics: Sequence[Metric], settings: Collection[str] = ()) -> None:
    """Raise ConfigError if two metrics have one name, or a name or dimension cannot be used.

    Args:
      metrics: all that a run records.
      settings: names of settings, which are coordinates of the history where they are swept.
    """
    seen: set[str] = set()
    taken = RESERVED.union(settings)
    dims = {dim for each in metrics for dim in each.dims}
    for each in metrics:
        name = f"metric {printable(each.name)}"
        if each.name in seen:
            raise ConfigError(f"{name}: the name is used twice; rename one")
        if not each.name.isidentifier() or each.name in taken | dims:
            raise ConfigError(f"{name}: the name cannot be used; rename it")
        if bad := [dim for dim in each.dims if dim in taken or not dim.isprintable()]:
            raise ConfigError(
                f"{name}: the dimension {printable(bad[0])} cannot be used; rename it"
            )
        if len(set(each.dims)) < len(each.dims):
            raise ConfigError(f"{name}: its dimensions must have different names")
        seen.add(each.name)


def measure(metrics: Sequence[Metric], params: Params, evaluation: Evaluation) -> dict[str, Any]:
    """Compute these metrics of one member, in the precision of the run, by name.

    Raises ConfigError, naming the metric, where one has another rank than it says.
    """
    found = {}
    for each in metrics:
        try:
            value = jnp.asarray(each.function(params, evaluation))
        except Exception as error:  # whatever the user's function raises
            raise ConfigError(
                f"metric {each.name}: cannot be computed ({reason(error)})"
            ) from error
        if value.ndim != len(each.dims):
            wanted = (
                f"{len(each.dims)} dimensions ({', '.join(each.dims)})" if each.dims else "a scalar"
            )
            raise ConfigError(
                f"metric {each.name}: must return {wanted}, got shape {list(value.shape)}"
            )
        found[each.name] = value.astype(float)
    return found
