"""Draw command lines at random, run them up to training, and train one round of their members."""

import contextlib
import io
from dataclasses import dataclass, field

import jax
import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from grokjax.cli import main
from grokjax.cli.exit_codes import MAX_MESSAGE_LENGTH
from grokjax.config.stopping import judge
from grokjax.config.sweep import Program
from grokjax.metrics.builtin import BUILTIN
from grokjax.runtime import environment
from grokjax.storage.member_state import StopState
from grokjax.training import starting
from grokjax.training.lanes import Lanes
from tests.conftest import once

MAX_MESSAGE = MAX_MESSAGE_LENGTH + len("grokjax: \n") + 1
"""More than the characters of the longest refusal."""

TINY = [
    *("--modulus", "5", "--embed-dim", "4", "--hidden-dim", "6", "--batch-size", "7"),
    *("--eval-every", "1", "--max-epochs", "1", "--seeds", "2"),
]

SHAPES = [
    "",
    "--modulus 2 --embed-dim 0 --hidden-dim 1",
    "--split torch --batch-size 2147483647 --grokfast ema",
    "--optimizer sgd --beta1 0.9999999 --decay-towards initial",
    "--grokfast ma --grokfast-window 2 --loss stablemax --hidden-layers 3 "
    "--layer-normalization True --activation gelu",
    "--optimizer adam --beta2 0.9999999 --eps 1.2e-38 --warmup-steps 2147483647 --gradient-noise 1 "
    "--schedule cosine --decay-steps 1",
    "--recipe gromov --embed-dim 0",
    "--fixed-norm True --orthogonal-gradient True --tied True --embed-dim 6 --combine sum "
    "--beta1 0 --beta2 0",
    "--classes 9 --split symmetric --loss mse --activation square --biases False",
]
"""Static settings, which are few because each is compiled."""

GOOD = {
    "seed": ["0 1", "4294967295", "3 1_000", "٣"],
    "data-seed": ["0", "4294967295", "7 8"],
    "learning-rate": ["0", "1e-3", "0.1 1", "3.4e38", "1e-300", "-0.0", "1e-45"],
    "weight-decay": ["0", "1 2", "3.4e38", "1e-320"],
    "init-scale": ["1e-15", "3.4e38", "0.1 10", "1e19"],
    "train-fraction": ["0.3", "0.99", "0.5 0.7", "0.9999999999999999"],
    "operation": ["add multiply", "sum", "random", "a3+ab2+b", "divide", "add-or-multiply"],
    "label-noise": ["0", "1", "0.5 1e-320"],
    "final-rate": ["0", "1"],
    "grokfast-alpha": ["0", "0.9999999", "0.5"],
    "grokfast-lambda": ["0", "3.4e38", "2 5", "None"],
    "stop-when": ["never", "grokked"],
    "stop-patience": ["1", "2147483647"],
    "extra-epochs": ["0", "2147483647"],
    "snapshot-every": ["1", "2147483647", "None"],
    "snapshot-spacing": ["regular", "log", "transition"],
    "max-epochs": ["1", "7", "100000"],
    "seeds": ["1", "3", "None"],
    "lanes": ["auto", "1", "1000000000", " 2"],
    "devices": ["auto", "1", "4"],
    "checkpoint-every": ["1e-300", "inf", "3600"],
    "num-processes": ["1"],
    "quiet": [""],
    "full-batch": [""],
}
"""Values that are valid by themselves, including the ends of their ranges."""

BAD = {
    "modulus": ["1", "46341", "46340", "20000", "5.0", "-5"],
    "classes": ["1", "2", "2147483647", "2147483648"],
    "embed-dim": ["-1", "1000000000", "2147483647"],
    "hidden-dim": ["0", "2147483647", "1" + "0" * 39],
    "hidden-layers": ["0", "4", "two"],
    "batch-size": ["0", "1000000000000", "-7"],
    "grokfast-window": ["0", "-1", "2147483648"],
    "beta1": ["1", "-0.1", "0.99999999999"],
    "beta2": ["1.5", "0.99999999999"],
    "eps": ["0", "1e-39", "-1"],
    "eval-every": ["0", "2147483647", "-20"],
    "warmup-steps": ["-1", "2147483648", "0.5"],
    "split": ["fair", "TORCH"],
    "biases": ["yes", "1", "maybe"],
    "recipe": ["cake", "Gromov", "--seed"],
    "seeds": ["0", "-1", "1000000000", "1e3"],
    "devices": ["0", "5", "1000000000", "-1"],
    "coordinator": ["here", "here:0", "here:1"],
    "process-id": ["-1", "99999999999999999999"],
    "out": ["/dev/null", "/dev/null/below"],
    "full-batch": ["yes"],
}
"""Values that are invalid with all of the static settings."""

