"""Merge: join the shards of a sweep, each trained in a run directory of its own, into one."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from grokjax.config.stopping import is_over
from grokjax.config.sweep import Sweep
from grokjax.errors import ConfigError, invalid
from grokjax.results import params, run_config
from grokjax.results.run import Run, load
from grokjax.storage import files, journal, journal_parts, lock
from grokjax.storage.member_state import FINAL_STATUSES, LaneStates, SavedMember
from grokjax.terminal.printed_commands import format_run_command
from grokjax.training import initial_weights, merged_config, preflight
from grokjax.training.initial_weights import InitialWeights
from grokjax.training.merged_config import Place


def merge(directories: Iterable[str | Path], out: str | Path) -> Run:
    """Join runs of disjoint members into one run directory; the runs themselves stay as they are.

    The merged run is read, checked, reported, resumed and extended like any other. Members that
    have not ended go on from their last checkpoint when it is resumed. Of shards, as `train` makes
    them with `shard`, the members have the order of their sweep; others follow run by run.

    Args:
      directories: of the runs. They have the same settings but for traced ones and those that all
        of them sweep, and record the same metrics.
      out: the new run directory, which does not exist or is empty.

    Returns:
      The merged run.

    Raises:
      ConfigError: runs that cannot be merged, are damaged or are being written, or `out` holds
        something. Nothing is written then.
      FileNotFoundError, DamagedRun: as `load`.

    Example:
      >>> import grokjax
      >>> config = grokjax.Config(modulus=5, embed_dim=4, hidden_dim=8, max_epochs=20)
      >>> sweep = grokjax.Sweep(config, seed=range(4))
      >>> one = grokjax.train(sweep, "runs/shard1", shard=(1, 2), progress=False)
      >>> two = grokjax.train(sweep, "runs/shard2", shard=(2, 2), progress=False)
      >>> len(one), len(two), len(merge(["runs/shard1", "runs/shard2"], "runs/whole"))
      (2, 2, 4)
    """
    if isinstance(directories, str | Path) or not isinstance(directories, Iterable):
        raise invalid("directories", directories, "must be a list of run directories")
    runs = [load(directory) for directory in directories]
    if len(runs) < 2:
        raise invalid("directories", [str(run.directory) for run in runs], "must be at least two")
    directory = preflight.run_directory(out)
    preflight.check_empty(directory)
    for run in runs:
        _check_whole(run)
    sweep, places = merged_config.merged_sweep(runs)
    weights = _initial_weights(runs, sweep, places)
    info = merged_config.merged_info(runs, sweep, directory)
    info["initial_weights"] = None if weights is None else weights.describe()
    _check_disk(runs, directory)
    with _written_at_once(directory) as temporary:
        if weights is not None:
            weights.save(temporary)
        run_config.write(temporary, info)
        numbers = [_new_numbers(run, i, places) for i, run in enumerate(runs)]
        for run, new in zip(runs, numbers, strict=True):
            _copy_journal(run, new, temporary)
        _save_unfinished(runs, numbers, load(temporary))
        merged = load(temporary)
        if FINAL_STATUSES.issuperset(merged.members["status"]):
            merged.write_history()
    return load(directory)


def _check_whole(run: Run) -> None:
    """Raise ConfigError for a run that is being written, damaged, or a branch."""
    where = run.directory
    if lock.is_locked(where):
        raise ConfigError(f"{where}: is being trained; merge it when that has ended")
    run_config.check_unaltered(where)
    if damage := journal.verify(where):
        resume = format_run_command("resume", where)
        raise ConfigError(f"{where}: is damaged ({damage[0]}); repair it first with: {resume}")
    if run.info.get("branch") is not None:
        raise ConfigError(f"{where}: is a branch, which keeps its members; use grokjax.concat")


def _initial_weights(
    runs: Sequence[Run], sweep: Sweep, places: Sequence[Place]
) -> InitialWeights | None:
    """Return the weights that the merged run's members start from; None: what seeds draw.

    Raises ConfigError where the runs differ in whether they were given any, or in those for all.
    """
    found = [initial_weights.load(run.directory, run.info) for run in runs]
    described = [run.info.get("initial_weights") for run in runs]
    each = [about is not None and about["per_member"] for about in described]
    if all(each):
        arrays = {
            name: np.stack([(found[i] or {})[name][m] for i, m in places])
            for name in found[0] or {}
        }
        return InitialWeights(arrays, {config: i for i, config in enumerate(sweep)})
    for i, about in enumerate(described):
        if about != described[0]:
            raise ConfigError(
                f"init: {runs[0].directory} and {runs[i].directory} start from other weights; use "
                "grokjax.concat"
            )
    return None if found[0] is None else InitialWeights(found[0], None)


def _check_disk(runs: Sequence[Run], directory: Path) -> None:
    """Raise ConfigError unless the disk has room for the merged run."""
    needed = sum(size for run in runs for _, size in files.file_sizes(run.directory))
    folder = next(path for path in directory.parents if path.exists())
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise ConfigError(
            f"out: {directory} has {files.format_bytes(free)} free; the merged run needs about "
            f"{files.format_bytes(needed)}"
        )


@contextlib.contextmanager
def _written_at_once(directory: Path) -> Iterator[Path]:
    """Yield a folder that becomes the run directory at the end, or is removed after an error."""
    directory.parent.mkdir(parents=True, exist_ok=True)
    temporary = directory.with_name(f".{directory.name}.{os.getpid()}.tmp")
    temporary.mkdir()
    try:
        yield temporary
        if directory.is_dir():  # it held nothing but what a launch killed at its start has left
            shutil.rmtree(directory)
        temporary.rename(directory)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _new_numbers(run: Run, number: int, places: Sequence[Place]) -> np.ndarray:
    """Return the number that each member of a run has in the merged one, int32 `[M]`."""
    new = np.empty(len(run), np.int32)
    for i, (of, member) in enumerate(places):
        if of == number:
            new[member] = i
    return new


def _copy_journal(run: Run, new: np.ndarray, directory: Path) -> None:
    """Append the parts of a run's journal, with the new numbers of its members.

    Live records are left out: as in any run, a resume trains the epochs after the checkpoint again.
    """
    for kind in journal_parts.KINDS:
        for path in journal.intact_parts(run.directory, kind):
            part = journal_parts.read_part(path)
            if "member" in part:
                part["member"] = new[part["member"]]
            journal.append(directory, kind, part)
    if (run.directory / journal.DAMAGED).exists():  # a resume then looks for lost records
        (directory / journal.DAMAGED).mkdir(exist_ok=True)


def _save_unfinished(runs: Sequence[Run], numbers: Sequence[np.ndarray], merged: Run) -> None:
    """Write one checkpoint with the members that have not ended, from the last ones of the runs."""
    saved: dict[int, SavedMember] = {}
    for run, new in zip(runs, numbers, strict=True):
        if FINAL_STATUSES.issuperset(run.members["status"]):
            continue
        if not (run.directory / "checkpoints").is_dir():
            continue
        with params.open_checkpoints(run.directory, run.sweep, run.networks) as checkpoints:
            saved |= {int(new[m]): each for m, each in checkpoints.restore_latest().items()}
    ended = journal.read_outcomes(merged.directory)
    saved = {
        m: each
        for m, each in saved.items()
        if m not in ended or not is_over(merged.sweep[m], ended[m])
    }
    if not saved:
        return
    with params.open_checkpoints(
        merged.directory, merged.sweep, merged.networks, read_only=False
    ) as checkpoints:
        checkpoints.save(
            LaneStates({}, {}, 0, {}),
            {m: each.state for m, each in saved.items()},
            {m: each.stop_state for m, each in saved.items()},
        )
