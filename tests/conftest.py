"""Strict settings for all tests, and the small configuration that most of them train."""

import os

import jax
import pytest

from grokjax.config.config import Config

jax.config.update("jax_num_cpu_devices", 4)
jax.config.update("jax_numpy_rank_promotion", "raise")
assert len(jax.devices()) == 4, "the number of devices is fixed by their first use: here"

TINY = {
    "modulus": 7,
    "embed_dim": 4,
    "hidden_dim": 8,
    "batch_size": 9,
    "learning_rate": 1e-2,
    "eval_every": 2,
    "max_epochs": 6,
    "stop_when": "never",
}


def flags(**settings):
    """The words of a command line for `TINY` with some settings changed, each flag once."""
    named = {f"--{name.replace('_', '-')}": value for name, value in (TINY | settings).items()}
    return [word for name, value in named.items() for word in (name, str(value))]


def once(words):
    """Leave only the last of each flag: one that is given twice is refused."""
    flags = [[]]
    for word in words:
        if word.startswith("--"):
            flags.append([])
        flags[-1].append(word)
    last = {(flag or [""])[0].partition("=")[0].replace("_", "-"): flag for flag in flags}
    return [word for flag in last.values() for word in flag]


@pytest.fixture
def tiny():
    """A config that trains in no time: 24 pairs, 3 steps an epoch, the last of 6 rows."""
    return Config(**TINY)


@pytest.fixture(scope="session", autouse=True)
def compiled_once(tmp_path_factory):
    """Let processes of a session load what another has compiled; each session begins anew.

    Only programs that train: JAX's own cache, which has the others, too, and grokjax's exclude each
    other.
    """
    worker = "PYTEST_XDIST_WORKER" in os.environ
    shared = tmp_path_factory.getbasetemp()
    shared = (shared.parent if worker else shared) / "programs"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GROKJAX_COMPILE_CACHE", str(shared))
        patch.delenv("JAX_COMPILATION_CACHE_DIR", raising=False)
        # XLA doubts, with 3 kB on stderr a program, that this machine is the one that compiled.
        patch.setenv("TF_CPP_MIN_LOG_LEVEL", "3")
        yield
