"""Settings of the data that are common to all tasks: split, train fraction, label noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from grokjax.settings.field import FRACTION, SEED, SHARE, setting

Split = Literal["random", "symmetric", "numpy", "python", "torch"]


@dataclass(frozen=True, kw_only=True)
class Data:
    """How the examples of a task are divided, and which labels are random."""

    data_seed: int | None = setting(
        None,
        "Key of the split and of random labels; default: seed",
        SEED,
        kind="traced",
        traced_value=lambda config: np.uint32(
            config.seed if config.data_seed is None else config.data_seed
        ),
    )
    train_fraction: float = setting(
        0.5,
        "Share of the examples to train on",
        FRACTION,
        kind="traced",
        traced_name="train_size",
        traced_value=lambda config: np.int32(config.train_size),
    )
    label_noise: float = setting(
        0.0,
        "Share of training labels replaced by random ones",
        SHARE,
        kind="traced",
        traced_name="noisy_size",
        traced_value=lambda config: np.int32(config.noisy_size),
    )
    split: Split = setting(
        "random",
        "Examples to train on: random, symmetric ((a, b) with (b, a)), or as numpy, python or torch"
        " shuffle them",
    )
