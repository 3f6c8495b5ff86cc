"""The members that are still to be trained, and the state from which each is resumed."""

from __future__ import annotations

import warnings
from pathlib import Path

from grokjax.config.evaluations import evaluations
from grokjax.config.stopping import is_over
from grokjax.config.sweep import Program, Sweep
from grokjax.errors import DamagedRun
from grokjax.results import history
from grokjax.runtime import processes
from grokjax.storage import journal
from grokjax.storage.checkpoint import Checkpoints
from grokjax.storage.journal import EndedStates
from grokjax.storage.member_state import Arrays, Outcome, SavedMember, StopState
from grokjax.training.initial_states import InitialStates


class PendingMembers:
    """The members of a run that have not ended, as its journal and last checkpoint have them.

    ended: how the others ended. Where files are damaged, a warning says how much is trained again.
    start: in a branch, the states that its members start from.

    Raises DamagedRun if no checkpoint can be read, or there are members that the sweep lacks.
    """

    def __init__(
        self,
        directory: Path,
        sweep: Sweep,
        checkpoints: Checkpoints,
        start: InitialStates | None = None,
    ) -> None:
        self._start, self._sweep = start, sweep
        ended = journal.read_outcomes(directory)
        saved = checkpoints.restore_latest()
        if unknown := sorted(m for m in {*ended, *saved} if m >= len(sweep)):
            raise DamagedRun(f"{directory}: holds members {unknown}, of {len(sweep)}")
        for m, each in saved.items():
            epoch, config = int(each.state["epoch"]), sweep[m]
            between = config.eval_spacing == "regular" and epoch % config.eval_every
            if not 0 <= epoch <= config.max_epochs or between:
                raise DamagedRun(f"{directory}: a checkpoint has member {m} at epoch {epoch}")
        records = None
        if (directory / journal.DAMAGED).exists():
            records = history.recorded_epochs(directory)
            ended = {m: e for m, e in ended.items() if self._is_recorded(records, m, e.epochs)}
            saved = {
                m: s
                for m, s in saved.items()
                if self._is_recorded(records, m, int(s.state["epoch"]))
            }
        self.ended = {m: e for m, e in ended.items() if is_over(sweep[m], e)}
        # Ended at a max_epochs that was raised since: their state is in the journal.
        self._raised = {m: e for m, e in ended.items() if m not in self.ended}
        self._ended_states = EndedStates(directory)
        self._parked: dict[int, SavedMember] = {}
        for m, each in saved.items():
            before = self._raised.get(m)
            kept = before is not None and self._ended_states.has(m, before.epochs)
            if before is not None and kept and each.state["epoch"] <= before.epochs:
                continue  # the journal has a later state
            if m not in self.ended:
                self._parked[m] = each
                self._raised.pop(m, None)
        if records is not None:
            self._warn(records, len(sweep))

    def _warn(self, records: dict[int, set[int]], members: int) -> None:
        """Warn how many epochs of members have to be trained again."""
        at = {m: int(saved.state["epoch"]) for m, saved in self._parked.items()}
        at |= {m: ended.epochs for m, ended in self.ended.items()}
        at |= {m: e.epochs for m, e in self._raised.items() if self._ended_states.has(m, e.epochs)}
        begun = 0 if self._start is None else self._start.epoch
        lost = {m: max(records.get(m, {begun})) - at.get(m, begun) for m in range(members)}
        again = {m: epochs for m, epochs in lost.items() if epochs > 0}
        if again and processes.is_first():
            warnings.warn(
                f"{sum(again.values()):,} epochs of {len(again)} members are trained again",
                stacklevel=2,
            )

    def __str__(self) -> str:
        """Return all that decisions depend on, to compare between processes."""
        parked = {m: int(saved.state["epoch"]) for m, saved in self._parked.items()}
        return repr(
            (sorted(self.ended.items()), sorted(self._raised.items()), parked, self.stop_states)
        )

    def members_of(self, program: Program) -> list[int]:
        """Return the members of a program that have not ended, those in progress first."""
        left = [m for m in program.members if m not in self.ended]
        return sorted(left, key=lambda m: (m not in self._parked, m not in self._raised, m))

    def take(self, member: int) -> SavedMember | None:
        """Remove and return the state from which a member is resumed; None for a new one."""
        if member in self._parked:
            return self._parked.pop(member)
        if member in self._raised:
            ended = self._raised.pop(member)
            state = self._ended_states.state(member, ended.epochs)
            if state is not None:
                return SavedMember(state, ended.stop_state)
        return None if self._start is None else self._start.of(member)

    def finish(self, member: int, ended: Outcome) -> None:
        self.ended[member] = ended

    @property
    def parked(self) -> dict[int, Arrays]:
        """States of the members in progress that are in no lane."""
        return {m: saved.state for m, saved in self._parked.items()}

    @property
    def stop_states(self) -> dict[int, StopState]:
        """Stop states of the members in `parked`."""
        return {m: saved.stop_state for m, saved in self._parked.items()}

    def _is_recorded(self, records: dict[int, set[int]], member: int, epochs: int) -> bool:
        """Return whether every evaluation of a member up to an epoch is recorded."""
        wanted = set(evaluations(self._sweep[member], epochs))
        if self._start is not None:  # those before are its parent's
            wanted = {epoch for epoch in wanted if epoch > self._start.epoch}
        return wanted <= records.get(member, set())
