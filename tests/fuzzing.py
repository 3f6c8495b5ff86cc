"""What the fuzzing tests share: command lines to draw, what became of them, and one round."""

import contextlib
import io
from dataclasses import dataclass, field

import jax
import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from grokjax import cli, ensemble, sessions
from grokjax.lanes import Lanes
from grokjax.stopping import judge
from grokjax.sweep import Program
from tests.conftest import once

SHORT = 20_000
"""Characters of the longest refusal: the parser's box around a value of many characters."""

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
"""Static settings: each of these is compiled, so they are few."""

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
"""Values that are legal by themselves, at the ends of their ranges too."""

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
"""Values that no shape allows."""

ANYTHING = [
    *("", " ", "nan", "inf", "-inf", "1e400", "-1", "abc", "None", "null", "[]", "{}", "9" * 30),
    *("9" * 5000, "x" * 100_000, "é", "\udcff", "\x00", "\x1b[31m", "-", "--", "---", "True", "\n"),
]

NAMES = sorted(GOOD.keys() | BAD.keys())


def misspelt(name):
    """Names near this one. None is a flag, but for the `no-` of a boolean."""
    return st.sampled_from([name[:-1], name + "s2", name[:2], name.upper(), name[1:], "no-" + name])


@st.composite
def flags(draw):
    """One flag with its values: legal, out of range, or anything; now and then misspelt."""
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
    """A command line; `OUT` and `RUN` stand for directories."""
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
    """The sweep that came through the door."""


def stop_at_the_door(patch: pytest.MonkeyPatch):
    """Launches end where all is checked and nothing is written yet, with `Accepted`."""
    real = ensemble._engine

    def engine(directory, sweep, *rest):
        real(directory, sweep, *rest)
        raise Accepted(sweep)

    patch.setattr(ensemble, "_engine", engine)
    patch.setattr(sessions, "git_commit", lambda: None)


def attempt(line):
    """The exit code and what was said on stderr, or the sweep that was accepted."""
    out, err = io.StringIO(), io.StringIO()
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = cli.main(line)
    except SystemExit as stop:
        code = stop.code
    except Accepted as accepted:
        return 0, err.getvalue(), accepted.args[0]
    return code, err.getvalue(), None


def named(line, said):
    """Whether a refusal says what it is about: a word of the command line, or the sweep."""
    parts = [part for word in line for part in word.removeprefix("--").split("=")]
    words = {part[:20] for part in parts} - {"", "1", "0"}
    alike = said.replace("_", "-")
    if said.startswith(("grokjax: sweep:", "grokjax: command line:")):
        return True
    return any(word.replace("_", "-") in alike for word in words)


@dataclass
class Round:
    """One round of many members, by the program that trains them."""

    groups: dict = field(default_factory=dict)

    def add(self, sweep):
        for member in sweep:
            self.groups.setdefault(member.compiled, {})[member] = None

    def train(self):
        """Yields each member with its metrics and its status after a round."""
        for config, members in self.groups.items():
            members = list(members)
            bound = max(member.train_size for member in members)
            program = Program(config, tuple(range(len(members))), bound)
            found = jax.devices()[:4]
            lanes = Lanes(program, found, 4)
            for i in range(0, len(members), 4):
                few = dict(enumerate(members[i : i + 4]))
                lanes.start(few)
                metrics = lanes.round()
                for lane, member in few.items():
                    row = {name: values[lane] for name, values in metrics.items()}
                    yield member, row, judge(member, judge_begins(), member.eval_every, row)[1]


def judge_begins():
    from grokjax.stopping import Standing

    return Standing()


def tame(member):
    """Whether no strength of a member is large enough to make numbers explode by itself."""
    most = {"learning_rate": 1, "weight_decay": 10, "init_scale": 10, "gradient_noise": 10}
    return all(getattr(member, n) <= most[n] for n in most) and (member.grokfast_lambda or 0) <= 10


def finite(metrics):
    """Whether all metrics are finite."""
    return all(np.isfinite(values).all() for values in metrics.values())


def fuzzed(examples):
    """The settings of every fuzz: the same cases each time, and no clock."""
    return settings(
        max_examples=examples,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
