"""Reading a run directory that a stranger made is harmless, whatever its files hold.

Nothing is executed or written, memory and time are bounded, and errors are one line. The attacks
are in the modules `hostile_*`; the probe records what reading does.
"""

import shutil

import pytest

from tests.faults import hostile_checkpoints, hostile_files, hostile_journal
from tests.faults.hostile_files import META, STATE
from tests.faults.probe import copy_run, is_reported, tree, violations

pytestmark = pytest.mark.fault

ORBAX = "checkpoints/1/_CHECKPOINT_METADATA"
REPLACED_FILES = (
    *("config.json", "status.json", "SHA256SUMS", ".lock", META, f"{STATE}/_METADATA"),
    *("records/000001.npz", "params/000001.npz", "snapshots/000001.npz", "rounds/000001.npz"),
    *(f"{STATE}/manifest.ocdbt", f"{STATE}/_sharding", ORBAX),
)
MOVED_FOLDERS = (
    *("records", "params", "snapshots", "rounds", "checkpoints", "checkpoints/1"),
    *("checkpoints/1/meta", STATE, f"{STATE}/d"),
)
JSON_FILES = ("config.json", "status.json", "SHA256SUMS", META, f"{STATE}/_METADATA")
UNDETECTED = {
    *("member: of params beyond", "member: quarter of int32", "member: largest"),
    *("epoch: beyond the end", "epoch: a million"),
    *("zip: names above", "zip: many entries", "zip: a name to print", "names: of a handler"),
    *("more: another metric", "more: another layer", "more: a layer in a layer", "names: deep"),
    *("state: another array", "state: names above", "state: epoch negative"),
    "missing: layer_norm",
}
"""Attacks that `check` need not report: their additions are not read, or are also found in a run
that is being extended, or that a version with fewer metrics wrote.
"""


@pytest.fixture
def place(originals, tmp_path):
    """A folder with a copy of the stopped run, and the folder `outside`."""
    return copy_run(originals, tmp_path)


def read(probe, place, run="run"):
    """Return the answer to reading all of a run; assert that it changes nothing on disk."""
    before = tree(place)
    answer = probe.ask(place / run, "read")
    assert violations(answer) == []
    assert tree(place) == before
    return answer


def test_a_valid_run_is_read(probe, originals, place):
    answer = read(probe, place)
    assert {kind for kind, _ in answer["steps"].values()} == {"ok"}
    assert answer["warnings"] == []
    assert not is_reported(answer)
    (place / "link").symlink_to("run")  # the run directory itself may be a link
    assert not is_reported(read(probe, place, "link"))
    shutil.copytree(originals / "finished", place / "finished")
    answer = read(probe, place, "finished")
    assert {kind for kind, _ in answer["steps"].values()} == {"ok"}
    assert not is_reported(answer)


def test_the_probe_records_violations(probe, place):
    """The tests below rely on it."""
    answer = probe.ask(place / "run", "misbehave")
    assert {name: kind for name, (kind, _) in answer["steps"].items() if kind != "ok"} == {
        "import": "OSError"
    }
    kinds = {event[0] for event in answer["events"]}
    assert kinds >= {"write", "read", "os.remove", "subprocess.Popen", "pickle.find_class"}
    assert "ctypes.dlopen" in kinds
    text = "\n".join(violations(answer))
    assert "GiB more than before" in text
    assert "not printable" in text


def attack(probe, place, attacks, name):
    """Change the copy, read it, and assert that the damage is reported."""
    attacks[name](place / "run")
    hostile_files.update_digests(place / "run")
    assert is_reported(read(probe, place)) or name in UNDETECTED


@pytest.mark.parametrize("name", hostile_files.CONFIGS)
def test_hostile_config(probe, place, name):
    hostile_files.CONFIGS[name](place / "run")
    hostile_files.update_digests(place / "run")
    read(probe, place)


@pytest.mark.parametrize("name", hostile_files.SMALL_FILES)
def test_hostile_small_files_and_names(probe, place, name):
    hostile_files.SMALL_FILES[name](place / "run")
    read(probe, place)


@pytest.mark.parametrize("name", hostile_files.JSON_TEXTS)
@pytest.mark.parametrize("file", JSON_FILES)
def test_hostile_json(probe, place, file, name):
    (place / "run" / file).write_text(hostile_files.JSON_TEXTS[name]())
    if file != "SHA256SUMS":
        hostile_files.update_digests(place / "run")
    read(probe, place)


@pytest.mark.parametrize("name", hostile_journal.PARTS)
def test_hostile_parts_of_the_journal(probe, place, name):
    attack(probe, place, hostile_journal.PARTS, name)


@pytest.mark.parametrize("name", hostile_checkpoints.CHECKPOINTS)
def test_hostile_checkpoints(probe, place, name):
    attack(probe, place, hostile_checkpoints.CHECKPOINTS, name)


@pytest.mark.parametrize("kind", ["fifo", "zero", "itself", "folder", "foreign"])
@pytest.mark.parametrize("file", REPLACED_FILES)
def test_files_that_are_not_regular(probe, place, file, kind):
    hostile_files.replace(place / "run" / file, kind, place / "outside")
    if file != "SHA256SUMS":
        hostile_files.update_digests(place / "run")
    answer = read(probe, place)
    optional = ("status.json", "SHA256SUMS", ".lock", f"{STATE}/_sharding", ORBAX)
    assert is_reported(answer) or file in optional


@pytest.mark.parametrize("folder", MOVED_FOLDERS)
def test_a_folder_behind_a_link_that_leads_out(probe, place, folder):
    hostile_files.move_out(place / "run" / folder, place / "outside")
    assert is_reported(read(probe, place))


def test_a_valid_part_behind_a_link_that_leads_out(probe, place):
    part = place / "run" / "records" / "000001.npz"
    shutil.move(part, place / "outside" / "records.npz")
    part.symlink_to(place / "outside" / "records.npz")
    assert is_reported(read(probe, place))


@pytest.mark.parametrize("kind", ["fifo", "zero", "itself", "folder", "foreign", "garbage"])
def test_history_nc_is_never_read(probe, originals, place, kind):
    shutil.copytree(originals / "finished", place / "finished")
    path = place / "finished" / "history.nc"
    if kind == "garbage":
        path.write_bytes(path.read_bytes()[:2_000] + bytes(range(256)) * 20)
    else:
        hostile_files.replace(path, kind, place / "outside")
    hostile_files.update_digests(place / "finished")
    steps = read(probe, place, "finished")["steps"]
    if kind in ("fifo", "zero", "foreign"):  # not a file of the run
        assert steps["load"][0] == "DamagedRun"
    else:
        assert steps["history"] == ["ok", ""]


@pytest.mark.parametrize("name", ["pickle", "declared: giant"])
def test_check_ends_with_one_line(probe, place, name):
    hostile_journal.PARTS[name](place / "run")
    hostile_files.update_digests(place / "run")
    answer = probe.ask(place / "run", "check")
    assert answer["steps"]["check"] == ["SystemExit", "1"]
    assert "grokjax: " in answer["output"].splitlines()[-1]
