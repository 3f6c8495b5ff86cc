"""A run outlives changes to the user's file: it is read as stored, and not resumed with others."""

import dataclasses
import json
import re
import shutil

import numpy as np
import pytest

import grokjax
from grokjax.cli import imports
from grokjax.cli.main import main
from grokjax.metrics.builtin import BUILTIN
from grokjax.report.network_groups import reason_without_analysis
from grokjax.results.changes import extended_networks
from grokjax.results.networks import NetworkInfo, Networks
from grokjax.tasks.dataset import checked_dataset, digest
from grokjax.training.inventory import take_inventory
from tests.conftest import TINY

SOURCE = """
import numpy as np
from flax import nnx
import grokjax

@grokjax.task
def peak(size: int = 5):
    pairs = np.stack(np.divmod(np.arange(size**2), size), axis=1)
    axes = (f"Z_{size}", f"Z_{size}")
    return grokjax.Dataset(pairs, pairs.max(axis=1), size, size, axes=axes)

@grokjax.model
class Plain(nnx.Module):
    def __init__(self, num_tokens: int, num_classes: int, width: int = 4, *, rngs):
        self.table = nnx.Embed(num_tokens, width, rngs=rngs)
        self.output = nnx.Linear(2 * width, num_classes, rngs=rngs)

    def __call__(self, inputs):
        return self.output(self.table(inputs).reshape(len(inputs), -1))

@grokjax.metric(dims=("token",))
def row_norms(params):
    return (params["table"]["embedding"] ** 2).sum(axis=1)
"""

CHANGES = {
    "targets": ("pairs.max(axis=1)", "pairs.min(axis=1)"),
    "inputs": ("Dataset(pairs,", "Dataset(pairs[:, ::-1],"),
    "fewer examples": ("pairs.max(axis=1)", "np.where(pairs[:, 0], pairs.max(axis=1), -1)"),
    "more classes": (" size, size,", " size + 1, size,"),
    "data that fail": ("return grokjax.D", "raise OSError('no disk'); return grokjax.D"),
    "a setting of the task": ("size", "length"),
    "a layer": (
        "        self.output",
        "        self.extra = nnx.Linear(2, 2, rngs=rngs)\n        self.output",
    ),
    "a wider layer": ("nnx.Embed(num_tokens,", "nnx.Embed(num_tokens + 1,"),
    "a parameter": ("self.output", "self.readout"),
    "a setting of the model": ("width", "breadth"),
    "a new setting": ("width: int = 4,", "width: int = 4, depth: int = 1,"),
    "a metric": ("** 2).sum(axis=1)", "** 2).sum(axis=0)"),
}

MESSAGES = {
    "targets": "task peak .*: its examples have other inputs or targets",
    "inputs": "task peak .*: its examples have other inputs or targets",
    "fewer examples": "task peak .*: it has 20 examples, and 25 in the run",
    "more classes": "task peak .*: its num_classes is 6, and 5 in the run",
    "data that fail": r"task peak .*data cannot be built \(OSError: no disk\)",
    "a setting of the task": "task peak .*: the setting size is missing",
    "a layer": "model Plain .*: parameter extra/.* in the run",
    "a wider layer": "model Plain .*: parameter table/embedding has shape .*6, 4.*5, 4",
    "a parameter": "model Plain .*: parameter output/bias does not exist, and has shape",
    "a setting of the model": "model Plain .*: the setting width is missing",
    "a new setting": "model Plain .*: the setting depth is new",
    "a metric": r"metric row_norms .*\(token 4\), and \(token 5\) in the run",
}

BY_TASK = {"targets", "inputs", "fewer examples", "more classes", "data that fail"}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The user's file, and a run of two members that was trained with it."""
    folder = tmp_path_factory.mktemp("changed")
    file = folder / "changed_pieces.py"
    run = folder / "run"
    metrics = define(file, SOURCE)
    settings = {n: TINY[n] for n in ("batch_size", "eval_every", "stop_when")} | {"max_epochs": 20}
    config = grokjax.Config(task="peak", model="Plain", **settings)
    grokjax.train(grokjax.Sweep(config, seed=[0, 1]), run, metrics=metrics, progress=False)
    return file, run


def define(file, source):
    """Write and import the file, and return its metrics."""
    file.write_text(source)
    imports.import_file(str(file))
    return imports.metrics(["row_norms"])


