"""Logits of one member's parameters on pairs of tokens."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from grokjax import layout
from grokjax.config import Config
from grokjax.settings import ConfigError, refuse


def only(networks: Iterable[Config]) -> Config:
    """The one network of these. Raises ValueError if there are several."""
    found = list(networks)
    if not found:
        raise ValueError("network: no member is selected; select at least one")
    if len(found) > 1:
        names = [n for n in layout.NETWORK if len({getattr(c, n) for c in found}) > 1]
        raise ValueError(f"network: members differ in {', '.join(names)}; use select")
    return found[0]


def logits(params: dict[str, Any], pairs: Any, members: Sequence[Config]) -> np.ndarray:
    """Logits as `grokjax.Run.apply` describes them, of parameters of one of `members`."""
    network = only(_fitting(params, dict.fromkeys(map(layout.network, members))))
    tokens = _tokens(pairs, network.modulus)
    import jax.numpy as jnp

    from grokjax import models
    from grokjax.numerics import pinned

    precisions = {config.precision for config in members}
    with pinned(precisions.pop() if len(precisions) == 1 else "float32"):
        return np.asarray(models.build(network).apply(params, jnp.asarray(tokens)))


def _fitting(params: Any, networks: Iterable[Config]) -> list[Config]:
    """The networks that have parameters of these shapes. Raises ConfigError if none has."""
    try:
        shapes = {f"{layer}/{n}": np.shape(x) for layer, q in params.items() for n, x in q.items()}
    except (AttributeError, ValueError):  # no dict of dicts, or lists of unequal lengths in it
        shapes = {}
    found = [network for network in networks if layout.shapes(network) == shapes]
    if not found:
        given = shapes or type(params).__name__
        raise refuse("params", given, "give one member's parameters, as Run.params_of does")
    return found


def _tokens(pairs: Any, modulus: int) -> np.ndarray:
    """Pairs as int32 `[N, 2]`. Raises ConfigError if they are no pairs of tokens."""
    try:
        found = np.asarray(pairs)
    except ValueError:
        raise refuse("pairs", pairs, "give whole numbers of shape (N, 2)") from None
    if found.ndim != 2 or found.shape[1] != 2 or found.dtype.kind not in "iu":
        what = f"{found.dtype} of shape {found.shape}"
        raise ConfigError(f"pairs: {what} is not allowed; give whole numbers of shape (N, 2)")
    wrong = found[(found < 0) | (found >= modulus)]
    if wrong.size:
        raise refuse("pairs", int(wrong[0]), f"tokens are 0 to {modulus - 1}")
    return found.astype(np.int32)
