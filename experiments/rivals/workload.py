"""The training task of the benchmark, and the operations and bytes that it needs at least."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

Weights = dict[str, np.ndarray]
"""`embed [P, D]`, `hidden [2D, H]`, `hidden_bias [H]`, `output [H, P]`, `output_bias [P]`."""


@dataclass(frozen=True)
class Workload:
    """Addition mod P by embedding, concatenation and one hidden ReLU layer; AdamW.

    batch_size: None is full batch.
    """

    network: ClassVar[str] = "mlp"

    name: str
    modulus: int
    train_fraction: float
    batch_size: int | None
    embed_dim: int = 128
    hidden_dim: int = 256
    learning_rate: float = 3e-4
    weight_decay: float = 1.0

    @property
    def train_size(self) -> int:
        return int(self.train_fraction * self.modulus**2)

    @property
    def steps_per_epoch(self) -> int:
        return -(-self.train_size // (self.batch_size or self.train_size))

    def data(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Train pairs int64 `[N, 2]` and labels `[N]`, then test pairs and labels."""
        a, b = np.divmod(np.random.default_rng(0).permutation(self.modulus**2), self.modulus)
        pairs, labels = np.stack([a, b], axis=1), (a + b) % self.modulus
        n = self.train_size
        return pairs[:n], labels[:n], pairs[n:], labels[n:]

    def weights(self, scale: float = 1.0, bias: float = 0.0) -> Weights:
        """Initial weights, float32: Xavier-normal times `scale`, biases normal times `bias`."""
        p, d, h = self.modulus, self.embed_dim, self.hidden_dim
        shapes = {"embed": (p, d), "hidden": (2 * d, h), "output": (h, p)}
        rng = np.random.default_rng(1)
        found = {k: scale * np.sqrt(2 / sum(s)) * rng.normal(size=s) for k, s in shapes.items()}
        found |= {
            "hidden_bias": bias * rng.normal(size=h),
            "output_bias": bias * rng.normal(size=p),
        }
        return {name: value.astype(np.float32) for name, value in found.items()}

    def reference_loss(self, weights: Weights) -> float:
        """Mean cross-entropy on the train split, in float64, from the definition."""
        pairs, labels, _, _ = self.data()
        w = {name: value.astype(np.float64) for name, value in weights.items()}
        inputs = w["embed"][pairs].reshape(len(pairs), -1)
        hidden = np.maximum(inputs @ w["hidden"] + w["hidden_bias"], 0)
        logits = hidden @ w["output"] + w["output_bias"]
        logits -= logits.max(axis=1, keepdims=True)
        correct = logits[np.arange(len(labels)), labels]
        return float(np.mean(np.log(np.exp(logits).sum(axis=1)) - correct))

    @property
    def parameters(self) -> int:
        p, d, h = self.modulus, self.embed_dim, self.hidden_dim
        return p * d + 2 * d * h + h + h * p + p

    def products(self) -> list[tuple[int, int, int]]:
        """Matrix products of a step, as (rows, inner, columns), at the mean batch size B.

        Each token is projected once, not once per row: `E @ [W_a W_b]`, then `h @ W_out`, and
        for each of the two products the gradients of both factors. All P tokens count: a batch
        of 64 contains on average 37.5 of 53 tokens in each position, which differ from step to
        step. Counting only those would give 20.0 MFLOP instead of 26.1.
        """
        p, d, h = self.modulus, self.embed_dim, self.hidden_dim
        b = round(self.train_size / self.steps_per_epoch)
        return [
            *((p, d, 2 * h), (p, 2 * h, d), (d, p, 2 * h)),
            *((b, h, p), (b, p, h), (p, b, h)),
        ]

    @property
    def flops(self) -> int:
        """Operations of the products of a step: 3 (4 P D H + 2 B H P).

        Not counted: AdamW (about 12 per parameter: 4% at B = 64), activations, softmax.
        """
        return sum(2 * m * k * n for m, k, n in self.products())

    @property
    def bytes(self) -> int:
        """Bytes of a step: AdamW reads p, m, v and the gradient, and writes p, m, v.

        That is 28 bytes per parameter. Not counted: kernels that the products read again, and
        activations, as if both stayed in cache.
        """
        return 28 * self.parameters
