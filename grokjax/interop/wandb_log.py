"""Log evaluations to Weights & Biases while members train."""

from __future__ import annotations

import uuid
from typing import Any, Literal

import numpy as np

from grokjax.analysis import times
from grokjax.errors import invalid
from grokjax.interop.libraries import import_library
from grokjax.interop.scalars import Scalars, plain, scalar_names, settings_of
from grokjax.results import run as runs
from grokjax.results.run import Run

ID = "wandb-id"
"""File in the run directory that names the run at Weights & Biases, for a resume."""

MOST_MEMBERS = 100
"""Members whose curves are logged; all have a summary."""


class WandbLog:
    """Logs to Weights & Biases: give it to `train(on_evaluation=...)`.

    Curves are the metrics that are one number, against `epoch`. At the end each member has a
    summary: swept settings, status, and the epochs at which it memorised and grokked. A resumed run
    goes on under the same identity. Local files are in a folder `wandb` beside the run directory.

    Args:
      project: of Weights & Biases.
      per: `group`, one of its runs for all members, with curves named `member 3/test_loss`, a
        summary of each member and a table `members`; or `member`, one of its runs for each member,
        in a group.
      mode: `online`, `offline` (sync later with `wandb sync`) or `disabled`; None: as the
        environment says (WANDB_MODE).
      most_members: so many members have curves.
      settings: more arguments of `wandb.init`, such as `entity` or `tags`.

    Raises ConfigError if the library is not installed (extra `wandb`), or `per` is neither.
    """

    def __init__(
        self,
        project: str = "grokjax",
        per: Literal["group", "member"] = "group",
        mode: Literal["online", "offline", "disabled"] | None = None,
        most_members: int = MOST_MEMBERS,
        **settings: Any,
    ) -> None:
        import_library("wandb", "WandbLog")
        if per not in ("group", "member"):
            raise invalid("per", per, "must be group or member")
        self._per, self._most = per, most_members
        self._given = {"project": project, "mode": mode} | settings
        self._logged: dict[int | None, Any] = {}

    def open(self, run: Run) -> None:
        """Begin the run of the group, or prepare for those of members."""
        self._run, self._names, self._logged = run, scalar_names(run), {}
        named = run.directory / ID
        if not named.exists():
            named.write_text(uuid.uuid4().hex[:12])
        self._id = named.read_text()
        if self._per == "group":
            values = run.config.values.items()
            shared = plain({name: v for name, v in values if name not in run.sweep.swept})
            self._begin(None, run.directory.name, shared | {"members": len(run)})

    def _begin(self, member: int | None, name: str, config: dict[str, Any]) -> Any:
        import wandb

        given: dict[str, Any] = {
            # Not in the run directory: the library makes links that lead out of it.
            "dir": str(self._run.directory.parent),
            "name": name,
            "group": self._run.directory.name,
            "id": self._id if member is None else f"{self._id}-{member}",
            "resume": "allow",
            "reinit": "create_new",
            "config": config,
            "settings": wandb.Settings(silent=True, console="off"),
        }
        begun = self._logged[member] = wandb.init(**(given | self._given))
        begun.define_metric("epoch")
        begun.define_metric("*", step_metric="epoch")
        return begun

    def __call__(self, members: np.ndarray, epochs: np.ndarray, metrics: Scalars) -> None:
        """Log the evaluations, those of one epoch at once."""
        columns = {name: metrics[name].tolist() for name in self._names if name in metrics}
        rows: dict[tuple[int | None, int], dict[str, float]] = {}
        for i, (m, epoch) in enumerate(zip(members.tolist(), epochs.tolist(), strict=True)):
            if m < self._most:
                whose, prefix = (None, f"member {m}/") if self._per == "group" else (m, "")
                row = rows.setdefault((whose, epoch), {"epoch": epoch})
                row |= {f"{prefix}{name}": column[i] for name, column in columns.items()}
        for (whose, _), row in rows.items():
            self._of(whose).log(row)

    def _of(self, member: int | None) -> Any:
        if member in self._logged or member is None:
            return self._logged[member]
        config = plain(self._run.sweep[member].values) | {"member": member}
        return self._begin(member, f"member {member}", config)

    def close(self) -> None:
        """Write the summaries, and end all runs."""
        import wandb

        run = runs.load(self._run.directory)
        events = times.events(run)
        summaries = {
            m: settings_of(run, m)
            | {"status": status, "epochs": epochs}
            | {"memorised_epoch": _epoch(memorised), "grokked_epoch": _epoch(grokked)}
            for m, status, epochs, memorised, grokked in zip(
                run.members.index.tolist(),
                run.members["status"].tolist(),
                run.members["epochs"].tolist(),
                events.memorised.epochs.tolist(),
                events.grokked.epochs.tolist(),
                strict=True,
            )
        }
        for member, logged in self._logged.items():
            if member is None:
                for m, summary in summaries.items():
                    logged.summary[f"member {m}"] = summary
                table: list[Any] = [[m, *summary.values()] for m, summary in summaries.items()]
                names: list[Any] = ["member", *next(iter(summaries.values()))]
                logged.log({"members": wandb.Table(columns=names, data=table)})
            else:
                logged.summary.update(summaries[member])
            logged.finish()


def _epoch(epoch: float) -> int | None:
    return None if np.isnan(epoch) else int(epoch)
