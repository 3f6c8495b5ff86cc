"""Choose the devices to train on, and check that they compute correctly."""

from __future__ import annotations

import contextlib
import math
import os
from typing import Any

from grokjax.errors import ConfigError, invalid
from grokjax.runtime import arguments, forking, processes, self_check

MEMORY_SHARE = 0.9
"""Share of an accelerator's memory that lanes may take; XLA keeps some for itself."""

MAX_DEVICES = 256
"""Per process."""


def configure_devices(devices: int | str = "auto") -> int | None:
    """Parse the `--devices` argument (None for auto), and set the number of CPU devices.

    JAX fixes that number when it is first used in a process; by default it is one a core.

    Raises:
      ConfigError: invalid value, or the processes have unequal numbers of devices.
      RuntimeError: this process was forked after JAX was used.
    """
    import jax

    forking.check_not_forked()
    count = arguments.parse_auto_or_count("devices", devices)
    if count is not None and count > MAX_DEVICES:  # JAX would make as many, on CPU
        raise invalid("devices", devices, f"must be at most {MAX_DEVICES}")
    with contextlib.suppress(RuntimeError):  # JAX is already in use
        jax.config.update("jax_num_cpu_devices", count or core_count())
    if processes.process_count() > 1:
        counts = [len(each) for each in group_by_process(jax.devices())]
        if len(set(counts)) > 1:
            found = ", ".join(map(str, counts))
            raise ConfigError(f"devices: the processes have {found}; make them equal by --devices")
    return count


def select_devices(devices: int | str = "auto") -> list[Any]:
    """Return the devices to train on, of all processes, after a self-check of this process's.

    On CPU, one device a core is faster than XLA's own threads.

    Raises:
      ConfigError: as `configure_devices`, or more devices are wanted than exist.
      RuntimeError: JAX finds no device, or one of them computes wrong numbers.
    """
    import jax

    wanted = configure_devices(devices)
    try:
        found = group_by_process(jax.devices())
    except AssertionError as error:  # JAX raises it if JAX_PLATFORMS names a missing platform
        platforms = os.environ.get("JAX_PLATFORMS", "any platform")
        raise RuntimeError(f"JAX finds no device of {platforms}") from error
    first = found[0]
    if wanted is None and on_cpu(first) and len(found) == 1:
        wanted = min(len(first), core_count())
    if wanted is not None and wanted > len(first):
        available = f"must be at most the {len(first)} that JAX has here ({first[0].platform})"
        raise invalid("devices", wanted, available)
    used = [device for each in found for device in each[:wanted]]
    self_check.check_devices(tuple(d for d in used if d.process_index == jax.process_index()))
    return used


def group_by_process(devices: list[Any]) -> list[list[Any]]:
    """Group devices by the process that owns them, in order of process and device."""
    groups: dict[int, list[Any]] = {}
    for device in sorted(devices, key=lambda device: (device.process_index, device.id)):
        groups.setdefault(device.process_index, []).append(device)
    return list(groups.values())


def on_cpu(devices: list[Any]) -> bool:
    """Whether these are CPU devices, where lanes train one after the other."""
    return devices[0].platform == "cpu"


def memory_for_lanes(devices: list[Any]) -> float:
    """Return the bytes that lanes may take on each device; infinite if no device reports them."""
    limits = [
        (device.memory_stats() or {}).get("bytes_limit")
        for device in devices
        if device.process_index == processes.process_index()
    ]
    return min((int(MEMORY_SHARE * limit) for limit in limits if limit), default=math.inf)


def core_count() -> int:
    """Return the number of CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def oversubscription_warning(devices: list[Any]) -> str | None:
    """Return a warning if this process trains on more CPU devices than it has cores."""
    local = sum(device.process_index == processes.process_index() for device in devices)
    cores = core_count()
    if not on_cpu(devices) or local <= cores:
        return None
    return f"devices: {local} CPU devices share {cores} cores, which is no faster than {cores}"
