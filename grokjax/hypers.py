"""The traced settings of a member, as the compiled program takes them. No JAX here."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import numpy as np

from grokjax import replay, tasks
from grokjax.config import Config


class Hypers(NamedTuple):
    """The traced settings, of one member, or stacked `[L, ...]` for lanes.

    A NamedTuple is a pytree without registering it, so this file needs no JAX.
    """

    seed: Any  # uint32 []
    data_seed: Any  # uint32 []
    learning_rate: Any  # float32 []
    weight_decay: Any  # float32 []
    init_scale: Any  # float32 []
    operation: Any  # int32 [], index into the table of labels
    pairs: Any  # int32 [], of the operation
    train_size: Any  # int32 []
    noisy_size: Any  # int32 []
    warmup_steps: Any  # float32 []
    decay_steps: Any  # float32 []
    final_rate: Any  # float32 []
    gradient_noise: Any  # float32 []
    grokfast_share: Any  # float32 [], 1 - alpha
    grokfast_lambda: Any  # float32 []
    order: Any  # int32 [P**2] of a replayed split, else [0]

    @classmethod
    def of(cls, config: Config) -> Hypers:
        """The traced settings of one member, in NumPy."""
        data_seed = config.seed if config.data_seed is None else config.data_seed
        order = np.zeros(0, np.int32)
        if config.split in replay.SHUFFLES:
            order = replay.order(
                config.split, data_seed, _pairs_of(config.operation, config.modulus)
            )
        return cls(
            seed=np.uint32(config.seed),
            data_seed=np.uint32(data_seed),
            operation=np.int32(_defined(config.modulus).index(config.operation)),
            pairs=np.int32(config.pairs),
            train_size=np.int32(config.train_size),
            noisy_size=np.int32(config.noisy_size),
            grokfast_share=np.float32(1 - config.grokfast_alpha),
            grokfast_lambda=np.float32(_strength(config)),
            order=order,
            **{name: np.float32(getattr(config, name)) for name in _NUMBERS},
        )


_NUMBERS = (
    "learning_rate",
    "weight_decay",
    "init_scale",
    "warmup_steps",
    "decay_steps",
    "final_rate",
    "gradient_noise",
)


def _strength(config: Config) -> float:
    """Grokfast's lambda."""
    if config.grokfast_lambda is not None:
        return config.grokfast_lambda
    return 5.0 if config.grokfast == "ma" else 2.0


_defined = functools.cache(tasks.defined)


@functools.lru_cache(maxsize=64)
def _pairs_of(operation: str, modulus: int) -> bytes:
    """Which pairs an operation has, bool `[P**2]` as bytes."""
    return (tasks.labels(operation, modulus) >= 0).tobytes()
