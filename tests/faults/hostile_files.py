"""Run directories to attack, and attacks on their JSON files, lists of digests and locks.

Each attack changes a copy of a valid run, as a stranger could who hands on a run directory.
`update_digests` then makes the digests agree, for they are no secret. `outside` is a folder beside
the run that reading and writing the run must leave alone.
"""

import contextlib
import hashlib
import json
import os
import shutil
import signal

import pytest

import grokjax
from grokjax import Config, Sweep
from grokjax.storage import files
from grokjax.storage.checkpoint import meta_digest
from grokjax.training.progress import Progress
from tests.conftest import TINY

TOO_LONG, GIGABYTES = files.MAX_TEXT_BYTES + 1, 100_000_000
"""Characters of a file that must not be read, and of one whose lists would need gigabytes."""
META = "checkpoints/1/meta/metadata"
STATE = "checkpoints/1/state"


class Interrupt(Progress):
    """Progress that sends SIGTERM to this process after six rounds."""

    def __init__(self):
        super().__init__(False)
        self._rounds_left = 6

    def update(self, counts, last=False):
        super().update(counts, last)
        self._rounds_left -= 1
        if self._rounds_left == 0:
            os.kill(os.getpid(), signal.SIGTERM)


def train_runs(folder):
    """Train two runs: `finished`, and `stopped` with finished, saved and pending members."""
    sweep = Sweep(Config(**TINY, snapshot_every=2), seed=range(4))
    with pytest.raises(grokjax.Interrupted):
        grokjax.train(sweep, folder / "stopped", lanes=1, devices=1, progress=Interrupt())
    grokjax.train(sweep, folder / "finished", lanes=1, devices=1, progress=False)


def update_digests(run):
    """Make all digests of the run and its checkpoints agree with the files."""
    for path in run.glob("checkpoints/*/meta/metadata"):
        with contextlib.suppress(ValueError, RecursionError):  # hostile JSON has no digest
            if path.is_file() and path.stat().st_size < TOO_LONG:
                meta = json.loads(path.read_text())
                if isinstance(meta, dict) and meta.pop("digest", None):
                    path.write_text(json.dumps(meta | {"digest": meta_digest(meta)}))
    for sums in [run / "SHA256SUMS", *run.glob("checkpoints/*/SHA256SUMS")]:
        folder = sums.parent
        paths = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
        names = [path.relative_to(folder).as_posix() for path in paths if path != sums]
        if folder == run:
            last = ("config.json", "history.nc")
            names = [name for name in names if name in last or name.endswith(".npz")]
        digests = [hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names]
        lines = (f"{digest}  {name}\n" for digest, name in zip(digests, names, strict=True))
        write_list(sums, "".join(lines))


def write_list(sums, lines):
    """Write a list of digests that ends with the digest of its lines, so that it is intact."""
    digest = hashlib.sha256(lines.encode()).hexdigest()
    sums.write_text(f"{lines}# {digest}\n", newline="")


def replace(path, kind, outside):
    """Replace a file by one that is not a regular file of the run."""
    path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        foreign = outside / "foreign"
        path.symlink_to({"zero": "/dev/zero", "itself": path.name, "foreign": foreign}[kind])


def move_out(path, outside):
    """Move a folder of the run to `outside` and leave a symbolic link in its place."""
    shutil.move(path, outside / "moved")
    path.symlink_to(outside / "moved")