ANYTHING = [
    *("", " ", "nan", "inf", "-inf", "1e400", "-1", "abc", "None", "null", "[]", "{}", "9" * 30),
    *("9" * 5000, "x" * 100_000, "é", "\udcff", "\x00", "\x1b[31m", "-", "--", "---", "True", "\n"),
]

NAMES = sorted(GOOD.keys() | BAD.keys())


def misspelt(name):
    """Draw a name similar to this one; it is no flag, except for `no-` before a boolean."""
    return st.sampled_from([name[:-1], name + "s2", name[:2], name.upper(), name[1:], "no-" + name])


@st.composite
def flags(draw):
    """Draw a flag with values that are valid, out of range, or anything; sometimes misspelt."""
    pool = draw(st.sampled_from([GOOD, GOOD, GOOD, BAD, None]))
    name = draw(st.sampled_from(sorted(pool or NAMES)))
    values = draw(st.sampled_from(pool[name]) if pool else st.sampled_from(ANYTHING)).split(" ")
    if not pool:
        return [f"--{name}", " ".join(values)]
    if draw(st.integers(0, 11)) == 0:
        name = draw(misspelt(name))
    elif draw(st.booleans()):
        name = name.replace("-", "_")
    if len(values) == 1 and values[0] and draw(st.booleans()):
        return [f"--{name}={values[0]}"]
    return [f"--{name}", *filter(None, values)]


@st.composite
def lines(draw):
    """Draw a command line; `OUT` and `RUN` stand for directories."""
    more = [word for flag in draw(st.lists(flags(), max_size=3)) for word in flag]
    command = draw(st.sampled_from(["train"] * 5 + ["resume", "other", "other"]))
    if command == "train":
        given = ["train", "--out", "OUT", *TINY, *draw(st.sampled_from(SHAPES)).split(), *more]
        return given if draw(st.integers(0, 7)) == 0 else once(given)
    if command == "resume":
        return ["resume", "RUN", *draw(st.sampled_from([[], ["--add-seeds", "3"]])), *more]
    first = ["info", "check", "report", "recipes", "dance", "Train", "--modulus", ""]
    word = draw(st.sampled_from(first))
    return [word, *draw(st.sampled_from([[], ["OUT"], ["--show"], ["--show", "cake"]])), *more]


class Accepted(BaseException):
    """A launch passed all checks; the argument is its sweep."""


def stop_before_training(patch: pytest.MonkeyPatch):
    """Let launches end with `Accepted` once everything is checked and nothing is written yet."""
    real = starting.Launch

    def launch(directory, sweep, *rest):
        real(directory, sweep, *rest)
        raise Accepted(sweep)

    patch.setattr(starting, "Launch", launch)
    patch.setattr(environment, "git_commit", lambda: None)


def attempt(line):
    """Return the exit code, the text on stderr, and the sweep if the command was accepted."""
    out, err = io.StringIO(), io.StringIO()
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main.main(line)
    except Accepted as accepted:
        return 0, err.getvalue(), accepted.args[0]
    return code, err.getvalue(), None


def is_specific(line, message):
    """Return whether a refusal names its cause: a word of the command line, or the sweep."""
    parts = [part for word in line for part in word.removeprefix("--").split("=")]
    words = {part[:20] for part in parts} - {"", "1", "0"}
    if message.startswith(("grokjax: sweep", "grokjax: command line")):
        return True
    text = message.replace("_", "-")
    return any(word.replace("_", "-") in text for word in words)


@dataclass
class OneRound:
    """Trains one round of many members, grouped by program."""

    groups: dict = field(default_factory=dict)

    def add(self, sweep):
        for member in sweep:
            self.groups.setdefault(member.program, {})[member] = None

    def train(self):
        """Yield each member with its metrics and its status after a round."""
        for group in self.groups.values():
            members = list(group)
            program = Program.of(dict(enumerate(members)))
            lanes = Lanes(program, jax.devices()[:4], 4, BUILTIN)
            for i in range(0, len(members), 4):
                few = dict(enumerate(members[i : i + 4]))
                lanes.start(few)
                metrics = lanes.round()
                for lane, member in few.items():
                    row = {name: values[lane] for name, values in metrics.items()}
                    yield member, row, judge(member, StopState(), member.eval_every, row)[1]


def is_moderate(member):
    """Return whether all settings of a member are small enough for finite numbers."""
    largest = {"learning_rate": 1, "weight_decay": 10, "init_scale": 10, "gradient_noise": 10}
    moderate = all(getattr(member, name) <= value for name, value in largest.items())
    return moderate and (member.grokfast_lambda or 0) <= 10


def is_finite(metrics):
    """Return whether all metrics are finite."""
    return all(np.isfinite(values).all() for values in metrics.values())


def fuzzed(examples):
    """Return settings of hypothesis: the same cases each time, without a time limit."""
    return settings(
        max_examples=examples,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
