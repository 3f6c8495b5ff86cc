"""What another may have made of a run directory: each function alters a copy of a valid one.

`relist` then corrects the digests, which are no secret. `outside` is a folder beside the run that
is none of its business.
"""

import hashlib
import json
import os
import shutil
import signal

import grokjax
from grokjax import Config, Sweep
from grokjax.interrupt import Interrupted
from grokjax.progress import Progress
from tests.conftest import TINY

BIG = 100_000_000
META = "checkpoints/1/meta/metadata"
STATE = "checkpoints/1/state"


class Interrupt(Progress):
    """Sends a signal after some rounds, as a user would."""

    def __init__(self):
        super().__init__(False)
        self._left = 6

    def update(self, tally, last=False):
        super().update(tally, last)
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGINT)


def trained(folder):
    """Two runs to alter, `stopped` with members over, one in a checkpoint and one to begin, and
    `finished`.
    """
    sweep = Sweep(Config(**TINY, snapshot_every=2), seed=range(4))
    try:
        grokjax.train(sweep, folder / "stopped", lanes=1, devices=1, progress=Interrupt())
    except Interrupted:
        grokjax.train(sweep, folder / "finished", lanes=1, devices=1, progress=False)


def relist(run):
    """Digests as the writer would have them now, of the run and of each checkpoint."""
    for sums in [run / "SHA256SUMS", *run.glob("checkpoints/*/SHA256SUMS")]:
        folder = sums.parent
        files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
        names = [path.relative_to(folder).as_posix() for path in files if path != sums]
        if folder == run:
            last = ("config.json", "history.nc")
            names = [name for name in names if name in last or name.endswith(".npz")]
        digests = [hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names]
        lines = (f"{digest}  {name}\n" for digest, name in zip(digests, names, strict=True))
        close(sums, "".join(lines))


def close(sums, lines):
    """A list of digests with these lines and the last one, so that they are believed."""
    digest = hashlib.sha256(lines.encode()).hexdigest()
    sums.write_text(f"{lines}# {digest}\n", newline="")


def replaced(path, what, outside):
    """`path` as something that is no regular file of the run."""
    path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    if what == "fifo":
        os.mkfifo(path)
    elif what == "folder":
        path.mkdir()
    else:
        foreign = outside / "foreign"
        path.symlink_to({"zero": "/dev/zero", "itself": path.name, "foreign": foreign}[what])


def moved_out(path, outside):
    """A folder of the run, now outside it, behind a symbolic link."""
    shutil.move(path, outside / "moved")
    path.symlink_to(outside / "moved")


# ---- JSON ----

