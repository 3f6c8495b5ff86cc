"""Memory is set by the lanes, not by the members."""

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
few = Sweep(config, seed=range(count // 10))
grokjax.train(few, out + "-few", progress=False, checkpoint_every=2)
before = peak()
run = grokjax.train(Sweep(config, seed=range(count)), out, progress=False, checkpoint_every=2)
print(before, peak() - before, run.history.nbytes)
"""


@pytest.mark.slow
def test_ten_thousand_members_take_the_memory_of_a_thousand(tmp_path):
    """What grows is the table of settings and the records; parameters are written as they come."""
    settings = json.dumps(TINY | {"embed_dim": 32, "hidden_dim": 64, "max_epochs": 2})
    command = [sys.executable, "-c", SCRIPT, settings, "10000", str(tmp_path / "run")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    _, growth, records = map(int, done.stdout.split())
    states = 9_000 * 3 * 4 * (7 * 32 + 64 * 64 + 64 + 64 * 7 + 7)  # with Adam's moments
    assert growth < states / 5, (growth, states, records)
