"""How periodic the weights of each hidden neuron are: inverse participation ratios.

The spectrum of a table adds up the neurons, so it is flat where each neuron has a
frequency of its own, as in the quadratic networks of Gromov 2023. Doshi et al. 2023
therefore measure one neuron at a time.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import Array

from grokjax import layout
from grokjax.analysis import fourier
from grokjax.config import Config


class Ratios(NamedTuple):
    """Inverse participation ratios of one member's hidden neurons, each `[H]`.

    first, second: of what each token contributes to a neuron of the first hidden layer, as
    first and as second operand. output: of the output weights of a neuron of the last hidden
    layer over the answers; None if the answers are not the P tokens.
    """

    first: Array
    second: Array
    output: Array | None

    @property
    def mean(self) -> Array:
        """Mean over these vectors, `[H]`: Doshi et al.'s measure of a neuron."""
        found = [ratio for ratio in self if ratio is not None]
        return sum(found[1:], found[0]) / len(found)


def ratios(params: dict[str, Any], tokens: Array, network: Config) -> Ratios:
    """Inverse participation ratios of all neurons.

    Args:
      params: of one member.
      tokens: `[P, 2H]` or `[P, H]`, what each token contributes (see `models.Tokens`).
      network: the settings of its network, such as `layout.network` gives.
    """
    width = network.hidden_dim
    output = layout.output_table(params, network)  # [C, H]
    over_tokens = len(output) == network.modulus
    tables = jnp.concatenate([tokens, output], axis=1) if over_tokens else tokens
    found = inverse_participation(tables)
    return Ratios(
        first=found[:width],
        second=found[tokens.shape[1] - width : tokens.shape[1]],
        output=found[tokens.shape[1] :] if over_tokens else None,
    )


def inverse_participation(table: Array) -> Array:
    """Inverse participation ratio of each column's Fourier transform, `[P, N]` -> `[N]`.

    sum_k (|v_k| / |v|)**4 with v = rfft(column), k = 0..P // 2 (Doshi et al. 2023, r = 2): 1
    if one frequency holds all of the power, about 2 / (P // 2 + 2) for random numbers. The
    constant counts as frequency 0; k and -k count once. A column of zeros has 0.
    """
    modulus = len(table)
    largest = jnp.max(jnp.abs(table), axis=0, keepdims=True)
    scaled = table / jnp.where(largest == 0, 1, largest)  # squares of small weights underflow
    # A matrix product takes a third to a fifth of the time of so many short transforms on CPU.
    rows = jnp.asarray(fourier.basis(modulus)[0])
    both = fourier.folded((rows @ scaled) ** 2)  # [K + 1, N]
    k = jnp.arange(modulus // 2 + 1)
    power = both * jnp.where((k == 0) | (2 * k == modulus), 1.0, 0.5)[:, None]
    total = jnp.sum(power, axis=0)
    return jnp.sum(power**2, axis=0) / jnp.where(total == 0, 1, total) ** 2
