"""Attacks on the parts of the journal: what a stranger may have put into a run directory."""

import struct
import warnings
import zipfile

import numpy as np

from tests.faults.hostile_files import set_json

GIANT = 10**12


def set_arrays(run, kind, **changes):
    """Replace arrays in the first part of a kind, by a value or a function; None removes one."""
    path = run / kind / "000001.npz"
    with np.load(path) as before:
        arrays = {name: before[name] for name in before.files}
    for name, change in changes.items():
        arrays[name] = change(arrays.get(name)) if callable(change) else change
    np.savez(path, **{name: a for name, a in arrays.items() if a is not None})


def header(shape, descr="'<f4'", order=False, data=b""):
    """Return an .npy that declares any shape and dtype."""
    text = f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}}}".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + data


def add_entries(run, kind, entries):
    """Add zip entries `(name, bytes)` to the first part of a kind, or replace those of the name."""
    path = run / kind / "000001.npz"
    names = {name for name, _ in entries}
    with zipfile.ZipFile(path) as before:
        kept = [(n, before.read(n)) for n in before.namelist() if n not in names]
    with warnings.catch_warnings(action="ignore"), zipfile.ZipFile(path, "w") as file:
        for name, data in [*kept, *entries]:
            file.writestr(name, data)


class Evil:
    """An object whose unpickling runs a command."""

    def __reduce__(self):
        return exec, ("import os; os.system('touch /tmp/grokjax-was-owned')",)


def change_bytes(run, kind, change):
    path = run / kind / "000001.npz"
    path.write_bytes(change(path.read_bytes()))


def declared(kind, name, *shape_and_more, **more):
    """Return an attack that replaces one array by the `header` of another one."""
    data = header(*shape_and_more, **more)
    return lambda run: add_entries(run, kind, [(f"{name}.npy", data)])


def add_deflated_zeros(run):
    """Add two gigabytes of zeros, deflated to two megabytes."""
    path = run / "records" / "000001.npz"
    with (
        warnings.catch_warnings(action="ignore"),
        zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED, compresslevel=1) as file,
        file.open("embedding_power.npy", "w", force_zip64=True) as entry,
    ):
        entry.write(header((2**19, 2**10)))
        for _ in range(2**5):
            entry.write(bytes(2**26))


def record_many_epochs(run):
    """Record a million evaluations of a member, in a sweep of five thousand members."""
    set_json(run, "sweep", "columns", {"seed": list(range(5_000))})
    rows = 2**20
    metrics = {n: np.zeros(rows, np.float32) for n in SCALARS}
    metrics |= {"layer_norm": np.zeros((rows, 3), np.float32)}
    metrics |= {"embedding_power": np.zeros((rows, 3), np.float32)}
    numbers = {"member": np.zeros(rows, np.int32), "epoch": np.arange(rows, dtype=np.int32)}
    set_arrays(run, "records", **metrics, **numbers)


SCALARS = (
    *("train_loss", "test_loss", "train_accuracy", "test_accuracy"),
    *("weight_norm", "embedding_gini", "neuron_ipr"),
)


def filled_with(value, dtype=None):
    """Return a function that fills an array with a value."""
    return lambda a: np.full(a.shape, value, dtype or a.dtype)


