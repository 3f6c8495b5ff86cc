"""A run that is killed at any moment, even at its start or in a save, resumes to the same bits."""

import random
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

import grokjax
from grokjax import Sweep
from grokjax.cli import info
from grokjax.config.config import Config
from tests.conftest import TINY, flags
from tests.training.test_resume import assert_same

pytestmark = pytest.mark.fault

KILLS = 20
CHAINS = 2  # run directories that are trained and killed in parallel
EARLY, STARTING = 4, 4.0  # every fourth kill comes within 4 s of the start: imports, compiling
# Enough epochs that training lasts longer than the kills, few enough that some members finish.
SEEDS, EPOCHS = 24, 600
CONFIG = Config(**TINY | {"max_epochs": EPOCHS})
TRAIN = [
    *(sys.executable, "-m", "grokjax", "train", "--seeds", str(SEEDS)),
    *flags(max_epochs=EPOCHS),
]
# Saving takes about as long as the interval, so about half of the kills come during a save.
OFTEN = ["--checkpoint-every", "0.05", "--devices", "1"]


def newest(out):
    numbers = [int(p.name) for p in (out / "checkpoints").glob("*") if p.name.isdigit()]
    return max(numbers, default=0)


def train_and_kill(out, delay, early):
    """Train and kill the process `delay` seconds after its first save or, if `early`, its start.

    Returns whether it was killed, and had not finished.
    """
    resume = [sys.executable, "-m", "grokjax", "resume", str(out)]
    begun = (out / "config.json").exists()
    command = resume if begun else [*TRAIN, "--out", str(out)]
    before = newest(out)
    process = subprocess.Popen([*command, *OFTEN], stderr=subprocess.PIPE, text=True)
    while not early and process.poll() is None and newest(out) <= before:
        time.sleep(0.005)
    time.sleep(delay)
    at_last = newest(out)
    process.kill()
    _, stderr = process.communicate()
    assert process.returncode in (0, -9), stderr
    assert newest(out) >= at_last, "no checkpoint vanishes"
    return process.returncode == -9


def chain(out, seed):
    """Train and kill in one directory, and return how many kills came during a save."""
    delays = random.Random(seed)
    saving = 0
    for attempt in range(KILLS // CHAINS):
        early = attempt % EARLY == 0
        if not train_and_kill(out, delays.uniform(0, STARTING if early else 0.5), early):
            raise AssertionError("training finished: too few epochs for so many kills")
        saving += not early and any("tmp" in p.name for p in (out / "checkpoints").iterdir())
        if not (out / "config.json").exists():  # killed before the run was created
            continue
        run = grokjax.load(out)
        assert info.verify(run) == []
        assert (run.members["epochs"] <= EPOCHS).all()
    return saving


def test_twenty_kills_lose_no_bit(tmp_path):
    outs = [tmp_path / str(i) for i in range(CHAINS)]
    with ThreadPoolExecutor(CHAINS) as pool:
        saving = sum(pool.map(chain, outs, range(CHAINS)))
    assert saving, "at least one kill came during a save"
    whole = grokjax.train(Sweep(CONFIG, seed=range(SEEDS)), tmp_path / "whole", progress=False)
    for out in outs:
        assert_same(grokjax.resume(out, progress=False), whole)
        shutil.rmtree(out)
