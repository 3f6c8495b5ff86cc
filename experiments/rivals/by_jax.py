"""JAX as its users write it in one file: one member after another, and a plain vmap."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax

from rivals import transformer
from rivals.workload import Weights, Workload


def mlp_logits(params: dict, pairs: jax.Array) -> jax.Array:
    inputs = params["embed"][pairs].reshape(len(pairs), -1)
    hidden = jax.nn.relu(inputs @ params["hidden"] + params["hidden_bias"])
    return hidden @ params["output"] + params["output_bias"]


def cross_entropy(logits: jax.Array, labels: jax.Array) -> jax.Array:
    return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()


LOGITS = {"mlp": mlp_logits, "transformer": transformer.logits}


class OneByOne:
    """One seed; an epoch is one jitted call that scans over batches."""

    def __init__(self, work: Workload, members: int, weights: Weights) -> None:
        self.work, self.members = work, members
        self.pairs, self.labels = (jnp.asarray(x, jnp.int32) for x in work.data()[:2])
        self.weights = jax.tree.map(jnp.asarray, weights)
        self.optimizer = optax.adamw(work.learning_rate, weight_decay=work.weight_decay)

    def loss(self) -> float:
        with jax.default_matmul_precision("float32"):
            return float(self.loss_of(self.weights, self.pairs, self.labels))

    def loss_of(self, params: dict, inputs: jax.Array, labels: jax.Array) -> jax.Array:
        return cross_entropy(LOGITS[self.work.network](params, inputs), labels)

    def step(self, carry: tuple, rows: jax.Array) -> tuple:
        params, state = carry
        grads = jax.grad(self.loss_of)(params, self.pairs[rows], self.labels[rows])
        updates, state = self.optimizer.update(grads, state, params)
        return (optax.apply_updates(params, updates), state), None

    def epoch(self, carry: tuple, key: jax.Array) -> tuple:
        n, size = len(self.pairs), self.work.batch_size
        if size is None:
            return self.step(carry, jnp.arange(n))[0]
        order, full = jax.random.permutation(key, n), n - n % size
        carry, _ = jax.lax.scan(self.step, carry, order[:full].reshape(-1, size))
        return self.step(carry, order[full:])[0] if full < n else carry

    def compiled(self) -> tuple[Callable[..., tuple], tuple]:
        """Return the function of one epoch of all members, and their initial state."""
        start = self.weights, self.optimizer.init(self.weights)
        return jax.jit(self.epoch, donate_argnums=0), start

    def run(self, tick: Callable[[int], None]) -> None:
        epoch, carry = self.compiled()
        with jax.default_matmul_precision("float32"):  # as in grokjax
            for i in itertools.count():
                carry = jax.block_until_ready(epoch(carry, self.keys(i)))
                tick(self.members * self.work.steps_per_epoch)

    def keys(self, epoch: int) -> jax.Array:
        return jax.random.key(epoch)


class Vmapped(OneByOne):
    """`OneByOne` under `jax.vmap` over all members."""

    def compiled(self) -> tuple[Callable[..., tuple], tuple]:
        epoch = jax.jit(jax.vmap(self.epoch), donate_argnums=0)
        weights = jax.tree.map(lambda x: jnp.repeat(x[None], self.members, axis=0), self.weights)
        return epoch, (weights, jax.vmap(self.optimizer.init)(weights))

    def keys(self, epoch: int) -> jax.Array:
        return jax.random.split(jax.random.key(epoch), self.members)
