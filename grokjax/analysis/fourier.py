"""Fourier analysis over the tokens: spectra, key frequencies, and the plane of each frequency.

A token t of Z_P has the angle 2 pi k t / P at frequency k = 1..P // 2. Frequency -k is the same
wave in the other direction, so the power of k includes that of -k. Key frequencies and planes
follow Nanda et al. 2023 (Sec. 4.1, App. C) and Liu et al. 2022.

For products mod a prime P the group is that of the nonzero tokens (`grokjax.tasks.token_group`): t
is then the place of a token among the powers of a primitive root, and P - 1 stands for P.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from grokjax.analysis.groups import cyclic_group
from grokjax.analysis.over_members import (
    MemberNetwork,
    built_network,
    of_networks,
    over_members,
)
from grokjax.metrics import spectrum
from grokjax.metrics.token_spectrum import in_order, over_residues
from grokjax.runtime.arguments import integer_at_least, positive_number, takes
from grokjax.tasks.operations import OPERATIONS
from grokjax.tasks.token_group import TokenGroup

DEVIATIONS = 2 * 2**0.5
"""Standard deviations of an untrained table's shares by which a key frequency exceeds 1 / K.

The shares of an untrained table have a relative standard deviation of about 1 / sqrt(D), so
`key_times` is 1.25 at D = 128. In 32 grokked members of the recipe `notebook` nearly all circles
reach it, and nothing else does.
"""


@takes(width=integer_at_least(1))
def key_times(width: int) -> float:
    """Power of a key frequency as a multiple of an even share, for a table of `width` columns."""
    return 1 + DEVIATIONS / width**0.5


def order_of_tokens(group: TokenGroup, operations: Iterable[str]) -> str:
    """Explain for these operations what frequencies over the tokens mean; a sentence or two."""
    return f"{group.in_words} {arbitrary_order(operations)}".strip()


def arbitrary_order(operations: Iterable[str]) -> str:
    """Say for which of these operations the order of the tokens is arbitrary; empty if for none."""
    others = [n for n in dict.fromkeys(operations) if not OPERATIONS[n].cyclic]
    names = ", ".join(others)
    text = f"For {names} that order is arbitrary, so structure may not show in them."
    return text if others else ""


power = over_members(takes(table="P D")(spectrum.power))
gini = over_members(takes(values="n")(spectrum.gini))
participation = over_members(takes(power="K")(spectrum.participation))


class Spectra(NamedTuple):
    """Power at frequencies 1..P // 2 of every table over tokens that the network holds."""

    embedding: Array
    """`[P // 2]`, of the token table; with one-hot inputs it equals `first`."""
    first: Array
    """`[P // 2]`, what a token contributes to the first hidden layer as first operand."""
    second: Array
    """`[P // 2]`, the same as second operand."""
    output: Array
    """`[P // 2]`, of the output weights over the classes; NaN if they are not P. These three are
    NaN where the network's module does not say what its neurons weigh.
    """


@of_networks
def spectra(
    params: dict[str, Any], network: MemberNetwork, group: TokenGroup | None = None
) -> Spectra:
    """Compute the spectra of one member's token table, projected tables and output weights.

    Call it as `spectra(run)` for all members. group: that the tokens form; None: the residues under
    addition. Raises ValueError where the tokens are not those of Z_P or form no cyclic group, or
    the network has no token table.
    """
    model, group = built_network(network), cyclic_group("spectra", network, group)
    if model.token_table is None:
        raise ValueError("spectra: the network has no table of tokens")
    embedding = power.one(in_order(model.token_table.read(params), group))
    packed = model.pack(params)
    weights = model.neuron_weights
    tables = {} if weights is None else weights(packed, model.precompute(packed))
    residues = over_residues(tables, network.spec)
    known = {name: power.one(in_order(table, group)) for name, table in residues.items()}
    unknown = jnp.full_like(embedding, jnp.nan)
    return Spectra(embedding, *(known.get(n, unknown) for n in ("first", "second", "output")))


