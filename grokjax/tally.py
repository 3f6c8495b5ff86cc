"""Counts of members, epochs and seconds while a run trains, and what is left to do."""

from __future__ import annotations

import bisect
import itertools
import operator
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from grokjax.config import Config
from grokjax.stopping import Ended


@dataclass
class Tally:
    """The counts that progress is made of.

    members: in all. running, memorised: in lanes now, and of those the ones with
    train accuracy at the threshold. ended: finished members by status; ended_at:
    their number by the epoch at which they ended. rounds, epochs, steps: of this
    process; epochs and steps summed over members. busy_time, lane_time: of lanes,
    while members were pending, in seconds: training a member, and in all. saving:
    seconds spent on checkpoints. remaining_epochs: of all members that have not
    ended, None while nothing is known of it; at_least: whether it may be many more.
    """

    members: int
    running: int = 0
    memorised: int = 0
    ended: Counter[str] = field(default_factory=Counter)
    ended_at: Counter[int] = field(default_factory=Counter)
    rounds: int = 0
    epochs: int = 0
    steps: int = 0
    remaining_epochs: float | None = None
    at_least: bool = False
    busy_time: float = 0.0
    lane_time: float = 0.0
    saving: float = 0.0

    def count(self, ended: Iterable[Ended]) -> None:
        """Starts over with the members that have ended."""
        self.ended, self.ended_at = Counter(), Counter()
        for each in ended:
            self.end(each)

    def end(self, ended: Ended) -> None:
        """Counts a member that has ended."""
        self.ended[ended.status] += 1
        self.ended_at[ended.epochs] += 1

    @property
    def occupancy(self) -> float | None:
        """Share of the lanes' time spent training members, while members were pending."""
        return self.busy_time / self.lane_time if self.lane_time else None

    @property
    def pending(self) -> int:
        return self.members - self.running - self.ended.total()

    def look_ahead(self, running: Collection[int], config: Config) -> None:
        """Sets what is left to do, with the epochs that the running members have reached."""
        ahead = self.ahead([*running, *itertools.repeat(0, self.pending)], config)
        self.remaining_epochs, self.at_least = (None, False) if ahead is None else ahead

    def ahead(self, epochs: Collection[int], config: Config) -> tuple[float, bool] | None:
        """Epochs that members which have reached `epochs` will still take, in all.

        Each is expected to take as many as the members that ended later than it has
        got so far. Where all ended before, it is counted with one more evaluation, and
        the second value says that it may be many more. None: no member has ended.
        """
        if config.stop_when == "never":
            return float(sum(config.max_epochs - epoch for epoch in epochs)), False
        if not self.ended_at:
            return None
        times = sorted(self.ended_at)
        counts = [self.ended_at[at] for at in times]
        members = [*itertools.accumulate(reversed(counts), initial=0)][::-1]
        sums = [*itertools.accumulate(map(operator.mul, times[::-1], counts[::-1]), initial=0)][
            ::-1
        ]
        total, at_least = 0.0, False
        for epoch, number in Counter(epochs).items():
            i = bisect.bisect_right(times, epoch)  # those from here on ended later
            at_least |= not members[i]
            left = sums[i] / members[i] - epoch if members[i] else config.eval_every
            total += number * left
        return total, at_least
