"""One optimiser step of one member: loss, gradient, update.

Letters: N examples, B batch, C classes, K chunks a step, R rows a chunk.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import optax

from grokjax.config.hyperparams import Hypers
from grokjax.config.settings import ProgramConfig
from grokjax.models.network import Network, Params
from grokjax.optim.losses import Loss
from grokjax.optim.optimizer import build_optimizer
from grokjax.tasks.dataset import Dataset
from grokjax.tasks.member_data import MemberData
from grokjax.tasks.scoring import build_scoring
from grokjax.training.interventions import Interventions


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Constants:
    """What stays the same while a member trains, computed once a round."""

    hypers: Hypers
    data: MemberData
    start: Any  # initial Params as they train, where decay pulls towards them, else None
    norm: Any  # float32 [], at which the norm of all weights is kept, or None


Step = Callable[[Constants, tuple, tuple], tuple]


@dataclass(frozen=True)
class Layout:
    """How parameters are laid out while they train.

    enter, leave: from the network's own layout and back. pack: from this layout to the one that the
    network computes with.
    """

    enter: Callable[[Params], Params]
    leave: Callable[[Params], Params]
    pack: Callable[[Params], Params]


def layout_of(network: Network, elementwise: bool) -> Layout:
    """Return the network's training layout if the rule is elementwise, else its plain layout."""
    if elementwise:
        return Layout(network.pack, network.unpack, lambda params: params)
    return Layout(lambda params: params, lambda params: params, network.pack)


def build_loss(
    network: Network, loss: Loss, data: Dataset, inputs: jax.Array
) -> Callable[..., tuple[jax.Array, jax.Array, jax.Array]]:
    """Return the function from (packed Params, table, the member's data, rows) to losses and more.

    It gives for each example its loss, `[B]`, whether it is answered correctly, `[B]`, and its
    logits, `[B, C]`. What a correct answer is the task says (`grokjax.tasks.scoring`). The loss is
    of logits divided by the temperature, if there is one.
    """
    score = build_scoring(data)

    def loss_and_correct(
        packed: Params, table: Any, member: MemberData, rows: Any, temperature: Any = None
    ) -> tuple:
        logits = network.logits(packed, table, inputs[rows])  # [B, C]
        wanted, correct = score(logits, member, rows)
        trained = logits if temperature is None else logits / temperature
        return loss(trained, wanted), correct, logits

    return loss_and_correct


def build_step(
    program: ProgramConfig, network: Network, layout: Layout, example_loss: Any, skips: bool
) -> Step:
    """Return the function that takes one optimiser step.

    skips: whether members with fewer training examples than the program's bound have batches
      without rows at the end of their epochs. The step then leaves the state as it is.
    """
    interventions = Interventions.of(program, layout)

    def gradient(
        constants: Constants, temperature: Any, params: Params, rows: Any, weights: Any
    ) -> Params:
        """Gradient of the weighted loss, accumulated over K chunks of R rows."""
        packed, unpack = jax.vjp(layout.pack, params)
        table, through_table = jax.vjp(
            lambda packed: network.precompute(packed, constants.hypers), packed
        )

        def weighted(packed: Params, table: Any, rows: Any, weights: Any) -> jax.Array:
            return weights @ example_loss(packed, table, constants.data, rows, temperature)[0]

        def add(total: tuple, chunk: tuple) -> tuple:
            grads = jax.grad(weighted, argnums=(0, 1))(packed, table, *chunk)
            return jax.tree.map(jnp.add, total, grads), None

        zeros = jax.tree.map(jnp.zeros_like, (packed, table))
        (direct, of_table), _ = jax.lax.scan(add, zeros, (rows, weights))
        return unpack(jax.tree.map(jnp.add, direct, through_table(of_table)[0]))[0]

    def update(constants: Constants, state: tuple, batch: tuple) -> tuple:
        params, opt_state, *intervened = state
        hypers, acting, temperature = constants.hypers, None, None
        if interventions is not None:
            acting = interventions.acting(hypers, *intervened)
            hypers, temperature = acting.hypers, acting.temperature
        grads = gradient(constants, temperature, params, *batch)
        optimizer = build_optimizer(program, hypers, constants.start)
        updates, opt_state = optimizer.update(grads, opt_state, params)
        params: Any = optax.apply_updates(params, updates)
        if program.fixed_norm:
            params = optax.tree.scale(constants.norm / optax.tree.norm(params), params)
        if acting is None:
            return params, opt_state
        params, intervened = acting.finish(params)
        return params, opt_state, intervened

    if not skips:
        return update

    def step(constants: Constants, state: tuple, batch: tuple) -> tuple:
        has_rows = batch[1][0, 0] > 0
        return jax.lax.cond(
            has_rows, lambda state: update(constants, state, batch), lambda state: state, state
        )

    return step
