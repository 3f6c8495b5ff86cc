"""Tables over the tokens as sums of waves: spectra, key frequencies, planes of their circles.

A token t of Z_P meets frequency k as the angle 2 pi k t / P, for k = 1..P // 2;
-k is the same wave run backwards, so power is that of both. Key frequencies and
planes follow Nanda et al. 2023 (Sec. 4.1, App. C) and Liu et al. 2022.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from grokjax import layout, models, tasks
from grokjax.analysis.members import of_networks, over_members
from grokjax.arguments import positive, takes, whole
from grokjax.config import Config

DEVIATIONS = 2 * 2**0.5
"""How far above an even share a key frequency is, in deviations of an untrained table's shares.

Those scatter by about 1 / sqrt(D) of the even share, so `key_times` is 1.25 at D = 128: of 32
grokked members of the recipe `notebook` nearly all circles reach it, and only circles.
"""


@takes(width=whole(1))
def key_times(width: int) -> float:
    """Times an even share of a table's power from which a frequency is a key one.

    Args:
      width: D, columns of the table `[P, D]`.
    """
    return 1 + DEVIATIONS / width**0.5


def order_of_tokens(operations: Iterable[str]) -> str:
    """What frequencies over the tokens mean for these operations, in words."""
    text = "Frequencies are over the tokens in their own order, 0 to P - 1."
    others = [name for name in dict.fromkeys(operations) if not tasks.TASKS[name].cyclic]
    if not others:
        return text
    text += f" For {', '.join(others)} that order is arbitrary, so structure may not show in them"
    if {"multiply", "divide"} & set(others):
        text += " (products have their circles in the order of powers of a primitive root)"
    return text + "."


@takes(modulus=whole(1))
def basis(modulus: int) -> tuple[np.ndarray, np.ndarray]:
    """The real Fourier basis of functions on Z_P, and the frequency of each row.

    Returns:
      Orthonormal rows, float32 `[P, P]`: the constant, then cosine and sine of
      each k; for even P the alternating row last. Frequencies, int `[P]`:
      0, 1, 1, 2, 2, ...
    """
    t = np.arange(modulus)
    frequencies = (t + 1) // 2
    angles = 2 * np.pi * np.outer(frequencies, t) / modulus
    rows = np.where((t % 2 == 1)[:, None] | (t == 0)[:, None], np.cos(angles), np.sin(angles))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32), frequencies


def folded(power: Array) -> Array:
    """Power of cosine and sine of each frequency added up, `[P, N]` by `basis` -> `[K + 1, N]`."""
    modulus = len(power)
    sines = jnp.pad(power[2::2], ((0, 1 - modulus % 2), (0, 0)))  # none for k = P/2
    return jnp.concatenate([power[:1], power[1::2] + sines])


@over_members
@takes(table="P D")
def power(table: Array) -> Array:
    """Power at frequencies 1..P // 2 over the tokens, `[P, D]` -> `[P // 2]`.

    |DFT|**2 summed over dimensions and over +k and -k, divided by P, so that
    with the squared column means times P it adds up to the squared Frobenius
    norm (Parseval).
    """
    modulus = table.shape[0]
    spectrum = jnp.fft.rfft(table, axis=0)[1:]  # [P // 2, D]
    summed = jnp.sum(jnp.abs(spectrum) ** 2, axis=1) / modulus
    twice = jnp.arange(1, modulus // 2 + 1) * 2 != modulus  # k = P/2 has no partner
    return summed * jnp.where(twice, 2.0, 1.0)


class Spectra(NamedTuple):
    """Power at frequencies 1..P // 2 of every table over tokens that the network holds."""

    embedding: Array  # [P // 2], of `layout.table`: one-hot inputs have the same as `first`
    first: Array  # [P // 2], what a token as first operand brings to the first hidden layer
    second: Array  # [P // 2], and as second operand
    output: Array  # [P // 2], of the output weights over the classes; NaN if they are not P


@of_networks
def spectra(params: dict[str, Any], network: Config) -> Spectra:
    """Spectra of one member's token table, both projected tables and output weights.

    Args:
      params: of one member; `spectra(run)` is of all.
      network: the settings of its network (see `layout.network`).
    """
    model, width = models.build(network), network.hidden_dim
    embedding = power.one(layout.table(params, network))
    tokens = model.tokens(model.pack(params))  # [P, 2H], or [P, H] if the same for both
    output = layout.output_table(params, network)
    return Spectra(
        embedding=embedding,
        first=power.one(tokens[:, :width]),
        second=power.one(tokens[:, -width:]),
        output=power.one(output)
        if len(output) == network.modulus
        else jnp.full_like(embedding, jnp.nan),
    )


