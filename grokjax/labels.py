"""What figures and pages call settings, tasks and losses. No JAX here."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from grokjax.config import Config
from grokjax.tasks import TASKS

LOSSES = {
    "cross-entropy": "cross-entropy",
    "mse": "mean squared error",
    "stablemax": "stablemax cross-entropy",
}

NONE = {
    "batch_size": "full batch",
    "data_seed": "as seed",
    "classes": "as tokens",
    "grokfast_lambda": "default",
}
"""What None stands for; history files have -1 in its place."""


def setting(name: str) -> str:
    """The name of a setting in words: `weight_decay` is `weight decay`."""
    return name.replace("_", " ")


def value(name: str, of: Any) -> str:
    """One value of a setting as text: `0.3`, `full batch`, `yes`."""
    if of is None or (name in NONE and of == -1):
        return NONE.get(name, "default")
    if isinstance(of, bool | np.bool_):
        return "yes" if of else "no"
    return f"{of:g}" if isinstance(of, float | np.floating) else str(of)


def setting_and_value(name: str, of: Any) -> str:
    """A setting with its value: `weight decay 0.3`, `full batch`."""
    text = value(name, of)
    return text if text == "full batch" else f"{setting(name)} {text}"


def task(config: Config) -> str:
    """What a member computes, and of how many tokens: `a + b mod 53`."""
    formula = TASKS[config.operation].formula
    if "mod P" in formula:
        return formula.replace("mod P", f"mod {config.modulus}")
    return formula if "S5" in formula else f"{formula}, {config.modulus} tokens"


def tasks(configs: Iterable[Config]) -> str:
    """The task that all members share, or those that they have."""
    found = list(dict.fromkeys(task(config) for config in configs))
    return "; ".join(found) if len(found) <= 3 else f"{len(found)} tasks"


def losses(names: Iterable[str]) -> str:
    """The label of an axis of losses: the loss that all members share, else `loss`."""
    found = list(dict.fromkeys(names))
    return LOSSES.get(found[0], found[0]) if len(found) == 1 else "loss"


def epochs(history: Any) -> str:
    """The label of an axis of epochs, with their steps where all members have as many."""
    if "step" not in history.coords:
        return "epoch"
    steps = history.step.values[:, history.epoch.values > 0]
    each = np.unique(steps // history.epoch.values[history.epoch.values > 0])
    if len(each) != 1:
        return "epoch"
    return "epoch (1 step: full batch)" if each[0] == 1 else f"epoch ({each[0]} steps)"
