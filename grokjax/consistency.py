"""Which settings cannot be together. Each refusal is one line that names a field."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grokjax import tasks
from grokjax.settings import refuse

if TYPE_CHECKING:
    from grokjax.config import Config


TORCH_MODULUS = 14_650
"""From 2**32 / 20 pairs on ATen draws 64 bits for each."""


def check(config: Config) -> None:
    """Raises ConfigError where two settings contradict each other."""
    _check_task(config)
    _check_network(config)
    _check_epochs(config)


def _check_task(config: Config) -> None:
    """Refuses what cannot be together in a data set."""
    operation, modulus = config.operation, config.modulus
    if why := tasks.refusal(operation, modulus):
        raise refuse("operation", operation, why)
    if config.split == "torch" and modulus > TORCH_MODULUS:
        raise refuse("split", "torch", f"it is replayed up to modulus {TORCH_MODULUS}")
    answers = tasks.TASKS[operation].classes(modulus)
    if config.num_classes < answers:
        allowed = f"{operation} with modulus {modulus} has {answers} answers: set classes {answers}"
        raise refuse("classes", config.num_classes, allowed)
    if not 0 < config.train_size < config.pairs:
        side = "train on" if config.train_size == 0 else "test on"
        raise refuse(
            "train_fraction",
            config.train_fraction,
            f"with modulus {modulus} it leaves none of the {config.pairs} pairs to {side}",
        )


def _check_network(config: Config) -> None:
    """Refuses what cannot be together in a network and its training."""
    if config.embed_dim == 0 and (config.embeddings == "separate" or config.tied):
        name = "tied" if config.tied else "embeddings"
        raise refuse(name, getattr(config, name), "one-hot inputs (embed_dim 0) have no embedding")
    if config.tied and not config.embed_dim == config.hidden_dim:
        raise refuse("tied", True, "it needs hidden_dim equal to embed_dim")
    if config.tied and config.num_classes != config.modulus:
        raise refuse("tied", True, "it needs as many classes as tokens")
    if config.schedule != "constant" and config.decay_steps == 0:
        raise refuse("decay_steps", 0, f"a {config.schedule} schedule needs at least 1")


def _check_epochs(config: Config) -> None:
    """Refuses numbers of epochs that do not go together."""
    if config.snapshot_spacing != "regular" and config.snapshot_every is None:
        raise refuse("snapshot_spacing", config.snapshot_spacing, "set snapshot_every with it")
    for name in ("max_epochs", "extra_epochs", "snapshot_every"):
        value = getattr(config, name)
        if value is not None and value % config.eval_every:
            raise refuse(name, value, f"a multiple of eval_every ({config.eval_every})")
