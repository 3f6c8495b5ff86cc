"""What `grokjax info` and `grokjax check` print."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

from grokjax import commands, devices, files, journal, lock, sessions, status
from grokjax.files import DamagedRun
from grokjax.progress import duration
from grokjax.run import Run, load
from grokjax.settings import shown


def info(directory: Path) -> None:
    """How a run stands, also while it trains and after a crash. Needs no device."""
    run = load(directory)
    made = run.info["environment"]
    print(f"{directory}: {run.sweep!r}, recipe {run.info['recipe'] or 'none'}")
    counts = run.members["status"].value_counts()
    print("status:     " + ", ".join(f"{n} {status}" for status, n in counts.items()))
    epochs = run.members["epochs"]
    print(f"epochs:     {epochs.sum():,} written, {epochs.max():,} the furthest member")
    size = sum(size for _, size in files.sizes(directory))
    print(f"on disk:    {size / 1e6:.1f} MB")
    print(f"checkpoint: {_last_checkpoint(directory)}")
    where = f"{len(made['devices'])} x {made.get('platform')}"
    print(f"made with:  jax {made['versions']['jax']}, {where}")
    if resumed := len(sessions.of(run.info)) - 1:
        print(f"sessions:   {resumed + 1}, the last begun {sessions.of(run.info)[-1].get('began')}")
    if changed := sessions.changes(run.info):
        print(
            f"changed:    {', '.join(changed)}; its bits may differ from those without the change"
        )
    if counts.reindex(["running", "pending"]).isna().all():
        return
    training, now = lock.held(directory), status.read(directory)
    if training:
        print("writer:     a process is training it now")
    if now is not None:
        _live(now, training)
    if not training:
        print(f"go on with: {commands.go_on(directory)}")


def _live(now: status.Status, training: bool) -> None:
    """What only the training process knows, or knew when it ended."""
    busy = "" if now.occupancy is None else f", {now.occupancy:.1%} busy"
    print(
        f"rate:       {now.rate:,.0f} member-steps/s in {now.lanes} lanes{busy} "
        f"(process {now.process} on {now.host}, {duration(now.age)} ago)"
    )
    furthest = max(now.epochs.values(), default=0)
    print(
        f"in lanes:   {len(now.epochs)} members, at epoch {furthest:,} the furthest; "
        f"{now.waiting} pending"
    )
    what = "at risk:  " if training else "not saved:"
    finished = f" and {now.unsaved_finished} finished members" if now.unsaved_finished else ""
    print(
        f"{what}  {duration(now.unsaved_seconds)} of training, {now.unsaved_epochs:,} epochs"
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
    age = max(0.0, time.time() - saved[newest])  # the clock may have gone back
    return f"{newest}, {duration(age)} ago"


def check(directory: Path | None) -> None:
    """Prints devices, versions and a verdict.

    Raises:
      RuntimeError: the backend computes wrong numbers.
      DamagedRun: a file of the run in `directory` is missing or altered.
    """
    run = None if directory is None else load(directory)
    found = devices.start()
    kinds = ", ".join(sorted({device.device_kind for device in found}))
    print(f"devices:    {len(found)} x {found[0].platform} ({kinds}), {devices.cores()} cores")
    versions = sessions.versions()
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
    count = len(files.digests(run.directory))
    print(f"verdict:    ready; {run.directory} is whole ({count} files, every checkpoint)")


def verify(run: Run) -> list[str]:
    """One line for each damaged file or checkpoint of a run."""
    from grokjax.checkpoint import Checkpoints

    problems = journal.verify(run.directory)
    if (run.directory / "checkpoints").is_dir():
        with Checkpoints(run.directory, True, run.sweep.members) as checkpoints:
            problems += checkpoints.problems().values()
    return [shown(problem) for problem in problems]
