"""`resume` and `report` of a hostile run directory write nothing outside of it, and no markup.

See `test_untrusted_runs`.
"""

import json
import os
import tempfile

import numpy as np
import pytest

from tests.faults import hostile_checkpoints, hostile_files, hostile_journal
from tests.faults.probe import copy_run, tree, violations
from tests.report.pages import Page

pytestmark = pytest.mark.fault

LIBRARIES = ("('jax", "('numpy'", "('numpy.")
"""How events begin that look up what compiled programs are made of."""

KINDS = ("records", "params", "optimizer", "snapshots", "rounds")


def is_expected(event, run):
    """Return whether an event is in the run or the cache of programs, or asks for the commit."""
    kind, what = event
    if kind == "subprocess.Popen":
        return "'rev-parse', 'HEAD'" in what
    if kind == "pickle.find_class":  # a compiled program, from the user's own cache
        return what.startswith(LIBRARIES)
    inside = (str(run.resolve()), os.environ["GROKJAX_COMPILE_CACHE"])
    # A file without a name appears as its folder: it tests whether a folder can be written, or, in
    # that for temporary files, keeps what XLA prints while a program loads.
    if kind == "write" and what == os.path.realpath(tempfile.gettempdir()):
        return True
    where = f"{what}{os.sep}" if kind == "write" else what
    return kind == "os.mkdir" or where.startswith(tuple(f"{path}{os.sep}" for path in inside))


def ask_to_write(probe, place, action, run="run", **plant):
    """Return the answer of a command that writes; assert that it changes nothing outside."""
    before = tree(place / "outside")
    answer = probe.ask(place / run, action, **plant)
    assert tree(place / "outside") == before
    answer["events"] = [e for e in answer["events"] if not is_expected(e, place / run)]
    kind, code = answer["steps"].get(action, ["", ""])
    if kind == "SystemExit" and code in "12":
        assert answer["output"].splitlines()[-1].startswith("grokjax: ")
        answer["steps"][action][0] = "ok"
    assert violations(answer) == []
    return answer


def move_out_with_leftovers(run, folder):
    """Move a folder behind a link, with files there that look like leftovers of a killed writer."""
    (run / folder).mkdir(exist_ok=True)
    outside = run.parent / "outside"
    hostile_files.move_out(run / folder, outside)
    (outside / "moved" / ".x.tmp").write_text("mine")
    (outside / "moved" / ".000007.npz.1.tmp").write_text("mine")
    for name in ("1.orbax-checkpoint-tmp", "1.orbax-checkpoint-tmp-7", "0", "7", "8"):
        (outside / "moved" / name).mkdir(exist_ok=True)


@pytest.mark.parametrize("folder", [*KINDS, "figures"])
def test_resume_does_not_tidy_outside(probe, originals, tmp_path, folder):
    """A finished run has nothing to train; a resume only tidies it."""
    place = copy_run(originals, tmp_path, "finished")
    move_out_with_leftovers(place / "run", folder)
    ask_to_write(probe, place, "resume")


@pytest.mark.parametrize("folder", ["records", "checkpoints", "checkpoints/1"])
def test_resume_does_not_train_outside(probe, originals, tmp_path, folder):
    place = copy_run(originals, tmp_path)
    move_out_with_leftovers(place / "run", folder)
    ask_to_write(probe, place, "resume")


LINKS = (
    *((".lock", "foreign"), (".lock", "new"), ("figures/curves.png", "foreign")),
    *(("figures/curves.png", "new"), ("status.json", "foreign"), ("history.nc", "foreign")),
    *(("SHA256SUMS", "foreign"), ("records/000001.npz", "foreign"), ("config.json", "new")),
)


@pytest.mark.parametrize(("file", "target"), LINKS)
def test_resume_writes_through_no_link(probe, originals, tmp_path, file, target):
    place = copy_run(originals, tmp_path, "finished")
    path = place / "run" / file
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    path.symlink_to(place / "outside" / target)
    ask_to_write(probe, place, "resume")
    assert not (place / "outside" / "new").exists()


def test_resume_writes_through_no_link_at_a_temporary_name(probe, originals, tmp_path):
    """Names of temporary files can be guessed."""
    place = copy_run(originals, tmp_path, "finished")
    names = ("SHA256SUMS", "status.json", "history.nc", "figures/curves.png")
    (place / "run" / "figures").mkdir()
    links = {}
    for folder, _, name in (name.rpartition("/") for name in names):
        hidden = f".{name}.{{pid}}.tmp"
        links[f"{folder}/{hidden}" if folder else hidden] = str(place / "outside" / "foreign")
    ask_to_write(probe, place, "resume", plant=links)


