"""The progress measures of one member, from its parameters; see `progress_measures`.

Letters: P tokens, K = P // 2 frequencies, N pairs, H neurons; of products mod a prime, P counts the
nonzero tokens, in the order of powers of a primitive root.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from grokjax.analysis.groups import modulus_of
from grokjax.analysis.member_pairs import Pairs
from grokjax.analysis.over_members import (
    MemberNetwork,
    Params,
    built_network,
    over_members,
)
from grokjax.config.settings import NetworkSettings
from grokjax.metrics import pair_waves, progress
from grokjax.metrics.group_pairs import group_pairs
from grokjax.metrics.progress_metrics import component_ginis, parameter_squares
from grokjax.models.network import Network
from grokjax.optim.losses import RECORDED
from grokjax.tasks.token_group import TokenGroup


class Measures(NamedTuple):
    """The progress measures of one member; subsets are train, test and all pairs."""

    key: Array
    """bool `[K]`, the key frequencies that the losses are of."""
    neuron_frequency: Array | None
    """int32 `[H]`; None where the module gives no activations."""
    neuron_share: Array | None
    """`[H]`, NaN for a constant neuron."""
    logit_coefficient: Array
    """`[K]`, along cos(w_k(a + b - c))."""
    logit_share: Array
    """`[K]`, of the variance of the logits."""
    loss: Array
    """`[subset]`, over the first P classes."""
    restricted_loss: Array
    """`[subset]`, of the key frequencies alone, with bias correction."""
    restricted_loss_without_bias: Array
    """`[subset]`, without bias correction."""
    excluded_loss: Array
    """`[subset]`, without all key frequencies."""
    excluded_loss_of: Array
    """`[K, subset]`, without one frequency."""
    component_gini: Array
    """`[table]`, of W_E and W_L; NaN where the module does not give it."""
    parameter_squares: Array
    """`[parameter]`, sums of squares, alphabetically."""


@over_members
def measures(
    params: Params,
    traced: dict[str, Array],
    pairs: Pairs,
    given: Array,
    network: NetworkSettings,
    group: TokenGroup,
    loss: str,
    rule: str,
) -> Measures:
    """Compute the measures of one member.

    Args:
      params: its parameters.
      traced: the traced settings of its network.
      pairs: what it learns from.
      given: bool `[K]`, its key frequencies if the rule is `given`.
      network: the other settings of its network.
      group: the cyclic group of its tokens.
      loss: the name of its loss.
      rule: how the key frequencies are found: `logits`, `neurons` or `given`.
    """
    model = built_network(MemberNetwork(network, SimpleNamespace(**traced)))
    of_loss, modulus = RECORDED[loss], group.size
    chosen = group_pairs(group, modulus_of("progress_measures", network))
    inputs = jnp.asarray(network.spec.all_pairs()[chosen.rows])
    logits = model.apply(params, inputs)[:, chosen.order]
    answers, labels, train = (each[chosen.rows] for each in pairs)
    own = Pairs(chosen.places(answers), chosen.places(labels), train)
    answers, labels = own.answers, own.labels
    means = progress.answer_means(logits, answers, modulus)
    frequency, share = _neurons(model, params, inputs, modulus)
    along, of_variance = progress.coefficients(means), progress.explained_variance(logits, means)
    key = _key(rule, given, progress.key_frequencies(along, of_variance), frequency)
    k = jnp.arange(1, modulus // 2 + 1)

    def restricted(bias_correction: bool) -> Array:
        losses = progress.restricted_losses(means, key, answers, labels, of_loss, bias_correction)
        return _subset_means(losses, own)

    def excluded(key: Array) -> Array:
        losses = progress.excluded_losses(logits, means, key, answers, labels, of_loss)
        return _subset_means(losses, own)

    packed = model.pack(params)
    table = model.precompute(packed)
    return Measures(
        key=key,
        neuron_frequency=frequency,
        neuron_share=share,
        logit_coefficient=along,
        logit_share=of_variance,
        loss=_subset_means(of_loss(logits, jax.nn.one_hot(labels, modulus)), own),
        restricted_loss=restricted(True),
        restricted_loss_without_bias=restricted(False),
        excluded_loss=excluded(key),
        excluded_loss_of=jax.lax.map(lambda one: excluded(k == one), k),
        component_gini=component_ginis(model, params, packed, table, chosen.order),
        parameter_squares=parameter_squares(params),
    )


def _subset_means(losses: Array, pairs: Pairs) -> Array:
    """Average losses `[N]` over the train split, the test split and all pairs."""
    known = (pairs.answers >= 0) & (pairs.labels >= 0)
    subsets = known & pairs.train, known & ~pairs.train, known
    return jnp.stack([jnp.mean(losses, where=subset) for subset in subsets])


def _neurons(
    model: Network, params: Params, inputs: Array, modulus: int
) -> tuple[Array | None, Array | None]:
    """Return the frequencies of the neurons and their shares; None without activations."""
    if model.activations is None:
        return None, None
    hidden = model.hidden(params, inputs).reshape(modulus, modulus, -1)
    return pair_waves.neuron_frequencies(hidden, pair_waves.transform(hidden))


def _key(rule: str, given: Array, of_logits: Array, frequency: Array | None) -> Array:
    """Return the key frequencies, bool `[K]`."""
    if rule == "given":
        return given
    if rule == "logits":
        return of_logits
    if frequency is None:
        raise ValueError("progress_measures: the network's module has no method activations")
    k = jnp.arange(1, len(given) + 1)
    return jnp.any(frequency[:, None] == k[None], axis=0)
