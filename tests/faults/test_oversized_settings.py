"""Settings that are too large for any machine are refused in one line, before anything is built."""

import re
import subprocess
import sys

import pytest

from grokjax import Config, Sweep
from grokjax.errors import ConfigError
from grokjax.metrics.builtin import BUILTIN
from grokjax.runtime import memory
from grokjax.training import inventory, preflight

pytestmark = pytest.mark.fault

SCRIPT = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (4 * 2**30, 4 * 2**30))
from grokjax.cli.main import main

code = main(["train", *sys.argv[1:]])
sys.exit(f"exit code {code}; jax: {'jax' in sys.modules}")
"""


def refusal(flags, out, jax):
    """Return what a process with 4 GB prints; assert that it exits with 2, with JAX or without."""
    command = [sys.executable, "-c", SCRIPT, "--out", str(out), *flags.split()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    *lines, last = done.stderr.splitlines()
    assert last == f"exit code 2; jax: {jax}", done.stderr
    assert len(lines) == 1, done.stderr
    assert list(out.parent.iterdir()) == []
    return lines[0]


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        ("--modulus 46340", "modulus 46340 needs about"),
        ("--modulus 20000", "modulus 20000 needs about"),
        ("--eval-every 10000000 --max-epochs 10000000", "eval_every 10000000 needs about"),
        ("--max-epochs 1000000000000000000", "max_epochs 1000000000000000000 2147483647"),
        ("--batch-size 1000000000000", "batch_size 1000000000000"),
        ("--seeds 1000000000", "seeds 1000000000 100000"),
    ],
)
def test_oversized_data_and_counts_are_refused_without_jax(flags, named, tmp_path):
    line = refusal(flags, tmp_path / "run", jax=False)
    assert all(re.search(rf"\b{word}\b", line) for word in named.split()), line


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        ("--embed-dim 1000000000", "embed_dim 1000000000"),
        ("--hidden-dim 2147483647", "hidden_dim 2147483647"),
        ("--classes 2147483647", "classes 2147483647"),
        ("--grokfast ma --grokfast-window 9999999", "grokfast_window 9999999"),
    ],
)
def test_an_oversized_state_is_refused_with_4_gb(flags, named, tmp_path):
    """JAX finds the shapes of the parameters, and allocates none."""
    line = refusal(flags, tmp_path / "run", jax=True)
    assert all(re.search(rf"\b{word}\b", line) for word in f"{named} needs about".split()), line


def test_the_setting_that_needs_most_memory_is_named_and_lanes_count(monkeypatch):
    """A lane of the default needs 3 x 12 x 79 925 bytes and rows of 20 epochs; its table 3 MB."""
    config = Config(grokfast="ma", grokfast_window=10)
    monkeypatch.setattr(memory, "available", lambda: 50_000_000)

    def check(sweep, lanes=1):
        preflight.check_memory(sweep, inventory.take_inventory(sweep, BUILTIN), lanes)

    check(Sweep(config))
    with pytest.raises(ConfigError, match=r"^hidden_dim must be smaller: .* got 256"):
        check(Sweep(config), lanes=50)
    with pytest.raises(ConfigError, match=r"^modulus .* got 499"):
        check(Sweep(config.replace(modulus=499, hidden_dim=100, eval_every=1)), lanes=3)
    with pytest.raises(ConfigError, match=r"^grokfast_window .* got 1000"):
        check(Sweep(config, grokfast_window=[10, 1000]))


def test_lanes_are_limited_to_the_members(tmp_path):
    """`--lanes 1000000000` trains as many lanes as members; so many devices are refused."""
    from grokjax.cli import main

    flags = ["train", "--out", str(tmp_path / "run"), "--devices", "1000000000"]
    assert main.main(flags) == 2
    flags = ["--modulus", "5", "--max-epochs", "1", "--eval-every", "1", "--quiet"]
    lanes = ["--embed-dim", "4", "--hidden-dim", "6", "--seeds", "2", "--lanes", "1000000000"]
    assert main.main(["train", "--out", str(tmp_path / "run"), *flags, *lanes]) == 0


def test_available_memory_respects_the_limit_of_the_address_space(monkeypatch):
    import resource

    monkeypatch.setattr(resource, "getrlimit", lambda _: (1, 1))
    assert memory.available() == 0
