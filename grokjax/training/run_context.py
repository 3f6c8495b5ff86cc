"""The state of a launch that the host loops of all its programs share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from grokjax.config.sweep import Sweep
from grokjax.metrics.metric import Metric
from grokjax.runtime import processes
from grokjax.runtime.signals import SignalRecorder
from grokjax.storage.checkpoint import Checkpoints
from grokjax.training.evaluation_callback import EvaluationCallback
from grokjax.training.initial_states import InitialStates
from grokjax.training.initial_weights import InitialWeights
from grokjax.training.pending import PendingMembers
from grokjax.training.progress import Progress
from grokjax.training.progress_counts import ProgressCounts
from grokjax.training.record_buffer import RecordBuffer


@dataclass
class RunContext:
    """The state of a launch that the host loops of all its programs share."""

    directory: Path
    sweep: Sweep
    checkpoints: Checkpoints
    checkpoint_every: float
    signals: SignalRecorder
    progress: Progress
    counts: ProgressCounts
    records: RecordBuffer
    callback: EvaluationCallback
    metrics: tuple[Metric, ...]
    initial: InitialWeights | None  # what members start from; None: what their seeds draw
    start: InitialStates | None  # of a branch: the whole states that its members start from
    resume_command: str  # the command or Python call that resumes this run

    def __post_init__(self) -> None:
        self.reload()

    def reload(self) -> None:
        """Reload ended and unfinished members from disk; fail if processes disagree."""
        self.pending = PendingMembers(self.directory, self.sweep, self.checkpoints, self.start)
        processes.require_same(
            str(self.pending), f"{self.directory}: could not be read alike in every process"
        )
        self.counts.set_ended(self.pending.ended.values())
