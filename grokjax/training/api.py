"""Train a sweep, and resume a run: what the package and the command line call."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from grokjax.config.config import Config
from grokjax.config.shards import members_of_shard, parse_shard
from grokjax.config.sweep import Sweep
from grokjax.metrics.builtin import BUILTIN
from grokjax.results.run import Run
from grokjax.runtime.arguments import check_bool
from grokjax.runtime.devices import configure_devices
from grokjax.training import initial_weights, preflight, shared_directory
from grokjax.training.evaluation_callback import Callback
from grokjax.training.options import CHECKPOINT_EVERY, Options
from grokjax.training.progress import Progress
from grokjax.training.resuming import resume_run
from grokjax.training.starting import start_run


def train(
    sweep: Sweep | Config,
    out: str | Path,
    *,
    lanes: int | str = "auto",
    devices: int | str = "auto",
    checkpoint_every: float = CHECKPOINT_EVERY,
    progress: bool | Progress = True,
    metrics: Iterable[Any] = (),
    compile_cache: bool = True,
    on_evaluation: Callback | Iterable[Callback] | None = None,
    recipe: str | None = None,
    init: Mapping[str, Any] | None = None,
    shard: str | tuple[int, int] | None = None,
    resume: bool = False,
) -> Run:
    """Train every member of a sweep and write a run directory.

    Several processes that have joined (`grokjax.runtime.processes.initialize`) call it alike.

    Args:
      sweep: the members; a Config is a sweep of one.
      out: the run directory: new, empty or, with `resume`, one that holds a run.
      lanes: members in training at a time; auto: one a CPU core, which is the most there, and on
        accelerators as many as fit and pay.
      devices: devices to use, of each process; auto: all, on CPU one a core.
      checkpoint_every: seconds from one checkpoint to the next.
      progress: whether to show any; or a `Progress` of your own.
      metrics: what else to record: functions of your own (see `grokjax.metric`), and names of
        `grokjax.metrics.builtin.OPTIONAL_BY_NAME`, such as `progress` (Nanda et al. 2023).
      compile_cache: whether to keep compiled programs in the user's cache folder, and to load those
        that an earlier process has compiled on the same machine, with the same bits. Also off by
        the environment variable `GROKJAX_COMPILE_CACHE=off`, which can name another folder.
      on_evaluation: a function, or several, called on the host after each round with the members
        that were evaluated, int32 `[E]`, their epochs, int32 `[E]`, and the metrics, `[E, ...]` by
        name. It may return numbers of members to stop, which end with status `pruned`. If it
        raises, a line says so and training goes on; if it is slow, it is called less often, with
        several rounds at once. See `grokjax.training.evaluation_callback.Callback`, and
        `grokjax.interop` for CSV, TensorBoard and Weights & Biases.
      recipe: a name to note in the run's config.json.
      init: parameters that members start from, in place of those that their seeds draw: of one
        network for all, as `Run.params_of` gives them, or with a leading axis of members, as
        `Run.params`. The run keeps them. `init_scale` multiplies them, and `fixed_norm` and
        `decay_towards="initial"` refer to the product.
      shard: to train only every N-th member from the K-th on, as `(K, N)` or `"K/N"`, K from 1: one
        task of a Slurm array; `grokjax.merge` joins their directories. `init` is of these members.
      resume: whether to go on with a run that `out` holds, as `resume(out, sweep=sweep)` does: a
        script that is stopped and started again then trains only what is missing.

    Returns:
      The finished run, as `load(out)`.

    Raises:
      ConfigError: settings or arguments that cannot be used, a directory that holds something or is
        being written, too little memory or disk, initial parameters that do not fit, a task, model,
        rule or metric of your own that does not fit, or, with `resume`, a run of another sweep or
        of other initial parameters. Nothing is written then.
      Interrupted: a signal came (SIGINT, SIGTERM, SIGHUP, SIGUSR1 or SIGUSR2); everything is saved,
        and the message says how to resume.

    Example:
      >>> config = Config(modulus=5, embed_dim=4, hidden_dim=8, max_epochs=20, stop_when="never")
      >>> run = train(Sweep(config, seed=range(2)), "runs/new", progress=False)
      >>> run.history.test_loss.shape, run.embeddings.shape
      ((2, 2), (2, 5, 4))
    """
    options = Options(
        lanes, devices, checkpoint_every, progress, metrics, compile_cache, on_evaluation
    )
    sweep = preflight.as_sweep(sweep)
    preflight.check_recipe(recipe)
    part = None if shard is None else parse_shard(shard)
    if part is not None:
        sweep = members_of_shard(sweep, part)
    given = None if init is None else initial_weights.flat_arrays(init, wanted=sweep[0].float_dtype)
    directory = preflight.run_directory(out)  # the working directory may change, or be removed
    configure_devices(devices)
    if check_bool("resume", resume) and shared_directory.holds_run(directory):
        initial_weights.check_same(given, directory)
        return resume_run(directory, sweep, options, restartable=True)
    recorded = (*BUILTIN, *options.added_metrics)
    return start_run(
        directory, sweep, options, recorded, recipe, given, restartable=resume, shard=part
    )


def resume(
    directory: str | Path,
    *,
    sweep: Sweep | Config | None = None,
    lanes: int | str = "auto",
    devices: int | str = "auto",
    checkpoint_every: float = CHECKPOINT_EVERY,
    progress: bool | Progress = True,
    metrics: Iterable[Any] = (),
    compile_cache: bool = True,
    on_evaluation: Callback | Iterable[Callback] | None = None,
) -> Run:
    """Resume a run where its last checkpoint left it, with the same bits on CPU.

    Lanes, devices and processes may be others than before. A `sweep` has all of the run's members,
    and extends it: new members are added, and a greater `max_epochs` trains those on that ended at
    the old one. Nothing that was trained is trained again.

    Args:
      directory: the run.
      sweep: the run's members and new ones; None: as they are.
      metrics: the functions of your own that the run records.
      lanes: as for `train`.
      devices: as for `train`.
      checkpoint_every: as for `train`.
      progress: as for `train`.
      compile_cache: as for `train`.
      on_evaluation: as for `train`.

    Raises:
      FileNotFoundError: there is no run.
      DamagedRun: it cannot be read.
      ConfigError: `sweep` lacks one of the run's members, config.json was changed by hand, a piece
        of your own that the run needs is unknown or has changed, or as for `train`.
      Interrupted: as for `train`.

    Example:
      >>> config = Config(modulus=5, embed_dim=4, hidden_dim=8, max_epochs=20, stop_when="never")
      >>> run = train(Sweep(config, seed=range(2)), "runs/short", progress=False)
      >>> longer = Sweep(config.replace(max_epochs=40), seed=range(3))
      >>> resume("runs/short", sweep=longer, progress=False).members.epochs.tolist()
      [40, 40, 40]
    """
    options = Options(
        lanes, devices, checkpoint_every, progress, metrics, compile_cache, on_evaluation
    )
    return resume_run(directory, sweep, options)
