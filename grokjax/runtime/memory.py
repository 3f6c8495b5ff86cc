"""Measure free memory, and refuse work that needs more."""

from __future__ import annotations

import contextlib
import os
import re
import resource
from pathlib import Path


def available() -> int:
    """Return the bytes that this process can allocate without swapping.

    The limits of its control group and of `ulimit -v` count too. Where the system does not
    report free memory (outside Linux), this is all of the machine's memory.
    """
    try:
        free = re.search(r"MemAvailable:\s*(\d+) kB", Path("/proc/meminfo").read_text())
        found = [1024 * int(free[1])] if free else []
    except OSError:
        found = []
    for limit in ("memory.max", "memory/memory.limit_in_bytes"):  # cgroup v2 and v1
        with contextlib.suppress(OSError, ValueError):  # the file is missing or says "max"
            found.append(int((Path("/sys/fs/cgroup") / limit).read_text()))
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if found and limit != resource.RLIM_INFINITY:  # ulimit -v
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        found.append(max(0, limit - pages * os.sysconf("SC_PAGE_SIZE")))
    return min(found, default=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))


def require(what: str, needed: float) -> None:
    """Raise MemoryError, in one line that begins with `what`, unless so many bytes are free."""
    free = available()
    if needed > free:
        raise MemoryError(
            f"{what} needs {needed / 1e9:,.1f} GB of memory, but {free / 1e9:,.1f} GB are free"
        )
