"""As `hostile`, of the parts of the journal."""

import struct
import warnings
import zipfile

import numpy as np

from tests.hostile import put

GIANT = 10**12


def part(run, kind, **changes):
    """The first part of a kind with other arrays in it; None: without that one."""
    path = run / kind / "000001.npz"
    with np.load(path) as before:
        arrays = {name: before[name] for name in before.files}
    for name, change in changes.items():
        found = change(arrays.get(name)) if callable(change) else change
        arrays[name] = found
    np.savez(path, **{name: a for name, a in arrays.items() if a is not None})


def header(shape, descr="'<f4'", order=False, data=b""):
    """An .npy of any declared shape and dtype."""
    text = f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}}}".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + data


def entries(run, kind, entries):
    """The first part of a kind with these entries `(name, bytes)` beside or instead of its own."""
    path = run / kind / "000001.npz"
    names = {name for name, _ in entries}
    with zipfile.ZipFile(path) as before:
        kept = [(n, before.read(n)) for n in before.namelist() if n not in names]
    with warnings.catch_warnings(action="ignore"), zipfile.ZipFile(path, "w") as file:
        for name, data in [*kept, *entries]:
            file.writestr(name, data)


class Evil:
    """What runs when it is unpickled."""

    def __reduce__(self):
        return exec, ("import os; os.system('touch /tmp/grokjax-was-owned')",)


def bytes_of(run, kind, change):
    path = run / kind / "000001.npz"
    path.write_bytes(change(path.read_bytes()))


def declared(kind, name, *shape_and_more, **more):
    data = header(*shape_and_more, **more)
    return lambda run: entries(run, kind, [(f"{name}.npy", data)])


def bomb(run):
    """Two gigabytes of zeros in two megabytes."""
    path = run / "records" / "000001.npz"
    with (
        warnings.catch_warnings(action="ignore"),
        zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED, compresslevel=1) as file,
        file.open("embedding_power.npy", "w", force_zip64=True) as entry,
    ):
        entry.write(header((2**19, 2**10)))
        for _ in range(2**5):
            entry.write(bytes(2**26))


def many_epochs(run):
    """A million evaluations of a member among five thousand."""
    put(run, "sweep", "columns", {"seed": list(range(5_000))})
    rows = 2**20
    filled = {n: np.zeros(rows, np.float32) for n in RECORDS}
    filled |= {"layer_norm": np.zeros((rows, 3), np.float32)}
    filled |= {"embedding_power": np.zeros((rows, 3), np.float32)}
    numbers = {"member": np.zeros(rows, np.int32), "epoch": np.arange(rows, dtype=np.int32)}
    part(run, "records", **filled, **numbers)


RECORDS = (
    *("train_loss", "test_loss", "train_accuracy", "test_accuracy"),
    *("weight_norm", "embedding_gini", "neuron_ipr"),
)


def to(value, dtype=None):
    """An array of the same shape, filled."""
    return lambda a: np.full(a.shape, value, dtype or a.dtype)


