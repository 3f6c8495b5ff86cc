"""What config.json says of the user's own pieces is checked where the pieces are unknown."""

from tests.own_pieces import run_program, train_own

PROGRAM = r"""
import copy, json, resource, sys, warnings
from pathlib import Path

import grokjax

resource.setrlimit(resource.RLIMIT_AS, (6 * 2**30,) * 2)  # a large allocation fails
warnings.simplefilter("ignore")
directory = Path(sys.argv[1])
info = json.loads((directory / "config.json").read_text())
VALUES = (None, True, -1, 2**40, 10**30, "a\x1b[31m\nb", "__class__", [1], {})
NAMES = ("a\x1b\nb", "", "__init__")


def places(node, path=()):
    numbers = range(len(node)) if isinstance(node, list) else ()
    for key in node if isinstance(node, dict) else numbers:
        yield from places(node[key], (*path, key))
    if path:
        yield path


def altered(path, change):
    root = copy.deepcopy(info)
    node = root
    for key in path[:-1]:
        node = node[key]
    change(node, path[-1])
    return root


def variants():
    for top in ("pieces", "networks"):
        for path in places(info[top], (top,)):
            for value in VALUES:
                yield altered(path, lambda node, key: node.__setitem__(key, value))
            yield altered(path, lambda node, key: node.__delitem__(key))
            if isinstance(path[-1], str):
                for name in NAMES:
                    yield altered(path, lambda node, key: node.__setitem__(name, node.pop(key)))


def read():
    run = grokjax.load(directory)
    run.members, run.history, repr(run)
    for call in (
        lambda: run.params,
        lambda: run.embeddings,
        lambda: run.snapshots,
        lambda: run.grid("test_loss"),
        lambda: run.data_of(0),
        lambda: run.apply(run.params_of(0), [[0, 1]]),
    ):
        one_line(call)


def one_line(call):
    try:
        call()
    except (ValueError, grokjax.DamagedRun, MemoryError) as error:
        assert str(error).isprintable(), repr(str(error))
        return True
    return False


refused = 0
for variant in variants():
    (directory / "config.json").write_text(json.dumps(variant))
    try:
        refused += one_line(read)
    except Exception as error:
        changed = [k for k in info if info[k] != variant.get(k)]
        raise AssertionError((changed, {k: variant.get(k) for k in changed})) from error
assert refused > 500, refused
"""


def test_hostile_descriptions_of_own_pieces_are_refused_in_one_line(tmp_path):
    run_program(PROGRAM, train_own(tmp_path / "run").directory)
