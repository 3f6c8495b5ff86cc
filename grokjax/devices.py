"""Devices: how many, whether their numbers can be trusted, and how many lanes they carry."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path
from typing import Any

from grokjax import door, forking, hosts, selfcheck
from grokjax.settings import ConfigError, refuse

MEMORY_SHARE = 0.9
"""Of an accelerator's memory that lanes may take; XLA keeps some for itself."""

MOST_DEVICES = 256
"""Of each process."""


def prepare(devices: int | str = "auto") -> int | None:
    """The `--devices` argument as a number, None for auto; sets CPU devices while that is possible.

    Their number is fixed when JAX is first used in a process. Raises ConfigError,
    also where the processes have unequal numbers; RuntimeError in a process that was forked
    after JAX was used.
    """
    import jax

    forking.refuse()

    wanted = door.number("devices", devices)
    if wanted is not None and wanted > MOST_DEVICES:  # JAX would make as many, on CPU
        raise refuse("devices", devices, f"at most {MOST_DEVICES}")
    with contextlib.suppress(RuntimeError):  # JAX is running already
        jax.config.update("jax_num_cpu_devices", wanted or cores())
    if hosts.count() > 1:
        numbers = [len(each) for each in by_process(jax.devices())]
        if len(set(numbers)) > 1:
            have = ", ".join(map(str, numbers))
            raise ConfigError(f"devices: the processes have {have}; make them equal by --devices")
    return wanted


def start(devices: int | str = "auto") -> list[Any]:
    """The devices to train on, of all processes, having checked that they compute right.

    On CPU, one device a core (or `devices` of them) beats XLA's own threads.

    Raises:
      ConfigError: as `prepare`, or more devices asked for than there are.
      RuntimeError: JAX finds none, or one of them computes wrong numbers.
    """
    import jax

    wanted = prepare(devices)
    try:
        found = by_process(jax.devices())
    except AssertionError as error:  # JAX's own, where JAX_PLATFORMS names what is not there
        platforms = os.environ.get("JAX_PLATFORMS", "any platform")
        raise RuntimeError(f"JAX finds no device of {platforms}") from error
    if len({len(each) for each in found}) > 1:
        numbers = ", ".join(str(len(each)) for each in found)
        raise ConfigError(
            f"devices: the processes have {numbers}; give --devices to make them equal"
        )
    if wanted is None and on_cpu(found[0]):
        wanted = min(len(found[0]), cores()) if len(found) == 1 else len(found[0])
    if wanted is not None and wanted > len(found[0]):
        raise refuse("devices", wanted, f"JAX has {len(found[0])} here ({found[0][0].platform})")
    used = [device for each in found for device in each[:wanted]]
    selfcheck.check(tuple(d for d in used if d.process_index == jax.process_index()))
    return used


def by_process(devices: list[Any]) -> list[list[Any]]:
    """Devices grouped by the process that owns them, in order."""
    groups: dict[int, list[Any]] = {}
    for device in sorted(devices, key=lambda device: (device.process_index, device.id)):
        groups.setdefault(device.process_index, []).append(device)
    return list(groups.values())


def on_cpu(devices: list[Any]) -> bool:
    """Whether lanes are set by the cache and not by memory."""
    return devices[0].platform == "cpu"


def memory(devices: list[Any]) -> int | None:
    """Bytes that lanes may take on each device, if it tells."""
    limits = [
        (device.memory_stats() or {}).get("bytes_limit")
        for device in devices
        if device.process_index == hosts.index()
    ]
    known = [int(MEMORY_SHARE * limit) for limit in limits if limit]
    return min(known, default=None)


def cores() -> int:
    """CPU cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def crowded(devices: list[Any]) -> str | None:
    """A line to show where more CPU devices train in this process than it has cores."""
    mine = sum(device.process_index == hosts.index() for device in devices)
    if not on_cpu(devices) or mine <= cores():
        return None
    return f"devices: {mine} CPU devices share {cores()} cores, which is no faster than {cores()}"


def lanes(wanted: int | str, devices: list[Any], members: int) -> tuple[int, list[Any]]:
    """Lanes in all, and the devices that carry them, as many of every process.

    On CPU always one a device, on as few devices as carry the wanted lanes and
    members; more lanes than devices are not to be had. Elsewhere at least two a
    device, evenly; "auto" is as many as there are members.

    Raises ConfigError if `wanted` is neither "auto" nor a number above 0.
    """
    number = min(door.number("lanes", wanted) or members, members)
    processes = by_process(devices)
    least = 1 if on_cpu(devices) else 2
    needed = -(-number // (least * len(processes)))  # devices of each process
    used = [device for each in processes for device in each[:needed]]
    each = 1 if on_cpu(devices) else max(least, -(-number // len(used)))
    return each * len(used), used


def free_space(directory: Path, needed: int) -> None:
    """Raises ConfigError unless the disk of `directory` has `needed` bytes free."""
    place = directory.absolute()
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    if free < needed:
        raise ConfigError(
            f"out: {directory} has {free / 1e6:.0f} MB free; this run needs about "
            f"{needed / 1e6:.0f} MB"
        )
