r"""A task, a network, an update rule, an intervention and a metric of your own, in one file.

As a script it trains an ensemble; start it again to resume. The command line takes them as well:

    grokjax train --import experiments/your_own.py --out runs/maximum \
        --task maximum --model SkipNet --optimizer normalised_momentum --width 32 64
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

import grokjax
from grokjax import plots
from grokjax.cli.scripts import TrainingFlags, run_script, train_or_resume
from grokjax.cli.summary import summarise


@grokjax.task
def maximum(size: int = 24) -> grokjax.Dataset:
    """Learn max(a, b) of numbers below `size`."""
    pairs = np.array([(a, b) for a in range(size) for b in range(size)])
    return grokjax.Dataset(pairs, pairs.max(axis=1), num_classes=size, num_tokens=size)


@grokjax.task
def gaussian_squares(p: int = 5) -> grokjax.Dataset:
    """Learn x² + y among the Gaussian integers a + bi modulo p, where a + bi is token a p + b."""
    real, imaginary = np.divmod(np.arange(p * p), p)
    x, y = np.divmod(np.arange(p**4), p * p)
    found = (real[x] ** 2 - imaginary[x] ** 2 + real[y]) % p * p
    found += (2 * real[x] * imaginary[x] + imaginary[y]) % p
    return grokjax.Dataset(np.stack([x, y], axis=1), found, num_classes=p * p, num_tokens=p * p)


@grokjax.model
class SkipNet(nnx.Module):
    """Two layers on the tokens' embeddings, the second one around a skip connection."""

    def __init__(
        self, num_tokens: int, num_classes: int, *, width: int = 64, rngs: nnx.Rngs
    ) -> None:
        self.embed = nnx.Embed(num_tokens, width, rngs=rngs)
        self.first = nnx.Linear(2 * width, width, rngs=rngs)
        self.second = nnx.Linear(width, width, rngs=rngs)
        self.output = nnx.Linear(width, num_classes, rngs=rngs)

    def __call__(self, inputs: jax.Array) -> jax.Array:
        """Compute logits `[B, C]` of tokens `[B, 2]`."""
        hidden = nnx.relu(self.first(self.embed(inputs).reshape(len(inputs), -1)))
        return self.output(hidden + nnx.relu(self.second(hidden)))


@grokjax.rule
def normalised_momentum(
    learning_rate: float, weight_decay: float = 0.0, momentum: float = 0.9
) -> optax.GradientTransformation:
    """Momentum whose update of each array has a norm of the square root of its size."""
    scale = optax.stateless(lambda updates, params: jax.tree.map(_to_unit_scale, updates))
    decay = optax.add_decayed_weights(weight_decay)
    return optax.chain(
        optax.trace(momentum), scale, decay, optax.scale_by_learning_rate(learning_rate)
    )


def _to_unit_scale(update: jax.Array) -> jax.Array:
    return update / (jnp.sqrt(jnp.mean(update**2)) + 1e-8)


@grokjax.intervention
def bounded(params: dict, bound: float = 0.5) -> dict:
    """Clip all weights to between -bound and bound."""
    return jax.tree.map(lambda weights: jnp.clip(weights, -bound, bound), params)


@grokjax.metric
def effective_rank(params: dict) -> jax.Array:
    """Exponential of the entropy of the embedding's normalised singular values."""
    values = jnp.linalg.svd(params["embed"]["embedding"], compute_uv=False)
    shares = values / values.sum()
    return jnp.exp(-jnp.sum(shares * jnp.log(shares + 1e-12)))


@dataclass
class Args(TrainingFlags):
    """Train the network of this file on the task of this file; draw accuracies and ranks."""

    seeds: int = 4
    """Number of seeds for each weight decay."""
    max_epochs: int = 600
    """Most epochs of a member."""


def main(args: Args) -> None:
    config = grokjax.Config(
        task=maximum,
        model=SkipNet,
        optimizer=normalised_momentum,
        learning_rate=1e-3,
        max_epochs=args.max_epochs,
        stop_when="never",
    )
    sweep = grokjax.Sweep(config, weight_decay=[0.0, 0.3], seed=range(args.seeds))
    run = train_or_resume(sweep, args, metrics=[effective_rank])
    rank = run.grid("effective_rank").isel(eval=[0, -1]).median("seed")
    for weight_decay, (start, end) in zip(rank.weight_decay.values, rank.values.T, strict=True):
        print(f"weight decay {weight_decay:g}: effective rank from {start:.1f} to {end:.1f}")

    def draw() -> Path:
        return plots.save(plots.curves(run.history), args.out / "figures" / "your_own.png")

    summarise(run, draw)


if __name__ == "__main__":
    run_script(main, Args)