@takes(power="... K")
def shares(power: np.ndarray) -> np.ndarray:
    """Power `[..., K]` as shares of its sum; NaN where the sum is 0 or not finite."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return power / power.sum(axis=-1, keepdims=True)


@takes(power="... K", times=positive_number)
def is_key(power: np.ndarray, times: float) -> np.ndarray:
    """Key frequencies: those with at least `times` an even share of the power.

    A table in which nearly all frequencies have the same power (four of five at P = 11) has no
    key frequencies; use `neurons.key_frequencies` there.

    Args:
      power: `[..., K]`, such as `Spectra.embedding`.
      times: such as `key_times(D)` for a table of width D.

    Returns:
      bool `[..., K]`; entry i is frequency i + 1.
    """
    return shares(power) >= min(1.0, times / power.shape[-1])


class Planes(NamedTuple):
    """One member's embedding in the plane of each frequency; K = P // 2."""

    points: Array
    """`[K, P, 2]`, tokens along the cosine and sine directions."""
    circularity: Array
    """`[K]`, see `circularity`, at the plane's own frequency; NaN for k = P/2."""
    share: Array
    """`[K]`, share of the centred embedding's variance in the plane. Planes of two frequencies need
    not be orthogonal, so this may exceed the frequency's share of the power.
    """


@over_members
@takes(embedding="P D")
def planes(embedding: Array) -> Planes:
    """Project the embedding on the plane of each frequency (Nanda et al. 2023, App. C).

    The coefficients of cos(2 pi k t / P) and sin(2 pi k t / P) are two directions in embedding
    space. The plane that they span has the orthonormal axes nearest to them (their polar factor),
    so a circle keeps its shape and token 0 is near angle 0. These planes separate two circles
    of nearly equal variance, which principal components mix.

    Args:
      embedding: float `[P, D]` of a member.
    """
    modulus = embedding.shape[0]
    centred = embedding - embedding.mean(axis=0)[None]
    k = jnp.arange(1, modulus // 2 + 1)
    angles = 2 * jnp.pi * (k[:, None] * jnp.arange(modulus)[None] % modulus) / modulus  # [K, P]
    waves = jnp.stack([jnp.cos(angles), jnp.sin(angles)], axis=1)  # [K, 2, P]
    directions = waves @ centred  # [K, 2, D]
    # One SVD at a time: on CPU a batched SVD waits for threads of the pool that runs it, which
    # deadlocks when every thread runs a device (seen with jaxlib 0.10.1).
    axes = jax.lax.map(_polar_factor, directions)  # [K, 2, D], orthonormal
    points = jnp.swapaxes(axes @ centred.T, 1, 2)  # [K, P, 2]
    no_sine = k * 2 == modulus  # k = P/2 spans a line
    points = jnp.where(no_sine[:, None, None] & (jnp.arange(2) == 1)[None, None], 0.0, points)
    rotations = rotation(points)  # [K, P]
    own = jnp.maximum(rotations[k - 1, k], rotations[k - 1, -k])
    share = jnp.sum(points**2, axis=(1, 2)) / jnp.sum(centred**2)
    return Planes(points, jnp.where(no_sine, jnp.nan, own), share)


def _polar_factor(directions: Array) -> Array:
    """Orthonormal rows nearest to two directions, `[2, D]` -> `[2, D]`."""
    left, _, right = jnp.linalg.svd(directions, full_matrices=False)
    return left @ right


@takes(points="... P 2")
def rotation(points: Array) -> Array:
    """Share of each even rotation in the power of a path over the tokens, `[..., P]`.

    Entry k is the rotation by 2 pi k / P a token; entry P - k turns the other way. `points` are
    the positions of the tokens.
    """
    z = points[..., 0] + 1j * points[..., 1]  # [..., P]
    power = jnp.abs(jnp.fft.fft(z - z.mean(axis=-1, keepdims=True), axis=-1)) ** 2
    return power / power.sum(axis=-1, keepdims=True)


@takes(points="... P 2")
def circularity(points: Array) -> Array:
    """Largest share of one even rotation in the power of a path over the tokens, `[...]`.

    It is 1 for tokens evenly spaced on a circle, in any step, (a + b)**2 / (2 a**2 + 2 b**2) for
    an ellipse with semi-axes a and b, and 1/2 for a line. `points` are the positions of the tokens.
    """
    return rotation(points).max(axis=-1)
