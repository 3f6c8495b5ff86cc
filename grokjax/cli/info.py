"""Print what `grokjax info` and `grokjax check` say about a run and the machine."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

from grokjax.errors import DamagedRun, printable
from grokjax.results import params, piece_files
from grokjax.results.pieces import user_sources
from grokjax.results.run import Run, load
from grokjax.runtime import devices, environment
from grokjax.storage import digests, files, journal, lock, training_status
from grokjax.terminal import printed_commands
from grokjax.training.progress import duration


def info(directory: Path) -> None:
    """Print the state of a run, also while it trains and after a crash; needs no device."""
    run = load(directory)
    made_with = run.info["environment"]
    print(f"{directory}: {run.sweep!r}, recipe {run.info['recipe'] or 'none'}")
    counts = run.members["status"].value_counts()
    print("status:     " + ", ".join(f"{n} {status}" for status, n in counts.items()))
    epochs = run.members["epochs"]
    print(f"epochs:     {epochs.sum():,} recorded, {epochs.max():,} of them by the furthest member")
    size = sum(size for _, size in files.file_sizes(directory))
    print(f"on disk:    {files.format_bytes(size)}")
    where = f"{len(made_with['devices'])} x {made_with.get('platform')}"
    print(f"made with:  jax {made_with['versions']['jax']}, {where}")
    if started := run.info.get("initial_weights"):
        whose = "each member's own" if started.get("per_member") else "the same for all members"
        print(f"started:    from given weights, {whose}, digest {started['digest'][:12]}")
    if branch := run.info.get("branch"):
        parents = ", ".join(map(str, branch["members"]))
        print(f"branch:     of {branch['run']}, member {parents} at epoch {branch['epoch']:,}")
    sessions = environment.sessions(run.info)
    if len(sessions) > 1:
        print(f"sessions:   {len(sessions)}, the last begun {sessions[-1].get('began')}")
    if changed := environment.session_changes(run.info):
        print(f"changed:    {', '.join(changed)}; results may differ from then on")
    if counts.reindex(["running", "pending"]).isna().all():
        return
    print(f"checkpoint: {_last_checkpoint(directory)}")
    training, now = lock.is_locked(directory), training_status.read(directory)
    if training:
        print("writer:     a process is training this run now")
    if now is not None:
        _print_live_status(now, training)
    if not training:
        print(f"resume:     {printed_commands.format_resume_command(directory)}{_imports(run)}")


def _imports(run: Run) -> str:
    """Return the flag that makes the user's own pieces in a run known; empty if it has none."""
    sources = user_sources(run.info)
    files = sorted({piece_files.path_to_import(each["module"], each["name"]) for each in sources})
    return f" --import {' '.join(files)}" if files else ""


def _print_live_status(now: training_status.TrainingStatus, training: bool) -> None:
    """Print what the training process last wrote about itself."""
    busy = "" if now.occupancy is None else f", {now.occupancy:.1%} busy"
    rate = f"{now.rate:,.0f} member-steps/s" if now.rate else "not known yet,"
    print(
        f"rate:       {rate} in {now.lanes} lanes{busy} "
        f"(process {now.process} on {now.host}, {duration(now.age)} ago)"
    )
    furthest = max(now.epochs.values(), default=0)
    print(
        f"in lanes:   {len(now.epochs)} members, the furthest at epoch {furthest:,}; "
        f"{now.waiting} pending"
    )
    label = "at risk:  " if training else "not saved:"
    finished = f" and {now.unsaved_finished} finished members" if now.unsaved_finished else ""
    print(
        f"{label}  {duration(now.unsaved_seconds)} of training, {now.unsaved_epochs:,} epochs"
        f"{finished}, to be trained again" + (" after a crash" if training else "")
    )


def _last_checkpoint(directory: Path) -> str:
    saved = {}
    for path in (directory / "checkpoints").glob("[0-9]*"):
        with contextlib.suppress(FileNotFoundError):  # a live trainer removes the older ones
            if path.name.isdigit():
                saved[int(path.name)] = path.stat().st_mtime
    if not saved:
        return "none yet"
    newest = max(saved)
    age = max(0.0, time.time() - saved[newest])  # the clock may have been set back
    return f"{newest}, {duration(age)} ago"


def check(directory: Path | None) -> None:
    """Print devices, versions and whether this machine and the run in `directory` are intact.

    Raises:
      RuntimeError: JAX computes wrong numbers here.
      DamagedRun: a file of the run in `directory` is missing or altered.
    """
    run = None if directory is None else load(directory)
    found = devices.select_devices()
    kinds = ", ".join(sorted({device.device_kind for device in found}))
    print(f"devices:    {len(found)} x {found[0].platform} ({kinds}), {devices.core_count()} cores")
    versions = environment.package_versions()
    print("versions:   " + ", ".join(f"{name} {version}" for name, version in versions.items()))
    print("self-check: passed")
    if run is None:
        print("verdict:    ready")
        return
    problems = verify(run)
    for problem in problems:
        print(f"damaged:    {problem}")
    if problems:
        raise DamagedRun(f"{directory}: {len(problems)} damaged file(s)")
    count = len(digests.read(run.directory))
    print(f"verdict:    ready; {run.directory} is intact ({count} files, every checkpoint)")


def verify(run: Run) -> list[str]:
    """Return one line for each damaged file or checkpoint of a run."""
    problems = journal.verify(run.directory)
    if (run.directory / "checkpoints").is_dir():
        with params.open_checkpoints(run.directory, run.sweep, run.networks) as checkpoints:
            problems += checkpoints.problems().values()
    return [printable(problem) for problem in problems]
