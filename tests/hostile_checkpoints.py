"""As `hostile`, of what Orbax and tensorstore read."""

import json
import shutil

import numpy as np

from grokjax.states import digest
from tests.hostile import META, STATE, put

GIANT = 10**12


def database(run, name=""):
    """Where Orbax has the arrays, and one of them."""
    base = f"file://{(run / STATE).absolute()}/"
    return {"driver": "ocdbt", "base": base, "path": f"lanes.{name}/" if name else ""}


def saved_again(run, ocdbt=True, **changes):
    """The checkpoint with other arrays in it, and the digest that they have; None: without it."""
    import orbax.checkpoint as ocp
    import tensorstore as ts

    keys = [k.decode() for k in ts.KvStore.open(database(run)).result().list().result()]
    names = [k[len("lanes.") : -len("/.zarray")] for k in keys if k.endswith("/.zarray")]
    state = {}
    for name in names:
        array = ts.open({"driver": "zarr", "kvstore": database(run, name)}, open=True).result()
        state[name] = np.array(array.read().result())  # [1, ...], the only lane
    for name, value in changes.items():
        state[name.replace("__", "/")] = None if value is None else np.asarray(value)[None]
    state = {name: array for name, array in state.items() if array is not None}
    shutil.rmtree(run / STATE)
    with ocp.Checkpointer(ocp.PyTreeCheckpointHandler(use_ocdbt=ocdbt)) as checkpointer:
        checkpointer.save((run / STATE).absolute(), {"lanes": state})
    (member,) = json.loads((run / META).read_text())["digests"]
    row = {name: array[0] for name, array in state.items()}
    put(run, "digests", member, digest(row), name=META)


def plain(run, copies=0, **changes):
    """The arrays in files without a database, one declared otherwise; it has no chunks, or many
    times the one of zeros.
    """
    import tensorstore as ts

    saved_again(run, ocdbt=False)
    (path,) = [p for p in (run / STATE).rglob("bias/.zarray") if "params/hidden" in str(p)]
    metadata = json.loads(path.read_text()) | changes
    path.write_text(json.dumps(metadata))
    for chunk in path.parent.glob("[0-9]*"):
        chunk.unlink()
    if not copies:
        return
    kvstore = {"driver": "file", "path": f"{path.parent.absolute()}/"}
    array = ts.open({"driver": "zarr", "kvstore": kvstore}, open=True).result()
    array[0, : metadata["chunks"][1]].write(np.float32(0)).result()
    (first,) = path.parent.glob("[0-9]*")
    for i in range(1, copies):
        shutil.copy(first, first.with_name(f"0.{i}"))


def in_database(run, shape):
    """One array declared to be giant, and without chunks, in the database."""
    import tensorstore as ts

    metadata = {"shape": shape, "chunks": shape, "dtype": "<f4", "fill_value": 0.0}
    spec = {"driver": "zarr", "kvstore": database(run, "params/hidden/bias"), "metadata": metadata}
    ts.open(spec, create=True, delete_existing=True).result()


def text(run, name, old, new):
    path = run / name
    found = path.read_text()
    assert old in found
    path.write_text(found.replace(old, new))


def notes(run, value):
    member = next(iter(json.loads((run / META).read_text())["notes"]))
    put(run, "notes", member, value, name=META)


def garbage(run, name):
    for path in run.glob(f"{STATE}/{name}"):
        path.write_bytes(b"\x0c\xdb\x3a\x2a" + bytes(range(256)) * 4)


def cyclic(run):
    """An entry in _METADATA, one level below the other."""
    keys = json.dumps([{"key": "x", "key_type": 2}] * 2_000)
    entry = f'"evil": {{"key_metadata": {keys}, "value_metadata": {{"value_type": "dict"}}}}'
    text(run, f"{STATE}/_METADATA", '{"tree_metadata": {', f'{{"tree_metadata": {{{entry}, ')


CHECKPOINTS = {
    "meta: lanes a number": lambda r: put(r, "members", "lanes", 2, name=META),
    "meta: lanes of text": lambda r: put(r, "members", "lanes", ["x"], name=META),
    "meta: lanes beyond": lambda r: put(r, "members", "lanes", [10**30], name=META),
    "meta: lanes more": lambda r: put(r, "members", "lanes", list(range(99)), name=META),
    "meta: no groups": lambda r: put(r, "members", {}, name=META),
    "meta: members a list": lambda r: put(r, "members", [], name=META),
    "meta: notes of text": lambda r: notes(r, {"streak": "x", "evil": 1}),
    "meta: notes a list": lambda r: notes(r, [1]),
    "meta: digests a list": lambda r: put(r, "digests", [], name=META),
    "meta: schema a list": lambda r: put(r, "schema", [2], name=META),
    "meta: schema to print": lambda r: put(r, "schema", "\x1b]0;owned\x07\n", name=META),
    "meta: schema long": lambda r: put(r, "schema", "2" * 10_000_000, name=META),
    "state: no epoch": lambda r: saved_again(r, epoch=None),
    "state: epoch a row": lambda r: saved_again(r, epoch=np.zeros(5, np.int32)),
    "state: epoch NaN": lambda r: saved_again(r, epoch=np.float32("nan")),
    "state: epoch negative": lambda r: saved_again(r, epoch=np.int32(-(2**31))),
    "state: another width": lambda r: saved_again(r, params__hidden__bias=np.zeros(9, np.float32)),
    "state: another type": lambda r: saved_again(r, params__hidden__bias=np.zeros(8, bool)),
    "state: another array": lambda r: saved_again(r, params__evil=np.zeros(3, np.float32)),
    "state: names above": lambda r: saved_again(r, **{"params/../../../x": np.zeros(3)}),
    "plain: giant": lambda r: plain(r, shape=[1, GIANT], chunks=[1, GIANT]),
    "plain: giant of small chunks": lambda r: plain(r, shape=[1, GIANT], chunks=[1, 8]),
    "plain: some gigabytes": lambda r: plain(r, shape=[1, 2**30], chunks=[1, 2**20]),
    "plain: compressed gigabytes": lambda r: plain(
        r, copies=64, shape=[1, 2**30], chunks=[1, 2**24], fill_value=1.0
    ),
    "plain: negative": lambda r: plain(r, shape=[1, -8]),
    "plain: of another type": lambda r: plain(r, dtype="|O", fill_value=None),
    "database: giant": lambda r: in_database(r, [1, GIANT]),
    "database: some gigabytes": lambda r: in_database(r, [1, 2**30]),
    "database: garbage for a manifest": lambda r: garbage(r, "manifest.ocdbt"),
    "database: garbage for data": lambda r: garbage(r, "**/d/*"),
    "names: above": lambda r: text(r, f"{STATE}/_METADATA", '"key": "epoch"', '"key": "../../x"'),
    "names: absolute": lambda r: text(r, f"{STATE}/_METADATA", '"key": "epoch"', '"key": "/etc/x"'),
    "names: of a type": lambda r: text(r, f"{STATE}/_METADATA", "jax.Array", "os.system"),
    "names: deep": cyclic,
    "names: of a handler": lambda r: text(
        r, "checkpoints/1/_CHECKPOINT_METADATA", "orbax.checkpoint", "os.system"
    ),
}
