"""What `report` and `resume` write of a hostile run directory: nothing outside it, and no markup.

See `test_untrusted`.
"""

import json
import os

import numpy as np
import pytest

from tests import hostile, hostile_arrays, hostile_checkpoints
from tests.test_report import Page
from tests.watched import copies, faults, tree

pytestmark = pytest.mark.fault

KINDS = ("records", "params", "optimizer", "snapshots", "rounds")


def expected(event, run):
    """Whether it is of the run itself, of JAX's cache, or the question which commit this is."""
    kind, what = event
    if kind == "subprocess.Popen":
        return "'rev-parse', 'HEAD'" in what
    inside = (str(run.resolve()), os.environ["JAX_COMPILATION_CACHE_DIR"])
    # A file without a name, made to see whether the folder can be written, shows as the folder.
    where = f"{what}{os.sep}" if kind == "write" else what
    return kind == "os.mkdir" or where.startswith(tuple(f"{path}{os.sep}" for path in inside))


def written(probe, place, action, run="run", **plant):
    """The answer of a command that writes; outside the run it leaves all as it was."""
    before = tree(place / "outside")
    answer = probe.ask(place / run, action, **plant)
    assert tree(place / "outside") == before
    answer["events"] = [e for e in answer["events"] if not expected(e, place / run)]
    kind, code = answer["steps"].get(action, ["", ""])
    if kind == "SystemExit" and code in "12":
        assert answer["output"].splitlines()[-1].startswith("grokjax: ")
        answer["steps"][action][0] = "ok"
    assert faults(answer) == []
    return answer


# ---- resume ----


def elsewhere(run, folder):
    """A folder of the run behind a link, where others have files that look like leavings."""
    (run / folder).mkdir(exist_ok=True)
    outside = run.parent / "outside"
    hostile.moved_out(run / folder, outside)
    (outside / "moved" / ".x.tmp").write_text("mine")
    (outside / "moved" / ".000007.npz.1.tmp").write_text("mine")
    for name in ("1.orbax-checkpoint-tmp", "1.orbax-checkpoint-tmp-7", "0", "7", "8"):
        (outside / "moved" / name).mkdir(exist_ok=True)


@pytest.mark.parametrize("folder", [*KINDS, "figures"])
def test_resume_leaves_folders_elsewhere_alone(probe, originals, tmp_path, folder):
    """Also of a finished run, where nothing but the tidying is left to do."""
    place = copies(originals, tmp_path, "finished")
    elsewhere(place / "run", folder)
    written(probe, place, "resume")


@pytest.mark.parametrize("folder", ["records", "checkpoints", "checkpoints/1"])
def test_resume_does_not_go_on_elsewhere(probe, originals, tmp_path, folder):
    place = copies(originals, tmp_path)
    elsewhere(place / "run", folder)
    written(probe, place, "resume")


LINKS = (
    *((".lock", "foreign"), (".lock", "new"), ("figures/curves.png", "foreign")),
    *(("figures/curves.png", "new"), ("status.json", "foreign"), ("history.nc", "foreign")),
    *(("SHA256SUMS", "foreign"), ("records/000001.npz", "foreign"), ("config.json", "new")),
)


@pytest.mark.parametrize(("file", "target"), LINKS)
def test_resume_writes_through_no_link(probe, originals, tmp_path, file, target):
    place = copies(originals, tmp_path, "finished")
    path = place / "run" / file
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    path.symlink_to(place / "outside" / target)
    written(probe, place, "resume")
    assert not (place / "outside" / "new").exists()


def test_resume_writes_through_no_link_where_it_is_about_to_write(probe, originals, tmp_path):
    """Somebody may know the names of temporary files."""
    place = copies(originals, tmp_path, "finished")
    names = ("SHA256SUMS", "status.json", "history.nc", "figures/curves.png")
    (place / "run" / "figures").mkdir()
    links = {}
    for folder, _, name in (name.rpartition("/") for name in names):
        hidden = f".{name}.{{pid}}.tmp"
        links[f"{folder}/{hidden}" if folder else hidden] = str(place / "outside" / "foreign")
    written(probe, place, "resume", plant=links)


CHECKPOINTS = (
    *("meta: notes of text", "state: epoch negative", "state: another width", "database: giant"),
)


