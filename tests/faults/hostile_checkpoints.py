"""Attacks on a checkpoint: what a stranger may have put into what Orbax and tensorstore read."""

import json
import shutil

import numpy as np

from grokjax.storage.member_state import digest
from tests.faults.hostile_files import META, STATE, set_json

GIANT = 10**12


def database(run, name=""):
    """Return the key-value store in which Orbax has the arrays, or one of them."""
    base = f"file://{(run / STATE).absolute()}/"
    return {"driver": "ocdbt", "base": base, "path": f"lanes.{name}/" if name else ""}


def resave(run, ocdbt=True, **changes):
    """Save the checkpoint with other arrays and their digest; None removes an array."""
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
    set_json(run, "digests", member, digest(row), name=META)


def resave_as_files(run, copies=0, **changes):
    """Save the arrays as plain files and change the metadata of one.

    That array has no chunks then, or `copies` of a chunk of zeros.
    """
    import tensorstore as ts

    resave(run, ocdbt=False)
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


def declare_in_database(run, shape):
    """Declare one array in the database to have this shape, without chunks."""
    import tensorstore as ts

    metadata = {"shape": shape, "chunks": shape, "dtype": "<f4", "fill_value": 0.0}
    spec = {"driver": "zarr", "kvstore": database(run, "params/hidden/bias"), "metadata": metadata}
    ts.open(spec, create=True, delete_existing=True).result()


def replace_text(run, name, old, new):
    path = run / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def set_notes(run, value):
    """Replace the stop state of the member in the checkpoint."""
    member = next(iter(json.loads((run / META).read_text())["notes"]))
    set_json(run, "notes", member, value, name=META)


def overwrite(run, pattern):
    """Replace the content of files by bytes that Orbax did not write."""
    for path in run.glob(f"{STATE}/{pattern}"):
        path.write_bytes(b"\x0c\xdb\x3a\x2a" + bytes(range(256)) * 4)


def nest_metadata(run):
    """Add an entry to _METADATA whose keys are nested two thousand levels deep."""
    keys = json.dumps([{"key": "x", "key_type": 2}] * 2_000)
    entry = f'"evil": {{"key_metadata": {keys}, "value_metadata": {{"value_type": "dict"}}}}'
    before, after = '{"tree_metadata": {', f'{{"tree_metadata": {{{entry}, '
    replace_text(run, f"{STATE}/_METADATA", before, after)


CHECKPOINTS = {
    "meta: lanes a number": lambda r: set_json(r, "members", "lanes", 2, name=META),
    "meta: lanes of text": lambda r: set_json(r, "members", "lanes", ["x"], name=META),
    "meta: lanes beyond": lambda r: set_json(r, "members", "lanes", [10**30], name=META),
    "meta: lanes more": lambda r: set_json(r, "members", "lanes", list(range(99)), name=META),
    "meta: no groups": lambda r: set_json(r, "members", {}, name=META),
    "meta: members a list": lambda r: set_json(r, "members", [], name=META),
    "meta: notes of text": lambda r: set_notes(r, {"streak": "x", "evil": 1}),
    "meta: notes a list": lambda r: set_notes(r, [1]),
    "meta: digests a list": lambda r: set_json(r, "digests", [], name=META),
    "meta: schema a list": lambda r: set_json(r, "schema", [2], name=META),
    "meta: schema to print": lambda r: set_json(r, "schema", "\x1b]0;owned\x07\n", name=META),
    "meta: schema long": lambda r: set_json(r, "schema", "2" * 10_000_000, name=META),
    "state: no epoch": lambda r: resave(r, epoch=None),
    "state: epoch a row": lambda r: resave(r, epoch=np.zeros(5, np.int32)),
    "state: epoch NaN": lambda r: resave(r, epoch=np.float32("nan")),
    "state: epoch negative": lambda r: resave(r, epoch=np.int32(-(2**31))),
    "state: another width": lambda r: resave(r, params__hidden__bias=np.zeros(9, np.float32)),
    "state: another type": lambda r: resave(r, params__hidden__bias=np.zeros(8, bool)),
    "state: another array": lambda r: resave(r, params__evil=np.zeros(3, np.float32)),
    "state: names above": lambda r: resave(r, **{"params/../../../x": np.zeros(3, np.float32)}),
    "plain: giant": lambda r: resave_as_files(r, shape=[1, GIANT], chunks=[1, GIANT]),
    "plain: giant of small chunks": lambda r: resave_as_files(r, shape=[1, GIANT], chunks=[1, 8]),
    "plain: some gigabytes": lambda r: resave_as_files(r, shape=[1, 2**30], chunks=[1, 2**20]),
    "plain: compressed gigabytes": lambda r: resave_as_files(
        r, copies=64, shape=[1, 2**30], chunks=[1, 2**24], fill_value=1.0
    ),
    "plain: negative": lambda r: resave_as_files(r, shape=[1, -8]),
    "plain: of another type": lambda r: resave_as_files(r, dtype="|O", fill_value=None),
    "database: giant": lambda r: declare_in_database(r, [1, GIANT]),
    "database: some gigabytes": lambda r: declare_in_database(r, [1, 2**30]),
    "database: garbage for a manifest": lambda r: overwrite(r, "manifest.ocdbt"),
    "database: garbage for data": lambda r: overwrite(r, "**/d/*"),
    "names: above": lambda r: replace_text(
        r, f"{STATE}/_METADATA", '"key": "epoch"', '"key": "../../x"'
    ),
    "names: absolute": lambda r: replace_text(
        r, f"{STATE}/_METADATA", '"key": "epoch"', '"key": "/etc/x"'
    ),
    "names: of a type": lambda r: replace_text(r, f"{STATE}/_METADATA", "jax.Array", "os.system"),
    "names: deep": nest_metadata,
    "names: of a handler": lambda r: replace_text(
        r, "checkpoints/1/_CHECKPOINT_METADATA", "orbax.checkpoint", "os.system"
    ),
}
