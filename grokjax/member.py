"""One member: its state, one optimiser step, one evaluation, one round.

Everything here is pure and knows nothing of lanes, devices or other members;
`grokjax.lanes` maps it. Letters: P modulus, N training pairs (bound over
the program), B batch, E epochs a round, S steps an epoch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import optax

from grokjax import batches, models, optim, tasks
from grokjax.analysis import fourier
from grokjax.analysis.concentration import gini
from grokjax.config import Config, Hypers

Metrics = dict[str, jax.Array]
"""Of one evaluation, float32: scalars `train_loss, test_loss, train_accuracy,
test_accuracy, weight_norm, embedding_gini`, `layer_norm` [layers, by name], and
`embedding_power [P // 2]`."""

# Streams of randomness, folded into the member's own key. Never reuse a number.
INIT, SPLIT, BATCHES = 0, 1, 2


LARGE = 1e30
"""Taken from a logit to leave it out of a maximum."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class MemberState:
    """All that changes while a member trains; the rest is derived from its Hypers."""

    params: models.Params  # float32
    opt_state: optax.OptState  # moments float32, count int32
    epoch: jax.Array  # int32 [], epochs done


@dataclass(frozen=True)
class Member:
    """The two functions that a lane runs, and the one that its time goes to.

    init: Hypers -> (MemberState, Metrics), untrained.
    round: (Hypers, MemberState) -> (MemberState, Metrics), `eval_every` epochs later.
    step: (Hypers, (packed Params, optimiser state), (rows, weights) `[K, C]`) -> the
        second, one optimiser step later. Rounds are made of it; to be measured alone.
    """

    init: Callable[[Hypers], tuple[MemberState, Metrics]]
    round: Callable[[Hypers, MemberState], tuple[MemberState, Metrics]]
    step: Callable[[Hypers, tuple, tuple], tuple]


def stream(seed: jax.Array | int, number: int) -> jax.Array:
    """The key of one stream of one member."""
    return jax.random.fold_in(jax.random.key(seed), number)


