"""Shards: every N-th member of a sweep, for the tasks of a Slurm array that train it together."""

from __future__ import annotations

import re
from typing import Any

from grokjax.config.sweep import Sweep
from grokjax.errors import invalid

Shard = tuple[int, int]
"""Number of the shard, from 1, and how many there are."""


def parse_shard(given: Any) -> Shard:
    """Return the shard that `(2, 8)` or the text `2/8` stands for.

    Raises ConfigError unless it is from 1 of N to N of N.
    """
    requirement = "must be from 1/N to N/N, such as 2/8"
    if isinstance(given, str):
        found = re.fullmatch(r"(\d{1,9})/(\d{1,9})", given.strip())
        numbers = (int(found[1]), int(found[2])) if found else ()
    else:
        numbers = tuple(given) if isinstance(given, tuple | list) else ()
    if len(numbers) != 2 or any(type(number) is not int for number in numbers):
        raise invalid("shard", given, requirement)
    number, of = numbers
    if not 1 <= number <= of:
        fix = "number a Slurm array from 1: --array=1-N" if number == 0 else ""
        raise invalid("shard", given, requirement, fix)
    return number, of


def members_of_shard(sweep: Sweep, shard: Shard) -> Sweep:
    """Return every N-th member of a sweep, from the K-th on, as a sweep of its own.

    Raises ConfigError if there are none.

    Example:
      >>> sweep = Sweep(seed=range(5))
      >>> [member.seed for member in members_of_shard(sweep, (2, 3))]
      [1, 4]
    """
    number, of = shard
    if number > len(sweep):
        text = f"must be at most {len(sweep)}, the number of members"
        raise invalid("shard", f"{number}/{of}", text)
    columns = {name: column[number - 1 :: of] for name, column in sweep.columns.items()}
    return Sweep._of(sweep.config, columns)