@pytest.mark.parametrize("name", CHECKPOINTS)
def test_resume_passes_over_such_checkpoints_or_refuses(probe, originals, tmp_path, name):
    place = copies(originals, tmp_path)
    hostile_checkpoints.CHECKPOINTS[name](place / "run")
    hostile.relist(place / "run")
    written(probe, place, "resume")


# ---- report ----

MARKUP = "</script><script>alert(1)</script><!--<img src=x onerror='alert(1)'>\"'&lt;{{7*7}}${7*7}"
TEXT = MARKUP + "]]>$\\frac{$"
NAME = (TEXT + "\x1b[2J\u2028\u202e\n").replace("/", "")  # in config.json it is refused


def named(run, text, name):
    """A run with a text wherever there can be one, and a name of its own."""
    info = json.loads((run / "config.json").read_text())
    info["recipe"] = text
    info["environment"] |= {"python": text, "platform": text, "devices": [text, text], text: text}
    info["environment"]["versions"] |= {"jax": text, text: text}
    (run / "config.json").write_text(json.dumps(info))
    hostile.relist(run)
    return run.rename(run.with_name(name))


def page(probe, place, run):
    """The elements of the report, without what differs between texts; and its source."""
    written(probe, place, "report", run)
    source = (place / run / "report.html").read_text()
    whole = Page(source)
    for tag, attributes in whole.elements:
        assert not [name for name in attributes if name.startswith("on")], tag
        for name in {"href", "src"} & attributes.keys():
            assert attributes[name].startswith(("#", "data:"))
    return [(tag, sorted(attributes)) for tag, attributes in whole.elements], source


def test_the_report_escapes_all(probe, originals, tmp_path):
    """The same elements with the same attributes as where all names are harmless."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    harmless, other = (copies(originals, tmp_path / x, "finished") for x in "ab")
    named(harmless / "run", "x", "name")
    named(other / "run", TEXT, NAME)
    elements, _ = page(probe, harmless, "name")
    found, source = page(probe, other, NAME)
    assert found == elements
    data = source.partition('id="members">')[2].partition("</script>")[0]
    assert not set("<>&'") & set(data)
    assert "alert(1)</script>" not in source


def everything(run, value):
    """All metrics of all evaluations."""
    for path in (run / "records").glob("*.npz"):
        with np.load(path) as before:
            arrays = {n: before[n] for n in before.files}
        kept = {n: arrays[n] for n in ("member", "epoch")}
        metrics = {n: a for n, a in arrays.items() if n not in kept}
        np.savez(path, **{n: np.full_like(a, value) for n, a in metrics.items()}, **kept)


def sessions(run):
    """A hundred thousand processes that trained for a round each."""
    count = np.arange(100_000)
    times = dict.fromkeys(("session", "seconds", "training"), count.astype(float))
    numbers = dict.fromkeys(("lanes", "busy", "waiting"), count.astype(np.int32))
    hostile_arrays.part(run, "rounds", **times, **numbers, steps=count)


NUMBERS = {
    "infinite": lambda r: everything(r, np.inf),
    "sessions": sessions,
    "rounds NaN": lambda r: hostile_arrays.part(
        r, "rounds", session=hostile_arrays.to(np.nan), seconds=hostile_arrays.to(np.inf)
    ),
    "rounds without": lambda r: hostile_arrays.part(r, "rounds", lanes=None),
    "environment": hostile.CONFIGS["environment: a list"],
}


@pytest.mark.parametrize("name", NUMBERS)
def test_the_report_of_hostile_numbers(probe, originals, tmp_path, name):
    place = copies(originals, tmp_path, "finished")
    NUMBERS[name](place / "run")
    (place / "run" / "history.nc").unlink()
    hostile.relist(place / "run")
    answer = written(probe, place, "report")
    assert (place / "run" / "report.html").exists() == (answer["steps"]["report"][0] == "ok")


def test_the_report_is_written_through_no_link(probe, originals, tmp_path):
    place = copies(originals, tmp_path, "finished")
    foreign = str(place / "outside" / "foreign")
    (place / "run" / "report.html").symlink_to(foreign)
    written(probe, place, "report", plant={".report.html.{pid}.tmp": foreign})
