"""One member: its state, one optimiser step, one evaluation, one round.

Everything here is pure and knows nothing of lanes, devices or other members;
`grokjax.ensemble` maps it. Letters: P modulus, N training pairs (bound over
the program), B batch, E epochs a round, S steps an epoch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import optax

from grokjax import models, optim, tasks
from grokjax.config import Config, Hypers

Metrics = dict[str, jax.Array]
"""Of one evaluation: float32 scalars `train_loss, test_loss, train_accuracy,
test_accuracy, weight_norm`, and `embedding_power [P // 2]`."""

# Streams of randomness, folded into the member's own key. Never reuse a number.
INIT, SPLIT, BATCHES = 0, 1, 2


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class MemberState:
    """All that changes while a member trains; the rest is derived from its Hypers."""

    params: models.Params  # float32
    opt_state: optax.OptState  # moments float32, count int32
    epoch: jax.Array  # int32 [], epochs done


@dataclass(frozen=True)
class Member:
    """The two functions that a lane runs.

    init: Hypers -> (MemberState, Metrics), untrained.
    round: (Hypers, MemberState) -> (MemberState, Metrics), `eval_every` epochs later.
    """

    init: Callable[[Hypers], tuple[MemberState, Metrics]]
    round: Callable[[Hypers, MemberState], tuple[MemberState, Metrics]]


def stream(seed: jax.Array | int, number: int) -> jax.Array:
    """The key of one stream of one member."""
    return jax.random.fold_in(jax.random.key(seed), number)


def build(config: Config, max_train_size: int) -> Member:
    """The member of a program.

    Args:
      config: its static and run settings; traced ones are ignored.
      max_train_size: N, the largest training set of the program's members.
        In minibatches it does not touch a member's numbers; in full batch (also
        a batch size of N or more) it is the number of rows, so it can change
        their rounding.
    """
    modulus = config.modulus
    batch_size = min(config.batch_size or max_train_size, max_train_size)
    steps = -(-max_train_size // batch_size)
    model = models.build(config)
    pairs = jnp.asarray(tasks.pairs(modulus))  # [P**2, 2]
    labels = jnp.asarray(tasks.label_table(modulus))  # [O, P**2]

    def loss(params: models.Params, pairs: jax.Array, labels: jax.Array) -> tuple:
        """Cross-entropy `[N]` and correctness `[N]` of each row."""
        logits = model.apply(params, pairs)  # [N, P]
        targets = jax.nn.one_hot(labels, modulus)  # a gather's gradient would be a scatter
        correct = jnp.argmax(logits, axis=-1) == labels
        return optax.losses.softmax_cross_entropy(logits, targets), correct

    def mean_loss(params: models.Params, batch: tuple) -> jax.Array:
        rows, labels, weights = batch
        return weights @ loss(params, rows, labels)[0] / jnp.maximum(weights.sum(), 1)

    def epoch_batches(hypers: Hypers, order: jax.Array, epoch: jax.Array) -> tuple:
        """Pairs `[S, B, 2]`, labels `[S, B]` and weights (0 or 1) `[S, B]` of one epoch."""
        if config.batch_size is None:
            rows = jnp.arange(max_train_size, dtype=jnp.int32)  # the order would not matter
        else:
            key = jax.random.fold_in(stream(hypers.seed, BATCHES), epoch)
            rows = tasks.shuffled(key, max_train_size, hypers.train_size)
        padding = steps * batch_size - max_train_size
        rows = order[jnp.pad(rows, (0, padding))].reshape(steps, batch_size)
        weights = jnp.arange(steps * batch_size) < hypers.train_size
        return (
            pairs[rows],
            labels[hypers.operation][rows],
            weights.astype(jnp.float32).reshape(steps, batch_size),
        )

    def step(hypers: Hypers, state: tuple, batch: tuple) -> tuple:
        """One optimiser step; none at all on a batch without rows.

        A member with fewer training rows than the program's bound has such
        batches at the end of its epochs.
        """
        params, opt_state = state
        has_rows = batch[2][0] > 0
        grads = jax.grad(mean_loss)(params, batch)
        optimizer = optim.build(config, hypers, has_rows)
        updates, opt_state = optimizer.update(grads, opt_state, params)
        return optax.apply_updates(params, updates), opt_state

    def evaluate(hypers: Hypers, order: jax.Array, params: models.Params) -> Metrics:
        """Both splits from one pass over the table."""
        losses, correct = loss(params, pairs, labels[hypers.operation])  # [P**2]
        trained = jnp.arange(modulus**2) < hypers.train_size
        metrics = {}
        for name, values in (("loss", losses), ("accuracy", correct.astype(jnp.float32))):
            values = values[order]
            metrics[f"train_{name}"] = jnp.mean(values, where=trained)
            metrics[f"test_{name}"] = jnp.mean(values, where=~trained)
        embedding = params["embed"]["embedding"]  # [P, D]
        metrics["weight_norm"] = optax.tree.norm(params)
        metrics["embedding_power"] = embedding_power(embedding)
        return metrics

    def split(hypers: Hypers) -> jax.Array:
        return tasks.split(stream(hypers.data_seed, SPLIT), modulus)

    def init(hypers: Hypers) -> tuple[MemberState, Metrics]:
        params = model.init(stream(hypers.seed, INIT))
        params = jax.tree.map(lambda p: hypers.init_scale * p, params)
        state = MemberState(params, optim.build(config, hypers).init(params), jnp.int32(0))
        return state, evaluate(hypers, split(hypers), params)

    def round(hypers: Hypers, state: MemberState) -> tuple[MemberState, Metrics]:
        order = split(hypers)
        epochs = state.epoch + jnp.arange(config.eval_every, dtype=jnp.int32)
        batches = jax.vmap(lambda epoch: epoch_batches(hypers, order, epoch))(epochs)
        batches = jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), batches)  # [E * S, B, ...]
        (params, opt_state), _ = jax.lax.scan(
            lambda carry, batch: (step(hypers, carry, batch), None),
            (state.params, state.opt_state),
            batches,
        )
        state = MemberState(params, opt_state, state.epoch + config.eval_every)
        return state, evaluate(hypers, order, params)

    return Member(init, round)


def embedding_power(embedding: jax.Array) -> jax.Array:
    """Power of the embedding at frequencies 1..P // 2 over the tokens.

    `[P, D]` -> `[P // 2]`: |DFT|**2 summed over dimensions and over +k and -k,
    divided by P, so that with the squared column means times P it adds up to
    the squared Frobenius norm (Parseval).
    """
    modulus = embedding.shape[0]
    spectrum = jnp.fft.rfft(embedding, axis=0)[1:]  # [P // 2, D]
    power = jnp.sum(jnp.abs(spectrum) ** 2, axis=1) / modulus
    twice = jnp.arange(1, modulus // 2 + 1) * 2 != modulus  # k = P/2 has no partner
    return power * jnp.where(twice, 2.0, 1.0)
