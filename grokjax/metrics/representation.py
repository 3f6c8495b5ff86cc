"""How an embedding is organised: its effective dimension, and how linear it is."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from grokjax.metrics import parallelograms
from grokjax.metrics.metric import Evaluation, Metric
from grokjax.models.network import Network, Params
from grokjax.settings.data_spec import DataSpec


def spectrum_dimension(table: jax.Array) -> jax.Array:
    """Return the effective dimension of a table `[P, D]`: exp(S) of its principal components.

    S is the entropy of the shares of the variance that the components explain; exp(S) is D if all
    explain as much, and 1 on a line (Liu et al. 2022, App. on transformers).
    """
    scale = jnp.linalg.svd(table - jnp.mean(table, axis=0)[None], compute_uv=False)
    share = scale**2 / jnp.sum(scale**2)
    return jnp.exp(-jnp.sum(jnp.where(share > 0, share * jnp.log(share), 0.0)))


def _table(params: Params, evaluation: Evaluation) -> jax.Array:
    assert evaluation.network.token_table is not None
    return evaluation.network.token_table.read(params)


def _has_table(network: Network, spec: DataSpec) -> bool:
    return network.token_table is not None


def _adds_whole_numbers(network: Network, spec: DataSpec) -> bool:
    """Whether the tokens are whole numbers whose sums do not wrap around, one vector each."""
    return _has_table(network, spec) and bool(spec.axes) and spec.axes[0].startswith("N_")


METRICS = (
    Metric(
        "effective_dimension",
        lambda params, evaluation: spectrum_dimension(_table(params, evaluation)),
        applies=_has_table,
    ),
    Metric(
        "representation_quality",
        lambda params, evaluation: parallelograms.representation_quality(
            _table(params, evaluation)
        ),
        applies=_adds_whole_numbers,
    ),
)
