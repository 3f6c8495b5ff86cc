"""Runs exported and other people's weights opened: on the command line, and for analysis."""

from pathlib import Path

import numpy as np
import pytest

import grokjax
from grokjax import Config, interop
from grokjax.analysis.neurons import neurons
from grokjax.cli import main
from grokjax.models.model import flat_params
from grokjax.storage import digests
from grokjax.storage.files import format_bytes
from tests.conftest import TINY, flags
from tests.interop.test_torch_state_dict import STATE
from tests.interop.test_transformer_lens import EQUALS, older
from tests.results.test_selection import refusal

REFERENCE = Path(__file__).parents[3] / "shared" / "reference"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    sweep = grokjax.Sweep(Config(**TINY | {"max_epochs": 2}), seed=range(2))
    return grokjax.train(sweep, tmp_path_factory.mktemp("run") / "run", progress=False)


def assert_equal(params, other):
    assert flat_params(params).keys() == flat_params(other).keys()
    for name, array in flat_params(params).items():
        np.testing.assert_array_equal(array, flat_params(other)[name], err_msg=name)


def test_an_exported_member_is_opened_with_its_settings(run, tmp_path, capsys):
    path = tmp_path / "member.npz"
    words = ["export", str(run.directory), "--member", "1", "--to", str(path)]
    assert main.main(words) == 0
    size = format_bytes(path.stat().st_size)
    assert size.endswith(" kB")
    assert capsys.readouterr().out == f"weights: {path} ({size})\n"
    config, params = interop.open_weights(path)
    assert config == run.sweep[1]
    assert_equal(params, run.of([1]).params)
    assert_equal(interop.read_params(path), run.params_of(1))
    interop.write_weights(tmp_path / "all.npz", run.params, run.config)
    assert_equal(interop.open_weights(tmp_path / "all.npz")[1], run.params)
    assert main.main(words) == 2
    said = capsys.readouterr().err
    assert said == f"grokjax: to: {path} exists; name another, or give --overwrite\n"
    words.append("--overwrite")
    assert main.main([*words, "--format", "torch"]) == 0
    assert_equal(interop.open_weights(path)[1], run.of([1]).params)
    assert main.main([*words, "--format", "transformer-lens"]) == 2
    said = capsys.readouterr().err
    assert "model must be transformer for TransformerLens, got 'mlp'" in said
    words[3] = "7"
    assert main.main(words) == 2
    assert "members must be a member of this Run: 0, 1, got 7" in capsys.readouterr().err


def test_members_without_parameters_are_not_exported_as_nan(run, tmp_path, capsys):
    pending = tmp_path / "pending"
    pending.mkdir()
    (pending / "config.json").write_bytes((run.directory / "config.json").read_bytes())
    digests.list_all(pending)
    assert main.main(["export", str(pending), "--to", str(tmp_path / "all.npz")]) == 2
    assert "member 0 is pending and has no parameters saved yet" in capsys.readouterr().err
    both = grokjax.concat([run, grokjax.load(pending)])
    assert "member 2 is pending" in refusal(interop.export_member, both, None, tmp_path / "all.npz")
    assert not (tmp_path / "all.npz").exists()


@pytest.mark.parametrize("form", ["grokjax", "torch"])
def test_all_members_are_exported_at_once(run, form, tmp_path):
    path = tmp_path / "all.safetensors"
    words = ["export", str(run.directory), "--to", str(path), "--format", form]
    assert main.main(words) == 0
    arrays = interop.read_weights(path)
    for member in run.members.index:
        interop.export_member(run, member, tmp_path / "one.npz", form)
        one = interop.read_weights(tmp_path / "one.npz")
        assert_equal({n: array[member] for n, array in arrays.items()}, one)
    assert main.main([*words, "--member", "1", "0", "--overwrite"]) == 0
    swapped = interop.read_weights(path)
    assert_equal(swapped, {n: array[::-1] for n, array in arrays.items()})


def test_refusals(run, tmp_path):
    said = refusal(interop.export_member, run, 0, tmp_path / "a.npz", "keras")
    assert said == "format must be grokjax, transformer-lens, torch, got 'keras'"
    interop.write_weights(tmp_path / "own.npz", run.params_of(0))
    said = refusal(interop.open_weights, tmp_path / "own.npz")
    assert said.endswith(
        "embed/embedding is [7, 4], and [53, 128] in the network of these settings"
    )
    assert_equal(interop.open_weights(tmp_path / "own.npz", **TINY)[1], run.of([0]).params)


@pytest.mark.parametrize("state", [EQUALS, older(EQUALS), STATE], ids=["lens", "older", "torch"])
def test_analysis_runs_on_the_weights_of_other_libraries(state, tmp_path):
    np.savez(tmp_path / "theirs.npz", **state)
    config, params = interop.open_weights(tmp_path / "theirs.npz", operation="subtract")
    assert config.operation == "subtract"
    found = neurons(params, network=config)
    hidden = config.values.get("mlp_dim") or config.values.get("hidden_dim")
    assert found.frequency.shape == (1, hidden)


def test_members_start_from_a_file_on_the_command_line(tmp_path, capsys):
    np.savez(tmp_path / "theirs.npz", **STATE)
    words = ["train", "--out", str(tmp_path / "run"), "--quiet", "--seeds", "2"]
    words += [*flags(max_epochs=2, learning_rate=0.0), "--init-from", str(tmp_path / "theirs.npz")]
    assert main.main(words) == 0
    run = grokjax.load(tmp_path / "run")
    for member in range(2):
        assert_equal(run.params_of(member), interop.read_params(tmp_path / "theirs.npz"))
    assert main.main(["info", str(run.directory)]) == 0
    digest = run.info["initial_weights"]["digest"][:12]
    said = f"started:    from given weights, the same for all members, digest {digest}\n"
    assert said in capsys.readouterr().out
    words[2] = str(tmp_path / "refused")
    assert main.main([*words[:-1], str(tmp_path / "missing.npz")]) == 2
    assert "path must be a file that exists" in capsys.readouterr().err
    assert not Path(words[2]).exists()


@pytest.mark.skipif(not REFERENCE.is_dir(), reason="the published weights are not here")
def test_the_published_weights_have_the_loss_that_was_computed_from_them():
    """3.5197e-7 over all pairs: an independent forward pass in float64 (Nanda et al. 2023)."""
    from tests.interop.test_transformer_lens import logits

    config, params = interop.open_weights(REFERENCE / "nanda_transformer_p113.npz")
    assert (config.modulus, config.sequence, config.embed_dim, config.heads) == (
        113,
        "equals",
        128,
        4,
    )
    one = {
        layer: {n: x[0] for n, x in leaves.items()}
        for layer, leaves in params.items()
        if layer != "mlp"
    }
    one["mlp"] = {n: {k: x[0] for k, x in leaf.items()} for n, leaf in params["mlp"].items()}
    pairs = config.spec.all_pairs()
    found = logits(config, one, pairs).astype(float)
    found -= found.max(axis=1, keepdims=True)
    answers = found[np.arange(len(pairs)), pairs[:, :2].sum(axis=1) % 113]
    loss = np.mean(np.log(np.exp(found).sum(axis=1)) - answers)
    assert loss == pytest.approx(3.5197e-7, rel=1e-3)
    pizza, _ = interop.open_weights(REFERENCE / "pizza_model_a_p59.npz")
    assert (pizza.modulus, pizza.sequence, pizza.attention_rate) == (59, "pair", 0.0)
