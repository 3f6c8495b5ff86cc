"""Open hostile run directories in a process that records its operations, and judge its answers."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

REFUSALS = ("DamagedRun", "ConfigError", "FileNotFoundError", "MemoryError")
SECRET = "nobody's business"


class Probe:
    """Context manager: a `probe_process`."""

    def __enter__(self):
        root = Path(__file__).parents[2]
        paths = os.pathsep.join([str(root), *filter(None, [os.environ.get("PYTHONPATH")])])
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("probe_process.py"))],
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


def copy_run(originals, place, name="stopped"):
    """Copy a run to `run`, beside a folder `outside` with a file that must stay secret."""
    (place / "outside").mkdir()
    (place / "outside" / "foreign").write_text(SECRET)
    shutil.copytree(originals / name, place / "run")
    return place


def tree(folder):
    """Return the metadata of everything below a folder, to compare; links are not followed."""
    return {
        str(path.relative_to(folder)): (
            *(path.lstat().st_mode, path.lstat().st_size, path.lstat().st_mtime_ns),
            *(path.lstat().st_ino, path.is_symlink() and path.readlink()),
        )
        for path in folder.rglob("*")
    }


def text_violations(text, source, max_length):
    """Return why a text from a hostile run should not have been printed."""
    if len(text) > max_length:
        return [f"{source}: {len(text)} characters"]
    return [] if text.isprintable() else [f"{source}: not printable: {text!r}"]


def violations(answer):
    """Return everything forbidden that opening a hostile run has done."""
    found = [f"ended by signal {answer['died']} in {answer['at']}"] if answer["died"] else []
    for step, (kind, text) in answer["steps"].items():
        is_expected = kind == "ValueError" and text.startswith(("params: ", "snapshots: "))
        if kind not in ("ok", *REFUSALS) and not is_expected:
            found.append(f"{step}: {kind}: {text[:200]}")
        found += text_violations(text, step, 1_000)
    for line in answer["output"].split("\n"):
        found += text_violations(line, "output", 2_000)
    for warning in answer["warnings"]:
        found += text_violations(warning, "warning", 1_000)
    found += [f"event: {event}" for event in answer["events"]]
    if answer["peak"] > 1 << 30:
        found.append(f"{answer['peak'] / 2**30:.1f} GiB more than before")
    if SECRET in json.dumps(answer):
        found.append("shows what is outside the run")
    return found


def is_reported(answer):
    """Return whether a step was refused, or `check` reports that the run is damaged."""
    refused = any(kind != "ok" for kind, _ in answer["steps"].values())
    return refused or "damaged: " in answer["output"]
