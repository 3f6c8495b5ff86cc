"""One member: its state, its evaluations, and a round of training.

Everything here is pure, and knows nothing of lanes, devices or other members, nor what the task or
the network is. Letters: N examples, E epochs a round, S steps an epoch, K chunks, R rows a chunk.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from grokjax.config.hyperparams import Hypers
from grokjax.config.settings import ProgramConfig
from grokjax.metrics.builtin import BUILTIN
from grokjax.metrics.metric import Evaluation, Metric, measure
from grokjax.models.network import Network, Params, build_network
from grokjax.optim.losses import LOSSES, RECORDED, Loss
from grokjax.optim.optimizer import build_optimizer
from grokjax.runtime.prng import BATCHES, stream_key
from grokjax.settings.data_spec import DataSpec
from grokjax.tasks.dataset import Dataset
from grokjax.tasks.member_data import build_member_data
from grokjax.tasks.task import build_dataset
from grokjax.training.batches import BatchPlan, draw_batches
from grokjax.training.initial_params import initial_params
from grokjax.training.interventions import InterventionState, intervention_state
from grokjax.training.step import Constants, Layout, Step, build_loss, build_step, layout_of

Metrics = dict[str, jax.Array]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class MemberState:
    """All that changes while a member trains; the rest is derived from its hyperparameters."""

    params: Params  # float32, or float64 where that is the precision
    opt_state: optax.OptState
    epoch: jax.Array  # int32 [], epochs done
    interventions: InterventionState | None = None  # None in a program without any


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Advance:
    """How far a round goes where evaluations are not every `eval_every` epochs; `[L]` of lanes."""

    epochs: jax.Array  # int32 [], how many to train
    evaluated: jax.Array  # bool [], whether metrics are computed then; zeros if not


@dataclass(frozen=True)
class Member:
    """The two functions that a lane runs, and the parts of them that are measured alone.

    start: Hypers -> MemberState, untrained. init: the same with its Metrics.
    round: (Hypers, MemberState) -> (MemberState, Metrics), `eval_every` epochs later; in a program
        without `eval_every` (Hypers, Advance, MemberState), as many later as that says.
    constants: Hypers -> Constants.
    step: (Constants, (Params as they train, optimiser state), (rows, weights) `[K, R]`) -> the
        second, one optimiser step later. Rounds are made of it; it is there to be measured alone.
        With interventions their state is third in that tuple.
    """

    start: Callable[[Hypers], MemberState]
    init: Callable[[Hypers], tuple[MemberState, Metrics]]
    round: Callable[..., tuple[MemberState, Metrics]]
    constants: Callable[[Hypers], Constants]
    step: Step


def build_member(
    program: ProgramConfig,
    max_train_size: int,
    variants: tuple[str, ...],
    metrics: tuple[Metric, ...] = BUILTIN,
    cached_rows: int | None = None,
) -> Member:
    """Build the functions of a program's members.

    Args:
      program: the settings that they share.
      max_train_size: the largest training set among them. Results do not depend on it, except where
        the batch size lies between the member's own train size and it.
      variants: the variants of the task that they use.
      metrics: what is recorded, where it applies to the network.
      cached_rows: the most rows taken at a time, see `batches.CACHED_ROWS`; None: all of a step.
    """
    data = build_dataset(program.task_settings, variants)
    network = build_network(program.model_settings, program.spec)
    plan = BatchPlan.of(program.batch_size, len(data.inputs), max_train_size, cached_rows)
    layout = layout_of(network, program.rule.elementwise)
    member_data = build_member_data(data, program.split)
    inputs = _inputs(data)
    trained = build_loss(network, LOSSES[program.loss], data, inputs)
    step = build_step(program, network, layout, trained, skips=plan.steps > 1)
    train = build_training(program, layout, plan, step)
    loss = RECORDED[program.loss]
    evaluate = build_evaluation(network, program.spec, data, loss, metrics, cached_rows)

    def constants(hypers: Hypers) -> Constants:
        initial = functools.partial(initial_params, network, hypers)
        start = layout.enter(initial()) if program.decay_towards == "initial" else None
        norm = optax.tree.norm(initial()) if program.fixed_norm else None
        return Constants(hypers, member_data(hypers), start, norm)

    def begin(hypers: Hypers) -> MemberState:
        params = initial_params(network, hypers)
        opt_state = build_optimizer(program, hypers).init(params)
        intervened = intervention_state(program, hypers, params)
        return MemberState(params, opt_state, jnp.int32(0), intervened)

    def init(hypers: Hypers) -> tuple[MemberState, Metrics]:
        state = begin(hypers)
        return state, evaluate(constants(hypers), state.params)

    def round(hypers: Hypers, state: MemberState) -> tuple[MemberState, Metrics]:
        fixed = constants(hypers)
        state = train(fixed, state)
        return state, evaluate(fixed, state.params)

    def advance(
        hypers: Hypers, advance: Advance, state: MemberState
    ) -> tuple[MemberState, Metrics]:
        fixed = constants(hypers)
        state = train(fixed, state, advance.epochs)
        shapes = jax.eval_shape(evaluate, fixed, state.params)
        # In a loop of no or one turn XLA would evaluate in any case, before the loop.
        return state, jax.lax.cond(
            advance.evaluated,
            lambda params: evaluate(fixed, params),
            lambda _: jax.tree.map(jnp.zeros_like, shapes),
            state.params,
        )

    return Member(begin, init, advance if program.eval_every is None else round, constants, step)


def build_training(
    program: ProgramConfig, layout: Layout, plan: BatchPlan, step: Step
) -> Callable[..., MemberState]:
    """Return the function that trains a member for `eval_every` epochs, or as many as it is told.

    A number of epochs that is told is data: it never compiles anew.
    """

    def train(
        constants: Constants, state: MemberState, told: jax.Array | None = None
    ) -> MemberState:
        hypers, order = constants.hypers, constants.data.order

        def draw(epoch: jax.Array) -> tuple[jax.Array, jax.Array]:
            key = jax.random.fold_in(stream_key(hypers.seed, BATCHES), epoch)
            return draw_batches(plan, key, order, hypers.train_size)

        def steps(carry: tuple, batches: tuple) -> tuple:
            body = lambda carry, batch: (step(constants, carry, batch), None)  # noqa: E731
            return jax.lax.scan(body, carry, batches)[0]

        batches: Any = draw(state.epoch) if told is not None and plan.full_batch else None
        if told is None:
            epochs = state.epoch + jnp.arange(program.eval_every, dtype=jnp.int32)
            batches = jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), jax.vmap(draw)(epochs))
        start = relaid(layout.enter, state.params, (state.params, state.opt_state))
        start += () if state.interventions is None else (state.interventions,)
        if told is None:
            end = steps(start, batches)  # [E * S, K, R]
        else:
            one = lambda i, carry: steps(carry, batches or draw(state.epoch + i))  # noqa: E731
            end = jax.lax.fori_loop(0, told, one, start)
        params, opt_state = relaid(layout.leave, state.params, end[:2])
        trained = program.eval_every if told is None else told
        return MemberState(params, opt_state, state.epoch + trained, *end[2:])

    return train


def build_evaluation(
    network: Network,
    spec: DataSpec,
    data: Dataset,
    loss: Loss,
    metrics: tuple[Metric, ...],
    cached_rows: int | None,
) -> Callable[[Constants, Params], Metrics]:
    """Return the function that computes the metrics that apply, from one pass over all examples."""
    metrics = tuple(each for each in metrics if each.applies(network, spec))
    keeps_logits = any(each.reads_logits for each in metrics)
    inputs, count = _inputs(data), len(data.inputs)
    example_loss = build_loss(network, loss, data, inputs)
    size = min(cached_rows or count, count)

    def evaluate(constants: Constants, params: Params) -> Metrics:
        packed, member = network.pack(params), constants.data
        table = network.precompute(packed, constants.hypers)
        chunks = jnp.pad(jnp.arange(count), (0, -count % size)).reshape(-1, size)

        def of_chunk(rows: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array | None]:
            losses, correct, logits = example_loss(packed, table, member, rows)
            return losses, correct, logits if keeps_logits else None

        losses, correct, logits = jax.lax.map(of_chunk, chunks)
        evaluation = Evaluation(
            network=network.with_traced(constants.hypers),
            spec=spec,
            packed=packed,
            table=table,
            inputs=inputs,
            targets=member.targets,
            true_labels=member.true_labels,
            loss=loss,
            losses=losses.reshape(-1)[:count],
            correct=correct.reshape(-1)[:count],
            kept_logits=None if logits is None else logits.reshape(-1, spec.num_classes)[:count],
            order=member.order,
            train_size=constants.hypers.train_size,
            num_examples=constants.hypers.num_examples,
            variant=constants.hypers.variant,
            groups=data.groups,
        )
        return measure(metrics, params, evaluation)

    return evaluate


def _inputs(data: Dataset) -> jax.Array:
    """Return the inputs `[N, ...]`: tokens, or features in the precision of the run."""
    is_real = np.issubdtype(data.inputs.dtype, np.floating)
    return jnp.asarray(data.inputs, float if is_real else None)


def relaid(layout: Callable[[Params], Params], params: Params, tree: Any) -> Any:
    """Apply `layout` to every part of a tree that has the structure of the parameters."""
    structure = jax.tree.structure(params)

    def like_params(node: Any) -> bool:
        return isinstance(node, dict) and jax.tree.structure(node) == structure

    return jax.tree.map(
        lambda node: layout(node) if like_params(node) else node, tree, is_leaf=like_params
    )
