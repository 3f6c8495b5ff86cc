"""Labels of settings, tasks and losses for figures and pages. Imports no JAX."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from grokjax.config.config import Config

LOSSES = {
    "cross-entropy": "cross-entropy",
    "exact-cross-entropy": "cross-entropy",
    "mse": "mean squared error",
    "stablemax": "stablemax cross-entropy",
}

NONE_LABELS = {
    "batch_size": "full batch",
    "data_seed": "as seed",
    "classes": "as tokens",
    "grokfast_lambda": "default",
    "embedding_learning_rate": "as learning rate",
    "image_count": "all",
    "intervene_from": "never",
    "intervene_after_memorised": "never",
    "clamp_norm": "as measured",
    "changed_learning_rate": "unchanged",
    "changed_weight_decay": "unchanged",
}
"""Meaning of None by setting. A history has -1 in place of None."""


def setting(name: str) -> str:
    """Name of a setting in words: `weight decay` for `weight_decay`."""
    return name.replace("_", " ")


def value(name: str, given: Any) -> str:
    """Value of a setting as text: `0.3`, `full batch`, `yes`."""
    if given is None or (name in NONE_LABELS and given == -1):
        return NONE_LABELS.get(name, "default")
    if isinstance(given, bool | np.bool_):
        return "yes" if given else "no"
    return f"{given:g}" if isinstance(given, float | np.floating) else str(given)


def setting_and_value(name: str, given: Any) -> str:
    """A setting with its value: `weight decay 0.3`, `full batch`."""
    text = value(name, given)
    return text if text == "full batch" else f"{setting(name)} {text}"


def task(config: Config) -> str:
    """What a member learns, in words: `a + b mod 53`."""
    return config.task_settings.in_words()


def tasks(configs: Iterable[Config]) -> str:
    """Tasks of some members: up to three by name, more as `4 tasks`."""
    names = list(dict.fromkeys(task(config) for config in configs))
    return "; ".join(names) if len(names) <= 3 else f"{len(names)} tasks"


def losses(names: Iterable[str]) -> str:
    """Label of an axis of losses: the loss that all members share, else `loss`."""
    distinct = list(dict.fromkeys(names))
    return LOSSES.get(distinct[0], distinct[0]) if len(distinct) == 1 else "loss"


def epochs(history: Any) -> str:
    """Label of an axis of epochs, with the steps of an epoch if all members have as many."""
    if "step" not in history.coords:
        return "epoch"
    later = history.epoch.values > 0
    steps = np.unique(history.step.values[:, later] // history.epoch.values[later])
    if len(steps) != 1:
        return "epoch"
    return "epoch (1 step: full batch)" if steps[0] == 1 else f"epoch ({steps[0]} steps)"
