"""Record the environment of each session of a run: versions, machine, and compiler flags.

`config.json` has the first session's environment under `environment`, and those of the
sessions that resumed the run, in order, under `resumed_with`.
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

from grokjax.errors import MAX_SHOWN, printable

PACKAGES = ("grokjax", "jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "numpy", "xarray")

IO_PACKAGES = ("orbax-checkpoint", "xarray")
"""Packages that only write and read results, so that bits do not depend on them."""

VARIABLES = ("XLA_FLAGS", "LIBTPU_INIT_ARGS", "NVIDIA_TF32_OVERRIDE")
"""Environment variables that compiled code depends on; no others, which may be secret."""

HARMLESS_FLAGS = ("--xla_dump", "--xla_force_host_platform_device_count", "--xla_gpu_cuda_data_dir")
"""Prefixes of flags that bits do not depend on."""

PINNED_SETTINGS = (
    "jax_enable_x64",
    "jax_default_matmul_precision",
    "jax_default_prng_impl",
    "jax_threefry_partitionable",
    "jax_numpy_dtype_promotion",
    "jax_disable_jit",
)
"""Settings of JAX that `numerics.pinned_jax_settings` and `prng.stream_key` override."""

RECORDED_SETTINGS = (
    *PINNED_SETTINGS,
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


def record(devices: list[Any]) -> dict[str, Any]:
    """Return the environment of a session on these devices, for the run's config.json."""
    return {
        "began": time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime()),
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        "processor": processor_name(),
        "versions": package_versions(),
        "platform": devices[0].platform,
        "devices": [printable(device.device_kind) for device in devices],
        "flags": compiler_flags(),
        "settings": jax_settings(),
        "git_commit": git_commit(),
    }


def package_versions() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def processor_name() -> str:
    """Return the CPU model, which XLA compiles for, or an empty string if it is unknown."""
    try:
        lines = Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
    except OSError:
        return _short(platform.processor())
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return _short(names[0] if names else platform.processor())


def compiler_flags() -> dict[str, list[str]]:
    """Return the flags in each of `VARIABLES` that is set."""
    words = {name: os.environ.get(name, "").split() for name in VARIABLES}
    return {
        name: [_short(word) for word in each if not word.startswith(HARMLESS_FLAGS)]
        for name, each in words.items()
        if each
    }


def jax_settings() -> dict[str, str]:
    """Return JAX's settings, as far as this release has them."""
    import jax

    found = {
        name: getattr(jax.config, name, None)
        for name in RECORDED_SETTINGS
        if hasattr(jax.config, name)
    }
    return {name: _short(getattr(value, "value", value)) for name, value in found.items()}


def git_commit() -> str | None:
    """Return the commit of grokjax's own source, or None if it is not a checkout."""
    source = Path(__file__).resolve().parents[2]
    if not (source / ".git").exists():  # git would find the user's project above
        return None
    command = ["git", "-C", str(source), "rev-parse", "HEAD"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def sessions(info: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the environments of all sessions of a run, in order."""
    return [info["environment"], *info.get("resumed_with", [])]


def differences(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """List the changes that may change bits, such as `jax 0.12.0 instead of 0.10.1`.

    Values that an older grokjax did not record are not compared.
    """
    old, new = dict(_bit_relevant(before)), dict(_bit_relevant(after))
    return [
        f"{name} {new[name] or 'none'} instead of {old[name] or 'none'}"
        for name in new
        if name in old and old[name] != new[name]
    ]


def session_changes(info: dict[str, Any]) -> list[str]:
    """List the differences between consecutive sessions of a run, each once."""
    pairs = itertools.pairwise(sessions(info))
    return list(dict.fromkeys(text for pair in pairs for text in differences(*pair)))


def table_rows(environment: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield an environment's entries as (name, text)."""
    for name, value in environment.items():
        if isinstance(value, dict):
            yield from ((str(key), _text(each)) for key, each in value.items())
        else:
            yield name.replace("_", " "), _text(value)


def _bit_relevant(environment: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the entries that bits depend on as (name, text)."""
    for name in ("python", "machine", "processor", "platform"):
        if name in environment:
            yield name, _text(environment[name])
    yield "devices", _text(sorted({str(kind) for kind in environment["devices"]}))
    for name, version in environment["versions"].items():
        if name not in IO_PACKAGES:
            yield str(name), _text(version)
    if "flags" in environment:
        yield from ((name, _text(environment["flags"].get(name, ""))) for name in VARIABLES)
    for name, value in environment.get("settings", {}).items():
        if name not in PINNED_SETTINGS:
            yield str(name), _text(value)
    if environment.get("git_commit"):
        yield "grokjax's commit", _text(environment["git_commit"])[:10]


def _text(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def _short(text: object) -> str:
    """Shorten a text to the length that readers of config.json accept."""
    return printable(text)[:MAX_SHOWN]
