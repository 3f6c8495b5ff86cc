"""Flags for how a run is carried out: lanes, devices, checkpoints, processes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import tyro

from grokjax.terminal import tolerant_output
from grokjax.training import preflight

LogName = Literal["csv", "tensorboard", "wandb"]

COUNT = tyro.conf.arg(metavar="INT|auto", prefix_name=False)


def optional(metavar: str, name: str | None = None) -> Any:
    """Return how `--help` shows a flag without a default; its text says what happens without it."""
    return tyro.conf.arg(name=name, metavar=metavar, prefix_name=False, help_behavior_hint="")


@dataclass
class MachineFlags:
    """How a run is carried out; none of it changes a member's numbers."""

    lanes: Annotated[str, COUNT] = "auto"
    """Members that train at a time; auto: one per CPU core, more on accelerators if faster."""
    devices: Annotated[str, COUNT] = "auto"
    """Devices of each process; auto: all, on CPU one per core."""
    checkpoint_every: Annotated[float, tyro.conf.arg(metavar="SECONDS", prefix_name=False)] = 60.0
    """Seconds from one checkpoint to the next."""
    compile_cache: Annotated[bool, tyro.conf.arg(prefix_name=False)] = True
    """Keep compiled programs in the user's cache folder for the next start; changes no bit."""
    log_to: Annotated[tuple[LogName, ...] | None, optional("{csv,tensorboard,wandb} ...")] = None
    """Log each evaluation in the run directory (wandb: beside it, and as WANDB_MODE says)."""
    coordinator: Annotated[str | None, optional("HOST:PORT")] = None
    """Address of process 0; needed by several processes without Slurm, Open MPI, TPU pod or GKE."""
    num_processes: Annotated[int | None, optional("INT")] = None
    """Number of processes; 1 ignores any launcher that is detected."""
    process_id: Annotated[int | None, optional("INT")] = None
    """Number of this process, from 0."""

    def join_processes(self, quiet: bool) -> dict[str, Any]:
        """Join the other processes, if any; return the keyword arguments of `train` and `resume`.

        Raises ConfigError for flags that cannot be used, before JAX is imported.
        """
        preflight.check_machine(self.lanes, self.devices, self.checkpoint_every)
        loggers = [_logger(name) for name in dict.fromkeys(self.log_to or ())]
        tolerant_output.mark_stdout_optional()
        from grokjax.runtime import processes

        processes.initialize(self.coordinator, self.num_processes, self.process_id)
        return {
            "lanes": self.lanes,
            "devices": self.devices,
            "checkpoint_every": self.checkpoint_every,
            "progress": not quiet,
            "compile_cache": self.compile_cache,
            "on_evaluation": loggers,
        }


def _logger(name: LogName) -> Any:
    """Return the callback that logs there. Raises ConfigError if its library is missing."""
    from grokjax import interop

    return {
        "csv": interop.CsvLog,
        "tensorboard": interop.TensorBoardLog,
        "wandb": interop.WandbLog,
    }[name]()
