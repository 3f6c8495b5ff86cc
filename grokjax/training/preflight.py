"""Everything that is refused before training: arguments, the folder, memory and disk space."""

from __future__ import annotations

import math
import numbers
import re
import shutil
from pathlib import Path

from grokjax.config import snapshots
from grokjax.config.config import Config
from grokjax.config.evaluations import evaluations
from grokjax.config.sweep import Program, Sweep
from grokjax.errors import MAX_SHOWN, ConfigError, invalid, printable
from grokjax.results.networks import Networks
from grokjax.runtime import memory, paths
from grokjax.runtime.arguments import parse_auto_or_count
from grokjax.settings.field import fields_of
from grokjax.storage import digests, files, lock


def check_machine(lanes: int | str, devices: int | str, checkpoint_every: float) -> None:
    """Raise ConfigError for values that are invalid on every machine."""
    parse_auto_or_count("lanes", lanes)
    parse_auto_or_count("devices", devices)
    seconds = isinstance(checkpoint_every, numbers.Real) and not isinstance(checkpoint_every, bool)
    if not (seconds and checkpoint_every > 0):
        raise invalid("checkpoint_every", checkpoint_every, "must be a number of seconds above 0")


def check_recipe(recipe: str | None) -> None:
    """Raise ConfigError unless config.json can hold the recipe's name and be read again."""
    text = isinstance(recipe, str) and recipe.isprintable() and len(recipe) <= MAX_SHOWN
    if recipe is not None and not text:
        raise invalid("recipe", recipe, f"must be a line of at most {MAX_SHOWN} characters")


def as_sweep(given: Sweep | Config) -> Sweep:
    """Return the members that a launch was given; a Config is a sweep of one."""
    if isinstance(given, Config):
        return Sweep(given)
    if not isinstance(given, Sweep):
        raise invalid("sweep", given, "must be a Sweep or a Config, such as recipe.config")
    return given


def check_one_precision(sweep: Sweep) -> None:
    """Raise ConfigError if some members are in float64: one run has arrays of one dtype."""
    if len({each.example.float_dtype for each in sweep.programs()}) > 1:
        text = "must be that of all members or of none"
        raise invalid("precision", "float64", text, "train the others in another run")


def run_directory(out: str | Path) -> Path:
    """Return the absolute path of a new run. Raise ConfigError if it cannot be a folder."""
    path = paths.parse_path("out", out)
    try:
        directory = path.resolve()
        for each in (directory, *directory.parents):
            # A link that is left leads to itself: from Python 3.13 on `resolve` lets it pass.
            if (each.exists() or each.is_symlink()) and not each.is_dir():
                raise ConfigError(f"out: {directory} is not a directory; name another")
    except (OSError, RuntimeError) as error:  # too long a name, links in a loop
        why = getattr(error, "strerror", None) or error
        raise ConfigError(f"out: {printable(out)} cannot be a directory ({why})") from error
    check_utf8(directory)
    return directory


def check_utf8(directory: Path) -> None:
    """Raise ConfigError where Orbax could not handle a checkpoint because of the folder's name."""
    try:
        str(directory).encode()
    except UnicodeEncodeError as error:
        raise ConfigError(
            f"out: {printable(directory)} is not a name in UTF-8; name another"
        ) from error


def check_empty(directory: Path) -> None:
    """Raise ConfigError unless a run can start there, DamagedRun if a link leads out of it."""
    if (directory / files.CONFIG).exists():
        raise ConfigError(f"out: {directory} holds a run already; resume it, or name another")
    ours = re.compile(rf"{re.escape(lock.NAME)}|\..*\.tmp")  # a launch killed at its start
    if (directory / lock.NAME).exists():
        ours = re.compile(
            rf"{ours.pattern}|{files.INITIAL_WEIGHTS}|{files.INITIAL_STATES}|{digests.NAME}"
        )
    if directory.is_dir() and not all(ours.fullmatch(path.name) for path in directory.iterdir()):
        raise ConfigError(f"out: {directory} is not an empty directory; name another")
    files.check_contained(directory)


TARGET_COPIES, STATE_COPIES, ROW_BYTES = 7, 3, 16
"""Measured on CPU: copies of the targets and of a lane's state that exist at once, and bytes of a
row drawn for a round (moduli to 1 999, states to 1.3 GB)."""

SNAPSHOT_COPIES = 3
"""Copies of a lane's snapshot that exist at once: read, stacked, and joined when written."""


def check_data_fits(sweep: Sweep) -> None:
    """Raise ConfigError, naming the setting, unless the data of each program fits into memory.

    It needs neither JAX nor a data set, so it is asked before anything is built.
    """
    free = memory.available()
    for program in sweep.programs():
        needed = _data_bytes(program, 1)
        if sum(needed.values()) > free:
            raise _too_large(program.example, free, needed)


