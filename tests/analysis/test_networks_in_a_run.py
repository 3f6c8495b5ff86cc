"""A run whose members have different networks: recorded, read, analysed and reported by name."""

import re
import shutil

import jax
import numpy as np
import pytest

import grokjax
from grokjax import Sweep, report
from grokjax.analysis.fourier import spectra
from grokjax.analysis.neurons import neurons
from grokjax.analysis.survey import survey
from grokjax.config.config import Config
from grokjax.models.network import build_network
from grokjax.report.network_groups import group_by_network
from grokjax.report.summary import ratio_tiles
from grokjax.storage import digests, journal
from grokjax.training.inventory import take_inventory
from tests.conftest import TINY
from tests.metrics.test_neuron_ratios import ratios_by_definition

AXES = {
    "embed_dim": [0, 4],
    "hidden_layers": [1, 2],
    "activation": ["square", "tanh"],
    "layer_normalization": [False, True],
    "biases": [False, True],
    "operation": ["divide", "random"],
}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    base = Config(**TINY | {"snapshot_every": 2, "label_noise": 0.25})
    sweep = Sweep.zip(base, **AXES).product(seed=[0, 1])
    return grokjax.train(sweep, tmp_path_factory.mktemp("family") / "run", progress=False)


def test_norms_are_recorded_under_the_names_of_layers(run):
    norms = run.history.layer_norm.isel(eval=-1)
    names = ["embed", "hidden", "hidden_2", "norm", "norm_2", "output"]
    assert norms.layer.values.tolist() == names
    for m in run.members.index:
        params = run.params_of(m)
        for layer in norms.layer.values:
            found = float(norms.sel(member=m, layer=layer))
            if layer not in params:
                assert np.isnan(found)
                continue
            expected = np.sqrt(sum(np.sum(np.float64(x) ** 2) for x in params[layer].values()))
            np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("member", range(4))
def test_apply_is_what_was_evaluated(run, member):
    train_pairs, train_labels, test_pairs, test_labels = run.data_of(member)
    assert len(train_pairs) + len(test_pairs) == run.sweep[member].num_examples
    for split, pairs, labels in (
        ("train", train_pairs, train_labels),
        ("test", test_pairs, test_labels),
    ):
        logits = run.apply(run.params_of(member), pairs).astype(np.float64)
        shifted = logits - logits.max(axis=1, keepdims=True)
        log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        loss = -log_p[np.arange(len(labels)), labels].mean()
        recorded = run.history[f"{split}_loss"].sel(member=member).values[-1]
        np.testing.assert_allclose(recorded, loss, rtol=1e-5)


def test_one_kind_of_network_at_a_time(run):
    with pytest.raises(ValueError, match="members differ in embed_dim, hidden_layers, activation"):
        _ = run.network
    one_hot = run.select(embed_dim=0)
    assert one_hot.network == run.sweep[0].network
    assert one_hot.embeddings.shape == (2, 7, 8)  # the first layer's weights from each token
    np.testing.assert_array_equal(one_hot.embeddings, one_hot.params["hidden"]["kernel"][:, :7])
    snapshots = one_hot.snapshots
    assert snapshots.shape == (2, 4, 7, 8)
    np.testing.assert_array_equal(snapshots.values[:, -1], one_hot.embeddings)


def test_members_of_one_shape_and_two_activations_are_not_confused(tmp_path, tiny):
    sweep = Sweep(tiny, activation=["relu", "tanh"])
    run = grokjax.train(sweep, tmp_path / "run", progress=False)
    pairs = run.data_of(0).test_inputs
    with pytest.raises(ValueError, match="members differ in activation; use select"):
        run.apply(run.params_of(0), pairs)
    both = [run.select(activation=a).apply(run.params_of(0), pairs) for a in ("relu", "tanh")]
    assert not np.allclose(*both)


@pytest.mark.parametrize("embed_dim", [0, 4])
def test_survey_of_other_networks(run, embed_dim):
    """Neurons and logits from `apply` alone, by numerical transform."""
    some = run.select(embed_dim=embed_dim)
    found = survey(some)
    order = np.array([1, 3, 2, 6, 4, 5] if embed_dim == 0 else range(7))  # powers of 3: divide
    size = len(order)
    pairs = order[np.stack(np.divmod(np.arange(size**2), size), axis=1)]
    for i, m in enumerate(some.members.index):
        logits = some.apply(run.params_of(m), pairs).reshape(size, size, 7).astype(np.float64)
        power = np.abs(np.fft.fft2(logits, axes=(0, 1), norm="ortho")) ** 2
        power[0, 0] = 0
        folded = found.logit_power.values[i]
        np.testing.assert_allclose(folded.sum(), power.sum(), rtol=1e-4)
        np.testing.assert_allclose(folded[2, 0], power[[2, -2], 0].sum(), rtol=1e-3)
    assert np.isfinite(found.power).all()


ENTRY_POINTS = {"survey": survey, "neurons": neurons, "spectra": spectra}