JSON_TEXTS = {
    "gigabytes of lists": lambda: '{"schema":2,"a":[' + "[]," * (GIGABYTES // 3) + "0]}",
    "too long a text": lambda: '{"schema":2,"a":"' + "x" * TOO_LONG + '"}',
    "too many zeros": lambda: "\0" * TOO_LONG,
    "deep": lambda: "[" * 1_000_000,
    "deep and whole": lambda: '{"a":' * 100_000 + "0" + "}" * 100_000,
    "long number": lambda: '{"schema":' + "9" * 100_000 + "}",
    "infinite": lambda: '{"schema":1e999,"time":1e999,"members":Infinity}',
    "null": lambda: "null",
    "list": lambda: "[[]]",
    "escapes": lambda: '{"schema":"\\u001b]0;owned\\u0007\\n\\n"}',
}


def edit_json(run, change, name="config.json"):
    """Apply `change` to the values in a JSON file; what it returns, if anything, replaces them."""
    values = json.loads((run / name).read_text())
    values = change(values) or values
    (run / name).write_text(json.dumps(values))


def set_json(run, *keys_and_value, name="config.json"):
    """Replace one value in a JSON file: `set_json(run, "sweep", "config", [])`."""
    *keys, last, value = keys_and_value

    def change(values):
        for key in keys:
            values = values[key]
        values[last] = value

    edit_json(run, change, name)


def set_many_members(run):
    """Write sixty megabytes of seeds."""
    set_json(run, "sweep", "columns", {"seed": list(range(7_500_000))})


def set_config(run, **settings):
    """Change settings of the sweep's config, in the group that has them."""

    def change(info):
        for name, value in settings.items():
            (group,) = (g for g in info["sweep"]["config"].values() if name in g)
            group[name] = value

    edit_json(run, change)


def set_network(run, *keys_and_value):
    """Replace one value in what config.json says of the only network."""
    set_json(run, "networks", 0, *keys_and_value)


ANSI = "\x1b]0;owned\x07\x1b[2J"
CONFIGS = {
    "members: millions": set_many_members,
    "columns: of unequal length": lambda r: set_json(
        r, "sweep", "columns", {"seed": [0, 1, 2, 3], "weight_decay": [0.0]}
    ),
    "columns: none": lambda r: set_json(r, "sweep", "columns", None),
    "columns: a list": lambda r: set_json(r, "sweep", "columns", [1]),
    "columns: of text": lambda r: set_json(r, "sweep", "columns", {"seed": "0123"}),
    "columns: of lists": lambda r: set_json(r, "sweep", "columns", {"operation": [[], {}]}),
    "columns: a name to print": lambda r: set_json(r, "sweep", "columns", {ANSI + "\n": [1]}),
    "columns: a long name": lambda r: set_json(r, "sweep", "columns", {"x" * 10_000_000: [1]}),
    "config: a list": lambda r: set_json(r, "sweep", "config", [1]),
    "config: text": lambda r: set_json(r, "sweep", "config", "seed"),
    "config: a long value": lambda r: set_config(r, split="x" * 10_000_000),
    "config: a name to print": lambda r: set_json(r, "sweep", "config", {ANSI: 1}),
    "config: NaN": lambda r: set_config(r, learning_rate=float("nan")),
    "config: a number beyond float": lambda r: set_config(r, weight_decay=10**400),
    "config: a giant network": lambda r: set_config(r, modulus=46_340, embed_dim=10**9),
    "config: a giant layer": lambda r: set_config(r, hidden_dim=2**31),
    "config: giant counts": lambda r: set_config(
        r, max_epochs=10**30, eval_every=2, extra_epochs=2**62
    ),
    "sweep: none": lambda r: set_json(r, "sweep", None),
    "sweep: text": lambda r: set_json(r, "sweep", "config"),
    "networks: none": lambda r: set_json(r, "networks", []),
    "networks: text": lambda r: set_json(r, "networks", ["x"]),
    "networks: a giant array": lambda r: set_network(r, "parameters", {"x/y": [10**6, 10**6]}),
    "networks: negative shapes": lambda r: set_network(r, "parameters", {"x/y": [-1, 2.5]}),
    "networks: names above": lambda r: set_network(r, "parameters", {"../../x": [1], ANSI: [1]}),
    "networks: no bound of a state": lambda r: set_network(r, "state_bytes", 1e300),
    "networks: a state of text": lambda r: set_network(r, "state_bytes", "x"),
    "networks: a token table of text": lambda r: set_network(r, "token_table", "x"),
    "networks: a missing table": lambda r: set_network(r, "token_table", "parameter", "x/y"),
    "networks: metrics of text": lambda r: set_network(r, "metrics", {ANSI: "x"}),
    "networks: a giant dimension": lambda r: set_network(
        r, "metrics", "embedding_power", "frequency", list(range(1_000_000))
    ),
    "networks: data of text": lambda r: set_network(r, "data", "x"),
    "networks: giant examples": lambda r: set_network(r, "examples", "add", 10**30),
    "pieces: a list": lambda r: set_json(r, "pieces", ["os"]),
    "pieces: to import": lambda r: set_json(r, "pieces", {"os": "os", "task": "/etc/x.py:x"}),
    "schema: a list": lambda r: set_json(r, "schema", [[2]]),
    "schema: long": lambda r: set_json(r, "schema", "2" * 10_000_000),
    "recipe: to print": lambda r: set_json(r, "recipe", ANSI + "\n" + "<b>"),
    "recipe: long": lambda r: set_json(r, "recipe", "x" * 10_000_000),
    "recipe: a list": lambda r: set_json(r, "recipe", [[]]),
    "recipe: missing": lambda r: edit_json(r, lambda info: info.pop("recipe") and None),
    "environment: missing": lambda r: edit_json(r, lambda info: info.pop("environment") and None),
    "environment: a list": lambda r: set_json(r, "environment", [1]),
    "environment: text": lambda r: set_json(r, "environment", "x"),
    "environment: of the wrong types": lambda r: edit_json(
        r, lambda info: info["environment"].update(versions=[], devices=7, platform={})
    ),
    "sessions: text": lambda r: set_json(r, "resumed_with", "x"),
    "sessions: of the wrong types": lambda r: edit_json(
        r,
        lambda info: info.update(resumed_with=[info["environment"] | {"flags": [], "python": {}}]),
    ),
    "environment: to print": lambda r: edit_json(
        r, lambda info: info["environment"].update(platform=ANSI, versions={"jax": ANSI + "\n"})
    ),
}

# ---- status.json, SHA256SUMS, .lock ----


def list_files(run, *names, digest="0" * 64):
    """SHA256SUMS with more lines."""
    before = (run / "SHA256SUMS").read_text().partition("# ")[0]
    write_list(run / "SHA256SUMS", before + "".join(f"{digest}  {name}\n" for name in names))


SMALL_FILES = {
    "sums: above the run": lambda r: list_files(r, "../outside/foreign", "records/../../outside/x"),
    "sums: absolute": lambda r: list_files(r, "/etc/passwd", "//etc/passwd", "~/x", "/dev/zero"),
    "sums: names to print": lambda r: list_files(
        r, ANSI, "a\rb", "a\x0bb", "a\x85b", "x" * 10_000_000
    ),
    "sums: no names": lambda r: list_files(r, "", ".", "records", "\0", "a\0b"),
    "sums: no digest": lambda r: list_files(r, "config.json", digest=""),
    "sums: many": lambda r: list_files(r, *(f"records/{i}" for i in range(50_000))),
    "status: to print": lambda r: set_json(r, "host", ANSI + "\n", name="status.json"),
    "status: long": lambda r: set_json(r, "host", "x" * 10_000_000, name="status.json"),
    "status: text for numbers": lambda r: set_json(r, "rate", "fast", name="status.json"),
    "status: infinite": lambda r: set_json(r, "unsaved_seconds", float("inf"), name="status.json"),
    "status: NaN": lambda r: set_json(r, "time", float("nan"), name="status.json"),
    "status: epochs a list": lambda r: set_json(r, "epochs", [1], name="status.json"),
    "status: epochs of text": lambda r: set_json(r, "epochs", {"0": "x"}, name="status.json"),
    "lock: to print": lambda r: (r / ".lock").write_text(ANSI),
    "lock: too long": lambda r: (r / ".lock").write_text("x" * TOO_LONG),
    "name: not of a part": lambda r: (r / "records" / "²³.npz").write_bytes(b""),
    "name: a long number": lambda r: (r / "records" / f"{'9' * 200}.npz").write_bytes(b""),
    "name: a checkpoint of no number": lambda r: (r / "checkpoints" / "²").mkdir(),
    "name: a checkpoint beyond int64": lambda r: (r / "checkpoints" / ("9" * 30)).mkdir(),
}
