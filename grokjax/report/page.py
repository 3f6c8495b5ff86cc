"""The page put together: data, pictures and a template into one file without links."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

from grokjax import paths, sessions
from grokjax.analysis.fourier import order_of_tokens
from grokjax.analysis.timing import Events, events
from grokjax.cells import sweep_in_words
from grokjax.commands import command
from grokjax.config import FIELDS
from grokjax.files import replacing
from grokjax.report import members, networks, pictures
from grokjax.report.by_setting import by_setting
from grokjax.report.figures import FORMATS, Section, save_all
from grokjax.report.group import Group, groups, settings_of
from grokjax.report.tiles import tiles
from grokjax.run import Run, load
from grokjax.settings import refuse
from grokjax.tasks import TASKS

NAME = "report.html"


def write(
    directory: str | Path,
    out: str | Path | None = None,
    say: Callable[[str], None] = lambda _: None,
    figures: str | None = None,
) -> Path:
    """Writes the report of a run, also of one that still trains.

    Args:
      directory: the run's; `~` is the home directory, here and in `out`.
      out: the file, in a folder that is there or can be made; None: `report.html` in
        `directory`.
      say: is told what is being done.
      figures: `pdf`, `svg` or `png` to save every figure of the page as such a file too, in
        the folder `figures` beside the page.

    Returns:
      The file.

    Raises:
      FileNotFoundError, DamagedRun: as `grokjax.load`.
      ConfigError: as that, or the file cannot be written, which is found out first.
    """
    run = load(directory)
    path = run.directory / NAME if out is None else paths.given("out", out)
    paths.writable("out", path, "name another file by out (--out)")
    if figures not in (None, *FORMATS):
        raise refuse("figures", figures, f"it must be one of {', '.join(FORMATS)}")
    say(f"reading {len(run)} members ...")
    found = events(run)
    say(f"analysing {len(run)} members ...")
    of_shape = groups(run)
    known = members.learnt(of_shape)
    sections = _sections(run, found, of_shape)
    columns, rows = members.table(run, found, known)
    text = _render(
        title=f"grokjax: {run.directory.resolve().name}",
        subtitle=_subtitle(run),
        written=time.strftime("%Y-%m-%d %H:%M"),
        unfinished=_unfinished(run),
        notices=_notices(run, of_shape),
        tiles=tiles(run, found, of_shape),
        by_setting=by_setting(run, found, of_shape),
        save_command=command("report", run.directory.resolve(), "--figures", "pdf"),
        save_call=_save_call(run),
        sections=_rendered(sections, say),
        columns=columns,
        rows=rows,
        settings=_settings(run),
        environment=_environment(run),
        members_json=members.drawn(run, found, known),
    )
    if out is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")
    if figures is not None:
        say(f"saving every figure as {figures} ...")
        save_all(sections, path.parent / "figures", figures)
    return path


def _sections(run: Run, found: Events, of_shape: list[Group]) -> list[Section]:
    """All that is drawn, in the order of the page."""
    made = [
        pictures.learning(run, found),
        pictures.sweep(run, found),
        *(networks.learnt(group, number) for number, group in enumerate(of_shape)),
        pictures.machine(run),
    ]
    return [section for section in made if section]


def _rendered(sections: list[Section], say: Callable[[str], None]) -> list[dict[str, Any]]:
    """The sections as the template takes them, drawn one after the other."""
    drawn = []
    for i, section in enumerate(sections):
        say(f"drawing {i + 1} of {len(sections)}: {section.title} ...")
        drawn.append(section.rendered())
    return drawn


def _save_call(run: Run) -> str:
    """A line of Python that saves a figure as a PDF."""
    return (
        f"from grokjax import load, plots; run = load({str(run.directory.resolve())!r}); "
        'plots.save(plots.curves(run.of([0]).history), "curves.pdf")'
    )


def _render(**values: Any) -> str:
    import jinja2

    here = resources.files("grokjax.report")
    names = ("page.css", "charts.js", "page.js")
    css, *scripts = ((here / name).read_text("utf-8") for name in names)
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.undefined = jinja2.StrictUndefined
    # A NaN is not JSON: the page could not be read.
    dumping = {"sort_keys": False, "separators": (",", ":"), "allow_nan": False}
    environment.policies["json.dumps_kwargs"] = dumping
    template = environment.from_string((here / "page.html").read_text("utf-8"))
    return template.render(css=css, js="\n".join(scripts), **values)


def _subtitle(run: Run) -> str:
    recipe = run.info.get("recipe") or "no recipe"
    history = run.history
    words = f"{history.attrs['task']}: {sweep_in_words(history)}"
    return f"{words} ({len(run)} members, {recipe})"


def _unfinished(run: Run) -> str:
    counts = Counter(run.members["status"])
    left = [f"{counts[status]} {status}" for status in ("running", "pending") if counts[status]]
    return f"The run is not over: {', '.join(left)}." if left else ""


def _notices(run: Run, of_shape: list[Group]) -> list[str]:
    notices = []
    without = len(run) - sum(len(group.run) for group in of_shape)
    if without:
        notices.append(f"{without} members have no parameters saved yet and no spectrum below.")
    operations = settings_of(run, "operation")
    if not all(TASKS[name].cyclic for name in operations):
        notices.append(order_of_tokens(operations))
    diverged = run.members["status"].tolist().count("diverged")
    if diverged:
        notices.append(f"{diverged} members diverged.")
    return notices


def _settings(run: Run) -> list[tuple[str, str, str]]:
    """Every setting: its value, or those that members have."""
    rows = []
    for name, f in FIELDS.items():
        values = list(dict.fromkeys(settings_of(run, name)))
        text = ", ".join("none" if v is None else str(v) for v in values[:12])
        if len(values) > 12:
            text += f", ... ({len(values)} values)"
        rows.append((name, text, f.metadata["help"]))
    return rows


def _environment(run: Run) -> list[tuple[str, str, str]]:
    """What each session was made with: one text where all had the same, else one a session."""
    every = [dict(sessions.rows(environment)) for environment in sessions.of(run.info)]
    found = [("sessions", str(len(every)), "; ".join(sessions.changes(run.info)))]
    for name in dict.fromkeys(name for each in every for name in each):
        texts = [each.get(name, "not recorded") for each in every]
        distinct = [text for i, text in enumerate(texts) if not i or text != texts[i - 1]]
        note = "changed; bits may differ" if len(distinct) > 1 and name != "began" else ""
        found.append((name, ", then ".join(distinct), note))
    return found
