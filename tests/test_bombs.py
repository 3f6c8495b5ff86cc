"""Settings too large for any machine: refused in one line, before JAX is there to compile them."""

import subprocess
import sys

import pytest

from grokjax import Config, Sweep, memory, room
from grokjax.settings import ConfigError

pytestmark = pytest.mark.fault

SCRIPT = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (4 * 2**30, 4 * 2**30))
from grokjax import cli

code = cli.main(["train", *sys.argv[1:]])
sys.exit(100 if "jax" in sys.modules else code)
"""


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("--modulus 46340", "modulus: 46340 is not allowed; with it this run needs about"),
        ("--modulus 20000", "modulus: 20000 is not allowed; with it this run needs about"),
        ("--embed-dim 1000000000", "embed_dim: 1000000000 is not allowed; with it this run"),
        ("--hidden-dim 2147483647", "hidden_dim: 2147483647 is not allowed; with it this run"),
        ("--classes 2147483647", "classes: 2147483647 is not allowed; with it this run"),
        ("--grokfast ma --grokfast-window 9999999", "grokfast_window: 9999999 is not allowed"),
        ("--eval-every 10000000 --max-epochs 10000000", "eval_every: 10000000 is not allowed"),
        ("--max-epochs 1000000000000000000", "at least 1 and at most 2147483647"),
        ("--batch-size 1000000000000", "batch_size: 1000000000000 is not allowed; it must be"),
        ("--seeds 1000000000", "seeds: 1000000000 is not allowed; at most 100000"),
    ],
)
def test_a_bomb_is_one_line_with_4_gb_and_without_jax(flags, message, tmp_path):
    command = [sys.executable, "-c", SCRIPT, "--out", str(tmp_path / "run"), *flags.split()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2, done.stderr
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_what_is_refused_is_the_largest_part_and_lanes_count(monkeypatch):
    """A lane of the default takes 3 x 12 x 79 925 bytes, and rows of 20 epochs; its table 3 MB."""
    config = Config(grokfast="ma", grokfast_window=10)
    monkeypatch.setattr(memory, "available", lambda: 50_000_000)
    room.check(Sweep(config))
    with pytest.raises(ConfigError, match="hidden_dim: 256 is not allowed"):
        room.check(Sweep(config), lanes=50)
    with pytest.raises(ConfigError, match="grokfast_window: 1000 is not allowed"):
        room.check(Sweep(config, grokfast_window=[10, 1000]))


def test_more_lanes_than_members_are_no_more_lanes(tmp_path):
    """`--lanes 1000000000` trains as many as there are; so many devices are refused, not made."""
    from grokjax import cli

    flags = ["train", "--out", str(tmp_path / "run"), "--devices", "1000000000"]
    assert cli.main(flags) == 2
    flags = ["--modulus", "5", "--max-epochs", "1", "--eval-every", "1", "--quiet"]
    lanes = ["--embed-dim", "4", "--hidden-dim", "6", "--seeds", "2", "--lanes", "1000000000"]
    assert cli.main(["train", "--out", str(tmp_path / "run"), *flags, *lanes]) == 0


def test_a_limit_on_the_address_space_is_what_is_free(monkeypatch):
    import resource

    monkeypatch.setattr(resource, "getrlimit", lambda _: (1, 1))
    assert memory.available() == 0
