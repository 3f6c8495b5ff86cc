"""Circles of an embedding one at a time: what the network computes from each (Zhong et al. 2023).

Letters: G places (see `placed_network`), J circles, K = G // 2 frequencies.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from grokjax.metrics.placed_network import PlacedNetwork
from grokjax.metrics.principal_components import PCA

CIRCLES = 8
"""Pairs of principal components that are isolated: the published code looks at 16 components."""

CIRCUITS = ("clock", "pizza", "pizza2", "accompanying")
"""Formulas that isolated circles are compared with; see `circuit_logits`. pizza2 is Pizza'."""


class Circles(NamedTuple):
    """What J pairs of principal components show, and what the network computes from each alone."""

    frequency: Array
    """int32 `[J]`, strongest frequency of the pair."""
    step: Array
    """int32 `[J]`, from a place to its neighbour on the circle; 0 if there is none."""
    fve: Array
    """`[J, circuits]`, see `explained`."""


def isolated_circles(placed: PlacedNetwork, fit: PCA) -> Circles:
    """Isolate each of the first circles of the embedding.

    The embedding is replaced by its mean and one pair of its principal components, and the logits
    of all pairs are compared with the formulas of `circuit_logits` at the frequency of that pair.

    fit: the first principal components of `placed.by_place()`; the last of an odd number is left
      out.
    """
    size, count = len(fit.scores), fit.scores.shape[1] // 2
    scores = fit.scores[:, : 2 * count].reshape(size, count, 2).swapaxes(0, 1)  # [J, G, 2]
    directions = fit.components[: 2 * count].reshape(count, 2, -1)  # [J, 2, D]
    power = jnp.sum(jnp.abs(jnp.fft.rfft(scores, axis=1)[:, 1:]) ** 2, axis=2)  # [J, K]
    frequency = (jnp.argmax(power, axis=1) + 1).astype(jnp.int32)

    def one(given: tuple[Array, Array, Array]) -> Array:
        points, axes, k = given
        logits = placed.logits_of_places(fit.mean[None] + points @ axes)
        return explained(logits, circuit_logits(k, size))

    fve = jax.lax.map(one, (scores, directions, frequency))
    return Circles(frequency, jnp.asarray(inverses(size))[frequency], fve)


@functools.lru_cache(maxsize=8)
def inverses(size: int) -> np.ndarray:
    """Return `x**-1 mod G` of x = 0..G-1, int `[G]`, folded to at most G // 2; 0 where missing."""
    table = np.zeros(size, np.int32)
    for x in range(1, size):
        if np.gcd(x, size) == 1:
            inverse = pow(x, -1, size)
            table[x] = min(inverse, size - inverse)
    return table


def circuit_logits(frequency: Array, size: int) -> Array:
    """Return the logits of each of `CIRCUITS` on a circle of this frequency, `[4, G, G, G]`.

    With w = 2 pi k / G, d = w(a - b) and t = w(a + b - c):

    - clock: cos(t)
    - pizza: |cos(d/2)| (|cos(t/2)| - |sin(t/2)|)
    - pizza2: (|cos wa + cos wb| - |sin wa + sin wb|) cos wc
      + (|cos wa + cos wb + sin wa + sin wb| - |cos wa + cos wb - sin wa - sin wb|) sin wc / sqrt(2)
    - accompanying: -cos(d) cos(t) at half the frequency, which a second circle of twice the
      frequency adds where the pizza of the first one is weak. NaN where k has no half.
    """
    i = jnp.arange(size)
    angle, difference = 2 * jnp.pi / size, i[:, None] - i[None]  # [G, G]
    turn = (i[:, None] + i[None])[..., None] - i[None, None]  # a + b - c, [G, G, G]
    half = frequency * ((size + 1) // 2) % size if size % 2 else frequency // 2
    has_half = (size % 2 == 1) | (frequency % 2 == 0)
    waves = jnp.cos(angle * i)
    slices = jnp.abs(jnp.cos(angle * i / 2)) - jnp.abs(jnp.sin(angle * i / 2))
    far = jnp.abs(jnp.cos(angle * (frequency * difference % size) / 2))
    near = jnp.cos(angle * (half * difference % size))
    cosine, sine = jnp.cos(angle * (frequency * i % size)), jnp.sin(angle * (frequency * i % size))
    cosines, sines = cosine[:, None] + cosine[None], sine[:, None] + sine[None]
    along_cosine = jnp.abs(cosines) - jnp.abs(sines)
    along_sine = (jnp.abs(cosines + sines) - jnp.abs(cosines - sines)) / 2**0.5
    offset = frequency * turn % size
    return jnp.stack(
        [
            waves[offset],
            far[..., None] * slices[offset],
            along_cosine[..., None] * cosine[None, None] + along_sine[..., None] * sine[None, None],
            jnp.where(has_half, -near[..., None] * waves[half * turn % size], jnp.nan),
        ]
    )


def explained(logits: Array, formulas: Array) -> Array:
    """Return how much of logits each formula explains, `[G, G, G]`, `[n, G, G, G]` -> `[n]`.

    The published *fraction of variance explained* is that of z-scored logits by the z-scored
    formula, without a fit: 2 rho - 1 with rho the Pearson correlation. It is not rho**2, and
    negative where rho < 1/2.
    """
    centred = logits - logits.mean()
    others = formulas - formulas.mean(axis=(1, 2, 3), keepdims=True)
    products = jnp.sum(others * centred[None], axis=(1, 2, 3))
    norms = jnp.sqrt(jnp.sum(others**2, axis=(1, 2, 3)) * jnp.sum(centred**2))
    return 2 * products / jnp.maximum(norms, jnp.finfo(jnp.float32).tiny) - 1
