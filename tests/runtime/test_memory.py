"""Memory grows with lanes, not with members."""

import json
import subprocess
import sys

import pytest

from tests.conftest import TINY

SCRIPT = """
import json, resource, sys
import grokjax
from grokjax import Config, Sweep

config = Config(**json.loads(sys.argv[1]))
count, out = int(sys.argv[2]), sys.argv[3]
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
few = Sweep(config, seed=range(count // 6))
# Without a checkpoint, the most records wait to be written.
grokjax.train(few, out + "-few", progress=False, checkpoint_every=1e9)
before = peak()
run = grokjax.train(Sweep(config, seed=range(count)), out, progress=False, checkpoint_every=2)
print(before, peak() - before, run.history.nbytes)
"""


@pytest.mark.slow
def test_three_thousand_members_take_the_memory_of_five_hundred(tmp_path):
    """Only the settings and records grow; parameters are written as members end."""
    settings = json.dumps(TINY | {"embed_dim": 64, "hidden_dim": 128, "max_epochs": 2})
    command = [sys.executable, "-c", SCRIPT, settings, "3000", str(tmp_path / "run")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    _, growth, records = map(int, done.stdout.split())
    states = 2_500 * 3 * 4 * (7 * 64 + 128 * 128 + 128 + 128 * 7 + 7)  # with Adam's moments
    assert growth < states / 5, (growth, states, records)
