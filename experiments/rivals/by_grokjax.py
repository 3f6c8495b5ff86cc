"""grokjax as `grokjax train` runs it, with its host loop, records and refilled lanes."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax.numpy as jnp
from flax.traverse_util import unflatten_dict

import grokjax
from grokjax.models.network import build_network
from grokjax.runtime.devices import configure_devices
from grokjax.runtime.numerics import pinned_jax_settings
from grokjax.training.progress import Progress, ProgressCounts
from rivals import by_jax
from rivals.transformer import TransformerWorkload
from rivals.workload import Weights, Workload

ROUNDS = 10
"""Rounds of a member where many members queue; a member that groks takes about 50."""


NAMES = {
    "embed": "embed/embedding",
    "hidden": "hidden/kernel",
    "hidden_bias": "hidden/bias",
    "output": "output/kernel",
    "output_bias": "output/bias",
}
"""Names in grokjax of the MLP's weights; those of the transformer are the same."""


def network_settings(work: Workload) -> dict[str, Any]:
    """Return the settings of a workload's network."""
    if isinstance(work, TransformerWorkload):
        return {
            "model": "transformer",
            "sequence": "equals",
            "embed_dim": work.embed_dim,
            "mlp_dim": work.hidden_dim,
            "heads": work.heads,
        }
    return {"embed_dim": work.embed_dim, "hidden_dim": work.hidden_dim}


class TickingProgress(Progress):
    """Progress display that passes the member-steps of each round to `tick`."""

    def __init__(self, tick: Callable[[int], None]) -> None:
        super().__init__(enabled=False)
        self._tick, self._reported = tick, 0

    def update(self, counts: ProgressCounts, last: bool = False) -> None:
        if counts.steps > self._reported:
            self._tick(counts.steps - self._reported)
            self._reported = counts.steps


class Train:
    """An ensemble that evaluates every 20 epochs, the default."""

    eval_every = 20

    def __init__(self, work: Workload, members: int, weights: Weights) -> None:
        configure_devices()  # `train` does so only before JAX is used
        self.work, self.members, self.weights = work, members, weights
        self.config = grokjax.Config(
            **network_settings(work),
            modulus=work.modulus,
            train_fraction=work.train_fraction,
            batch_size=work.batch_size,
            learning_rate=work.learning_rate,
            weight_decay=work.weight_decay,
            eval_every=self.eval_every,
            stop_when="never",
            max_epochs=(ROUNDS if members >= 64 else 10_000) * self.eval_every,
        )

    def loss(self) -> float:
        named = {NAMES.get(name, name): jnp.asarray(w) for name, w in self.weights.items()}
        params = unflatten_dict(named, sep="/")
        pairs, labels = (jnp.asarray(x, jnp.int32) for x in self.work.data()[:2])
        with pinned_jax_settings(self.config.precision):
            network = build_network(self.config.model_settings, self.config.spec)
            logits = network.apply(params, pairs, self.config)
        return float(by_jax.cross_entropy(logits, labels))

    def run(self, tick: Callable[[int], None]) -> None:
        with tempfile.TemporaryDirectory() as directory:
            for i in itertools.count():
                seeds = range(i * self.members, (i + 1) * self.members)
                sweep = grokjax.Sweep(self.config, seed=seeds)
                # The clock also runs between slices, so checkpoints would be too frequent.
                out, never = Path(directory) / str(i), 1e9
                grokjax.train(sweep, out, checkpoint_every=never, progress=TickingProgress(tick))


class TrainWithoutEvaluation(Train):
    """The same with one evaluation in 200 epochs: almost only optimiser steps."""

    eval_every = 200
