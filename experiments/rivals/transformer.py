"""The one-layer transformer as a workload, and as its users write it in JAX and in NumPy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np

from rivals.workload import Weights, Workload


@dataclass(frozen=True)
class TransformerWorkload(Workload):
    """Addition mod P by the transformer of Nanda et al. 2023, in full batch; AdamW.

    Its loss is over all P + 1 classes. hidden_dim: width of the MLP.
    """

    network: ClassVar[str] = "transformer"

    hidden_dim: int = 512
    heads: int = 4
    learning_rate: float = 1e-3

    @property
    def tokens(self) -> int:
        """The P operands and the sign "="."""
        return self.modulus + 1

    def data(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Train sequences int64 `[N, 3]` and labels `[N]`, then those of the test split."""
        train, labels, test, test_labels = super().data()
        train, test = (np.insert(x, 2, self.modulus, axis=1) for x in (train, test))
        return train, labels, test, test_labels

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of the parameters, named as in grokjax."""
        d, f, h, tokens = self.embed_dim, self.hidden_dim, self.heads, self.tokens
        return {
            "embed/embedding": (tokens, d),
            "embed/position": (3, d),
            "attention/query": (h, d, d // h),
            "attention/key": (h, d, d // h),
            "attention/value": (h, d, d // h),
            "attention/output": (h, d // h, d),
            "mlp/in/kernel": (d, f),
            "mlp/in/bias": (f,),
            "mlp/out/kernel": (f, d),
            "mlp/out/bias": (d,),
            "unembed/kernel": (d, tokens),
        }

    def weights(self, scale: float = 1.0, bias: float = 0.0) -> Weights:
        rng, found = np.random.default_rng(1), {}
        for name, shape in self.shapes.items():
            size = bias if name.endswith("bias") else scale / np.sqrt(self.embed_dim)
            found[name] = (size * rng.normal(size=shape)).astype(np.float32)
        return found

    def reference_loss(self, weights: Weights) -> float:
        sequences, labels, _, _ = self.data()
        found = logits({n: w.astype(np.float64) for n, w in weights.items()}, sequences, np)
        found -= found.max(axis=1, keepdims=True)
        correct = found[np.arange(len(labels)), labels]
        return float(np.mean(np.log(np.exp(found).sum(axis=1)) - correct))

    @property
    def parameters(self) -> int:
        return sum(int(np.prod(shape)) for shape in self.shapes.values())

    def products(self) -> list[tuple[int, int, int]]:
        """Matrix products of a step, as (rows, inner, columns).

        Counted for the factored network, the least that is known: keys and values of each token in
        both operand positions; then, a row, what the heads read to the MLP and the logits, and the
        neurons to the logits; the products of kernels that this needs; and the gradients of both
        factors of each.
        """
        p, d, f, c, b = self.tokens, self.embed_dim, self.hidden_dim, self.tokens, self.train_size
        forward = [(2 * p, d, 2 * d), (d, d, f + c), (f, d, c), (b, d, f + c), (b, f, c)]
        return [shape for m, k, n in forward for shape in ((m, k, n), (m, n, k), (k, m, n))]


def logits(weights: Any, sequences: Any, xp: Any = jnp) -> Any:
    """Logits `[B, C]` of the last position, all positions computed, as published codes do.

    xp: `jax.numpy`, or `numpy` for the reference.
    """
    w = weights
    x = w["embed/embedding"][sequences] + w["embed/position"]  # [B, S, D]
    query, key, value = (
        xp.einsum("bsd,hdk->bhsk", x, w[f"attention/{name}"]) for name in ("query", "key", "value")
    )
    scores = xp.einsum("bhqk,bhsk->bhqs", query, key) / np.sqrt(query.shape[-1]).astype(x.dtype)
    scores = xp.where(np.tri(x.shape[1], dtype=bool), scores, -1e10)
    attention = xp.exp(scores - scores.max(-1, keepdims=True))
    attention = attention / attention.sum(-1, keepdims=True)
    read = xp.einsum("bhqs,bhsk->bqhk", attention, value)
    x = x + xp.einsum("bqhk,hkd->bqd", read, w["attention/output"])
    hidden = xp.maximum(x @ w["mlp/in/kernel"] + w["mlp/in/bias"], 0)
    x = x + hidden @ w["mlp/out/kernel"] + w["mlp/out/bias"]
    return (x @ w["unembed/kernel"])[:, -1]