def check_memory(sweep: Sweep, networks: Networks, lanes: int) -> None:
    """Raise ConfigError, naming the setting that takes most, unless so many lanes fit."""
    free, programs = memory.available(), sweep.programs()
    for program in programs:
        info = networks.of(program.example)
        state = lanes * STATE_COPIES * info.state_bytes
        if snapshots.expected_count(program.example):
            state += lanes * SNAPSHOT_COPIES * info.snapshot_bytes(program.example)
        needed = _data_bytes(program, lanes) | {"model": state}
        if sum(needed.values()) > free:
            # `state_bytes` is the largest state of all programs that train such a network.
            same = [
                each.example for each in programs if each.example.network == program.example.network
            ]
            raise _too_large(max(same, key=_averaged_steps), free, needed)


def _data_bytes(program: Program, lanes: int) -> dict[str, int]:
    """Bytes by what needs them: targets, shared by the lanes, and rows of each lane's round."""
    config, rows = program.example, program.max_train_size
    rows += min(config.batch_size or 0, rows)
    epochs = program.config.eval_every or 1  # drawn at once
    return {
        "task": TARGET_COPIES * 4 * len(program.variants) * config.num_rows,
        "eval_every": lanes * ROW_BYTES * epochs * rows,
    }


def _averaged_steps(config: Config) -> int:
    """Return how many steps of gradients a state keeps, for Grokfast's moving average."""
    return config.grokfast_window if config.grokfast == "ma" else 0


def _too_large(config: Config, free: int, needed: dict[str, int]) -> ConfigError:
    name, total = max(needed, key=lambda name: needed[name]), sum(needed.values())
    if needed["task"] > free:  # no other setting helps
        name = "task"
    if name in ("task", "model"):
        name = _largest_setting(config, name)
    return invalid(
        name,
        getattr(config, name),
        f"must be smaller: this run needs about {total / 1e9:,.1f} GB of memory, "
        f"{free / 1e9:,.1f} are free",
    )


def _largest_setting(config: Config, group: str) -> str:
    """Return the whole-number setting of the task or model that is largest: it takes the memory."""
    groups = {"task": ["task"], "model": ["model", "task"]}[group]
    values = {n: config.values[n] for each in groups for n in fields_of(config.group_classes[each])}
    if group == "model":
        values["grokfast_window"] = _averaged_steps(config)
    sizes = {name: value for name, value in values.items() if type(value) is int}
    return max(sizes, key=lambda name: sizes[name], default=group)


def check_disk(directory: Path, sweep: Sweep, networks: Networks, given: int = 0) -> None:
    """Raise ConfigError unless the disk has room for what the run will still write.

    given: bytes of the weights that members start from.
    """
    written = sum(size for _, size in files.file_sizes(directory))
    slack = 0 if written else 10_000_000
    needed = max(0, _bytes_to_write(sweep, networks) + given + slack - written)
    folder = directory.absolute()
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    if free < needed:
        kept, fix = snapshot_bytes(sweep, networks), ""
        if 2 * kept > needed:
            fix = f", {files.format_bytes(kept)} of it for snapshots; raise snapshot_every"
            if sweep.config.snapshot_dtype == "float32":
                fix += " or set snapshot_dtype to bfloat16"
        raise ConfigError(
            f"out: {directory} has {files.format_bytes(free)} free; this run needs about "
            f"{files.format_bytes(needed)}{fix}"
        )


def _bytes_to_write(sweep: Sweep, networks: Networks) -> int:
    """Estimate what a run writes: states, records twice (journal, history), snapshots."""
    states = records = 0
    for program in sweep.programs():
        config, members = program.example, len(program.members)
        info = networks.of(config)
        count = members * len(evaluations(config, config.max_epochs))
        values = 3 + sum(math.prod(each.shape) for each in info.metrics.values())
        # The whole state, as it is kept of members that never stop.
        states += members * info.state_bytes
        records += config.float_dtype.itemsize * 2 * count * values
    # The lanes of the checkpoints are few beside any large sweep.
    checkpoints = min(len(sweep), 64) * (files.CHECKPOINTS_KEPT + 1) * states // len(sweep)
    return states + checkpoints + records + snapshot_bytes(sweep, networks)


def snapshot_bytes(sweep: Sweep, networks: Networks) -> int:
    """Estimate what the snapshots of a run take on disk if no member stops early."""
    if sweep.config.snapshot_every is None:
        return 0
    counted = [(program.example, len(program.members)) for program in sweep.programs()]
    return sum(
        members * snapshots.expected_count(config) * networks.of(config).snapshot_bytes(config)
        for config, members in counted
    )


def check_snapshots(sweep: Sweep, networks: Networks) -> None:
    """Raise ConfigError where embeddings are to be kept of a network that has no token table."""
    if sweep.config.snapshot_every is None or sweep.config.snapshot != "embedding":
        return
    for config in (program.example for program in sweep.programs()):
        if networks.of(config).token_table is None:
            fix = f"model {config.model} has no table of tokens to keep"
            raise invalid("snapshot", config.snapshot, "must be params", fix)
