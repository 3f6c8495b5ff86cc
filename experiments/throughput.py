"""How fast is grokjax beside its rivals, and beside what the machine can do at all?

Every contender is a process (or one a core) that is set up once and then works
in turns, a slice of a few seconds each, so that the machine's drift meets all
alike. Each first computes the loss at planted weights, which must be NumPy's.
Compared are medians over the rounds of slices, and ratios within a round.

The limit: the matrix products of a factored step, at the rate at which the
machine does them with nothing else to do (the same shapes, the faster
of NumPy and XLA, all cores at once), and then the bytes that AdamW must move, at
the rate at which it copies arrays of that size. The two are added: the update
needs the gradients. `rivals/workload.py` counts them.

Excluded: start, compilation, the first two units of work, and of grokjax the
checkpoints (0.3% at the default interval). PyTorch is optional:
`python -m pip install 'torch>=2.5'`.
"""

from __future__ import annotations

import importlib.util
import itertools
import json
import os
import platform
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path

os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # many processes, one GPU

from rivals import scores
from rivals.scores import Row, Score
from rivals.stage import Process
from rivals.workload import WORKLOADS, Workload

from grokjax import commands, paths, plots
from grokjax.devices import cores
from grokjax.launching import picture, script
from grokjax.sessions import versions
from grokjax.settings import refuse

COUNTS = (1, 4, 16, 64)
"""Members side by side in PyTorch; the best counts."""

PAUSE = 0.2
"""Seconds between slices, for threads that spin a while after their work."""


@dataclass
class Args:
    """Member-steps a second of grokjax, of its rivals, and of the machine's matrix products."""

    out: Path = Path("runs/throughput.png")
    """The figure; tables and numbers lie beside it (.md, .json)."""
    workloads: tuple[str, ...] = tuple(WORKLOADS)
    """notebook: batches of 64, P = 53; full-batch: P = 113, fraction 0.3."""
    members: tuple[int, ...] = (1, 8, 64, 512, 4096)
    """Ensembles of grokjax."""
    repeats: int = 5
    """Slices of each; the median counts."""
    seconds: float = 3.0
    """Of a slice, at least."""
    torch: bool = True
    """Whether PyTorch takes part; it does only where it is installed."""
    json: bool = False
    """Print all numbers as JSON instead of tables."""


def cast(args: Args) -> list[Row]:
    """Who takes part, in the order of the table."""
    several, at_once = cores(), cores() if on_cpu() else 1
    torch = [
        Row("PyTorch loop, evaluating each epoch", "by_torch.Loop", 1),
        Row(f"the same in {several} processes", "by_torch.Loop", 1, several),
        Row("PyTorch loop, no evaluation", "by_torch.LoopWithoutEvaluation", 1),
        *(Row("PyTorch stacked (baddbmm)", "by_torch.Stacked", n) for n in COUNTS),
        *(Row("torch.func (vmap, grad)", "by_torch.Func", n) for n in COUNTS),
    ]
    known = args.torch and importlib.util.find_spec("torch") is not None
    return [
        *(torch if known else []),
        Row("JAX, one by one", "by_jax.OneByOne", 1),
        Row("JAX, naive vmap", "by_jax.Vmapped", 64),
        *(Row("grokjax", "by_grokjax.Train", n) for n in args.members),
        Row("grokjax, no evaluation", "by_grokjax.TrainWithoutEvaluation", like_ours(args)),
        Row("limit: products", "machine.Products", 1, at_once),
        Row("limit: bytes", "machine.Bytes", 1, at_once),
    ]


def on_cpu() -> bool:
    """Whether JAX will run there; asked of a process of its own, as asking takes the device."""
    ask = "import jax; print(jax.default_backend())"
    asked = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    return asked.stdout.split()[-1] == "cpu"


def like_ours(args: Args) -> int:
    """Members of the row that the others are compared with: 64, or the nearest below."""
    return max([min(args.members), *(n for n in args.members if n <= 64)])


def measure(work: Workload, rows: list[Row], args: Args) -> list[Score]:
    """All slices of all rows."""
    groups: dict[Row, list[Process]] = {}
    right = work.reference_loss(work.weights(scale=2.0, bias=0.3))
    found: dict[Row, Score] = {}
    try:
        for row in rows:
            on = sorted(os.sched_getaffinity(0)) if row.processes > 1 else [None]
            groups[row] = [Process(row.role, row.members, work, core) for core in on]
            for loss in [process.hear() for process in groups[row]]:
                if loss is not None and not abs(loss / right - 1) < 1e-4:
                    raise RuntimeError(f"{row}: loss {loss} at weights where NumPy has {right}")
            compiling = max(process.hear() for process in groups[row])
            found[row] = Score(row, compiling)
            say(f"{work.name}: {row} is ready, compiled in {compiling:.1f} s")
        for i in range(args.repeats):
            for row, group in groups.items():
                time.sleep(PAUSE)
                for process in group:
                    process.tell(args.seconds)
                found[row].add([process.hear() for process in group])
                say(f"{work.name}: {i + 1} of {args.repeats}: {row}: {found[row].last:,.0f}")
    except EOFError:
        raise RuntimeError("a contender ended; what it said stands above") from None
    finally:
        for process in itertools.chain(*groups.values()):
            process.end()
    return list(found.values())


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main(args: Args) -> None:
    for name in args.workloads:
        if name not in WORKLOADS:
            raise refuse("workloads", name, "one of " + ", ".join(WORKLOADS))
    for name in ("repeats", "seconds"):
        if not getattr(args, name) > 0:
            raise refuse(name, getattr(args, name), "it must be above 0")
    if min(args.members, default=0) < 1 or len(set(args.members)) < len(args.members):
        raise refuse("members", args.members, "different numbers of at least 1")
    if not args.workloads:
        raise refuse("workloads", args.workloads, "at least one of " + ", ".join(WORKLOADS))
    paths.writable("out", args.out, "name another file by --out")
    rows = cast(args)
    results = {name: measure(WORKLOADS[name], rows, args) for name in args.workloads}
    tables = [scores.table(WORKLOADS[name], found) for name, found in results.items()]
    if not any("torch" in row.role for row in rows):
        install = f"{commands.python()} -m pip install 'torch>=2.5'"
        why = f"it is not installed; {install}" if args.torch else "--no-torch"
        tables.append(f"PyTorch did not take part: {why}\n")
    numbers = {
        "cores": cores(),
        "platform": platform.platform(),
        "versions": versions() | {"torch": torch_version()},
        "settings": {k: v for k, v in asdict(args).items() if k != "out"},
        "workloads": {name: scores.numbers(WORKLOADS[name], s) for name, s in results.items()},
    }
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.with_suffix(".md").write_text("\n".join(tables))
    args.out.with_suffix(".json").write_text(json.dumps(numbers, indent=1) + "\n")
    print(json.dumps(numbers) if args.json else "\n".join(tables))
    picture(lambda: plots.save(scores.draw(results), args.out), say)


def torch_version() -> str:
    try:
        return metadata.version("torch")
    except metadata.PackageNotFoundError:
        return "not installed"


if __name__ == "__main__":
    script(main, Args)
