"""The traced settings of a member, as compiled code takes them."""

from __future__ import annotations

import collections
import functools
from typing import Any

import numpy as np

from grokjax.config.config import Config
from grokjax.settings.combinations import NOTHING
from grokjax.tasks import published_splits
from grokjax.tasks.task import Task, build_dataset

Hypers = Any
"""A named tuple, and so a pytree, with a number for each traced setting of a program's members.

Numbers that are not whole are float32, or float64 where that is the precision.
Besides them it has `variant` (int32, row of the data set's targets), `num_examples` (int32) and
`order` (int32 `[N]` of a replayed split, else `[0]`); only with interventions `memorised_step`
(int32, updates until the member had memorised, -1 before); and, only where members start from given
weights, `initial_weights` (`[W]`). Stacked over lanes, each has a leading axis.
"""


@functools.cache
def hypers_type(names: tuple[str, ...]) -> type:
    """Return the class of hyperparameters with these names."""
    return collections.namedtuple("Hypers", names)


def hypers_of(
    config: Config, variants: tuple[str, ...], initial_weights: np.ndarray | None = None
) -> Hypers:
    """Return the hyperparameters of one member, in NumPy.

    Args:
      config: its settings.
      variants: those of its program, which number the rows of targets.
      initial_weights: what it starts from, `[W]`; None: what its seed draws.
    """
    values: dict[str, Any] = {}
    real = config.float_dtype.type
    for name in config.names("traced"):
        field = config.fields[name]
        get = field.traced_value
        value = real(getattr(config, name)) if get is None else get(config)
        values[field.traced_name or name] = real(value) if isinstance(value, float) else value
    row = variants.index(config.variant)
    values["variant"] = np.int32(row)
    values["num_examples"] = np.int32(config.num_examples)
    values["order"] = np.zeros(0, np.int32)
    if config.split in published_splits.SHUFFLES:
        exists = _exists(config.program.task_settings, variants, row)
        values["order"] = published_splits.order(config.split, int(values["data_seed"]), exists)
    if config.interventions != NOTHING:
        values["memorised_step"] = np.int32(-1)
    if initial_weights is not None:
        values["initial_weights"] = initial_weights
    return hypers_type(tuple(values))(**values)


@functools.lru_cache(maxsize=64)
def _exists(task: Task, variants: tuple[str, ...], row: int) -> bytes:
    """Return which examples a variant has, bool `[N]` as bytes."""
    targets = build_dataset(task, variants).targets[row]
    return (targets >= 0 if targets.ndim == 1 else np.ones(len(targets), bool)).tobytes()
