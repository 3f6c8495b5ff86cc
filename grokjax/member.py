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

from grokjax import batches, dataset, layout, models, optim, tasks
from grokjax.analysis import fourier, periodicity
from grokjax.analysis.concentration import gini
from grokjax.config import Config
from grokjax.hypers import Hypers
from grokjax.losses import LOSSES, RECORDED, Loss
from grokjax.streams import BATCHES, INIT, stream

Metrics = dict[str, jax.Array]
"""Of one evaluation, float32: scalars `train_loss, test_loss, train_accuracy,
test_accuracy, weight_norm, embedding_gini, neuron_ipr`, `layer_norm` [layers, by name],
and `embedding_power [P // 2]`."""

LARGE = 1e30
"""Taken from a logit to leave it out of a maximum."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class MemberState:
    """All that changes while a member trains; the rest is derived from its Hypers."""

    params: models.Params  # float32
    opt_state: optax.OptState  # moments float32, count int32
    epoch: jax.Array  # int32 [], epochs done


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Given:
    """What stays while a member trains, worked out once a round."""

    hypers: Hypers
    data: dataset.Data
    start: Any  # packed initial Params, where decay pulls towards them, else None
    norm: Any  # float32 [], at which all weights are held, or None


@dataclass(frozen=True)
class Member:
    """The two functions that a lane runs, and those that its time goes to.

    init: Hypers -> (MemberState, Metrics), untrained.
    round: (Hypers, MemberState) -> (MemberState, Metrics), `eval_every` epochs later.
    given: Hypers -> Given.
    step: (Given, (packed Params, optimiser state), (rows, weights) `[K, C]`) -> the
        second, one optimiser step later. Rounds are made of it; to be measured alone.
    """

    init: Callable[[Hypers], tuple[MemberState, Metrics]]
    round: Callable[[Hypers, MemberState], tuple[MemberState, Metrics]]
    given: Callable[[Hypers], Given]
    step: Callable[[Given, tuple, tuple], tuple]


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
    plan = batches.Layout.of(config, max_train_size, cached_rows)
    model, data_of = models.build(config), dataset.build(config)
    trained, recorded = LOSSES[config.loss], RECORDED[config.loss]
    pairs = jnp.asarray(tasks.pairs(modulus))  # [P**2, 2]

    def judged(loss_of: Loss, packed: Any, tokens: models.Tokens, labels: Any, rows: Any) -> tuple:
        """Loss of the pairs with these numbers and whether each is correct, `[N]` both."""
        logits = model.logits(packed, tokens, pairs[rows])  # [N, C]
        target = jax.nn.one_hot(labels[rows], config.num_classes)  # a gather's gradient scatters
        # An argmax takes as long as all the rest of an evaluation on CPU.
        correct = jnp.sum(logits * target, axis=-1) > jnp.max(logits - LARGE * target, axis=-1)
        return loss_of(logits, target), correct

    def gradient(labels: jax.Array, packed: models.Params, rows: Any, weights: Any) -> Any:
        """Of the weighted sum of losses; rows and weights `[K, C]`, one chunk at a time."""
        tokens, back = jax.vjp(model.tokens, packed)

        def loss(packed: models.Params, tokens: models.Tokens, rows: Any, weights: Any) -> Any:
            return weights @ judged(trained, packed, tokens, labels, rows)[0]

        def add(total: tuple, chunk: tuple) -> tuple:
            grads = jax.grad(loss, argnums=(0, 1))(packed, tokens, *chunk)
            return jax.tree.map(jnp.add, total, grads), None

        zeros = jax.tree.map(jnp.zeros_like, (packed, tokens))
        (direct, through), _ = jax.lax.scan(add, zeros, (rows, weights))
        return jax.tree.map(jnp.add, direct, back(through)[0])

    def step(given: Given, state: tuple, batch: tuple) -> tuple:
        """One optimiser step; none at all on a batch without rows.

        A member with fewer training rows than the program's bound has such
        batches at the end of its epochs.
        """
        packed, opt_state = state
        rows, weights = batch
        active = weights[0, 0] > 0
        optimizer = optim.build(config, given.hypers, active, given.start)
        grads = gradient(given.data.labels, packed, rows, weights)
        # Not 0 by itself where a logit has overflowed.
        grads = jax.tree.map(lambda g: jnp.where(active, g, 0), grads)
        updates, opt_state = optimizer.update(grads, opt_state, packed)
        packed = optax.apply_updates(packed, updates)
        if config.fixed_norm:
            factor = jnp.where(active, given.norm / optax.tree.norm(packed), 1)
            packed = optax.tree.scale(factor, packed)
        return packed, opt_state

    def evaluate(given: Given, params: models.Params) -> Metrics:
        """Both splits from one pass over the table."""
        packed = model.pack(params)
        tokens = model.tokens(packed)
        size = min(cached_rows or modulus**2, modulus**2)
        numbers = jnp.pad(jnp.arange(modulus**2), (0, -(modulus**2) % size)).reshape(-1, size)
        labels, order, count = given.data.labels, given.data.order, given.hypers.train_size
        losses, correct = jax.lax.map(
            lambda rows: judged(recorded, packed, tokens, labels, rows), numbers
        )
        return {
            **means("loss", losses.reshape(-1)[order], count, given.hypers.pairs),
            **means("accuracy", correct.reshape(-1)[order], count, given.hypers.pairs),
            **inside(params, tokens, config),
        }

    def initial(hypers: Hypers) -> models.Params:
        params = model.init(stream(hypers.seed, INIT))
        return jax.tree.map(lambda p: hypers.init_scale * p, params)

    def given_of(hypers: Hypers) -> Given:
        start = model.pack(initial(hypers)) if config.decay_towards == "initial" else None
        norm = optax.tree.norm(initial(hypers)) if config.fixed_norm else None
        return Given(hypers, data_of(hypers), start, norm)

    def init(hypers: Hypers) -> tuple[MemberState, Metrics]:
        params = initial(hypers)
        state = MemberState(params, optim.build(config, hypers).init(params), jnp.int32(0))
        return state, evaluate(given_of(hypers), params)

    def round(hypers: Hypers, state: MemberState) -> tuple[MemberState, Metrics]:
        given = given_of(hypers)

        def draw(epoch: jax.Array) -> tuple:
            key = jax.random.fold_in(stream(hypers.seed, BATCHES), epoch)
            return batches.draw(config, plan, key, given.data.order, hypers.train_size)

        epochs = state.epoch + jnp.arange(config.eval_every, dtype=jnp.int32)
        steps = jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), jax.vmap(draw)(epochs))
        packed, _ = jax.lax.scan(
            lambda carry, batch: (step(given, carry, batch), None),
            relaid(model.pack, (state.params, state.opt_state)),
            steps,  # [E * S, K, C]
        )
        params, opt_state = relaid(model.unpack, packed)
        state = MemberState(params, opt_state, state.epoch + config.eval_every)
        return state, evaluate(given, params)

    return Member(init, round, given_of, step)


def means(name: str, values: jax.Array, train_size: jax.Array, pairs: jax.Array) -> Metrics:
    """Of the first `train_size` of `values`, and of the others among the first `pairs`."""
    place = jnp.arange(len(values))
    values = values.astype(jnp.float32)
    return {
        f"train_{name}": jnp.mean(values, where=place < train_size),
        f"test_{name}": jnp.mean(values, where=(place >= train_size) & (place < pairs)),
    }


def inside(params: models.Params, tokens: models.Tokens, config: Config) -> Metrics:
    """What an evaluation records of the weights themselves."""
    layers = jnp.stack([optax.tree.norm(params[layer]) for layer in sorted(params)])
    power = fourier.power.one(layout.table(params, config))
    return {
        "weight_norm": jnp.sqrt(jnp.sum(layers**2)),
        "layer_norm": layers,
        "embedding_power": power,
        "embedding_gini": gini.one(jnp.sqrt(power)),
        "neuron_ipr": jnp.mean(periodicity.ratios(params, tokens, config).mean),
    }


def relaid(layout: Callable[[models.Params], models.Params], tree: Any) -> Any:
    """`layout` applied to every nested dict of parameters, gradients or moments in a tree."""
    return jax.tree.map(
        lambda node: layout(node) if isinstance(node, dict) else node,
        tree,
        is_leaf=lambda node: isinstance(node, dict),
    )
