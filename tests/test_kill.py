"""Killed at any moment, also at its start or in a save, a run goes on and ends with its bits."""

import random
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

import grokjax
from grokjax import Sweep, inspection
from grokjax.config import Config
from tests.conftest import TINY, flags
from tests.test_resume import assert_same

pytestmark = pytest.mark.fault

KILLS = 20
CHAINS = 2  # at once, a core each
EARLY, STARTING = 4, 4.0  # every fourth in so many seconds from its start: imports, compiling
# So many epochs that no chain is through after its kills, and so few of each member that some
# end between them.
SEEDS, EPOCHS = 24, 600
CONFIG = Config(**TINY | {"max_epochs": EPOCHS})
TRAIN = [
    *(sys.executable, "-m", "grokjax", "train", "--seeds", str(SEEDS)),
    *flags(max_epochs=EPOCHS),
]
# Saving takes about as long as the interval, so about every second kill falls into a save.
OFTEN = ["--checkpoint-every", "0.05", "--devices", "1"]


def newest(out):
    numbers = [int(p.name) for p in (out / "checkpoints").glob("*") if p.name.isdigit()]
    return max(numbers, default=0)


def live_and_die(out, moment, early):
    """One life of the trainer, `moment` seconds from when it has saved or, if `early`, from its
    start; whether it was killed.
    """
    resume = [sys.executable, "-m", "grokjax", "resume", str(out)]
    begun = (out / "config.json").exists()
    command = resume if begun else [*TRAIN, "--out", str(out)]
    before = newest(out)
    process = subprocess.Popen([*command, *OFTEN], stderr=subprocess.PIPE, text=True)
    while not early and process.poll() is None and newest(out) <= before:
        time.sleep(0.005)
    time.sleep(moment)
    at_last = newest(out)
    process.kill()
    _, said = process.communicate()
    assert process.returncode in (0, -9), said
    assert newest(out) >= at_last, "no checkpoint vanishes"
    return process.returncode == -9


def chain(out, seed):
    """Lives on one directory until it has been killed its share of times; in how many it saved."""
    moments = random.Random(seed)
    saving = 0
    for life in range(KILLS // CHAINS):
        early = life % EARLY == 0
        if not live_and_die(out, moments.uniform(0, STARTING if early else 0.5), early):
            raise AssertionError("it finished: too few epochs for so many kills")
        saving += not early and any("tmp" in p.name for p in (out / "checkpoints").iterdir())
        if not (out / "config.json").exists():  # killed before there was a run
            continue
        run = grokjax.load(out)
        assert inspection.verify(run) == []
        assert (run.members["epochs"] <= EPOCHS).all()
    return saving


def test_twenty_kills_lose_no_bit(tmp_path):
    outs = [tmp_path / str(i) for i in range(CHAINS)]
    with ThreadPoolExecutor(CHAINS) as pool:
        saving = sum(pool.map(chain, outs, range(CHAINS)))
    assert saving, "at least one kill fell into a save"
    whole = grokjax.train(Sweep(CONFIG, seed=range(SEEDS)), tmp_path / "whole", progress=False)
    for out in outs:
        assert_same(grokjax.resume(out, progress=False), whole)
        shutil.rmtree(out)