def build(config: Config, max_train_size: int, cached_rows: int | None = None) -> Member:
    """The member of a program.

    Args:
      config: its static and run settings; traced ones are ignored.
      max_train_size: N, the largest training set of the program's members. It
        does not touch a member's numbers, but for a batch size below it that
        holds the member's own set.
      cached_rows: the most rows taken at a time, where the cache asks for it
        (`batches.CACHED_ROWS`); None: all of a step.
    """
    modulus = config.modulus
    layout = batches.Layout.of(config, max_train_size, cached_rows)
    model = models.build(config)
    pairs = jnp.asarray(tasks.pairs(modulus))  # [P**2, 2]
    labels = jnp.asarray(tasks.label_table(modulus))  # [O, P**2]

    def judged(packed: models.Params, tokens: models.Tokens, of: Hypers, rows: jax.Array) -> tuple:
        """Cross-entropy and correctness of the pairs with these numbers, `[C]` each."""
        logits = model.logits(packed, tokens, pairs[rows])  # [C, P]
        target = jax.nn.one_hot(labels[of.operation][rows], modulus)  # a gather's gradient scatters
        # An argmax takes as long as all the rest of an evaluation on CPU.
        correct = jnp.sum(logits * target, axis=-1) > jnp.max(logits - LARGE * target, axis=-1)
        return optax.losses.softmax_cross_entropy(logits, target), correct

    def gradient(hypers: Hypers, packed: models.Params, rows: jax.Array, weights: jax.Array) -> Any:
        """Of the weighted sum of losses; rows and weights `[K, C]`, one chunk at a time."""
        tokens, back = jax.vjp(model.tokens, packed)

        def loss(packed: models.Params, tokens: models.Tokens, rows: Any, weights: Any) -> Any:
            return weights @ judged(packed, tokens, hypers, rows)[0]

        def add(total: tuple, chunk: tuple) -> tuple:
            grads = jax.grad(loss, argnums=(0, 1))(packed, tokens, *chunk)
            return jax.tree.map(jnp.add, total, grads), None

        zeros = jax.tree.map(jnp.zeros_like, (packed, tokens))
        (direct, through), _ = jax.lax.scan(add, zeros, (rows, weights))
        return jax.tree.map(jnp.add, direct, back(through)[0])

    def step(hypers: Hypers, state: tuple, batch: tuple) -> tuple:
        """One optimiser step; none at all on a batch without rows.

        A member with fewer training rows than the program's bound has such
        batches at the end of its epochs.
        """
        packed, opt_state = state
        rows, weights = batch
        optimizer = optim.build(config, hypers, weights[0, 0] > 0)
        updates, opt_state = optimizer.update(
            gradient(hypers, packed, rows, weights), opt_state, packed
        )
        return optax.apply_updates(packed, updates), opt_state

    def evaluate(hypers: Hypers, order: jax.Array, params: models.Params) -> Metrics:
        """Both splits from one pass over the table."""
        packed = model.pack(params)
        tokens = model.tokens(packed)
        size = min(cached_rows or modulus**2, modulus**2)
        numbers = jnp.pad(jnp.arange(modulus**2), (0, -(modulus**2) % size)).reshape(-1, size)
        losses, correct = jax.lax.map(lambda rows: judged(packed, tokens, hypers, rows), numbers)
        return {
            **means("loss", losses.reshape(-1)[order], hypers.train_size),
            **means("accuracy", correct.reshape(-1)[order], hypers.train_size),
            **inside(params),
        }

    def split(hypers: Hypers) -> jax.Array:
        return tasks.split(stream(hypers.data_seed, SPLIT), modulus)

    def init(hypers: Hypers) -> tuple[MemberState, Metrics]:
        params = model.init(stream(hypers.seed, INIT))
        params = jax.tree.map(lambda p: hypers.init_scale * p, params)
        state = MemberState(params, optim.build(config, hypers).init(params), jnp.int32(0))
        return state, evaluate(hypers, split(hypers), params)

    def round(hypers: Hypers, state: MemberState) -> tuple[MemberState, Metrics]:
        order = split(hypers)

        def draw(epoch: jax.Array) -> tuple:
            key = jax.random.fold_in(stream(hypers.seed, BATCHES), epoch)
            return batches.draw(config, layout, key, order, hypers.train_size)

        epochs = state.epoch + jnp.arange(config.eval_every, dtype=jnp.int32)
        steps = jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), jax.vmap(draw)(epochs))
        packed, _ = jax.lax.scan(
            lambda carry, batch: (step(hypers, carry, batch), None),
            relaid(model.pack, (state.params, state.opt_state)),
            steps,  # [E * S, K, C]
        )
        params, opt_state = relaid(model.unpack, packed)
        state = MemberState(params, opt_state, state.epoch + config.eval_every)
        return state, evaluate(hypers, order, params)

    return Member(init, round, step)


def means(name: str, values: jax.Array, train_size: jax.Array) -> Metrics:
    """Of the first `train_size` of `values`, and of the others."""
    trained = jnp.arange(len(values)) < train_size
    values = values.astype(jnp.float32)
    return {
        f"train_{name}": jnp.mean(values, where=trained),
        f"test_{name}": jnp.mean(values, where=~trained),
    }


def inside(params: models.Params) -> Metrics:
    """What an evaluation records of the weights themselves."""
    layers = jnp.stack([optax.tree.norm(params[layer]) for layer in sorted(params)])
    power = fourier.power.one(params["embed"]["embedding"])
    return {
        "weight_norm": jnp.sqrt(jnp.sum(layers**2)),
        "layer_norm": layers,
        "embedding_power": power,
        "embedding_gini": gini.one(jnp.sqrt(power)),
    }


def relaid(layout: Callable[[models.Params], models.Params], tree: Any) -> Any:
    """`layout` applied to every nested dict of parameters, gradients or moments in a tree."""
    return jax.tree.map(
        lambda node: layout(node) if isinstance(node, dict) else node,
        tree,
        is_leaf=lambda node: isinstance(node, dict),
    )