PARTS = {
    "pickle": lambda r: part(r, "records", train_loss=np.array([Evil()], object)),
    "pickle of a status": lambda r: part(r, "params", status=lambda a: a.astype(object)),
    "pickle without zip": lambda r: bytes_of(r, "records", lambda b: b"\x80\x04cos\nsystem\n."),
    "deflated": bomb,
    "declared: giant": declared("records", "train_loss", (GIANT,)),
    "declared: giant member": declared("records", "member", (GIANT,), "'<i4'"),
    "declared: overflowing": declared("records", "train_loss", (2**40, 2**40)),
    "declared: giant and empty": declared("records", "layer_norm", (GIANT, 0)),
    "declared: negative": declared("records", "train_loss", (-1,)),
    "declared: a number": declared("records", "train_loss", "7"),
    "declared: an expression": declared("records", "train_loss", "(__import__('os').getpid(),)"),
    "declared: many dimensions": declared("records", "train_loss", "(" + "1," * 300 + ")"),
    "declared: deep": declared("records", "train_loss", "(" * 9_000 + ")" * 9_000),
    "declared: itemsize": declared("records", "train_loss", (1,), "'|V2147483647'"),
    "declared: structure": declared("records", "train_loss", (1,), "[('a','<f4'),('b','|O')]"),
    "declared: fortran": declared("params", "hidden/kernel", (2, 8, 8), order=True),
    "declared: giant parameters": declared("params", "output/kernel", (2, 10**6, 10**6)),
    "member: float": lambda r: part(r, "records", member=lambda a: a + 0.5),
    "member: text": lambda r: part(r, "records", member=lambda a: a.astype(str)),
    "member: int64": lambda r: part(r, "records", member=to(2**40, np.int64)),
    "member: negative": lambda r: part(r, "records", member=to(-1)),
    "member: quarter of int32": lambda r: part(r, "records", member=to(2**29)),
    "member: largest": lambda r: part(r, "records", member=to(2**31 - 1)),
    "member: scalar": lambda r: part(r, "records", member=np.int32(0)),
    "member: table": lambda r: part(r, "records", member=lambda a: np.stack([a, a], 1)),
    "member: of params negative": lambda r: part(r, "params", member=to(-1)),
    "member: of params scalar": lambda r: part(r, "params", member=np.int32(0)),
    "member: of params beyond": lambda r: part(r, "params", member=to(10**6)),
    "member: of snapshots text": lambda r: part(r, "snapshots", member=lambda a: a.astype(str)),
    "epoch: NaN": lambda r: part(r, "records", epoch=to(np.nan, np.float32)),
    "epoch: negative": lambda r: part(r, "records", epoch=to(-(2**31))),
    "epoch: beyond the end": lambda r: part(r, "records", epoch=to(2**31 - 1)),
    "epoch: a million": many_epochs,
    "epochs: NaN": lambda r: part(r, "params", epochs=to(np.nan, np.float32)),
    "epochs: negative": lambda r: part(r, "params", epochs=to(-5)),
    "status: bytes": lambda r: part(r, "params", status=lambda a: a.astype("S")),
    "status: unknown": lambda r: part(r, "params", status=lambda a: a.astype("U9") + "x"),
    "status: to print": lambda r: part(
        r, "params", status=lambda a: np.full(a.shape, "\x1b]0;owned\x07\n")
    ),
    "status: long": lambda r: part(r, "params", status=lambda a: np.full(a.shape, "x" * 10**6)),
    "lengths: records": lambda r: part(r, "records", train_loss=lambda a: a[:0]),
    "lengths: member and epoch": lambda r: part(r, "records", epoch=lambda a: a[:0]),
    "lengths: params": lambda r: part(r, "params", streak=lambda a: a[:0]),
    "lengths: parameters": lambda r: part(r, "params", **{"output/bias": lambda a: a[:0]}),
    "lengths: rounds": lambda r: part(r, "rounds", seconds=lambda a: a[:0]),
    "lengths: snapshots": lambda r: part(r, "snapshots", epoch=lambda a: a[:0]),
    "missing: member": lambda r: part(r, "records", member=None),
    "missing: layer_norm": lambda r: part(r, "records", layer_norm=None),
    "missing: status": lambda r: part(r, "params", status=None),
    "missing: embedding": lambda r: part(r, "snapshots", embedding=None),
    "missing: a parameter": lambda r: part(r, "params", **{"output/bias": None}),
    "missing: all": lambda r: part(r, "rounds", **dict.fromkeys(ROUNDS)),
    "width: layers": lambda r: part(r, "records", layer_norm=lambda a: a[:, :2]),
    "width: frequencies": lambda r: part(
        r, "records", embedding_power=lambda a: np.zeros((len(a), 40_000), np.float32)
    ),
    "width: a table": lambda r: part(r, "records", train_loss=lambda a: np.stack([a] * 5, 1)),
    "width: parameters": lambda r: part(r, "params", **{"output/bias": lambda a: a[:, :2]}),
    "width: snapshots": lambda r: part(r, "snapshots", embedding=lambda a: a[:, 0]),
    "type: a metric is text": lambda r: part(r, "records", train_loss=lambda a: a.astype(str)),
    "type: complex": lambda r: part(r, "records", test_loss=lambda a: a.astype(complex)),
    "type: times": lambda r: part(r, "rounds", session=lambda a: a.astype("M8[s]")),
    "type: parameters are text": lambda r: part(
        r, "params", **{"output/bias": lambda a: a.astype(str)}
    ),
    "more: another metric": lambda r: part(r, "records", evil=np.zeros((3, 3, 3), np.float32)),
    "more: a coordinate": lambda r: part(r, "records", status=lambda _: np.zeros(8, np.float32)),
    "more: another layer": lambda r: part(
        r, "params", **{"evil/../../x": np.zeros((2, 9)), "hidden": np.zeros(2)}
    ),
    "more: a layer in a layer": lambda r: part(
        r, "params", **{"output/bias/deep": lambda _: np.zeros((2, 3), np.float32)}
    ),
    "zip: names above": lambda r: entries(
        r, "records", [("../../x.npy", header((0,))), ("/tmp/x.npy", header((0,)))]
    ),
    "zip: an entry twice": lambda r: entries(
        r, "records", [("epoch.npy", header((0,), "'<i4'")), ("epoch.npy", header((9,), "'<i4'"))]
    ),
    "zip: many entries": lambda r: entries(r, "rounds", [(f"{i}", b"") for i in range(60_000)]),
    "zip: no arrays": lambda r: entries(r, "records", [("member.npy", b"x" * 99)]),
    "zip: a name to print": lambda r: entries(r, "rounds", [("\x1b]0;owned\x07.npy", b"x" * 99)]),
    "zip: cut": lambda r: bytes_of(r, "records", lambda b: b[: len(b) // 2]),
    "zip: flipped": lambda r: bytes_of(r, "records", lambda b: b[:300] + b"\xff" + b[301:]),
    "zip: empty": lambda r: bytes_of(r, "params", lambda b: b""),
}

ROUNDS = ("session", "seconds", "training", "steps", "lanes", "busy", "waiting")
