"""grokjax itself, as `grokjax train` runs it: host loop, records, refills."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable
from pathlib import Path

import jax.numpy as jnp

import grokjax
from grokjax import models
from grokjax.devices import prepare
from grokjax.numerics import pinned
from grokjax.progress import Progress, Tally
from rivals import by_jax
from rivals.workload import Weights, Workload

ROUNDS = 10
"""Of a member where more wait than train; until it groks it takes about fifty."""


class Ticking(Progress):
    """Progress that hands the member-steps of each round to `tick`."""

    def __init__(self, tick: Callable[[int], None]) -> None:
        super().__init__(enabled=False)
        self._tick, self._seen = tick, 0

    def update(self, tally: Tally, last: bool = False) -> None:
        if tally.steps > self._seen:
            self._tick(tally.steps - self._seen)
            self._seen = tally.steps


class Train:
    """An ensemble, evaluating every 20 epochs, which is the default."""

    eval_every = 20

    def __init__(self, work: Workload, members: int, weights: Weights) -> None:
        prepare()  # as `train` would, had JAX not been used before it here
        self.work, self.members, self.weights = work, members, weights
        self.config = grokjax.Config(
            modulus=work.modulus,
            train_fraction=work.train_fraction,
            batch_size=work.batch_size,
            embed_dim=work.embed_dim,
            hidden_dim=work.hidden_dim,
            learning_rate=work.learning_rate,
            weight_decay=work.weight_decay,
            eval_every=self.eval_every,
            stop_when="never",
            max_epochs=(ROUNDS if members >= 64 else 10_000) * self.eval_every,
        )

    def loss(self) -> float:
        w = {name: jnp.asarray(value) for name, value in self.weights.items()}
        params = {
            "embed": {"embedding": w["embed"]},
            "hidden": {"kernel": w["hidden"], "bias": w["hidden_bias"]},
            "output": {"kernel": w["output"], "bias": w["output_bias"]},
        }
        pairs, labels = (jnp.asarray(x, jnp.int32) for x in self.work.data()[:2])
        with pinned(self.config.precision):
            logits = models.build(self.config).apply(params, pairs)
        return float(by_jax.cross_entropy(logits, labels))

    def run(self, tick: Callable[[int], None]) -> None:
        with tempfile.TemporaryDirectory() as directory:
            for i in itertools.count():
                seeds = range(i * self.members, (i + 1) * self.members)
                sweep = grokjax.Sweep(self.config, seed=seeds)
                # Between slices the clock goes on, so that checkpoints would come too often.
                out, never = Path(directory) / str(i), 1e9
                grokjax.train(sweep, out, checkpoint_every=never, progress=Ticking(tick))


class TrainWithoutEvaluation(Train):
    """The same with one evaluation in 200 epochs: next to nothing but optimiser steps."""

    eval_every = 200
