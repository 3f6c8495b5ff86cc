"""Weights that members start from, in place of those that their seeds draw.

They are checked before anything is compiled, kept in the run directory so that a resume needs
nothing else, and reach compiled programs as data. Letters: M members, W weights of a member.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from grokjax.config.config import Config
from grokjax.config.sweep import Sweep
from grokjax.errors import ConfigError, DamagedRun, invalid, printable
from grokjax.models.model import Shapes
from grokjax.results import run_config
from grokjax.results.networks import Networks
from grokjax.runtime import memory
from grokjax.storage import digests, files, journal_parts
from grokjax.storage.member_state import Arrays, digest

NAME = files.INITIAL_WEIGHTS

FLOAT32 = np.dtype(np.float32)


@dataclass(frozen=True)
class InitialWeights:
    """Weights for the members of one launch.

    arrays: by name, `[...]` if all members start from the same, else `[M, ...]`.
    rows: the row of each member's weights; None if all members start from the same.
    """

    arrays: Arrays
    rows: Mapping[Config, int] | None

    def vector_of(self, config: Config) -> np.ndarray:
        """Return the weights of one member, `[W]`, layer by layer as JAX orders a dict."""
        names = sorted(self.arrays, key=lambda name: name.split("/"))
        if self.rows is None:
            return np.concatenate([self.arrays[name].ravel() for name in names])
        row = self.rows[config]
        return np.concatenate([self.arrays[name][row].ravel() for name in names])

    @property
    def nbytes(self) -> int:
        """Size of all arrays."""
        return sum(array.nbytes for array in self.arrays.values())

    def describe(self) -> dict[str, Any]:
        """Return what config.json says of them."""
        return {"digest": digest(self.arrays), "per_member": self.rows is not None}

    def save(self, directory: Path) -> None:
        """Write them into a run directory."""
        with digests.write_listed(directory, NAME) as temporary, temporary.open("wb") as file:
            np.savez(file, allow_pickle=False, **self.arrays)


def flat_arrays(given: Any, name: str = "init", wanted: np.dtype = FLOAT32) -> Arrays:
    """Return parameters, nested or by name, as finite arrays of one dtype by name.

    wanted: the dtype, float32 or float64, for which float32 will do too.

    Raises ConfigError, which says which argument it is about, for anything else.
    """
    if not isinstance(given, Mapping) or not given:
        fix = "as Run.params_of gives"
        raise invalid(name, type(given).__name__, "must be a dict of parameters", fix)
    found: Arrays = {}
    for key, value in _leaves(given, name):
        dtype = getattr(value, "dtype", type(value).__name__)
        if dtype not in (wanted, FLOAT32):
            fix = f"convert it with astype(numpy.{wanted})"
            raise ConfigError(f"{name}: {printable(key)} must be {wanted}, got {dtype}; {fix}")
        found[key] = np.array(value, wanted)  # a copy: the caller may change it later
        if not np.isfinite(found[key]).all():
            raise ConfigError(f"{name}: {printable(key)} must be finite, got NaN or infinity")
    return found


def _leaves(node: Mapping[Any, Any], name: str, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in node.items():
        if not isinstance(key, str):
            raise invalid(name, key, "must have names of parameters as keys")
        if isinstance(value, Mapping):
            yield from _leaves(value, name, f"{prefix}{key}/")
        else:
            yield prefix + key, value


def fit(arrays: Arrays, sweep: Sweep, networks: Networks) -> InitialWeights:
    """Return the weights for the members of a sweep.

    arrays: finite arrays by name, of one member for all, or with a leading axis M.

    Raises ConfigError where they are not those of every member's network.
    """
    members = len(sweep)
    shapes = networks.of(sweep[0]).shapes
    given = {name: array.shape for name, array in arrays.items()}
    per_member = given != shapes and all(
        len(given[n]) == len(shape) + 1 for n, shape in shapes.items() if n in given
    )
    if per_member and {shape[0] for shape in given.values()} != {members}:
        sizes = ", ".join(map(str, sorted({shape[0] for shape in given.values()})))
        raise ConfigError(f"init: has weights of {sizes} members, and the sweep has {members}")
    own = {name: shape[1:] for name, shape in given.items()} if per_member else given
    for number, config in enumerate(sweep):
        if difference := difference_of_shapes(own, networks.of(config).shapes):
            raise ConfigError(f"init: {difference} in the network of member {number}")
    return InitialWeights(arrays, {c: i for i, c in enumerate(sweep)} if per_member else None)


def difference_of_shapes(given: Shapes, expected: Shapes) -> str:
    """Say how shapes by name differ; empty if they do not."""
    for name in dict.fromkeys([*expected, *given]):
        if name not in given:
            return f"lacks {printable(name)}, which is {list(expected[name])}"
        if name not in expected:
            return f"has {printable(name)}, which does not exist"
        if given[name] != expected[name]:
            return f"{printable(name)} is {list(given[name])}, and {list(expected[name])}"
    return ""


def load(directory: Path, info: Mapping[str, Any]) -> Arrays | None:
    """Return the weights that a run's members start from, by name; None if seeds draw them.

    info: the content of config.json.

    Raises DamagedRun if they are missing or were altered.
    """
    described = info.get("initial_weights")
    if described is None:
        return None
    return read_described(directory / NAME, described, "the run's members start from it")


def read_described(path: Path, described: Mapping[str, Any], why: str) -> Arrays:
    """Return the arrays of a file whose digest config.json has.

    Raises DamagedRun if the file is missing, and says why it is needed, or was altered.
    """
    if not path.is_file():
        raise DamagedRun(f"{path}: is missing; {why}")
    memory.require(str(path), 2 * path.stat().st_size)
    arrays = journal_parts.read_part(path)
    if digest(arrays) != described["digest"]:
        raise DamagedRun(f"{path}: was altered since it was written (its digest differs)")
    return arrays


def check_same(arrays: Arrays | None, directory: Path) -> None:
    """Raise ConfigError unless these are the weights that a run's members start from."""
    stored = run_config.read(directory)[0].get("initial_weights")
    given = None if arrays is None else digest(arrays)
    if given != (stored and stored["digest"]):
        had = "started from other weights" if stored else "drew its initial weights from seeds"
        raise ConfigError(f"init must be as in the run, which {had}; a resume keeps them")
