"""The table of members, and the data from which the page draws a chosen one."""

from __future__ import annotations

from typing import Any

import numpy as np

from grokjax import labels, layout
from grokjax.analysis import circles, fourier
from grokjax.analysis.timing import Events, Times, learnt_words
from grokjax.report.group import Group
from grokjax.run import Run

POINTS = 60_000
"""Evaluations in all that the page holds; from 40 to 160 a member."""

CURVES = ("train_accuracy", "test_accuracy", "train_loss", "test_loss")

Learnt = dict[int, dict[str, Any]]
"""What is known of a member's network, by its number: `spectrum`, `keys`, `circles`."""


def numbers(values: np.ndarray, digits: int) -> list[float | None]:
    """As JSON has them: so many significant digits, None for what is not finite."""
    return [float(f"{v:.{digits}g}") if np.isfinite(v) else None for v in values.tolist()]


def hundredths(values: np.ndarray) -> list[Any]:
    """As whole numbers, which take the least room in JSON."""
    return np.round(100 * values).astype(int).tolist()


def learnt(groups: list[Group]) -> Learnt:
    """Spectrum, key frequencies and circles of every member that has parameters."""
    found: Learnt = {}
    for group in groups:
        data = {name: group.found[name].values for name in ("key", "plane", "plane_circularity")}
        spectra = fourier.shares(group.found.power.sel(table="embedding").values)
        for i, member in enumerate(group.found.member.values.tolist()):
            at = np.flatnonzero(data["key"][i])
            at = at[np.argsort(-spectra[i][at])]
            steps = circles.step_of(at + 1, group.modulus).tolist()
            rates = numbers(data["plane_circularity"][i][at], 3)
            known = list(zip((at + 1).tolist(), rates, steps, strict=True))
            drawn = [] if group.one_hot else known  # each neuron has a circle of its own
            found[member] = {
                "spectrum": numbers(spectra[i], 3),
                "keys": [
                    [k, float(f"{spectra[i][k - 1]:.3g}"), rate, step or None]
                    for k, rate, step in known
                ],
                "circles": [
                    {"frequency": k, "step": step or None, "circularity": rate}
                    | dict(zip("xy", hundredths(data["plane"][i][k - 1].T), strict=True))
                    for k, rate, step in drawn
                ],
            }
    return found


def _whole(value: float) -> str:
    return "" if np.isnan(value) else f"{value:,.0f}"


def _when(times: Times, i: int) -> str:
    """The epoch of a member, or why it has none."""
    why = {"running": "not yet", "pending": "not yet", "max_epochs": "not within max_epochs"}
    return _whole(times.epochs[i]) or why.get(times.end[i], "never")


def _cell(text: str, sort: float | str | None = None) -> dict[str, Any]:
    return {"text": text, "sort": text if sort is None else sort}


def _number(text: str, value: float) -> dict[str, Any]:
    """A cell sorted by its value; without one it comes last."""
    return {"text": text, "sort": float(value) if np.isfinite(value) else None}


