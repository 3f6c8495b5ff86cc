"""The parameters that a member starts from."""

from __future__ import annotations

import itertools

import jax

from grokjax.config.hyperparams import Hypers
from grokjax.models.network import Network, Params
from grokjax.runtime.prng import INIT, stream_key


def initial_params(network: Network, hypers: Hypers) -> Params:
    """Return the parameters that a member starts from: given, or drawn by its seed; scaled.

    They are drawn in float32 in any precision, so that float64 starts from the same ones.
    """
    given = getattr(hypers, "initial_weights", None)
    if given is None:
        with jax.enable_x64(False):
            params = network.init(stream_key(hypers.seed, INIT))
    else:
        params = unflattened(given, network.abstract)
    return jax.tree.map(lambda p: hypers.init_scale * p, params)


def unflattened(vector: jax.Array, like: Params) -> Params:
    """Return a vector `[W]` of all weights as parameters of these shapes."""
    leaves, structure = jax.tree.flatten(like)
    ends = itertools.accumulate(leaf.size for leaf in leaves)
    arrays = [vector[e - x.size : e].reshape(x.shape) for e, x in zip(ends, leaves, strict=True)]
    return jax.tree.unflatten(structure, arrays)