@pytest.fixture
def changed(trained, tmp_path):
    """Return a function that changes the file, and a copy of the run; restore the file."""
    file, original = trained
    run = tmp_path / "run"
    shutil.copytree(original, run)

    def change(name):
        old, new = CHANGES[name]
        assert old in SOURCE
        return define(file, SOURCE.replace(old, new))

    yield change, run
    define(file, SOURCE)


def contents(directory):
    return {p: p.read_bytes() for p in directory.rglob("*") if p.is_file()}


def read_all(directory):
    run = grokjax.load(directory)
    assert run.history["row_norms"].sizes == {"member": 2, "eval": 11, "token": 5}
    assert run.params_of(1)["output"]["kernel"].shape == (8, 5)
    assert run.embeddings.shape == (2, 5, 4)
    assert run.grid("test_loss").sizes == {"eval": 11, "seed": 2}
    assert main(["info", str(directory)]) == 0
    return run


@pytest.mark.parametrize("name", CHANGES)
def test_a_changed_piece_is_refused_and_the_run_stays_as_it_is(name, changed):
    change, directory = changed
    metrics = change(name)
    before = contents(directory)
    run = read_all(directory)
    for sweep in (None, *([run.sweep.with_values("seed", [2])] if name not in BY_TASK else [])):
        with pytest.raises(grokjax.ConfigError, match=f"^{MESSAGES[name]}") as refusal:
            grokjax.resume(directory, sweep=sweep, metrics=metrics, progress=False)
        assert "\n" not in str(refusal.value)
    assert contents(directory) == before
    read_all(directory)


@pytest.mark.parametrize("name", ["a layer", "a setting of the model"])
def test_apply_and_the_report_say_which_model_changed(name, changed):
    change, directory = changed
    change(name)
    run = grokjax.load(directory)
    with pytest.raises(grokjax.ConfigError, match=f"^{MESSAGES[name]}"):
        run.apply(run.params_of(0), [[0, 1]])
    assert re.match(MESSAGES[name], reason_without_analysis(run, 0))


@pytest.mark.parametrize("name", sorted(BY_TASK))
def test_data_of_says_which_task_changed(name, changed):
    change, directory = changed
    change(name)
    with pytest.raises(grokjax.ConfigError, match=f"^{MESSAGES[name]}"):
        grokjax.load(directory).data_of(0)


def test_the_command_line_refuses_with_code_2(changed, trained, capsys):
    change, directory = changed
    change("targets")
    words = ["resume", str(directory), "--import", str(trained[0]), "--quiet", "--add-seeds", "1"]
    assert main(words) == 2
    assert capsys.readouterr().err.startswith("grokjax: task peak has changed since the run")


def test_an_extension_adds_networks_and_keeps_those_stored(changed):
    _, directory = changed
    run = grokjax.load(directory)
    (stored,) = run.info["networks"]
    assert len(stored["digests"][""]) == 64
    run.info["networks"][0]["state_bytes"] += 1000  # as a larger rule would have
    old = Networks(map(NetworkInfo.from_dict, run.info["networks"]))
    base = run.config.replace(task="binary-operation", modulus=5)
    sweep = grokjax.Sweep(base, width=[4, 6]) + run.sweep
    found = extended_networks(old, take_inventory(sweep, BUILTIN)).to_list()
    found = json.loads(json.dumps(found))
    assert found[0] == stored
    assert [each["settings"]["width"] for each in found] == [4, 4, 6]
    assert [len(each["digests"]) for each in found] == [1, 0, 0]


def test_the_digest_depends_on_all_that_a_member_learns_from():
    data = checked_dataset("t", grokjax.Dataset(np.eye(3), np.arange(3), 3), 1)
    others = {
        "inputs": {"inputs": 2 * data.inputs},
        "shape": {"inputs": data.inputs.reshape(3, 3, 1)},
        "targets": {"targets": data.targets[:, ::-1]},
        "answers": {"answers": (2,)},
        "random": {"random": (True,)},
        "mirror": {"mirror": np.arange(3)},
    }
    digests = {digest(dataclasses.replace(data, **change)) for change in others.values()}
    assert len(digests | {digest(data)}) == 7
    assert digest(dataclasses.replace(data, inputs=np.asfortranarray(data.inputs))) in {
        digest(data)
    }