def table(run: Run, found: Events, known: Learnt) -> tuple[list[dict], list[list[dict]]]:
    """Columns and rows of the table of members."""
    history = run.history
    last = {n: last_of(history[n].values) for n in ("train_loss", "test_loss", "test_accuracy")}
    loss = labels.losses(c.loss for c in run.sweep)
    heads: list[tuple[str, bool, str]] = [
        ("member", True, "number in the run"),
        ("status", False, "how it ended, or where it stands"),
        ("epochs", True, "trained so far"),
        *(
            (labels.setting(n), True, "setting that differs between members")
            for n in run.sweep.swept
        ),
        ("memorised", True, f"epoch: {learnt_words('train', run.config.stop_patience)}"),
        ("grokked", True, f"epoch: {learnt_words('test', run.config.stop_patience)}"),
        ("delay", True, "epochs from memorising to grokking"),
        ("test accuracy", True, "last logged"),
        ("train loss", True, f"last logged: {loss}"),
        ("test loss", True, f"last logged: {loss}"),
        ("key frequencies", False, "strongest first; or how many, where all are"),
    ]
    columns = [{"label": a, "numeric": b, "title": c} for a, b, c in heads]
    rows = []
    for i, (m, status, epochs) in enumerate(
        zip(run.members.index, run.members["status"], run.members["epochs"], strict=True)
    ):
        settings = [(name, getattr(run.sweep[m], name)) for name in run.sweep.swept]
        keys = [str(k) for k, *_ in known.get(m, {}).get("keys", [])]
        words = f"all {len(keys)}" if len(keys) == run.sweep[m].modulus // 2 else " ".join(keys)
        rows.append(
            [
                _cell(str(m), float(m)),
                _cell(status),
                _number(f"{epochs:,}", epochs),
                *(
                    _number(labels.value(n, v), v)
                    if isinstance(v, int | float)
                    else _cell(labels.value(n, v))
                    for n, v in settings
                ),
                *(_number(_whole(times.epochs[i]), times.epochs[i]) for times in found),
                _number(f"{last['test_accuracy'][i]:.1%}", last["test_accuracy"][i]),
                _number(f"{last['train_loss'][i]:.2g}", last["train_loss"][i]),
                _number(f"{last['test_loss'][i]:.2g}", last["test_loss"][i]),
                _cell(words, len(keys)),
            ]
        )
    return columns, rows


def last_of(values: np.ndarray) -> np.ndarray:
    """The last number of each row of `[M, T]`; NaN where there is none."""
    if not values.shape[1]:
        return np.full(len(values), np.nan)
    known = ~np.isnan(values)
    place = values.shape[1] - 1 - known[:, ::-1].argmax(axis=1)
    return np.where(known.any(axis=1), values[np.arange(len(values)), place], np.nan)


def drawn(run: Run, found: Events, known: Learnt) -> dict[str, Any]:
    """What the page needs to draw any one member, as JSON."""
    history = run.history
    kept = kept_evaluations(history.sizes["eval"], len(run))
    curves = {name: history[name].values[:, kept] for name in CURVES}
    norms = {}
    if "layer_norm" in history:
        for i, layer in enumerate(history.layer.values.tolist()):
            norms[layer] = history.layer_norm.values[:, kept, i]
    members = []
    for i, (m, status) in enumerate(zip(run.members.index, run.members["status"], strict=True)):
        config = run.sweep[m]
        words = [labels.setting_and_value(n, getattr(config, n)) for n in run.sweep.swept]
        epochs = run.members["epochs"].iloc[i]
        facts = [["status", status], ["epochs", f"{epochs:,}"]]
        times = {"memorised": found.memorised, "grokked": found.grokked}
        facts += [[n, _when(t, i)] for n, t in times.items()]
        ends = {n: values[i] for n, values in curves.items()}
        events = {n: t.epochs[i] for n, t in times.items()}
        members.append(
            {
                "member": int(m),
                "name": f"member {m}" + (": " + ", ".join(words) if words else ""),
                "facts": facts,
                "loss": labels.losses([config.loss]),
                "epoch": labels.epochs(history.isel(member=[i])),
                "table": layout.table_name(config),
                "curves": {n: numbers(_trimmed(values), 3) for n, values in ends.items()},
                "events": {n: None if np.isnan(e) else float(e) for n, e in events.items()},
                "norms": {n: numbers(_trimmed(v[i]), 3) for n, v in norms.items()},
            }
            | known.get(int(m), {})
        )
    grokked = (run.members["status"] == "grokked").to_numpy()
    epochs = history.epoch.values[kept].tolist()
    return {"epochs": epochs, "first": int(grokked.argmax()), "members": members}


def kept_evaluations(evaluations: int, members: int) -> np.ndarray:
    """Which evaluations the page holds, the first and the last among them."""
    most = min(evaluations, int(np.clip(POINTS // max(1, members), 40, 160)))
    return np.unique(np.linspace(0, evaluations - 1, most).round().astype(int))


def _trimmed(values: np.ndarray) -> np.ndarray:
    """Without the end at which nothing was logged."""
    known = np.flatnonzero(~np.isnan(values))
    return values[: known[-1] + 1] if len(known) else values[:0]
