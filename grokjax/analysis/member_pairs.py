"""What each member learns from: the labels of its pairs and which of them it is trained on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from grokjax.analysis.groups import token_group
from grokjax.analysis.over_members import Params, params_and_network
from grokjax.config.config import Config
from grokjax.config.settings import NetworkSettings
from grokjax.results.prediction import member_data
from grokjax.results.run import Run
from grokjax.tasks.token_group import TokenGroup


class Pairs(NamedTuple):
    """Labels and train split of one member, in the order of the pairs."""

    answers: Any  # int32 [N], without label noise; -1 for a pair that is left out
    labels: Any  # int32 [N], as trained on
    train: Any  # bool [N], whether it is trained on


def members_and_pairs(
    name: str, source: Run | Params, config: Config | Sequence[Config] | None
) -> tuple[Params, NetworkSettings, list[Config], list[Pairs]]:
    """Return the parameters of all members, their network, settings, and what they learn from.

    Args:
      name: the function that asks, for messages.
      source: a Run whose members have one kind of network, or parameters with a leading axis M.
      config: for parameters: the settings of all members, or of each.

    Raises ValueError as `params_and_network` does, for parameters without settings, and where
    members differ in their network.
    """
    if isinstance(source, Run):
        if config is not None:
            raise ValueError(f"{name}: a Run has its own settings; leave out config")
        found, network = params_and_network(name, source, None)
        configs = [source.sweep[m] for m in source.members.index]
        stored = [source.networks.of(c).digests.get(c.variant) for c in configs]
    else:
        configs = _configs_of(name, source, config)
        found, network = params_and_network(name, source, configs[0].network)
        stored = [None] * len(configs)
    if any(each.network != network for each in configs):
        raise ValueError(f"{name}: members differ in their network; use select")
    pairs = [_pairs(name, *each) for each in zip(configs, stored, strict=True)]
    return found, network, configs, pairs


def group_of_members(
    name: str, source: Run | Params, network: NetworkSettings, configs: list[Config]
) -> TokenGroup:
    """Return the group that the tokens of all members form, which need not be cyclic.

    Raises ValueError where members have several groups.
    """
    if isinstance(source, Run):
        return token_group(name, source, network)
    group, *others = {token_group(name, source, each) for each in configs}
    if others:
        raise ValueError(f"{name}: the tokens of these members form several groups")
    return group


def traced_settings(network: NetworkSettings, configs: list[Config]) -> dict[str, np.ndarray]:
    """Return the traced settings of the network, `[M]` each, for `over_members`."""
    names, dtype = network.traced or {}, configs[0].float_dtype
    return {n: np.array([getattr(c, n) for c in configs], dtype) for n in names}


def stacked(pairs: list[Pairs]) -> Pairs:
    """Return what all members learn from, as arrays `[M, N]`."""
    return Pairs(*map(np.stack, zip(*pairs, strict=True)))


def _configs_of(
    name: str, params: Params, config: Config | Sequence[Config] | None
) -> list[Config]:
    """Return the settings of each member whose parameters are given."""
    count = len(next(iter(jax.tree.leaves(params)), ()))
    configs = [config] * count if isinstance(config, Config) else list(config or ())
    if not configs or len(configs) != count or not all(isinstance(c, Config) for c in configs):
        raise ValueError(
            f"{name}: parameters do not say what they learnt; pass the Run, or the Config of "
            f"each of the {count} members"
        )
    return configs


def _pairs(name: str, config: Config, stored: str | None) -> Pairs:
    """Return what a member learns from. stored: the digest of its examples in a run."""
    data = member_data(config, stored)
    if data.true_labels is None:
        raise ValueError(f"{name}: needs a task with classes, not values to regress on")
    train = np.zeros(len(data.order), bool)
    train[data.order[: config.train_size]] = True
    return Pairs(data.true_labels, data.targets, train)
