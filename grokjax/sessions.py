"""What the sessions of a run were made with: versions, machine and flags that bits depend on.

`config.json` has the environment of the first session under `environment`, and those of the
sessions that went on with the run, in order, under `resumed_with`.
"""

from __future__ import annotations

import itertools
import os
import platform
import subprocess
import time
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

from grokjax.settings import LONGEST, shown

PACKAGES = ("grokjax", "jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "numpy", "xarray")

READING = ("orbax-checkpoint", "xarray")
"""Packages that only write and read what was computed."""

VARIABLES = ("XLA_FLAGS", "LIBTPU_INIT_ARGS", "NVIDIA_TF32_OVERRIDE")
"""Environment variables that compiled code depends on. Others may be secret: none is recorded."""

HARMLESS = ("--xla_dump", "--xla_force_host_platform_device_count", "--xla_gpu_cuda_data_dir")
"""Beginnings of flags that bits do not depend on."""

PINNED = (
    "jax_enable_x64",
    "jax_default_matmul_precision",
    "jax_default_prng_impl",
    "jax_threefry_partitionable",
    "jax_numpy_dtype_promotion",
    "jax_disable_jit",
)
"""Settings of JAX that `numerics.pinned` and `streams` overrule."""

SETTINGS = (
    *PINNED,
    "jax_random_seed_offset",
    "jax_high_dynamic_range_gumbel",
    "jax_disable_most_optimizations",
    "jax_optimization_level",
    "jax_exec_time_optimization_effort",
    "jax_memory_fitting_level",
    "jax_memory_fitting_effort",
    "jax_allow_f16_reductions",
    "jax_softmax_custom_jvp",
    "jax_threefry_gpu_kernel_lowering",
    "jax_use_direct_linearize",
    "jax_use_shardy_partitioner",
)
"""Settings of JAX (`JAX_*` variables, `jax.config`) that are recorded."""


def environment(devices: list[Any]) -> dict[str, Any]:
    """What a session on these devices is made with, for the run's config.json."""
    return {
        "began": time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime()),
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        "processor": processor(),
        "versions": versions(),
        "platform": devices[0].platform,
        "devices": [shown(device.device_kind) for device in devices],
        "flags": flags(),
        "settings": settings(),
        "git_commit": git_commit(),
    }


def versions() -> dict[str, str]:
    """Installed versions of the packages that results depend on."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def processor() -> str:
    """Model of the CPU, which decides what XLA compiles for it; empty where it is not known."""
    try:
        lines = Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
    except OSError:
        return _short(platform.processor())
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return _short(names[0] if names else platform.processor())


def flags() -> dict[str, list[str]]:
    """The words of the environment variables that compiled code depends on, where they are set."""
    words = {name: os.environ.get(name, "").split() for name in VARIABLES}
    return {
        name: [_short(word) for word in each if not word.startswith(HARMLESS)]
        for name, each in words.items()
        if each
    }


def settings() -> dict[str, str]:
    """JAX's settings, as far as this release has them."""
    import jax

    found = {
        name: getattr(jax.config, name, None) for name in SETTINGS if hasattr(jax.config, name)
    }
    return {name: _short(getattr(value, "value", value)) for name, value in found.items()}


def git_commit() -> str | None:
    """The commit of grokjax's own source, if it runs from a checkout."""
    source = Path(__file__).resolve().parents[1]
    if not (source / ".git").exists():  # git would look further up, into the user's own project
        return None
    command = ["git", "-C", str(source), "rev-parse", "HEAD"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def of(info: dict[str, Any]) -> list[dict[str, Any]]:
    """The environments of all sessions of a run, the first one first."""
    return [info["environment"], *info.get("resumed_with", [])]


def differences(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """What bits depend on and two sessions do not share, such as `jax 0.12.0 instead of 0.10.1`.

    What an older grokjax did not record is not compared.
    """
    old, new = dict(_decisive(before)), dict(_decisive(after))
    return [
        f"{name} {new[name] or 'none'} instead of {old[name] or 'none'}"
        for name in new
        if name in old and old[name] != new[name]
    ]


def changes(info: dict[str, Any]) -> list[str]:
    """The differences from each session of a run to the next, each once."""
    pairs = itertools.pairwise(of(info))
    return list(dict.fromkeys(text for pair in pairs for text in differences(*pair)))


def rows(environment: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """An environment as names and texts."""
    for name, value in environment.items():
        if isinstance(value, dict):
            yield from ((str(key), _text(each)) for key, each in value.items())
        else:
            yield name.replace("_", " "), _text(value)


def _decisive(environment: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Names and texts of what bits depend on."""
    for name in ("python", "machine", "processor", "platform"):
        if name in environment:
            yield name, _text(environment[name])
    yield "devices", _text(sorted({str(kind) for kind in environment["devices"]}))
    for name, version in environment["versions"].items():
        if name not in READING:
            yield str(name), _text(version)
    if "flags" in environment:
        yield from ((name, _text(environment["flags"].get(name, ""))) for name in VARIABLES)
    for name, value in environment.get("settings", {}).items():
        if name not in PINNED:
            yield str(name), _text(value)
    if environment.get("git_commit"):
        yield "grokjax's commit", _text(environment["git_commit"])[:10]


def _text(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def _short(text: object) -> str:
    """As `shown`, of a length that config.json is read with."""
    return shown(text)[:LONGEST]
