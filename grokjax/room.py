"""Whether a run fits into memory, told before anything is compiled. No JAX here."""

from __future__ import annotations

from grokjax import layout, memory, tasks
from grokjax.config import Config
from grokjax.settings import ConfigError, refuse
from grokjax.sweep import Sweep

TABLES, STATES, ROW = 7, 3, 16
"""Measured on CPU: copies of the table of labels and of a lane's state that are there at once,
and bytes of a row drawn for a round (moduli to 1 999, states to 1.3 GB)."""

SIZES = (
    *layout.NETWORK,
    *("operation", "train_fraction", "batch_size", "eval_every"),
    *("optimizer", "grokfast", "grokfast_window"),
)
"""The settings that memory depends on."""


def check(sweep: Sweep, lanes: int = 1) -> None:
    """Raises ConfigError, naming the setting that takes most, unless so many lanes fit."""
    free = memory.available()
    for config in {tuple(getattr(c, n) for n in SIZES): c for c in sweep}.values():
        table, each = _table(config), _lane(config)
        if table + lanes * sum(each.values()) > free:
            raise _refusal(
                config, free, {"modulus": table} | {n: lanes * x for n, x in each.items()}
            )


def _table(config: Config) -> int:
    """Bytes of the labels of all operations, which lanes share."""
    return TABLES * 4 * len(tasks.defined(config.modulus)) * config.modulus**2


def _lane(config: Config) -> dict[str, int]:
    """Bytes that a lane takes, by the setting that they are owed to."""
    rows = config.train_size + min(config.batch_size or 0, config.train_size)
    widths = {
        "embed_dim": config.embed_dim,
        "hidden_dim": config.hidden_dim,
        "classes": config.classes or 0,
        "grokfast_window": config.grokfast_window if config.grokfast == "ma" else 0,
    }
    widest = max(widths, key=lambda name: widths[name])
    return {
        "eval_every": ROW * config.eval_every * rows,
        widest: STATES * layout.state_bytes(config),
    }


def _refusal(config: Config, free: int, needed: dict[str, int]) -> ConfigError:
    name, total = max(needed, key=lambda name: needed[name]), sum(needed.values())
    return refuse(
        name,
        getattr(config, name),
        f"with it this run needs about {total / 1e9:,.1f} GB of memory, {free / 1e9:,.1f} are free",
    )
