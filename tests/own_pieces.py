"""A small run of the task, network, rule and metric in `experiments/your_own.py`."""

import subprocess
import sys
from pathlib import Path

import grokjax
from grokjax.cli import imports
from tests.conftest import TINY

FILE = Path(__file__).parents[1] / "experiments" / "your_own.py"


def train_own(out):
    """Train two sizes of the task with two seeds each."""
    imports.import_file(str(FILE))
    kinds = {"task": "maximum", "model": "SkipNet", "optimizer": "normalised_momentum"}
    settings = {
        name: TINY[name] for name in ("batch_size", "eval_every", "max_epochs", "stop_when")
    }
    config = grokjax.Config(**kinds, **settings, width=4, learning_rate=0.01)
    config = config.replace(snapshot="params", snapshot_every=2)
    metrics = [sys.modules["your_own"].effective_rank]
    sweep = grokjax.Sweep(config, size=[5, 6], seed=[0, 1])
    return grokjax.train(sweep, out, metrics=metrics, progress=False)


def run_program(program, *words):
    """Run a Python program in a process that has not imported the file."""
    command = [sys.executable, "-c", program, *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