@takes(power="... K")
def shares(power: np.ndarray) -> np.ndarray:
    """Power `[..., K]` as shares of its sum; NaN where that is 0 or not finite."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return power / power.sum(axis=-1, keepdims=True)


@takes(power="... K", times=positive)
def is_key(power: np.ndarray, times: float) -> np.ndarray:
    """Which frequencies are key ones: those with at least `times` an even share of the power.

    `[..., K]` -> bool `[..., K]`; entry i is frequency i + 1. A table in which nearly all
    frequencies have the same power (four of five at P = 11) has none; there the neurons tell
    (`neurons.key_frequencies`).

    Args:
      power: such as `Spectra.embedding`.
      times: such as `key_times(D)` for a table of width D.
    """
    return shares(power) >= min(1.0, times / power.shape[-1])


class Planes(NamedTuple):
    """The embedding in the plane of each frequency; K = P // 2."""

    points: Array  # [K, P, 2], tokens along the cosine and sine directions
    circularity: Array  # [K], see `circularity`, at the plane's own frequency; NaN for k = P/2
    # [K], of the centred embedding's variance that lies in the plane. Planes of two frequencies
    # need not be orthogonal, so it may be more than the frequency's own power.
    share: Array


@over_members
@takes(embedding="P D")
def planes(embedding: Array) -> Planes:
    """Frequency-aligned planes, the robust twin of principal components.

    The coefficients of cos(2 pi k t / P) and sin(2 pi k t / P) in the embedding
    are two directions in it; the embedding is projected on the plane that they
    span, in the orthonormal axes nearest to them (their polar factor), so a
    circle appears as one and token 0 is about at angle 0. Where components of
    nearly equal variance mix two circles, these planes still part them.

    Args:
      embedding: float `[P, D]` of a member.
    """
    modulus = embedding.shape[0]
    centred = embedding - embedding.mean(axis=0)[None]
    k = jnp.arange(1, modulus // 2 + 1)
    angles = 2 * jnp.pi * (k[:, None] * jnp.arange(modulus)[None] % modulus) / modulus  # [K, P]
    waves = jnp.stack([jnp.cos(angles), jnp.sin(angles)], axis=1)  # [K, 2, P]
    directions = waves @ centred  # [K, 2, D]
    # One matrix at a time: on CPU a batched one waits for the very threads that run it, and
    # with a device on each of them for ever (seen with jaxlib 0.10.1).
    axes = jax.lax.map(_polar, directions)  # [K, 2, D], orthonormal
    points = jnp.swapaxes(axes @ centred.T, 1, 2)  # [K, P, 2]
    alone = k * 2 == modulus  # it has a direction and no plane
    points = jnp.where(alone[:, None, None] & (jnp.arange(2) == 1)[None, None], 0.0, points)
    turning = rotation(points)  # [K, P]
    own = jnp.maximum(turning[k - 1, k], turning[k - 1, -k])
    inside = jnp.sum(points**2, axis=(1, 2)) / jnp.sum(centred**2)
    return Planes(points, jnp.where(alone, jnp.nan, own), inside)


def _polar(directions: Array) -> Array:
    """The orthonormal rows nearest to these, `[2, D]`."""
    left, _, right = jnp.linalg.svd(directions, full_matrices=False)
    return left @ right


@takes(points="... P 2")
def rotation(points: Array) -> Array:
    """The power of a path `[..., P, 2]` through the tokens as shares of even rotations `[..., P]`.

    Entry k is the one by 2 pi k / P a token; P - k the same the other way round.
    """
    z = points[..., 0] + 1j * points[..., 1]  # [..., P]
    spectrum = jnp.abs(jnp.fft.fft(z - z.mean(axis=-1, keepdims=True), axis=-1)) ** 2
    return spectrum / spectrum.sum(axis=-1, keepdims=True)


@takes(points="... P 2")
def circularity(points: Array) -> Array:
    """How much of a path `[..., P, 2]` through the tokens is one even rotation, `[...]`.

    1 for tokens evenly around a circle at a step of their own, (a + b)**2 /
    (2 a**2 + 2 b**2) for an ellipse, 1/2 for a line.
    """
    return rotation(points).max(axis=-1)
