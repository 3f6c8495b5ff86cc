"""Counts of members, epochs and seconds while a run trains, and an estimate of what remains."""

from __future__ import annotations

import bisect
import itertools
import operator
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from grokjax.config.config import Config
from grokjax.config.evaluations import next_evaluation
from grokjax.storage.member_state import Outcome


@dataclass
class ProgressCounts:
    """What the progress display shows; rounds, epochs and steps are those of this process."""

    members: int  # all members of the run
    running: int = 0  # members in lanes now
    memorised: int = 0  # running members whose train accuracy has reached the threshold
    ended: Counter[str] = field(default_factory=Counter)  # finished members by status
    ended_at: Counter[int] = field(default_factory=Counter)  # finished members by their last epoch
    rounds: int = 0
    epochs: int = 0  # summed over members, as are steps
    steps: int = 0
    remaining_epochs: float | None = None  # of members that have not ended; None: no estimate yet
    lower_bound: bool = False  # whether there may be many more remaining epochs
    busy_seconds: float = 0.0  # lanes' time spent training members, while members were pending
    lane_seconds: float = 0.0  # all of the lanes' time, while members were pending
    saving_seconds: float = 0.0  # time spent on checkpoints

    def set_ended(self, outcomes: Iterable[Outcome]) -> None:
        """Replace the counts of finished members by those of these outcomes."""
        self.ended, self.ended_at = Counter(), Counter()
        for outcome in outcomes:
            self.add_ended(outcome)

    def add_ended(self, outcome: Outcome) -> None:
        self.ended[outcome.status] += 1
        self.ended_at[outcome.epochs] += 1

    @property
    def occupancy(self) -> float | None:
        """Share of the lanes' time spent training members, while members were pending."""
        return self.busy_seconds / self.lane_seconds if self.lane_seconds else None

    @property
    def pending(self) -> int:
        return self.members - self.running - self.ended.total()

    def estimate_remaining(self, running: Collection[int], config: Config) -> None:
        """Update the estimate; running: the epochs that the running members have reached."""
        epochs = [*running, *itertools.repeat(0, self.pending)]
        estimate = self.remaining_after(epochs, config)
        self.remaining_epochs, self.lower_bound = estimate or (None, False)

    def remaining_after(self, epochs: Collection[int], config: Config) -> tuple[float, bool] | None:
        """Estimate the remaining epochs, in all, of members that have reached `epochs`.

        A member is expected to end at the mean end epoch of the finished members that ended
        later than it has reached. If there are none, it counts with one more evaluation, and
        the second value says that the estimate is a lower bound. None: no member has ended.
        """
        if config.stop_when == "never":
            return float(sum(config.max_epochs - epoch for epoch in epochs)), False
        if not self.ended_at:
            return None
        times = sorted(self.ended_at)
        counts = [self.ended_at[time] for time in times]
        # Members that ended at each time or later, and the sum of their end epochs.
        members = _sums_from_the_end(counts)
        sums = _sums_from_the_end([*map(operator.mul, times, counts)])
        total, lower_bound = 0.0, False
        for epoch, number in Counter(epochs).items():
            i = bisect.bisect_right(times, epoch)
            lower_bound |= not members[i]
            end = sums[i] / members[i] if members[i] else next_evaluation(config, epoch)
            remaining = end - epoch
            total += number * remaining
        return total, lower_bound


def _sums_from_the_end(values: list[int]) -> list[int]:
    """Return the sum of each value and all after it, then 0."""
    return [*itertools.accumulate(reversed(values), initial=0)][::-1]
