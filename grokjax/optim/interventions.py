"""The settings of the interventions that grokjax has; `grokjax.optim.effects` has what they do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from grokjax.errors import invalid
from grokjax.optim.intervention import Intervention
from grokjax.settings.field import SCALE, at_least, setting

WEIGHTS_HELP = "all; matrices: arrays that are no biases; or the name of a layer, such as embed"


def _check_layer(name: str, which: str, params: Any) -> None:
    """Raise ConfigError unless `which` names some of the parameters."""
    if which not in ("all", "matrices", *params):
        raise invalid(name, which, f"must be all, matrices or a layer ({', '.join(params)})")


@dataclass(frozen=True, kw_only=True)
class ClampNorm(Intervention):
    """Hold weights at a norm: rescale them together after each update, and leave moments alone.

    The norm is `clamp_ratio` times `clamp_norm` or, without one, times the norm that the weights
    have when it begins. The study of arXiv 2606.13753 clamps all matrices from step 500 on, at a
    multiple of the norm at which members grok by themselves.
    """

    function = "grokjax.optim.effects:clamp_norm"
    any_layout = True

    clamp_norm: float | None = setting(
        None,
        "Norm of the clamped weights; default: theirs when the interventions begin",
        at_least(0),
        kind="traced",
    )
    clamp_ratio: float = setting(1.0, "Factor on that norm", at_least(0), kind="traced")
    clamp_weights: str = setting("all", f"Weights that clamp-norm holds: {WEIGHTS_HELP}")

    def check_params(self, params: Any) -> None:
        _check_layer("clamp_weights", self.clamp_weights, params)


@dataclass(frozen=True, kw_only=True)
class Rescale(Intervention):
    """Multiply weights by a factor once, after the first update; leave moments alone."""

    function = "grokjax.optim.effects:rescale"
    any_layout = True

    rescale_factor: float = setting(1.0, "Factor on the weights, once", at_least(0), kind="traced")
    rescale_weights: str = setting("all", f"Weights that rescale changes: {WEIGHTS_HELP}")

    def check_params(self, params: Any) -> None:
        _check_layer("rescale_weights", self.rescale_weights, params)


@dataclass(frozen=True, kw_only=True)
class ChangeSettings(Intervention):
    """Train with another learning rate, another weight decay, or both.

    A schedule goes on, on the new learning rate. The learning rate of embeddings keeps its ratio to
    that of the other weights.
    """

    function = "grokjax.optim.effects:change_settings"
    any_layout = True

    changed_learning_rate: float | None = setting(
        None, "Learning rate from then on; default: unchanged", at_least(0), kind="traced"
    )
    changed_weight_decay: float | None = setting(
        None, "Weight decay from then on; default: unchanged", at_least(0), kind="traced"
    )


@dataclass(frozen=True, kw_only=True)
class Temperature(Intervention):
    """Divide the logits by a temperature in the loss that is trained on.

    What is recorded does not change with it: losses, margins and all other metrics are those of the
    network's own logits, as accuracies are.
    """

    function = "grokjax.optim.effects:temperature"
    any_layout = True

    logit_temperature: float = setting(
        1.0, "Divisor of the logits in the training loss", SCALE, kind="traced"
    )