CHECKPOINTS = (
    *("meta: notes of text", "state: epoch negative", "state: another width", "database: giant"),
)


@pytest.mark.parametrize("name", CHECKPOINTS)
def test_resume_skips_or_refuses_hostile_checkpoints(probe, originals, tmp_path, name):
    place = copy_run(originals, tmp_path)
    hostile_checkpoints.CHECKPOINTS[name](place / "run")
    hostile_files.update_digests(place / "run")
    ask_to_write(probe, place, "resume")


MARKUP = "</script><script>alert(1)</script><!--<img src=x onerror='alert(1)'>\"'&lt;{{7*7}}${7*7}"
TEXT = MARKUP + "]]>$\\frac{$"
NAME = (TEXT + "\x1b[2J\u2028\u202e\n").replace("/", "")  # in config.json it is refused


def insert_text(run, text, name):
    """Write a text wherever config.json can have one, and rename the run."""
    info = json.loads((run / "config.json").read_text())
    info["recipe"] = text
    info["environment"] |= {"python": text, "platform": text, "devices": [text, text], text: text}
    info["environment"]["versions"] |= {"jax": text, text: text}
    (run / "config.json").write_text(json.dumps(info))
    hostile_files.update_digests(run)
    return run.rename(run.with_name(name))


def report_page(probe, place, run):
    """Return the report's elements with the names of their attributes, and its source."""
    ask_to_write(probe, place, "report", run)
    source = (place / run / "report.html").read_text()
    whole = Page(source)
    for tag, attributes in whole.elements:
        assert not [name for name in attributes if name.startswith("on")], tag
        for name in {"href", "src"} & attributes.keys():
            assert attributes[name].startswith(("#", "data:"))
    return [(tag, sorted(attributes)) for tag, attributes in whole.elements], source


def test_the_report_escapes_everything(probe, originals, tmp_path):
    """It has the same elements and attributes as with harmless texts."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    harmless, other = (copy_run(originals, tmp_path / x, "finished") for x in "ab")
    insert_text(harmless / "run", "x", "name")
    insert_text(other / "run", TEXT, NAME)
    elements, _ = report_page(probe, harmless, "name")
    found, source = report_page(probe, other, NAME)
    assert found == elements
    data = source.partition('id="members">')[2].partition("</script>")[0]
    assert not set("<>&'") & set(data)
    assert "alert(1)</script>" not in source


def set_all_metrics(run, value):
    """Set all metrics of all evaluations to a value."""
    for path in (run / "records").glob("*.npz"):
        with np.load(path) as before:
            arrays = {n: before[n] for n in before.files}
        kept = {n: arrays[n] for n in ("member", "epoch")}
        metrics = {n: a for n, a in arrays.items() if n not in kept}
        np.savez(path, **{n: np.full_like(a, value) for n, a in metrics.items()}, **kept)


def record_many_sessions(run):
    """Record a hundred thousand processes that trained for one round each."""
    count = np.arange(100_000)
    times = dict.fromkeys(("session", "seconds", "training"), count.astype(float))
    numbers = dict.fromkeys(("lanes", "busy", "waiting"), count.astype(np.int32))
    hostile_journal.set_arrays(run, "rounds", **times, **numbers, steps=count)


NUMBERS = {
    "infinite": lambda r: set_all_metrics(r, np.inf),
    "sessions": record_many_sessions,
    "rounds NaN": lambda r: hostile_journal.set_arrays(
        r,
        "rounds",
        session=hostile_journal.filled_with(np.nan),
        seconds=hostile_journal.filled_with(np.inf),
    ),
    "rounds without": lambda r: hostile_journal.set_arrays(r, "rounds", lanes=None),
    "environment": hostile_files.CONFIGS["environment: a list"],
}


@pytest.mark.parametrize("name", NUMBERS)
def test_the_report_of_hostile_numbers(probe, originals, tmp_path, name):
    place = copy_run(originals, tmp_path, "finished")
    NUMBERS[name](place / "run")
    (place / "run" / "history.nc").unlink()
    hostile_files.update_digests(place / "run")
    answer = ask_to_write(probe, place, "report")
    assert (place / "run" / "report.html").exists() == (answer["steps"]["report"][0] == "ok")


def test_the_report_is_written_through_no_link(probe, originals, tmp_path):
    place = copy_run(originals, tmp_path, "finished")
    foreign = str(place / "outside" / "foreign")
    (place / "run" / "report.html").symlink_to(foreign)
    ask_to_write(probe, place, "report", plant={".report.html.{pid}.tmp": foreign})
