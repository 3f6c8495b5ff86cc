"""What is left to train, and from where each member goes on."""

from __future__ import annotations

import warnings
from dataclasses import asdict
from pathlib import Path

from grokjax import history, hosts, journal
from grokjax.checkpoint import Checkpoints
from grokjax.files import DamagedRun
from grokjax.shelf import Shelf
from grokjax.states import Arrays, Saved
from grokjax.stopping import Ended, Standing, is_over
from grokjax.sweep import Program, Sweep


class Backlog:
    """The members of a run that are not over, as its journal and last checkpoint know them.

    done: how the others ended. Where files are damaged it says, in a warning, how much
    is trained again.

    Raises DamagedRun if no checkpoint can be read, or there are members that the sweep lacks.
    """

    def __init__(self, directory: Path, sweep: Sweep, checkpoints: Checkpoints) -> None:
        ended = journal.finished(directory)
        saved = checkpoints.restore_latest()
        if unknown := sorted(m for m in {*ended, *saved} if m >= len(sweep)):
            raise DamagedRun(f"{directory}: holds members {unknown}, of {len(sweep)}")
        for m, each in saved.items():
            epoch, config = int(each.state["epoch"]), sweep[m]
            if not 0 <= epoch <= config.max_epochs or epoch % config.eval_every:
                raise DamagedRun(f"{directory}: a checkpoint has member {m} at epoch {epoch}")
        records = None
        if (directory / journal.ASIDE).exists():
            records = history.recorded(directory)
            ended = {m: e for m, e in ended.items() if _whole(records, sweep, m, e.epochs)}
            saved = {
                m: s for m, s in saved.items() if _whole(records, sweep, m, int(s.state["epoch"]))
            }
        self.done = {m: e for m, e in ended.items() if is_over(sweep[m], e)}
        # Ended at a max_epochs that was raised since: their state is in the journal.
        self._raised = {m: e for m, e in ended.items() if m not in self.done}
        self._shelf = Shelf(directory)
        self._parked: dict[int, Saved] = {}
        for m, each in saved.items():
            before = self._raised.get(m)
            kept = before is not None and self._shelf.holds(m, before.epochs)
            if before is not None and kept and each.state["epoch"] <= before.epochs:
                continue  # the journal has it further on
            if m not in self.done:
                self._parked[m] = each
                self._raised.pop(m, None)
        if records is not None:
            self._warn(records, len(sweep))

    def _warn(self, records: dict[int, set[int]], members: int) -> None:
        """Says how far members that had been trained further go back."""
        at = {m: int(saved.state["epoch"]) for m, saved in self._parked.items()}
        at |= {m: ended.epochs for m, ended in self.done.items()}
        at |= {m: e.epochs for m, e in self._raised.items() if self._shelf.holds(m, e.epochs)}
        lost = {m: max(records.get(m, {0})) - at.get(m, 0) for m in range(members)}
        again = {m: epochs for m, epochs in lost.items() if epochs > 0}
        if again and hosts.first():
            warnings.warn(
                f"{sum(again.values()):,} epochs of {len(again)} members are trained again",
                stacklevel=2,
            )

    def __str__(self) -> str:
        """All that decisions are taken from, to compare between processes."""
        parked = {m: int(saved.state["epoch"]) for m, saved in self._parked.items()}
        return repr((sorted(self.done.items()), sorted(self._raised.items()), parked, self.notes))

    def todo(self, program: Program) -> list[int]:
        """Its members that are not over; those under way first, so that few are."""
        left = [m for m in program.members if m not in self.done]
        return sorted(left, key=lambda m: (m not in self._parked, m not in self._raised, m))

    def take(self, member: int) -> Saved | None:
        """The state from which the member goes on, once; None for its start."""
        if member in self._parked:
            return self._parked.pop(member)
        if member not in self._raised:
            return None
        ended = self._raised.pop(member)
        state = self._shelf.state(member, ended.epochs)
        return None if state is None else Saved(state, asdict(ended.standing))

    def finish(self, member: int, ended: Ended) -> None:
        """Notes that the member is over."""
        self.done[member] = ended

    @property
    def parked(self) -> dict[int, Arrays]:
        """State of the members under way that only checkpoints hold, and no lane."""
        return {m: saved.state for m, saved in self._parked.items()}

    @property
    def notes(self) -> dict[int, dict[str, int]]:
        """Of the same members."""
        return {m: saved.notes for m, saved in self._parked.items()}


def _whole(records: dict[int, set[int]], sweep: Sweep, member: int, epochs: int) -> bool:
    """Whether there is every evaluation of a member up to an epoch."""
    wanted = range(0, epochs + 1, sweep[member].eval_every)
    return records.get(member, set()).issuperset(wanted)


def standing_of(saved: Saved) -> Standing:
    """What the stop rule remembers of a saved member."""
    return Standing(**saved.notes)
