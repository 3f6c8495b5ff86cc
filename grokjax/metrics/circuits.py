"""Which algorithm a network of one member computes: the Clock or the Pizza (Zhong et al. 2023).

Both add angles on circles in the embedding. The Clock multiplies: the logit of c is
cos(w(a + b - c)), whatever a - b is. The Pizza averages the two points: its logits are weaker by
the factor |cos(w(a - b)/2)|, and its gradients are the same for a as for b.
Letters: G places (see `placed_network`), N triples, C components.
"""

from __future__ import annotations

import functools
import random
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from grokjax.metrics.isolated_circles import CIRCLES, CIRCUITS, Circles, isolated_circles
from grokjax.metrics.placed_network import PlacedNetwork
from grokjax.metrics.principal_components import principal_components

TRIPLES = 100
"""How many triples (a, b, c) the published gradient symmetricity averages over."""

COMPONENTS = 4
"""How many principal components the published circularity averages over."""


@functools.lru_cache(maxsize=8)
def published_triples(size: int, count: int = TRIPLES) -> np.ndarray:
    """Return the triples (a, b, c) that the published code draws, int32 `[N, 3]`.

    They are the first of all `size**3`, shuffled by `random.Random(42)`.
    """
    numbers = list(range(size**3))
    random.Random(42).shuffle(numbers)
    return np.stack(np.unravel_index(numbers[:count], (size,) * 3), axis=1).astype(np.int32)


def gradient_symmetricity(placed: PlacedNetwork, all_triples: bool = False) -> Array:
    """Mean cosine of the gradients of a logit by the embeddings of a and of b, `[]`.

    all_triples: whether to average over all triples (a, b, c) instead of the published 100.
    """
    order, second = jnp.asarray(placed.places.order), placed.places.second
    of_first, of_second = placed.embeddings()

    def cosines(a: Array, b: Array, c: Array) -> Array:
        def total(rows: tuple[Array, Array]) -> Array:
            logits = placed.logits_of_rows(*rows)
            return jnp.sum(logits * jax.nn.one_hot(c, logits.shape[1]))

        # Each embedding is of one triple alone, so the gradient of the sum is that of its logit.
        by_a, by_b = jax.grad(total)((of_first[a], of_second[b]))
        norms = jnp.linalg.norm(by_a, axis=1) * jnp.linalg.norm(by_b, axis=1)
        return jnp.sum(by_a * by_b, axis=1) / jnp.maximum(norms, jnp.finfo(jnp.float32).tiny)

    if all_triples:
        a, b = placed.places.pairs()
        return jnp.mean(jax.lax.map(lambda c: jnp.mean(cosines(a, b, jnp.full_like(a, c))), order))
    a, b, c = jnp.asarray(published_triples(len(order)).T)
    return jnp.mean(cosines(order[a], order[second[b]], order[c]))


def distance_irrelevances(by_place: Array) -> Array:
    """How little logits depend on the distance of a and b, `[2]`.

    The standard deviation over a + b at a fixed a - b, averaged over a - b, over that of all pairs.
    The paper and its notebook take the logit of the right answer, the first of the two; the
    released tables and the training script take the largest logit of a wrong answer.

    by_place: logits `[G, G, G]`, see `PlacedNetwork.logits`.
    """
    size = len(by_place)
    i = jnp.arange(size)
    right = (i[:, None] + i[None]) % size  # [G, G]
    is_right = jax.nn.one_hot(right, size, dtype=bool)
    correct = jnp.sum(jnp.where(is_right, by_place, 0), axis=2)
    incorrect = jnp.max(jnp.where(is_right, -jnp.inf, by_place), axis=2)
    values = jnp.stack([correct, incorrect])
    of_distance = values[:, i[None], (i[None] - i[:, None]) % size]  # [2, a - b, a]
    return jnp.std(of_distance, axis=2).mean(axis=1) / jnp.std(values, axis=(1, 2))


def component_circularities(scores: Array) -> Array:
    """Return the circularity of each principal component, `[G, C]` -> `[C]`.

    It is the largest share of one frequency in the power of the component: 1 for any wave, also for
    one whose pair makes an ellipse; `fourier.circularity` is that of a pair.

    scores: of principal components of `PlacedNetwork.by_place`.
    """
    waves = jnp.abs(jnp.fft.rfft(scores, axis=0)[1:]) ** 2  # [K, C]
    power = jnp.maximum(jnp.sum(scores**2, axis=0), jnp.finfo(jnp.float32).tiny)
    return jnp.clip(2 / len(scores) * waves.max(axis=0) / power, 0, 1)


class Circuits(NamedTuple):
    """The measures of one member; NaN, or without entries, where its network has no embedding."""

    gradient_symmetricity: Array
    """`[]`, see the function of this name."""
    distance_irrelevance: Array
    """`[]`, by the logit of the right answer, as in the paper."""
    distance_irrelevance_incorrect: Array
    """`[]`, by the largest wrong logit: the released tables."""
    component_circularity: Array
    """`[]`, mean over the first four principal components."""
    circularities: Array
    """`[component]`, of each of them."""
    circles: Circles
    """Of the first eight pairs of components."""
    accuracy: Array
    """`[]`, share of all pairs of the group that are answered right."""
    places_exist: Array
    """bool `[]`, see `Places`."""


def measure_circuits(placed: PlacedNetwork, all_triples: bool = False) -> Circuits:
    """Compute all measures of one member; see `gradient_symmetricity` for `all_triples`."""
    logits = placed.logits()
    correct, incorrect = distance_irrelevances(logits)
    i = jnp.arange(len(logits))
    accuracy = jnp.mean(jnp.argmax(logits, axis=2) == (i[:, None] + i[None]) % len(logits))
    table = placed.network.token_table
    if table is None or not table.is_embedding:
        nan, none = jnp.full(COMPONENTS, jnp.nan), jnp.zeros(0, jnp.int32)
        circles = Circles(none, none, jnp.zeros((0, len(CIRCUITS))))
        exist = placed.places.exist
        return Circuits(nan[0], correct, incorrect, nan[0], nan, circles, accuracy, exist)
    fit = principal_components(placed.by_place(), components=2 * CIRCLES)
    circularities = component_circularities(fit.scores[:, :COMPONENTS])
    return Circuits(
        gradient_symmetricity=gradient_symmetricity(placed, all_triples),
        distance_irrelevance=correct,
        distance_irrelevance_incorrect=incorrect,
        component_circularity=jnp.mean(circularities),
        circularities=circularities,
        circles=isolated_circles(placed, fit),
        accuracy=accuracy,
        places_exist=placed.places.exist,
    )
