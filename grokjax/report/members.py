"""The table of members, and the data from which the page draws a chosen member."""

from __future__ import annotations

from typing import Any

import numpy as np

from grokjax.analysis import circles, fourier
from grokjax.analysis.times import Events, Times, learnt_definition
from grokjax.config import labels
from grokjax.report.network_groups import NetworkGroup, example_row, user_metrics
from grokjax.results.run import Run

MAX_EVALUATIONS = 60_000
"""Number of evaluations that the page holds; every member has from 40 to 160 of them."""

CURVES = ("train_accuracy", "test_accuracy", "train_loss", "test_loss")

Networks = dict[int, dict[str, Any]]
"""Findings on a member's network, by the member's number: `table, spectrum, keys, circles`.

`frequency` labels the axis of the spectrum; `tokens` has the tokens of a circle in order, unless
they are 0, 1, ...
"""


def network_data(groups: list[NetworkGroup]) -> Networks:
    """Spectrum, key frequencies and circles of every member whose network was analysed."""
    data: Networks = {}
    for group in groups:
        spectra = fourier.shares(group.findings.power.sel(table="embedding").values)
        for i, member in enumerate(group.findings.member.values.tolist()):
            data[member] = _one_network(group, i, spectra[i])
    return data


def _one_network(group: NetworkGroup, i: int, shares: np.ndarray) -> dict[str, Any]:
    """The findings on row i of a group, with the shares of the power `[K]`."""
    findings = group.findings.isel(member=i)
    rows = np.flatnonzero(findings.key.values)
    rows = rows[np.argsort(-shares[rows])]
    steps = circles.step_of(rows + 1, group.modulus).tolist()
    rates = _for_json(findings.plane_circularity.values[rows], 3)
    keys = list(zip((rows + 1).tolist(), rates, steps, strict=True))
    drawn = [] if group.one_hot else keys  # with one-hot inputs each neuron has its own circle
    tokens = group.tokens.tolist()
    in_own_order = tokens == list(range(len(tokens)))
    # Hundredths as whole numbers are shorter in JSON; `[2, P]` for each frequency.
    points = {k: np.round(100 * findings.plane.values[k - 1].T).astype(int) for k, *_ in drawn}
    return ({} if in_own_order else {"tokens": tokens}) | {
        "table": group.findings.attrs["token_table"],
        "frequency": group.token_group.frequency,
        "spectrum": _for_json(shares, 3),
        "keys": [[k, float(f"{shares[k - 1]:.3g}"), rate, step or None] for k, rate, step in keys],
        "circles": [
            {"frequency": k, "step": step or None, "circularity": rate}
            | dict(zip("xy", points[k].tolist(), strict=True))
            for k, rate, step in drawn
        ],
    }


def _for_json(values: np.ndarray, digits: int) -> list[float | None]:
    """Numbers with so many significant digits; None if not finite."""
    return [float(f"{v:.{digits}g}") if np.isfinite(v) else None for v in values.tolist()]


def member_table(
    run: Run, events: Events, networks: Networks
) -> tuple[list[dict[str, Any]], list[list[dict[str, Any]]]]:
    """Columns and rows of the table of members."""
    config, swept = run.config, run.sweep.swept
    loss = labels.losses(member.loss for member in run.sweep)
    heads: list[tuple[str, bool, str]] = [
        ("member", True, "number in the run"),
        ("status", False, "how the member ended, or whether it is running"),
        ("epochs", True, "trained so far"),
        *((labels.setting(n), True, "setting that differs between members") for n in swept),
        ("memorised", True, f"epoch: {learnt_definition('train', config)}"),
        ("grokked", True, f"epoch: {learnt_definition('test', config)}"),
        ("delay", True, "epochs from memorising to grokking"),
        ("test accuracy", True, "last logged"),
        ("train loss", True, f"last logged: {loss}"),
        ("test loss", True, f"last logged: {loss}"),
        *([("key frequencies", False, "strongest first, or their number")] if networks else []),
    ]
    columns = [{"label": a, "numeric": b, "title": c} for a, b, c in heads]
    forms = (("test_accuracy", ".1%"), ("train_loss", ".2g"), ("test_loss", ".2g"))
    last = [(last_values(run.history[name].values), form) for name, form in forms]
    rows = []
    for i, (m, status, epochs) in enumerate(
        zip(run.members.index, run.members["status"], run.members["epochs"], strict=True)
    ):
        row = [_cell(str(m), float(m)), _cell(status), _number(f"{epochs:,}", epochs)]
        row += [_setting_cell(name, getattr(run.sweep[m], name)) for name in swept]
        row += [_number(_epoch(times.epochs[i]), times.epochs[i]) for times in events]
        evaluated = status != "pending"
        row += [_number(_formatted(v[i], form) if evaluated else "", v[i]) for v, form in last]
        row += [_key_cell(networks.get(m, {}))] if networks else []
        rows.append(row)
    return columns, rows


