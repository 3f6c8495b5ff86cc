"""A run directory, read: members, history, parameters. NumPy throughout, no device needed.

`load` works while training goes on and after a kill at any moment.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from grokjax import description, files, journal, layout, memory, parameters, parts
from grokjax.analysis.timing import held
from grokjax.config import Config, names_of
from grokjax.stopping import is_over
from grokjax.sweep import Sweep

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from grokjax.dataset import Examples

HISTORY = "history.nc"


class Run:
    """What a launch left on disk.

    directory: where. config: the settings all members share (swept fields at
    their base value). sweep: all members' settings. info: the whole config.json.
    """

    def __init__(
        self, directory: Path, info: dict[str, Any], sweep: Sweep, chosen: Sequence[int]
    ) -> None:
        self.directory, self.info, self.sweep = directory, info, sweep
        self.config: Config = sweep.config
        self._chosen = list(chosen)

    def __repr__(self) -> str:
        counts = self.members["status"].value_counts().to_dict()
        return f"Run({str(self.directory)!r}, {len(self)} members, {counts})"

    def __len__(self) -> int:
        return len(self._chosen)

    @functools.cached_property
    def members(self) -> pd.DataFrame:
        """One row a member, by number: `status`, `epochs` run, swept fields, then traced ones.

        status: grokked, memorised, not memorised, diverged, running or pending.
        """
        import pandas as pd

        done = {
            m: (ended.status, ended.epochs)
            for m, ended in journal.finished(self.directory).items()
            # This Run may be older than an extension.
            if m < len(self.sweep) and is_over(self.sweep[m], ended)
        }
        seen: dict[int, int] = {}
        for part in journal.parts(self.directory, "records", "member", "epoch"):
            for member, epoch in zip(part["member"].tolist(), part["epoch"].tolist(), strict=True):
                seen[member] = max(epoch, seen.get(member, 0))
        rows = []
        names = dict.fromkeys([*self.sweep.swept, *names_of("traced"), "train_size"])
        for m in self._chosen:
            status, epochs = done.get(m) or ("running" if m in seen else "pending", seen.get(m, 0))
            settings = self.sweep[m]
            row = {"status": status, "epochs": epochs} | {n: getattr(settings, n) for n in names}
            row["data_seed"] = settings.seed if settings.data_seed is None else settings.data_seed
            rows.append(row)
        index = pd.Index(self._chosen, name="member")
        return pd.DataFrame(rows, index=index, columns=["status", "epochs", *names])

    @functools.cached_property
    def history(self) -> xr.Dataset:
        """Metrics, dims `member, eval`; NaN after a member stopped.

        Coordinates: `epoch [eval]`, `step [member, eval]`, and on `member` its
        number, status and every swept field. Variables, float32: `train_loss,
        test_loss, train_accuracy, test_accuracy, weight_norm, embedding_gini`,
        `layer_norm [member, eval, layer]` and `embedding_power [member, eval, frequency]`.
        Attributes: `task` and `loss` in words, for titles and axes.

        Always from the journal, whose parts have digests that are verified; `history.nc`
        has the same for other programs.
        """
        from grokjax import history

        statuses = self.members["status"].tolist()
        return history.merged(self.directory, self.sweep, self._chosen, statuses)

    @functools.cached_property
    def rounds(self) -> pd.DataFrame:
        """One row a round, of every process that trained: when, how long, how many lanes busy.

        `session`: its start, Unix time; `seconds` since then; `training`: of the
        round itself; `steps`: member-steps; `lanes`, `busy`, `waiting` members.
        """
        import pandas as pd

        none = {name: np.empty(0, parts.DTYPES[name]) for name in parts.KINDS["rounds"]}
        found = [pd.DataFrame(part) for part in journal.parts(self.directory, "rounds")]
        return pd.concat(found, ignore_index=True) if found else pd.DataFrame(none)

    def grid(self, variable: str, hold: bool = False) -> xr.DataArray:
        """One variable with the swept fields as dimensions instead of `member`.

        Combinations that the sweep does not have are NaN; so is what follows a
        member's stop, unless its last value is to `hold`. Raises ValueError if
        nothing is swept.
        """
        if not self.sweep.swept:
            raise ValueError("grid: nothing is swept in this run")
        array = self.history[variable].drop_vars(["status", "step", "member"])
        if hold:
            array = array.copy(data=held(array.values))
        first, *others = self.sweep.swept
        if not others:  # one level is no multi-index to unstack
            return array.swap_dims(member=first)
        return array.set_index(member=[first, *others]).unstack("member")

    def select(self, **settings: Any) -> Run:
        """The members with these settings, as a Run of their own."""
        wanted = settings.items()
        return self.of(
            m for m in self._chosen if all(getattr(self.sweep[m], n) == v for n, v in wanted)
        )

    def of(self, members: Iterable[int]) -> Run:
        """The members with these numbers, in this order, as a Run of their own."""
        return Run(self.directory, self.info, self.sweep, list(members))

    @functools.cached_property
    def params(self) -> dict[str, Any]:
        """Nested dict of float32 arrays with leading axis M, in the order of `members`.

        Members in training are as of the last checkpoint; NaN for one that
        has none yet. Raises ValueError if shapes differ between members.
        """
        shapes = [layout.shapes(self.sweep[m]) for m in self._chosen]
        if any(other != shapes[0] for other in shapes):
            raise ValueError("params: shapes differ between programs; use select or params_of")
        size = 4 * len(self) * sum(math.prod(shape) for shape in shapes[0].values())
        memory.want(f"{self.directory}: parameters", 2 * size)
        found = self._flat_params(self._chosen)
        stacked = {n: np.full((len(self), *s), np.nan, np.float32) for n, s in shapes[0].items()}
        for i, member in enumerate(self._chosen):
            for name, value in found.get(member, {}).items():
                stacked[name][i] = value
        return parameters.nested(stacked)

    def params_of(self, member: int) -> dict[str, Any]:
        """One member's parameters. Raises KeyError if it has none yet."""
        return parameters.nested(self._flat_params([member])[member])

    def _flat_params(self, wanted: Sequence[int]) -> dict[int, dict[str, np.ndarray]]:
        return parameters.latest(self.directory, self.sweep, wanted, self._all_finished)

    @property
    def _all_finished(self) -> bool:
        return not {"running", "pending"} & set(self.members["status"])

    @property
    def embeddings(self) -> np.ndarray:
        """Embeddings, float32 `[M, P, D]`; with one-hot inputs the first layer's weights, D = H."""
        return layout.table(self.params, self.sweep[self._chosen[0]].modulus)

    @property
    def network(self) -> Config:
        """The settings of the members' network. Raises ValueError if they have several."""
        return self._only(dict.fromkeys(layout.network(self.sweep[m]) for m in self._chosen))

    def _only(self, found: Iterable[Config]) -> Config:
        """The only one of them, or ValueError."""
        networks = list(found)
        if len(networks) == 1:
            return networks[0]
        names = [n for n in layout.NETWORK if len({getattr(c, n) for c in networks}) > 1]
        raise ValueError(f"network: members differ in {', '.join(names)}; use select")

    @functools.cached_property
    def snapshots(self) -> xr.DataArray:
        """Kept embeddings, dims `member, epoch, token, dimension`. Raises ValueError if none."""
        from grokjax import history

        return history.snapshots(self.directory, self.sweep, self._chosen)

    def apply(self, params: dict[str, Any], pairs: np.ndarray) -> np.ndarray:
        """Logits `[N, C]` of one member's parameters on pairs, int `[N, 2]`.

        In the precision that the members share, else in float32. Raises ValueError if
        they have several kinds of network with such parameters.
        """
        import jax.numpy as jnp

        from grokjax import models
        from grokjax.numerics import pinned

        shapes = {f"{layer}/{n}": x.shape for layer, q in params.items() for n, x in q.items()}
        networks = dict.fromkeys(layout.network(self.sweep[m]) for m in self._chosen)
        model = models.build(self._only(c for c in networks if layout.shapes(c) == shapes))
        precisions = {self.sweep[m].precision for m in self._chosen}
        with pinned(precisions.pop() if len(precisions) == 1 else "float32"):
            return np.asarray(model.apply(params, jnp.asarray(pairs, jnp.int32)))

    def data_of(self, member: int) -> Examples:
        """The pairs that one member learns from and is tested on, with their labels."""
        from grokjax import dataset

        return dataset.of(self.sweep[member])

    def write_history(self) -> None:
        """Writes `history.nc` from the journal, as a whole."""
        version = self.info["environment"]["versions"].get("grokjax", "")
        dataset = self.history.assign_attrs(grokjax=version)
        # HDF5 on a full disk fails again when Python ends, and takes it down; so not by itself.
        content = dataset.to_netcdf(engine="h5netcdf")
        with files.listing(self.directory, HISTORY) as temporary:
            temporary.write_bytes(content)


def load(directory: str | Path) -> Run:
    """Opens a run directory.

    Raises:
      FileNotFoundError: there is no run in it.
      DamagedRun: it cannot be read, or leads to files outside of it.
      ConfigError: another grokjax wrote it.
    """
    path = Path(directory)
    info, sweep = description.read(path)
    return Run(path, info, sweep, range(len(sweep)))