PARTS = {
    "pickle": lambda r: set_arrays(r, "records", train_loss=np.array([Evil()], object)),
    "pickle of a status": lambda r: set_arrays(r, "params", status=lambda a: a.astype(object)),
    "pickle without zip": lambda r: change_bytes(r, "records", lambda b: b"\x80\x04cos\nsystem\n."),
    "deflated": add_deflated_zeros,
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
    "declared: fortran": declared("params", "params/hidden/kernel", (2, 8, 8), order=True),
    "declared: giant parameters": declared("params", "params/output/kernel", (2, 10**6, 10**6)),
    "member: float": lambda r: set_arrays(r, "records", member=lambda a: a + 0.5),
    "member: text": lambda r: set_arrays(r, "records", member=lambda a: a.astype(str)),
    "member: int64": lambda r: set_arrays(r, "records", member=filled_with(2**40, np.int64)),
    "member: negative": lambda r: set_arrays(r, "records", member=filled_with(-1)),
    "member: quarter of int32": lambda r: set_arrays(r, "records", member=filled_with(2**29)),
    "member: largest": lambda r: set_arrays(r, "records", member=filled_with(2**31 - 1)),
    "member: scalar": lambda r: set_arrays(r, "records", member=np.int32(0)),
    "member: table": lambda r: set_arrays(r, "records", member=lambda a: np.stack([a, a], 1)),
    "member: of params negative": lambda r: set_arrays(r, "params", member=filled_with(-1)),
    "member: of params scalar": lambda r: set_arrays(r, "params", member=np.int32(0)),
    "member: of params beyond": lambda r: set_arrays(r, "params", member=filled_with(10**6)),
    "member: of snapshots text": lambda r: set_arrays(
        r, "snapshots", member=lambda a: a.astype(str)
    ),
    "epoch: NaN": lambda r: set_arrays(r, "records", epoch=filled_with(np.nan, np.float32)),
    "epoch: negative": lambda r: set_arrays(r, "records", epoch=filled_with(-(2**31))),
    "epoch: beyond the end": lambda r: set_arrays(r, "records", epoch=filled_with(2**31 - 1)),
    "epoch: a million": record_many_epochs,
    "epochs: NaN": lambda r: set_arrays(r, "params", epochs=filled_with(np.nan, np.float32)),
    "epochs: negative": lambda r: set_arrays(r, "params", epochs=filled_with(-5)),
    "status: bytes": lambda r: set_arrays(r, "params", status=lambda a: a.astype("S")),
    "status: unknown": lambda r: set_arrays(r, "params", status=lambda a: a.astype("U9") + "x"),
    "status: to print": lambda r: set_arrays(
        r, "params", status=lambda a: np.full(a.shape, "\x1b]0;owned\x07\n")
    ),
    "status: long": lambda r: set_arrays(
        r, "params", status=lambda a: np.full(a.shape, "x" * 10**6)
    ),
    "lengths: records": lambda r: set_arrays(r, "records", train_loss=lambda a: a[:0]),
    "lengths: member and epoch": lambda r: set_arrays(r, "records", epoch=lambda a: a[:0]),
    "lengths: params": lambda r: set_arrays(r, "params", streak=lambda a: a[:0]),
    "lengths: parameters": lambda r: set_arrays(
        r, "params", **{"params/output/bias": lambda a: a[:0]}
    ),
    "lengths: rounds": lambda r: set_arrays(r, "rounds", seconds=lambda a: a[:0]),
    "lengths: snapshots": lambda r: set_arrays(r, "snapshots", epoch=lambda a: a[:0]),
    "missing: member": lambda r: set_arrays(r, "records", member=None),
    "missing: layer_norm": lambda r: set_arrays(r, "records", layer_norm=None),
    "missing: status": lambda r: set_arrays(r, "params", status=None),
    "missing: embedding": lambda r: set_arrays(r, "snapshots", embedding=None),
    "missing: a parameter": lambda r: set_arrays(r, "params", **{"params/output/bias": None}),
    "missing: all": lambda r: set_arrays(r, "rounds", **dict.fromkeys(ROUNDS)),
    "width: layers": lambda r: set_arrays(r, "records", layer_norm=lambda a: a[:, :2]),
    "width: frequencies": lambda r: set_arrays(
        r, "records", embedding_power=lambda a: np.zeros((len(a), 40_000), np.float32)
    ),
    "width: a table": lambda r: set_arrays(r, "records", train_loss=lambda a: np.stack([a] * 5, 1)),
    "width: parameters": lambda r: set_arrays(
        r, "params", **{"params/output/bias": lambda a: a[:, :2]}
    ),
    "width: snapshots": lambda r: set_arrays(r, "snapshots", embedding=lambda a: a[:, 0]),
    "type: a metric is text": lambda r: set_arrays(
        r, "records", train_loss=lambda a: a.astype(str)
    ),
    "type: complex": lambda r: set_arrays(r, "records", test_loss=lambda a: a.astype(complex)),
    "type: times": lambda r: set_arrays(r, "rounds", session=lambda a: a.astype("M8[s]")),
    "type: parameters are text": lambda r: set_arrays(
        r, "params", **{"params/output/bias": lambda a: a.astype(str)}
    ),
    "more: another metric": lambda r: set_arrays(
        r, "records", evil=np.zeros((3, 3, 3), np.float32)
    ),
    "more: a coordinate": lambda r: set_arrays(
        r, "records", status=lambda _: np.zeros(8, np.float32)
    ),
    "more: another layer": lambda r: set_arrays(
        r, "params", **{"params/evil/../../x": np.zeros((2, 9)), "params/hidden": np.zeros(2)}
    ),
    "more: a layer in a layer": lambda r: set_arrays(
        r, "params", **{"params/output/bias/deep": lambda _: np.zeros((2, 3), np.float32)}
    ),
    "zip: names above": lambda r: add_entries(
        r, "records", [("../../x.npy", header((0,))), ("/tmp/x.npy", header((0,)))]
    ),
    "zip: an entry twice": lambda r: add_entries(
        r, "records", [("epoch.npy", header((0,), "'<i4'")), ("epoch.npy", header((9,), "'<i4'"))]
    ),
    "zip: many entries": lambda r: add_entries(r, "rounds", [(f"{i}", b"") for i in range(60_000)]),
    "zip: no arrays": lambda r: add_entries(r, "records", [("member.npy", b"x" * 99)]),
    "zip: a name to print": lambda r: add_entries(
        r, "rounds", [("\x1b]0;owned\x07.npy", b"x" * 99)]
    ),
    "zip: cut": lambda r: change_bytes(r, "records", lambda b: b[: len(b) // 2]),
    "zip: flipped": lambda r: change_bytes(r, "records", lambda b: b[:300] + b"\xff" + b[301:]),
    "zip: empty": lambda r: change_bytes(r, "params", lambda b: b""),
}

ROUNDS = ("session", "seconds", "training", "steps", "lanes", "busy", "waiting")