def _cell(text: str, sort: float | str | None = None) -> dict[str, Any]:
    return {"text": text, "sort": text if sort is None else sort}


def _number(text: str, value: float) -> dict[str, Any]:
    """A cell sorted by its value, or last if that is not finite."""
    return {"text": text, "sort": float(value) if np.isfinite(value) else None}


def _setting_cell(name: str, value: Any) -> dict[str, Any]:
    text = labels.value(name, value)
    return _number(text, value) if isinstance(value, int | float) else _cell(text)


def _formatted(value: float, form: str) -> str:
    """A recorded value; an accuracy that is not defined is a dash."""
    return "-" if np.isnan(value) and "%" in form else f"{value:{form}}"


def _key_cell(network: dict[str, Any]) -> dict[str, Any]:
    """The key frequencies, or `all 26` if every frequency is one."""
    keys = [str(k) for k, *_ in network.get("keys", [])]
    every = bool(network) and len(keys) == len(network["spectrum"])
    return _cell(f"all {len(keys)}" if every else " ".join(keys), len(keys))


def _epoch(value: float) -> str:
    return "" if np.isnan(value) else f"{value:,.0f}"


def last_values(values: np.ndarray) -> np.ndarray:
    """The last number in each row of `[M, T]`; NaN in a row without numbers."""
    if not values.shape[1]:
        return np.full(len(values), np.nan)
    known = ~np.isnan(values)
    column = values.shape[1] - 1 - known[:, ::-1].argmax(axis=1)
    return np.where(known.any(axis=1), values[np.arange(len(values)), column], np.nan)


def member_data(run: Run, events: Events, networks: Networks) -> dict[str, Any]:
    """What the page's script needs to draw any one member, for JSON."""
    history = run.history
    shown = shown_evaluations(history.sizes["eval"], len(run))
    curves = {n: history[n].values[:, shown] for n in CURVES if n in history}
    curves = {n: v for n, v in curves.items() if "loss" in n or np.isfinite(v).any()}
    norms = {}
    if "layer_norm" in history:
        for i, layer in enumerate(history.layer.values.tolist()):
            norms[layer] = history.layer_norm.values[:, shown, i]
    metrics = {n: history[n].values[:, shown] for n in user_metrics(run) if history[n].ndim == 2}
    times = {"memorised": events.memorised, "grokked": events.grokked}
    members = []
    for i, (m, status) in enumerate(zip(run.members.index, run.members["status"], strict=True)):
        config = run.sweep[m]
        words = [labels.setting_and_value(n, getattr(config, n)) for n in run.sweep.swept]
        facts = [["status", status], ["epochs", f"{run.members['epochs'].iloc[i]:,}"]]
        facts += [[name, _time_or_reason(t, i)] for name, t in times.items()]
        epochs = {name: t.epochs[i] for name, t in times.items()}
        members.append(
            {
                "member": int(m),
                "name": f"member {m}" + (": " + ", ".join(words) if words else ""),
                "facts": facts,
                "loss": labels.losses([config.loss]),
                "epoch": labels.epochs(history.isel(member=[i])),
                "curves": {n: _for_json(_without_end(v[i]), 3) for n, v in curves.items()},
                "events": {n: None if np.isnan(e) else float(e) for n, e in epochs.items()},
                "norms": {n: _for_json(_without_end(v[i]), 3) for n, v in norms.items()},
                "metrics": {n: _for_json(_without_end(v[i]), 3) for n, v in metrics.items()},
            }
            | networks.get(int(m), {})
        )
    epochs = history.epoch.values[shown].tolist()
    return {"epochs": epochs, "first": example_row(run), "members": members}


def _time_or_reason(times: Times, i: int) -> str:
    """The epoch at which member i reached an event, or why it has not."""
    reasons = {"running": "not yet", "pending": "not yet", "max_epochs": "not within max_epochs"}
    return _epoch(times.epochs[i]) or reasons.get(times.end[i], "never")


def shown_evaluations(evaluations: int, members: int) -> np.ndarray:
    """Which evaluations the page holds: evenly spaced, with the first and the last."""
    most = min(evaluations, int(np.clip(MAX_EVALUATIONS // max(1, members), 40, 160)))
    return np.unique(np.linspace(0, evaluations - 1, most).round().astype(int))


def _without_end(values: np.ndarray) -> np.ndarray:
    """The values up to the last that was logged."""
    known = np.flatnonzero(~np.isnan(values))
    return values[: known[-1] + 1] if len(known) else values[:0]
