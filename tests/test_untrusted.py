"""A run directory that another made is opened, and does nothing but be read or refused.

Whatever is in it: nothing is executed, nothing written, memory and time stay bounded, and what
cannot be read is said in a line. Attacks are in `hostile` and `hostile_arrays`; `probe` watches.
"""

import shutil

import pytest

from tests import hostile, hostile_arrays, hostile_checkpoints
from tests.hostile import META, STATE
from tests.watched import copies, faults, reported, tree

pytestmark = pytest.mark.fault

ORBAX = "checkpoints/1/_CHECKPOINT_METADATA"
LINKED = (
    *("config.json", "status.json", "SHA256SUMS", ".lock", META, f"{STATE}/_METADATA"),
    *("records/000001.npz", "params/000001.npz", "snapshots/000001.npz", "rounds/000001.npz"),
    *(f"{STATE}/manifest.ocdbt", f"{STATE}/_sharding", ORBAX),
)
FOLDERS = (
    *("records", "params", "snapshots", "rounds", "checkpoints", "checkpoints/1"),
    *("checkpoints/1/meta", STATE, f"{STATE}/d"),
)
TEXTS = ("config.json", "status.json", "SHA256SUMS", META, f"{STATE}/_METADATA")
UNREMARKABLE = {
    *("member: of params beyond", "member: quarter of int32", "member: largest"),
    *("epoch: beyond the end", "epoch: a million"),
    *("zip: names above", "zip: many entries", "zip: a name to print", "names: of a handler"),
    *("more: another metric", "more: another layer", "more: a layer in a layer", "names: deep"),
    *("state: another array", "state: names above", "state: epoch negative"),
}
"""Attacks that `check` may pass over: what they add is not read, or a run that is being extended
has it too.
"""


@pytest.fixture
def place(originals, tmp_path):
    """A copy of a run that was stopped, beside a folder that is none of its business."""
    return copies(originals, tmp_path)


def read(probe, place, run="run"):
    """The answer to reading all of a run, which may change nothing on disk."""
    before = tree(place)
    answer = probe.ask(place / run, "read")
    assert faults(answer) == []
    assert tree(place) == before
    return answer


def test_a_sound_run_passes(probe, originals, place):
    answer = read(probe, place)
    assert {kind for kind, _ in answer["steps"].values()} == {"ok"}
    assert answer["warnings"] == []
    assert not reported(answer)
    (place / "link").symlink_to("run")  # the directory itself may be anywhere
    assert not reported(read(probe, place, "link"))
    shutil.copytree(originals / "finished", place / "finished")
    answer = read(probe, place, "finished")
    assert {kind for kind, _ in answer["steps"].values()} == {"ok"}
    assert not reported(answer)


def test_the_watch_sees(probe, place):
    """Without this the tests below could not fail."""
    answer = probe.ask(place / "run", "misbehave")
    assert {name: kind for name, (kind, _) in answer["steps"].items() if kind != "ok"} == {
        "import": "OSError"
    }
    kinds = {event[0] for event in answer["events"]}
    assert kinds >= {"write", "read", "os.remove", "subprocess.Popen", "pickle.find_class"}
    assert "ctypes.dlopen" in kinds
    text = "\n".join(faults(answer))
    assert "GiB more than before" in text
    assert "not to be printed" in text


def attack(probe, place, attacks, name):
    """Alters the copy, reads it, and asks that what is damaged be reported."""
    attacks[name](place / "run")
    hostile.relist(place / "run")
    assert reported(read(probe, place)) or name in UNREMARKABLE


@pytest.mark.parametrize("name", hostile.CONFIGS)
def test_config(probe, place, name):
    hostile.CONFIGS[name](place / "run")
    hostile.relist(place / "run")
    read(probe, place)


@pytest.mark.parametrize("name", hostile.SMALL)
def test_small_files_and_names(probe, place, name):
    hostile.SMALL[name](place / "run")
    read(probe, place)


@pytest.mark.parametrize("name", hostile.TEXTS)
@pytest.mark.parametrize("file", TEXTS)
def test_json(probe, place, file, name):
    (place / "run" / file).write_text(hostile.TEXTS[name]())
    if file != "SHA256SUMS":
        hostile.relist(place / "run")
    read(probe, place)


@pytest.mark.parametrize("name", hostile_arrays.PARTS)
def test_parts(probe, place, name):
    attack(probe, place, hostile_arrays.PARTS, name)


@pytest.mark.parametrize("name", hostile_checkpoints.CHECKPOINTS)
def test_checkpoints(probe, place, name):
    attack(probe, place, hostile_checkpoints.CHECKPOINTS, name)


@pytest.mark.parametrize("what", ["fifo", "zero", "itself", "folder", "foreign"])
@pytest.mark.parametrize("file", LINKED)
def test_no_regular_file(probe, place, file, what):
    hostile.replaced(place / "run" / file, what, place / "outside")
    if file != "SHA256SUMS":
        hostile.relist(place / "run")
    answer = read(probe, place)
    dispensable = ("status.json", "SHA256SUMS", ".lock", f"{STATE}/_sharding", ORBAX)
    assert reported(answer) or file in dispensable


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_folder_elsewhere(probe, place, folder):
    hostile.moved_out(place / "run" / folder, place / "outside")
    assert reported(read(probe, place))


def test_a_part_elsewhere_is_not_this_run_s(probe, place):
    """Sound, and a link: what it points to may be anybody's."""
    part = place / "run" / "records" / "000001.npz"
    shutil.move(part, place / "outside" / "records.npz")
    part.symlink_to(place / "outside" / "records.npz")
    assert reported(read(probe, place))


@pytest.mark.parametrize("what", ["fifo", "zero", "itself", "folder", "foreign", "garbage"])
def test_the_netcdf_is_an_export_only(probe, originals, place, what):
    shutil.copytree(originals / "finished", place / "finished")
    path = place / "finished" / "history.nc"
    if what == "garbage":
        path.write_bytes(path.read_bytes()[:2_000] + bytes(range(256)) * 20)
    else:
        hostile.replaced(path, what, place / "outside")
    hostile.relist(place / "finished")
    steps = read(probe, place, "finished")["steps"]
    if what in ("fifo", "zero", "foreign"):  # it leads out of the run, or is no file
        assert steps["load"][0] == "DamagedRun"
    else:
        assert steps["history"] == ["ok", ""]


@pytest.mark.parametrize("alter", ["pickle", "declared: giant"])
def test_the_command_check(probe, place, alter):
    """It ends with a line on stderr."""
    hostile_arrays.PARTS[alter](place / "run")
    hostile.relist(place / "run")
    answer = probe.ask(place / "run", "check")
    assert answer["steps"]["check"] == ["SystemExit", "1"]
    assert "grokjax: " in answer["output"].splitlines()[-1]
