"""The page: data, figures and a template, written as one file without links."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from grokjax.analysis import times
from grokjax.analysis.times import Events
from grokjax.config import labels
from grokjax.errors import invalid
from grokjax.report.irrep_sections import has_irreps, irrep_sections
from grokjax.report.members import member_data, member_table, network_data
from grokjax.report.network_groups import (
    NetworkGroup,
    group_by_network,
    note_on_token_order,
    reason_without_analysis,
    values_of,
)
from grokjax.report.network_sections import network_section, section_without_analysis
from grokjax.report.section import FORMATS, Section, save_figures
from grokjax.report.summary import table_by_setting, tiles
from grokjax.report.template import render
from grokjax.report.training_sections import (
    circuits_section,
    learning_section,
    machine_section,
    metrics_section,
    progress_section,
    representation_section,
    sweep_section,
)
from grokjax.results.run import Run, load
from grokjax.results.seed_groups import describe_sweep
from grokjax.runtime import environment, paths
from grokjax.storage.files import atomic_write
from grokjax.terminal.printed_commands import format_run_command

NAME = "report.html"


def write(
    directory: str | Path,
    out: str | Path | None = None,
    print_step: Callable[[str], None] = lambda _: None,
    figures: str | None = None,
) -> Path:
    """Write the report of a run, which may still be training.

    Args:
      directory: of the run; `~` is the home directory, here and in `out`.
      out: the file; its folder is created. None: `report.html` in `directory`.
      print_step: is called with a line on each step.
      figures: `pdf`, `svg` or `png` to also save every figure in this format, in the folder
        `figures` beside the page.

    Returns:
      The file.

    Raises:
      FileNotFoundError, DamagedRun, ConfigError: as `grokjax.load`.
      ConfigError: the file cannot be written, which is checked first.
    """
    run = load(directory)
    path = run.directory / NAME if out is None else paths.parse_path("out", out)
    paths.require_writable("out", path, "name another file by out (--out)")
    if figures not in (None, *FORMATS):
        raise invalid("figures", figures, f"must be one of {', '.join(FORMATS)}")
    text, sections = _page(run, print_step)
    if out is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")
    if figures is not None:
        print_step(f"saving every figure as {figures} ...")
        save_figures(sections, path.parent / "figures", figures)
    return path


def _page(run: Run, print_step: Callable[[str], None]) -> tuple[str, list[Section]]:
    """The page as text, and its sections."""
    print_step(f"reading {len(run)} members ...")
    events = times.events(run)
    print_step(f"analysing {len(run)} members ...")
    groups = group_by_network(run)
    networks = network_data(groups)
    sections = _sections(run, events, groups)
    columns, rows = member_table(run, events, networks)
    text = render(
        "page.html",
        title=f"grokjax: {run.directory.resolve().name}",
        subtitle=_subtitle(run),
        written=time.strftime("%Y-%m-%d %H:%M"),
        unfinished=_unfinished(run),
        notices=_notices(run, groups),
        tiles=tiles(run, events, groups),
        by_setting=table_by_setting(run, events, groups),
        save_command=f"{format_run_command('report', run.directory.resolve())} --figures pdf",
        save_call=_save_call(run),
        sections=_draw(sections, print_step),
        columns=columns,
        rows=rows,
        settings=_settings(run),
        environment=_environment(run),
        members_json=member_data(run, events, networks),
    )
    return text, sections


def _sections(run: Run, events: Events, groups: list[NetworkGroup]) -> list[Section]:
    """All sections with figures, in the order of the page."""
    networks = [network_section(group, number) for number, group in enumerate(groups)]
    networks += irrep_sections(run)
    paired = [m for m in run.members.index if run.sweep[m].spec.modulus is not None]
    others = [m for m in paired if not has_irreps(run, m)]
    reasons = dict.fromkeys(reason_without_analysis(run, m) for m in others)
    if reasons := [reason for reason in reasons if reason]:
        networks.append(section_without_analysis(reasons, others=bool(networks)))
    every = [
        learning_section(run, events),
        metrics_section(run),
        progress_section(run),
        circuits_section(run),
        representation_section(run),
        sweep_section(run, events),
        *networks,
        machine_section(run),
    ]
    return [section for section in every if section]


def _draw(sections: list[Section], print_step: Callable[[str], None]) -> list[dict[str, Any]]:
    """Draw the sections, for the template."""
    drawn = []
    for i, section in enumerate(sections):
        print_step(f"drawing {i + 1} of {len(sections)}: {section.title} ...")
        drawn.append(section.render())
    return drawn


def _save_call(run: Run) -> str:
    """A line of Python that saves a figure as a PDF."""
    return (
        f"from grokjax import load, plots; run = load({str(run.directory.resolve())!r}); "
        'plots.save(plots.curves(run.of([0]).history), "curves.pdf")'
    )


def _subtitle(run: Run) -> str:
    name = run.info.get("recipe")
    recipe = f"settings from recipe {name}" if name else "no recipe"
    words = f"{run.history.attrs['task']}: {describe_sweep(run.history)}"
    return f"{words} ({len(run)} members, {recipe})"


def _unfinished(run: Run) -> str:
    counts = Counter(run.members["status"])
    left = [f"{counts[status]} {status}" for status in ("running", "pending") if counts[status]]
    return f"The run is not over: {', '.join(left)}." if left else ""


def _notices(run: Run, groups: list[NetworkGroup]) -> list[str]:
    notices = []
    analysable = sum(not reason_without_analysis(run, m) for m in run.members.index)
    missing = analysable - sum(len(group.run) for group in groups)
    if missing:
        notices.append(f"{missing} members have no parameters saved yet and no spectrum below.")
    if note := note_on_token_order(run):
        notices.append(note)
    diverged = run.members["status"].tolist().count("diverged")
    if diverged:
        notices.append(f"{diverged} members diverged.")
    return notices


def _settings(run: Run) -> list[tuple[str, str, str]]:
    """Every setting with its help, and its value or the values that members have."""
    rows = []
    for name, f in run.config.fields.items():
        values = list(dict.fromkeys(values_of(run, name)))
        texts = [labels.value(name, None) if v is None else str(v) for v in values[:12]]
        more = f", ... ({len(values)} values)" if len(values) > 12 else ""
        rows.append((name, ", ".join(texts) + more, f.help))
    return rows


def _environment(run: Run) -> list[tuple[str, str, str]]:
    """Versions and machine of the sessions: one text if all agree, else one for each session."""
    sessions = [dict(environment.table_rows(made)) for made in environment.sessions(run.info)]
    changes = "; ".join(environment.session_changes(run.info))
    rows = [("sessions", str(len(sessions)), changes)]
    for name in dict.fromkeys(name for session in sessions for name in session):
        texts = [session.get(name, "not recorded") for session in sessions]
        distinct = [text for i, text in enumerate(texts) if not i or text != texts[i - 1]]
        note = "changed; bits may differ" if len(distinct) > 1 and name != "began" else ""
        rows.append((name, ", then ".join(distinct), note))
    return rows
