"""One launch: it trains the programs of a run directory, one after the other."""

from __future__ import annotations

import time
from pathlib import Path

from grokjax.config.sweep import Program, Sweep
from grokjax.errors import Interrupted, LostProcess, OutOfMemory, invalid
from grokjax.metrics.metric import Metric
from grokjax.results import params, run
from grokjax.results.networks import Networks
from grokjax.results.run import Run
from grokjax.runtime import devices, environment, processes
from grokjax.runtime.numerics import check_precision, pinned_jax_settings
from grokjax.runtime.signals import SignalRecorder
from grokjax.storage import files
from grokjax.storage.member_state import Arrays
from grokjax.terminal import tolerant_output
from grokjax.training import initial_weights, lane_count, preflight
from grokjax.training.evaluation_callback import EvaluationCallback
from grokjax.training.initial_states import InitialStates
from grokjax.training.inventory import take_inventory
from grokjax.training.loop import Trainer
from grokjax.training.options import Options
from grokjax.training.progress import Progress
from grokjax.training.progress_counts import ProgressCounts
from grokjax.training.record_buffer import RecordBuffer
from grokjax.training.run_context import RunContext


class Launch:
    """What one process does in a launch.

    init: weights to start from, by name (see `initial_weights.fit`); None: what seeds draw.
    start: whole states to start from, of a branch.
    networks: what the run stores of its members' networks. environment: what it is made with.
    initial: the weights, for each member.

    Raises ConfigError where the sweep cannot be trained here; nothing has been written then.
    """

    def __init__(
        self,
        directory: Path,
        sweep: Sweep,
        options: Options,
        metrics: tuple[Metric, ...],
        init: Arrays | None = None,
        start: InitialStates | None = None,
    ) -> None:
        tolerant_output.open_missing_streams()
        preflight.check_data_fits(sweep)
        preflight.check_one_precision(sweep)
        self.networks: Networks = take_inventory(sweep, metrics)
        preflight.check_snapshots(sweep, self.networks)
        self.initial = None if init is None else initial_weights.fit(init, sweep, self.networks)
        self._devices = devices.select_devices(options.devices)
        check_precision(sweep[0].precision, self._devices[0].platform)
        count = processes.process_count()
        if count > len(sweep):
            raise invalid("num_processes", count, f"must be at most the {len(sweep)} members")
        number, _ = lane_count.choose_lanes(options.lanes, self._devices, len(sweep))
        on_cpu = devices.on_cpu(self._devices)
        preflight.check_memory(sweep, self.networks, number if on_cpu else 1)
        given = 0 if self.initial is None else self.initial.nbytes
        preflight.check_disk(directory, sweep, self.networks, given)
        self.environment = environment.record(self._devices)
        self._directory, self._sweep, self._metrics = directory, sweep, metrics
        self._options, self.start = options, start
        shown = options.progress
        if isinstance(shown, bool):
            shown = Progress(shown and processes.is_first())
        self._progress = shown

    def run(self, resume_command: str) -> Run:
        """Train what is left and write the history. Raises Interrupted on a signal.

        resume_command: the command or Python call that resumes this run, for messages.
        """
        how = f"resume with: {resume_command}"
        process = f"process {processes.process_index()}"
        words = f"grokjax: {process} was ended, by another's end or a kill; {how}"
        try:
            with processes.print_if_killed(words):
                return self._run(resume_command)
        except LostProcess as error:
            raise LostProcess(f"{error}; its last checkpoint is safe, {how}") from error
        except OSError as error:
            raise OSError(f"{error}; what was saved before is whole; {how}") from error

    def _run(self, resume_command: str) -> Run:
        progress = self._progress
        if self.start is not None:
            start = self.start
            processes.run_on_first(lambda: start.write_records(self._directory))
        with (
            params.open_checkpoints(
                self._directory, self._sweep, self.networks, read_only=False
            ) as checkpoints,
            SignalRecorder() as signals,
            pinned_jax_settings(self._sweep[0].precision),
            progress,
            EvaluationCallback(
                self._options.callbacks, self._directory, progress.print_line
            ) as callback,
        ):
            context = RunContext(
                self._directory,
                self._sweep,
                checkpoints,
                self._options.checkpoint_every,
                signals,
                progress,
                ProgressCounts(len(self._sweep)),
                RecordBuffer(self._directory),
                callback,
                self._metrics,
                self.initial,
                self.start,
                resume_command,
            )
            if crowded := devices.oversubscription_warning(self._devices):
                progress.print_line(crowded)
            if (kept := self._sweep.config.snapshot) != "embedding":
                size = files.format_bytes(preflight.snapshot_bytes(self._sweep, self.networks))
                what = "parameters" if kept == "params" else "states"
                progress.print_line(f"snapshots of {what}: at most {size}")
            programs = self._sweep.programs()
            for number, program in enumerate(programs, 1):
                which = f" program {number} of {len(programs)}" if len(programs) > 1 else ""
                self._train(program, context, f"compiling{which}")
            progress.update(context.counts, last=True)
        finished = run.load(self._directory)
        processes.run_on_first(finished.write_history)
        # A signal may have come after the last round, or where nothing was left to train.
        if signum := int(processes.largest_value(signals.received or 0)):
            raise Interrupted(signum, str(self._directory), resume_command)
        return finished

    def _train(self, program: Program, context: RunContext, compiling: str) -> None:
        """Train all of one program; if memory runs out, resume it with fewer lanes.

        compiling: the beginning of the line that announces the compilation.
        """
        wanted = self._options.lanes
        auto = wanted == "auto" and not devices.on_cpu(self._devices)
        while members := context.pending.members_of(program):
            first = lane_count.INITIAL_LANES * len(self._devices) if auto else wanted
            number, used = lane_count.choose_lanes(first, self._devices, len(members))
            context.progress.print_line(f"{compiling} for {len(members)} members ...")
            began = time.monotonic()
            try:
                lanes = lane_count.build_lanes(program, used, number, self._metrics, self.initial)
                if auto:
                    lanes = lane_count.grow_lanes(
                        lanes, program, self._devices, len(members), self._metrics, self.initial
                    )
                    number = lanes.number
                    need = lanes.bytes_per_device / 2**20
                    context.progress.print_line(
                        f"{number} lanes: {need:,.0f} MiB a device, as compiled"
                    )
                seconds = time.monotonic() - began
                context.progress.exclude(seconds)
                Trainer(context, program, lanes, seconds).run()
            except OutOfMemory as error:
                fewer = lane_count.halve_count(number, self._devices, len(members))
                context.progress.print_line(
                    f"no room for {number} lanes ({error}); going on with {fewer}"
                )
                wanted, auto = fewer, False
                processes.run_on_first(context.records.flush)
                context.reload()
