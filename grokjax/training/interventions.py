"""A member's interventions in its steps, and the state that they keep between steps.

All of it is traced: members of one program begin at steps of their own, or never.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from grokjax.config.hyperparams import Hypers
from grokjax.config.settings import ProgramConfig
from grokjax.errors import ConfigError, reason
from grokjax.models.network import Network, Params
from grokjax.optim.effects import Effect, Moment
from grokjax.optim.intervention import INTERVENTIONS, NEVER, Intervention
from grokjax.optim.optimizer import check_alike


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class InterventionState:
    """What a member's interventions keep between steps.

    step: int32 `[]`, updates done. measured: by each intervention, see `effects.Moment`.
    """

    step: jax.Array
    measured: tuple[Any, ...]


def intervention_state(
    program: ProgramConfig, hypers: Hypers, params: Params, step: Any = 0
) -> InterventionState | None:
    """Return the state of interventions that have not begun; None if the program has none.

    step: updates that these parameters have had.
    """
    if not program.intervention_settings:
        return None
    effects = [each.effect(hypers) for each in program.intervention_settings]
    return InterventionState(jnp.int32(step), tuple(each.measure(params) for each in effects))


def first_step(hypers: Hypers) -> jax.Array:
    """Return how many updates a member makes before its interventions begin, int32 `[]`."""
    memorised, after = hypers.memorised_step, hypers.intervene_after_memorised
    own = jnp.where(memorised >= 0, jnp.minimum(memorised, NEVER - after) + after, NEVER)
    return jnp.minimum(hypers.intervene_from, own)


@dataclass(frozen=True)
class Interventions:
    """The interventions of a program, and the layout of the parameters that it trains.

    layout: a `step.Layout`.
    """

    settings: tuple[Intervention, ...]
    layout: Any

    @classmethod
    def of(cls, program: ProgramConfig, layout: Any) -> Interventions | None:
        """Return those of a program; None if it has none, and nothing is to be compiled."""
        settings = program.intervention_settings
        return cls(settings, layout) if settings else None

    def acting(self, hypers: Hypers, state: InterventionState) -> Acting:
        """Return what they do in one step of a member."""
        since = state.step - first_step(hypers)
        effects = tuple(self._laid_out(each, hypers) for each in self.settings)
        changed, temperature = hypers, None
        for each in effects:
            changed = each.settings(changed)
            if not isinstance(each.temperature, float):
                divisor = jnp.where(since >= 0, each.temperature, 1.0)
                temperature = divisor if temperature is None else temperature * divisor
        kept = (
            now if now is before else jnp.where(since >= 0, now, before)
            for now, before in zip(changed, hypers, strict=True)
        )
        return Acting(effects, state, since, type(hypers)(*kept), temperature)

    def _laid_out(self, settings: Intervention, hypers: Hypers) -> Effect:
        """Return an effect as a function of parameters as they are laid out while they train."""
        effect, layout = settings.effect(hypers), self.layout
        if settings.any_layout:
            return effect
        weights = effect.weights
        return Effect(
            weights and (lambda params, now: layout.enter(weights(layout.leave(params), now))),
            lambda params: effect.measure(layout.leave(params)),
            effect.waits,
            effect.settings,
            effect.temperature,
        )


@dataclass(frozen=True)
class Acting:
    """What a member's interventions do in one step.

    state: before the step. since: int32 `[]`, updates since they began, negative before.
    hypers: the settings of this step. temperature: divisor of the logits, None for 1.
    """

    effects: tuple[Effect, ...]
    state: InterventionState
    since: jax.Array
    hypers: Hypers
    temperature: jax.Array | None

    def finish(self, params: Params) -> tuple[Params, InterventionState]:
        """Change the weights after the update, or measure them if nothing has begun yet."""
        begun = self.since >= 0

        def kept(new: Any, old: Any) -> Any:
            return jax.tree.map(lambda n, o: jnp.where(begun, n, o), new, old)

        measured = []
        for effect, before in zip(self.effects, self.state.measured, strict=True):
            now = effect.measure(params)
            if effect.weights is not None:
                new = effect.weights(params, Moment(self.since, before, now))
                params = new if effect.waits else kept(new, params)
            measured.append(kept(before, now))
        return params, InterventionState(self.state.step + 1, tuple(measured))


def check_interventions(program: ProgramConfig, network: Network, hypers: Hypers) -> None:
    """Raise ConfigError, naming the intervention, unless it works on such parameters.

    hypers: of a member; shapes will do.
    """
    params = network.abstract
    names = INTERVENTIONS.names_in(program.interventions)
    for name, settings in zip(names, program.intervention_settings, strict=True):
        settings.check_params(params)

        def once(hypers: Hypers, params: Params, settings: Intervention = settings) -> Any:
            effect = settings.effect(hypers)
            measured = effect.measure(params)
            moment = Moment(jnp.int32(0), measured, measured)
            changed = effect.settings(hypers)
            new = params if effect.weights is None else effect.weights(params, moment)
            return new, changed

        try:
            new, changed = jax.eval_shape(once, hypers, params)
        except ConfigError:
            raise
        except Exception as error:  # whatever the user's function raises
            raise ConfigError(
                f"intervention {name}: its function must work for such parameters, got "
                f"{reason(error)}"
            ) from error
        check_alike(f"intervention {name}: its parameters", new, params)
        check_alike(f"intervention {name}: its settings", changed._asdict(), hypers._asdict())
