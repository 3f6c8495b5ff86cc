"""Build the table of a run's members: their statuses and settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from grokjax.config.stopping import is_over
from grokjax.config.sweep import Sweep
from grokjax.storage import journal

if TYPE_CHECKING:
    import pandas as pd


def members(directory: Path, sweep: Sweep, chosen: Sequence[int]) -> pd.DataFrame:
    """Return one row per chosen member, as `grokjax.Run.members` describes it."""
    done = {
        m: (ended.status, ended.epochs)
        for m, ended in journal.read_outcomes(directory).items()
        # The run may have been extended since it was loaded.
        if m < len(sweep) and is_over(sweep[m], ended)
    }
    seen: dict[int, int] = {}
    for part in journal.read_parts(directory, "records", "member", "epoch"):
        for member, epoch in zip(part["member"].tolist(), part["epoch"].tolist(), strict=True):
            seen[member] = max(epoch, seen.get(member, 0))
    ends = {
        m: done.get(m) or ("running" if m in seen else "pending", seen.get(m, 0)) for m in chosen
    }
    return table(sweep, chosen, ends)


def table(sweep: Sweep, chosen: Sequence[int], ends: Mapping[int, tuple[str, int]]) -> pd.DataFrame:
    """Return the table of members whose statuses and epochs are known."""
    import pandas as pd

    rows = []
    names = dict.fromkeys([*sweep.swept, *sweep.config.names("traced", "variant"), "train_size"])
    columns = sweep.columns
    for m in chosen:
        settings = sweep[m]
        own = {n: columns[n][m] if n in columns else getattr(settings, n, None) for n in names}
        row = dict(zip(("status", "epochs"), ends[m], strict=True)) | own
        row["data_seed"] = settings.seed if settings.data_seed is None else settings.data_seed
        rows.append(row)
    index = pd.Index(chosen, name="member")
    return pd.DataFrame(rows, index=index, columns=["status", "epochs", *names])