TEXTS = {
    "hundred megabytes of lists": lambda: '{"schema":2,"a":[' + "[]," * (BIG // 3) + "0]}",
    "hundred megabytes of text": lambda: '{"schema":2,"a":"' + "x" * BIG + '"}',
    "hundred megabytes of nothing": lambda: "\0" * BIG,
    "deep": lambda: "[" * 1_000_000,
    "deep and whole": lambda: '{"a":' * 100_000 + "0" + "}" * 100_000,
    "long number": lambda: '{"schema":' + "9" * 100_000 + "}",
    "infinite": lambda: '{"schema":1e999,"time":1e999,"members":Infinity}',
    "null": lambda: "null",
    "list": lambda: "[[]]",
    "escapes": lambda: '{"schema":"\\u001b]0;owned\\u0007\\n\\n"}',
}


def edited(run, change, name="config.json"):
    """A file of JSON with `change(values)` made to it."""
    values = json.loads((run / name).read_text())
    values = change(values) or values
    (run / name).write_text(json.dumps(values))


def put(run, *keys_and_value, name="config.json"):
    """A file of JSON with one value in it replaced, `put(run, "sweep", "config", [])`."""
    *keys, last, value = keys_and_value

    def change(values):
        for key in keys:
            values = values[key]
        values[last] = value

    edited(run, change, name)


def many_members(run):
    """Sixty megabytes of seeds."""
    put(run, "sweep", "columns", {"seed": list(range(7_500_000))})


def wide(run, **settings):
    edited(run, lambda info: info["sweep"]["config"].update(settings))


ANSI = "\x1b]0;owned\x07\x1b[2J"
CONFIGS = {
    "members: millions": many_members,
    "columns: of unequal length": lambda r: put(
        r, "sweep", "columns", {"seed": [0, 1, 2, 3], "weight_decay": [0.0]}
    ),
    "columns: none": lambda r: put(r, "sweep", "columns", None),
    "columns: a list": lambda r: put(r, "sweep", "columns", [1]),
    "columns: of text": lambda r: put(r, "sweep", "columns", {"seed": "0123"}),
    "columns: of lists": lambda r: put(r, "sweep", "columns", {"operation": [[], {}]}),
    "columns: a name to print": lambda r: put(r, "sweep", "columns", {ANSI + "\n": [1]}),
    "columns: a long name": lambda r: put(r, "sweep", "columns", {"x" * 10_000_000: [1]}),
    "config: a list": lambda r: put(r, "sweep", "config", [1]),
    "config: text": lambda r: put(r, "sweep", "config", "seed"),
    "config: a long value": lambda r: put(r, "sweep", "config", "split", "x" * 10_000_000),
    "config: a name to print": lambda r: put(r, "sweep", "config", {ANSI: 1}),
    "config: NaN": lambda r: put(r, "sweep", "config", "learning_rate", float("nan")),
    "config: a number beyond float": lambda r: put(r, "sweep", "config", "weight_decay", 10**400),
    "config: a giant network": lambda r: wide(r, modulus=46_340, embed_dim=10**9),
    "config: a giant layer": lambda r: wide(r, hidden_dim=2**31),
    "config: giant counts": lambda r: wide(r, max_epochs=10**30, eval_every=2, extra_epochs=2**62),
    "sweep: none": lambda r: put(r, "sweep", None),
    "sweep: text": lambda r: put(r, "sweep", "config"),
    "schema: a list": lambda r: put(r, "schema", [[2]]),
    "schema: long": lambda r: put(r, "schema", "2" * 10_000_000),
    "recipe: to print": lambda r: put(r, "recipe", ANSI + "\n" + "<b>"),
    "recipe: long": lambda r: put(r, "recipe", "x" * 10_000_000),
    "recipe: a list": lambda r: put(r, "recipe", [[]]),
    "recipe: missing": lambda r: edited(r, lambda info: info.pop("recipe") and None),
    "environment: missing": lambda r: edited(r, lambda info: info.pop("environment") and None),
    "environment: a list": lambda r: put(r, "environment", [1]),
    "environment: text": lambda r: put(r, "environment", "x"),
    "environment: of the wrong types": lambda r: edited(
        r, lambda info: info["environment"].update(versions=[], devices=7, platform={})
    ),
    "sessions: text": lambda r: put(r, "resumed_with", "x"),
    "sessions: of the wrong types": lambda r: edited(
        r,
        lambda info: info.update(resumed_with=[info["environment"] | {"flags": [], "python": {}}]),
    ),
    "environment: to print": lambda r: edited(
        r, lambda info: info["environment"].update(platform=ANSI, versions={"jax": ANSI + "\n"})
    ),
}

# ---- status.json, SHA256SUMS, .lock ----


def listed(run, *names, digest="0" * 64):
    """SHA256SUMS with more lines."""
    before = (run / "SHA256SUMS").read_text().partition("# ")[0]
    close(run / "SHA256SUMS", before + "".join(f"{digest}  {name}\n" for name in names))


SMALL = {
    "sums: above the run": lambda r: listed(r, "../outside/foreign", "records/../../outside/x"),
    "sums: absolute": lambda r: listed(r, "/etc/passwd", "//etc/passwd", "~/x", "/dev/zero"),
    "sums: names to print": lambda r: listed(r, ANSI, "a\rb", "a\x0bb", "a\x85b", "x" * 10_000_000),
    "sums: no names": lambda r: listed(r, "", ".", "records", "\0", "a\0b"),
    "sums: no digest": lambda r: listed(r, "config.json", digest=""),
    "sums: many": lambda r: listed(r, *(f"records/{i}" for i in range(50_000))),
    "status: to print": lambda r: put(r, "host", ANSI + "\n", name="status.json"),
    "status: long": lambda r: put(r, "host", "x" * 10_000_000, name="status.json"),
    "status: text for numbers": lambda r: put(r, "rate", "fast", name="status.json"),
    "status: infinite": lambda r: put(r, "unsaved_seconds", float("inf"), name="status.json"),
    "status: NaN": lambda r: put(r, "time", float("nan"), name="status.json"),
    "status: epochs a list": lambda r: put(r, "epochs", [1], name="status.json"),
    "status: epochs of text": lambda r: put(r, "epochs", {"0": "x"}, name="status.json"),
    "lock: to print": lambda r: (r / ".lock").write_text(ANSI),
    "lock: a hundred megabytes": lambda r: (r / ".lock").write_text("x" * BIG),
    "name: not of a part": lambda r: (r / "records" / "²³.npz").write_bytes(b""),
    "name: a long number": lambda r: (r / "records" / f"{'9' * 200}.npz").write_bytes(b""),
    "name: a checkpoint of no number": lambda r: (r / "checkpoints" / "²").mkdir(),
    "name: a checkpoint beyond int64": lambda r: (r / "checkpoints" / ("9" * 30)).mkdir(),
}
