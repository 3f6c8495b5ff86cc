"""What opening a hostile run directory did, from outside the process that did it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

REFUSALS = ("DamagedRun", "ConfigError", "FileNotFoundError", "MemoryError")
SECRET = "nobody's business"


class Probe:
    """The process, from outside. Use it in a `with`."""

    def __enter__(self):
        root = Path(__file__).parents[1]
        paths = os.pathsep.join([str(root), *filter(None, [os.environ.get("PYTHONPATH")])])
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("probe.py"))],
            env=os.environ | {"PYTHONPATH": paths},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(self, *_):
        self._process.communicate()

    def ask(self, directory, action, **plant):
        request = {"directory": str(directory), "action": action, **plant}
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


def copies(originals, place, name="stopped"):
    """A copy of a run as `run`, beside a folder `outside` that is none of its business."""
    (place / "outside").mkdir()
    (place / "outside" / "foreign").write_text(SECRET)
    shutil.copytree(originals / name, place / "run")
    return place


def tree(folder):
    """Everything below a folder, unfollowed, to compare."""
    return {
        str(path.relative_to(folder)): (
            *(path.lstat().st_mode, path.lstat().st_size, path.lstat().st_mtime_ns),
            *(path.lstat().st_ino, path.is_symlink() and path.readlink()),
        )
        for path in folder.rglob("*")
    }


def printable(text, what, most):
    """What is wrong with text that comes from a hostile run."""
    if len(text) > most:
        return [f"{what}: {len(text)} characters"]
    return [] if text.isprintable() else [f"{what}: not to be printed: {text!r}"]


def faults(answer):
    """All that opening a hostile run has done and may not."""
    found = [f"ended by signal {answer['died']} in {answer['at']}"] if answer["died"] else []
    for step, (kind, text) in answer["steps"].items():
        told = kind == "ValueError" and text.startswith(("params: ", "snapshots: "))
        if kind not in ("ok", *REFUSALS) and not told:
            found.append(f"{step}: {kind}: {text[:200]}")
        found += printable(text, step, 1_000)
    for line in answer["output"].split("\n"):
        found += printable(line, "output", 2_000)
    for warning in answer["warnings"]:
        found += printable(warning, "warning", 1_000)
    found += [f"event: {event}" for event in answer["events"]]
    if answer["peak"] > 1 << 30:
        found.append(f"{answer['peak'] / 2**30:.1f} GiB more than before")
    if SECRET in json.dumps(answer):
        found.append("shows what is outside the run")
    return found


def reported(answer):
    """Whether `check` would say that the run is damaged, or reading it is refused."""
    refused = any(kind != "ok" for kind, _ in answer["steps"].values())
    return refused or "damaged: " in answer["output"]
