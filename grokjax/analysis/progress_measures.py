"""Nanda et al.'s progress measures (2023, Sec. 5) of all members, from their parameters.

Definitions are those of the published code; see `metrics.progress` and `metrics.pair_waves`.
Letters: M members, P tokens, K = P // 2 frequencies, N pairs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import jax
import numpy as np

from grokjax.analysis.groups import modulus_of
from grokjax.analysis.member_progress import Measures, Pairs, measures
from grokjax.analysis.over_members import (
    Params,
    built_network,
    params_and_network,
)
from grokjax.config.config import Config
from grokjax.config.settings import NetworkSettings
from grokjax.errors import invalid
from grokjax.metrics.progress_metrics import SUBSETS, TABLES
from grokjax.results.prediction import member_data
from grokjax.results.run import Run

if TYPE_CHECKING:
    import xarray as xr

EXPLAINED = 0.85
"""Share of a neuron's variance from which its frequency explains it (Nanda et al. 2023)."""

KeyRule = Literal["logits", "neurons"]

NAME = "progress_measures"


def progress_measures(
    source: Run | Params,
    config: Config | Sequence[Config] | None = None,
    key: KeyRule | np.ndarray = "logits",
) -> xr.Dataset:
    """Compute the progress measures of every member.

    Args:
      source: a Run whose members have one kind of network, or parameters with a leading axis M.
      config: for parameters: the settings of all members, or of each, which say what they learn
        from and by which loss.
      key: the key frequencies: `logits`, those of `metrics.progress.key_frequencies`; `neurons`,
        the frequencies of all neurons without a threshold, as in the published code; or bool
        `[K]` or `[M, K]`, such as those of the final parameters where the Run is `run.at(epoch)`.

    Returns:
      A Dataset with dims `member, subset, frequency, neuron, table, parameter`, with the variables
      of `Measures` and `logit_fve`, the share of the variance of the logits along the key
      frequencies, and `neurons_explained`, the share of the neurons whose frequency explains at
      least 85% of their variance.

    Raises:
      ValueError: parameters without settings or of another network, members that differ in their
        network or loss, or a task whose examples are not all pairs of Z_P.
      ConfigError: key frequencies that cannot be used; a model or task of your own that has not
        been imported.
    """
    found, network, configs, pairs = _members(source, config)
    losses = {each.loss for each in configs}
    if len(losses) > 1 or any(each.network != network for each in configs):
        raise ValueError(f"{NAME}: members differ in their network or loss; use select")
    rule, mask = (key, None) if isinstance(key, str) else ("given", key)
    if rule not in ("logits", "neurons", "given"):
        raise invalid("key", key, "must be logits, neurons, or an array of bool")
    computed = measures(
        found,
        {n: np.array([getattr(c, n) for c in configs], np.float32) for n in network.traced or {}},
        Pairs(*map(np.stack, zip(*pairs, strict=True))),
        _mask(mask, len(configs), modulus_of(NAME, network)),
        network=network.with_traced(None),
        loss=losses.pop(),
        rule=rule,
    )
    numbers = source.members.index if isinstance(source, Run) else range(len(configs))
    return _labelled(computed, list(numbers), sorted(built_network(network).shapes))


def _members(
    source: Run | Params, config: Config | Sequence[Config] | None
) -> tuple[Params, NetworkSettings, list[Config], list[Pairs]]:
    """Return the parameters of all members, their network, settings, and what they learn from."""
    if isinstance(source, Run):
        if config is not None:
            raise ValueError(f"{NAME}: a Run has its own settings; leave out config")
        found, network = params_and_network(NAME, source, None)
        configs = [source.sweep[m] for m in source.members.index]
        stored = [source.networks.of(c).digests.get(c.variant) for c in configs]
    else:
        configs = _configs_of(source, config)
        found, network = params_and_network(NAME, source, configs[0].network)
        stored = [None] * len(configs)
    return found, network, configs, [_pairs(*each) for each in zip(configs, stored, strict=True)]


def _configs_of(params: Params, config: Config | Sequence[Config] | None) -> list[Config]:
    """Return the settings of each member whose parameters are given."""
    count = len(next(iter(jax.tree.leaves(params)), ()))
    configs = [config] * count if isinstance(config, Config) else list(config or ())
    if not configs or len(configs) != count or not all(isinstance(c, Config) for c in configs):
        raise ValueError(
            f"{NAME}: parameters do not say what they learnt; pass the Run, or the Config of "
            f"each of the {count} members"
        )
    return configs


def _pairs(config: Config, stored: str | None) -> Pairs:
    """Return what a member learns from. stored: the digest of its examples in a run."""
    data = member_data(config, stored)
    if data.true_labels is None:
        raise ValueError(f"{NAME}: needs a task with classes, not values to regress on")
    train = np.zeros(len(data.order), bool)
    train[data.order[: config.train_size]] = True
    return Pairs(data.true_labels, data.targets, train)


def _mask(key: Any, count: int, modulus: int) -> np.ndarray:
    """Return given key frequencies, bool `[M, K]`; none where a rule finds them."""
    shape = (count, modulus // 2)
    if key is None:
        return np.zeros(shape, bool)
    mask = np.asarray(key)
    if mask.dtype != bool or mask.shape not in (shape, shape[1:]):
        raise invalid("key", key, f"must be logits, neurons, or bool of shape {list(shape)}")
    return np.broadcast_to(mask, shape)


DIMS = {
    "key": ("frequency",),
    "neuron_frequency": ("neuron",),
    "neuron_share": ("neuron",),
    "logit_coefficient": ("frequency",),
    "logit_share": ("frequency",),
    "loss": ("subset",),
    "restricted_loss": ("subset",),
    "restricted_loss_without_bias": ("subset",),
    "excluded_loss": ("subset",),
    "excluded_loss_of": ("frequency", "subset"),
    "component_gini": ("table",),
    "parameter_squares": ("parameter",),
    "logit_fve": (),
    "neurons_explained": (),
}


def _labelled(measures: Measures, members: list[int], parameters: list[str]) -> xr.Dataset:
    """Return the measures as a Dataset, with what follows from them."""
    import xarray as xr

    values = {name: value for name, value in measures._asdict().items() if value is not None}
    values["logit_fve"] = np.sum(measures.logit_share, axis=1, where=measures.key)
    if measures.neuron_share is not None:
        values["neurons_explained"] = np.mean(measures.neuron_share >= EXPLAINED, axis=1)
    coordinates = {
        "member": members,
        "frequency": np.arange(1, values["key"].shape[1] + 1),
        "subset": list(SUBSETS),
        "table": list(TABLES),
        "parameter": parameters,
    }
    data = {name: (("member", *DIMS[name]), values[name]) for name in DIMS if name in values}
    return xr.Dataset(data, coordinates)