@pytest.mark.parametrize("name", ENTRY_POINTS)
def test_analysis_is_told_which_network_it_looks_at(run, name):
    """By the Run, or in words; nothing is guessed from shapes, which activations do not change."""
    look, one = ENTRY_POINTS[name], run.select(embed_dim=4)
    told, of_run = look(one.params, network=one.network), look(one)
    assert all(map(np.array_equal, leaves(of_run), leaves(told)))
    other = one.config.replace(embed_dim=4, hidden_dim=9).network
    for arguments, message in (
        ((one.params,), "parameters do not say what network they are of; pass the Run, or network"),
        ((run,), "network: members differ in embed_dim, hidden_layers, .*; use select"),
        ((one, one.network), "a Run has its own network; leave out network"),
        ((str(run.directory),), "pass a Run or its parameters .*, got str"),
        (
            (one.params, run.config.to_dict()),
            "network must be settings such as run.network, got dict",
        ),
        ((one.params, other), r"another network: hidden/bias is \[8\], and network has \[9\]"),
        ((run.params_of(2), one.network), r"without an axis of members; use run.of"),
    ):
        source, *network = arguments
        with pytest.raises(ValueError, match=message) as refused:
            look(source, **({"network": network[0]} if network else {}))
        assert "\n" not in str(refused.value)


def leaves(found):
    """The arrays of a Dataset or of nested tuples."""
    values = found.data_vars.values() if hasattr(found, "data_vars") else jax.tree.leaves(found)
    return [np.nan_to_num(value, nan=-1) for value in values]


def test_members_are_numbered_by_the_run(run):
    found = survey(run.of([3, 2]))
    assert found.member.values.tolist() == [3, 2]
    assert found.attrs["operation"] == "random"
    assert "For random that order is arbitrary" in found.attrs["order_of_tokens"]
    with pytest.raises(ValueError, match="survey: a Run numbers its members"):
        survey(run.of([3, 2]), members=[0, 1])


def test_tables_of_different_moduli_are_not_taken_for_one_another(tmp_path):
    """Two tokens side by side, 2 x 7 rows, and summed, 14: one shape of all parameters."""
    base = Config(**TINY | {"embed_dim": 0, "classes": 14})
    sweep = Sweep.zip(base, modulus=[7, 14], combine=["concatenate", "sum"])
    first, second = (build_network(c.model_settings, c.spec).shapes for c in sweep)
    assert first == second
    both = grokjax.Run(tmp_path, {}, sweep, take_inventory(sweep, ()), [0, 1])
    both.__dict__["params"] = {"hidden": {"kernel": np.zeros((2, 14, 8))}}  # as if trained
    with pytest.raises(ValueError, match="differ in their number of tokens; use select"):
        _ = both.embeddings


def test_ratios_of_the_neurons_are_recorded(run):
    for m in (0, 2):
        expected = ratios_by_definition(run.params_of(m), run.sweep[m])
        recorded = run.history.neuron_ipr.sel(member=m).values
        assert np.isfinite(recorded).all()
        np.testing.assert_allclose(recorded[-1], expected.mean(), rtol=1e-4)


def test_records_may_have_other_metrics_than_described(run, tmp_path):
    """Those that all records lack are left out, and those that no description has are ignored."""
    old = shutil.copytree(run.directory, tmp_path / "run")
    *_, last = journal.intact_parts(old, "records")
    for path in journal.intact_parts(old, "records"):
        whole = path.read_bytes()
        arrays = {n: x for n, x in journal.read_part(path).items() if n != "neuron_ipr"}
        arrays["metric_of_a_later_version"] = np.zeros((len(arrays["member"]), 3), np.float32)
        with (
            digests.write_listed(old, f"records/{path.name}") as temporary,
            temporary.open("wb") as file,
        ):
            np.savez(file, allow_pickle=False, **arrays)
    history = grokjax.load(old).history
    assert "neuron_ipr" not in history
    assert history.equals(run.history.drop_vars("neuron_ipr"))
    with digests.write_listed(old, f"records/{last.name}") as temporary:
        temporary.write_bytes(whole)
    mixed = grokjax.load(old).history.neuron_ipr.values
    assert np.isnan(mixed).any()
    known = ~np.isnan(mixed)
    np.testing.assert_array_equal(mixed[known], run.history.neuron_ipr.values[known])


def test_report_has_a_part_for_each_network(run):
    page = report.write(run.directory).read_text()
    assert "embed dim 0, hidden layers 1, activation square" in page
    assert "embed dim 4, hidden layers 2, activation tanh" in page
    one_hot, embedded = re.findall(r'<section id="learnt-\d".*?</section>', page, re.S)
    assert "With one-hot inputs every hidden neuron has its own weights" in one_hot
    assert "inverse participation ratio of the hidden neurons of member" in one_hot
    assert "Spectrum of the embedding of every member" not in one_hot
    assert "Spectrum of the embedding of every member" in embedded
    (tile,) = ratio_tiles(group_by_network(run.select(embed_dim=0)))
    expected = ratios_by_definition(run.params_of(0), run.sweep[0]).mean()
    others = ratios_by_definition(run.params_of(1), run.sweep[1]).mean()
    assert tile["label"] == "neuron IPR"
    assert float(tile["value"]) == pytest.approx((expected + others) / 2, abs=0.006)
    assert "For random that order is arbitrary" in page
    assert "in the order of the powers of 3 mod 7" in one_hot
