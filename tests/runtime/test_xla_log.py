"""XLA's alarms stay off the terminal of a command, unless the user asks for them."""

import os
import subprocess
import sys

import pytest

SLOW_CONSTANT = """
from grokjax.cli.main import main
assert main(["--version"]) == 0
import jax, jax.numpy as jnp
window = (80, 80), (1, 1), "SAME"
def folded():  # XLA evaluates it while it compiles, and raises an alarm after a second
    return jax.lax.reduce_window(jnp.full((40, 40), 2.0), 0.0, jax.lax.add, *window)
jax.jit(folded).lower().compile()
"""


@pytest.mark.parametrize(("level", "shown"), [(None, False), ("0", True)])
def test_an_alarm_is_shown_only_where_the_user_has_set_the_level(level, shown):
    unset = ("TF_CPP_MIN_LOG_LEVEL", "JAX_COMPILATION_CACHE_DIR")  # it must compile
    environment = {n: v for n, v in os.environ.items() if n not in unset}
    environment |= {} if level is None else {"TF_CPP_MIN_LOG_LEVEL": level}
    command = [sys.executable, "-c", SLOW_CONSTANT]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    # Level 0 also shows information, so this holds where folding takes less than a second.
    assert bool(done.stderr) == shown
    assert done.returncode == 0
