"""The settings of optimisation that are common to all update rules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from grokjax.errors import invalid
from grokjax.settings.field import DECAY_RATE, SHARE, at_least, setting, whole

MIN_RATE = 1e-15
"""The smallest learning rate that another one can be a multiple of in float32."""


def _embedding_rate_ratio(config: Any) -> float:
    rate = config.embedding_learning_rate
    return 1.0 if rate is None else rate / config.learning_rate


def _grokfast_lambda(config: Any) -> float:
    default = 5.0 if config.grokfast == "ma" else 2.0
    return default if config.grokfast_lambda is None else float(config.grokfast_lambda)


@dataclass(frozen=True, kw_only=True)
class Optimization:
    """Loss, learning rate, weight decay, schedule, and what is done to gradients."""

    learning_rate: float = setting(
        3e-4,
        "Step size of the update rule, whatever the rule's own default is",
        at_least(0),
        kind="traced",
    )
    embedding_learning_rate: float | None = setting(
        None,
        "Step size for embeddings, the arrays named embedding; default: as learning_rate",
        at_least(0),
        kind="traced",
        switch=True,
        traced_name="embedding_rate_ratio",
        traced_value=_embedding_rate_ratio,
    )
    weight_decay: float = setting(
        1.0,
        "Decay of parameters, whatever the rule's own default is: as the rule has it, such as "
        "decoupled in adamw; in rules without decay, coupled L2",
        at_least(0),
        kind="traced",
    )
    warmup_steps: int = setting(
        0, "Steps over which the learning rate rises from 0", whole(0), kind="traced", switch=True
    )
    decay_steps: int = setting(
        0,
        "Steps until the schedule has reached its end",
        whole(0),
        kind="traced",
        switch=True,
    )
    final_rate: float = setting(
        0.0, "Share of the learning rate that is left at the schedule's end", SHARE, kind="traced"
    )
    gradient_noise: float = setting(
        0.0,
        "Standard deviation of normal noise added to gradients",
        at_least(0),
        kind="traced",
        switch=True,
    )
    grokfast_alpha: float = setting(
        0.98,
        "Decay rate of Grokfast's exponential average",
        DECAY_RATE,
        kind="traced",
        traced_name="grokfast_share",
        # Subtracted in float64: a float32 alpha of 0.999 is off by 1 part in 80 000 of the share.
        traced_value=lambda config: 1.0 - config.grokfast_alpha,
    )
    grokfast_lambda: float | None = setting(
        None,
        "Strength of Grokfast; default: 2 for ema, 5 for ma",
        at_least(0),
        kind="traced",
        traced_value=_grokfast_lambda,
    )
    loss: Literal["cross-entropy", "exact-cross-entropy", "mse", "stablemax"] = setting(
        "cross-entropy",
        "Loss: cross-entropy; exact-cross-entropy, whose gradient stays exact where the network is "
        "almost certain, as in float64; mse (to one-hot labels); or stablemax",
    )
    schedule: Literal["constant", "cosine", "linear"] = setting(
        "constant", "Learning rate after the warm-up: constant, or cosine or linear decay"
    )
    weight_decay_on: Literal["all", "no-biases", "no-embeddings", "kernels"] = setting(
        "all",
        "Arrays that decay: all, no-biases, no-embeddings, or kernels (neither biases nor "
        "embeddings); biases are all arrays named bias or scale or of at most one dimension",
    )
    decay_towards: Literal["zero", "initial"] = setting(
        "zero", "Where weight decay pulls: to zero or to the initial weights"
    )
    grokfast: Literal["none", "ema", "ma"] = setting(
        "none", "Amplify slow gradients: none, ema or ma (exponential, moving average)"
    )
    grokfast_window: int = setting(100, "Steps of Grokfast's moving average", whole(1))
    orthogonal_gradient: bool = setting(
        False, "Project gradients orthogonal to the weights of their array"
    )
    fixed_norm: bool = setting(False, "Keep the norm of all weights at its initial value")

    def check(self) -> None:
        if self.schedule != "constant" and self.decay_steps == 0:
            raise invalid("decay_steps", 0, f"must be at least 1 for a {self.schedule} schedule")
        if self.embedding_learning_rate is not None and self.learning_rate < MIN_RATE:
            text = f"must be at least {MIN_RATE} with an embedding_learning_rate, a multiple of it"
            raise invalid("learning_rate", self.learning_rate, text)
