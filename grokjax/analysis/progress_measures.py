"""Nanda et al.'s progress measures (2023, Sec. 5) of all members, from their parameters.

Definitions are those of the published code; see `metrics.progress` and `metrics.pair_waves`. They
are over the cyclic group that the operation makes of the tokens: of products mod a prime, over the
nonzero tokens in the order of powers of a primitive root. Without such a group they are over the
tokens in their own order, where structure may not show.
Letters: M members, P tokens, K = P // 2 frequencies, N pairs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from grokjax.analysis.groups import modulus_of
from grokjax.analysis.member_pairs import (
    group_of_members,
    members_and_pairs,
    stacked,
    traced_settings,
)
from grokjax.analysis.member_progress import Measures, measures
from grokjax.analysis.over_members import Params, built_network
from grokjax.config.config import Config
from grokjax.errors import invalid
from grokjax.metrics.progress_metrics import SUBSETS, TABLES
from grokjax.results.run import Run
from grokjax.tasks.token_group import residues

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
        network, loss or group of tokens, or a task whose examples are not all pairs of Z_P.
      ConfigError: key frequencies that cannot be used; a model or task of your own that has not
        been imported.
    """
    found, network, configs, pairs = members_and_pairs(NAME, source, config)
    losses = {each.loss for each in configs}
    if len(losses) > 1:
        raise ValueError(f"{NAME}: members differ in their loss; use select")
    group, modulus = group_of_members(NAME, source, network, configs), modulus_of(NAME, network)
    group = group if group.is_cyclic else residues(modulus)
    rule, mask = (key, None) if isinstance(key, str) else ("given", key)
    if rule not in ("logits", "neurons", "given"):
        raise invalid("key", key, "must be logits, neurons, or an array of bool")
    computed = measures(
        found,
        traced_settings(network, configs),
        stacked(pairs),
        _mask(mask, len(configs), group.size),
        network=network.with_traced(None),
        group=group,
        loss=losses.pop(),
        rule=rule,
    )
    numbers = source.members.index if isinstance(source, Run) else range(len(configs))
    return _labelled(computed, list(numbers), sorted(built_network(network).shapes))


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
