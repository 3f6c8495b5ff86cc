"""Find the group that the tokens of members form; analysis takes the tokens in its order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from grokjax.config.config import Config
from grokjax.config.settings import NetworkSettings, Settings
from grokjax.tasks.token_group import TokenGroup, residues

if TYPE_CHECKING:
    from grokjax.analysis.over_members import MemberNetwork
    from grokjax.results.run import Run

Params = dict[str, Any]


def modulus_of(name: str, network: Settings | MemberNetwork) -> int:
    """Return P. Raises ValueError unless the examples are all pairs of Z_P."""
    modulus = network.spec.modulus
    if modulus is None:
        raise ValueError(f"{name}: needs a task whose examples are all pairs of Z_P")
    return modulus


def token_group(
    name: str,
    source: Run | Params,
    network: NetworkSettings | Config,
    group: TokenGroup | None = None,
) -> TokenGroup:
    """Return the group that the tokens of all members form.

    Args:
      name: the function that asks, for messages.
      source: a Run, or parameters with a leading axis of members.
      network: of the members; a Config also knows the operation.
      group: None for a Run; for parameters such as `run.config.task_settings.token_group()`. None
        there: that of the Config, or else the residues 0..P-1 under addition.

    Raises ValueError where members have several groups, or one was given with a Run.
    """
    from grokjax.results.run import Run

    if not isinstance(source, Run):
        if group is None and isinstance(network, Config):
            group = network.task_settings.token_group()
        return group or residues(modulus_of(name, network))
    if group is not None:
        raise ValueError(f"{name}: a Run has its own group of tokens; leave out group")
    variants: dict[TokenGroup, dict[str, None]] = {}
    for member in source.members.index:
        config = source.sweep[int(member)]
        found = config.task_settings.token_group() or residues(modulus_of(name, config))
        variants.setdefault(found, {})[config.variant] = None
    if len(variants) > 1:
        each = [f"{found.name} ({', '.join(names)})" for found, names in variants.items()]
        raise ValueError(
            f"{name}: the tokens of these members form several groups, {', '.join(each)}; "
            "use select"
        )
    return next(iter(variants))


def cyclic_group(
    name: str, network: Settings | MemberNetwork, group: TokenGroup | None
) -> TokenGroup:
    """Return a cyclic group of tokens, by default the residues under addition.

    Raises ValueError where the group is not cyclic, or the examples are not all pairs of Z_P.
    """
    modulus = modulus_of(name, network)
    group = group or residues(modulus)
    if not group.is_cyclic:
        raise ValueError(f"{name}: {group.obstacle}")
    return group
