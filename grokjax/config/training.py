"""The settings of training itself: batches, length, stopping, and what is kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from grokjax.errors import invalid
from grokjax.settings.field import SCALE, SEED, SHARE, at_least, fields_of, setting, whole

EVALS = 360
"""Log-spaced evaluations of ClevixLab/critical-norm-grokking (arXiv 2606.13753)."""


def dtype_of_precision(precision: str) -> np.dtype:
    """Return the dtype of parameters, state and metrics in a precision."""
    return np.dtype(np.float64 if precision == "float64" else np.float32)


@dataclass(frozen=True, kw_only=True)
class Training:
    """How long members train, in which batches, and what is recorded."""

    seed: int = setting(
        0,
        "Key of the initial weights and of the batches",
        SEED,
        kind="traced",
        traced_value=lambda config: np.uint32(config.seed),
    )
    init_scale: float = setting(1.0, "Factor on all initial weights", SCALE, kind="traced")
    batch_size: int | None = setting(
        64, "Examples a step, all if there are fewer; see --full-batch", whole(1)
    )
    precision: Literal["float32", "tensorfloat32", "bfloat16", "float64"] = setting(
        "float32",
        "float32; float64 for every number of the run, not on TPU; or for matrix products off CPU "
        "tensorfloat32 or bfloat16",
    )

    max_epochs: int = setting(20_000, "Epochs that a member trains at most", whole(1), kind="run")
    eval_every: int = setting(20, "Epochs from one evaluation to the next", whole(1), kind="run")
    eval_spacing: Literal["regular", "log"] = setting(
        "regular",
        "regular: every eval_every epochs; or log: log-spaced epochs from 1 to max_epochs, which "
        "are steps in full batch",
        kind="run",
    )
    evals: int = setting(
        EVALS,
        "Log-spaced evaluations; fewer where several fall on one epoch",
        whole(2),
        kind="run",
    )
    stop_when: Literal["grokked", "never"] = setting(
        "grokked", "grokked: once the test split has been learnt; or never", kind="run"
    )
    stop_patience: int = setting(
        3, "Evaluations in a row after which a split counts as learnt", whole(1), kind="run"
    )
    learnt_accuracy: float = setting(
        0.99, "Accuracy that a split must reach to count as learnt", SHARE, kind="run"
    )
    learnt_loss: float | None = setting(
        None,
        "Loss that it must not exceed instead, such as where accuracy is not defined; default: the "
        "accuracy counts",
        at_least(0),
        kind="run",
    )
    extra_epochs: int = setting(0, "Epochs to train on after the grok", whole(0), kind="run")
    snapshot: Literal["embedding", "params", "states"] = setting(
        "embedding",
        "A snapshot keeps the embedding; params: all parameters; or states: also the optimiser's "
        "state, from which branches start",
        kind="run",
    )
    snapshot_every: int | None = setting(
        None, "Epochs from one snapshot to the next; default: keep none", whole(1), kind="run"
    )
    snapshot_spacing: Literal["regular", "log", "transition"] = setting(
        "regular",
        "regular; log: four to each doubling of the epoch; or transition: regular, and at each "
        "evaluation with the train split learnt and the test split not",
        kind="run",
    )
    snapshot_dtype: Literal["float32", "bfloat16"] = setting(
        "float32",
        "Numbers of snapshots: float32, which is float64 where the precision is, or bfloat16 for "
        "half the disk space or less",
        kind="run",
    )

    def check(self) -> None:
        if self.snapshot_every is None:
            for name, field in fields_of(Training).items():
                value = getattr(self, name)
                if name.startswith("snapshot") and value != field.default:
                    raise invalid(name, value, "needs snapshot_every to be set")
        if self.snapshot == "states" and self.snapshot_dtype != "float32":
            text = "must be float32 with snapshot states, which branches continue bit by bit"
            raise invalid("snapshot_dtype", self.snapshot_dtype, text)
        if self.eval_spacing == "log":
            return
        if self.evals != EVALS:
            raise invalid("evals", self.evals, "needs eval_spacing to be log")
        for name in ("max_epochs", "extra_epochs", "snapshot_every"):
            value = getattr(self, name)
            if value is not None and value % self.eval_every:
                raise invalid(name, value, f"must be a multiple of eval_every ({self.eval_every})")
