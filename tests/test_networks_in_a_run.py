"""A run whose members have different networks: recorded, read, analysed and reported by name."""

import numpy as np
import pytest

import grokjax
from grokjax import Sweep, layout, report
from grokjax.analysis.survey import survey
from grokjax.config import Config
from tests.conftest import TINY

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
    assert len(train_pairs) + len(test_pairs) == run.sweep[member].pairs
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
    assert one_hot.network == layout.network(run.sweep[0])
    assert one_hot.embeddings.shape == (2, 7, 8)  # the first layer's weights from each token
    np.testing.assert_array_equal(one_hot.embeddings, one_hot.params["hidden"]["kernel"][:, :7])
    snapshots = one_hot.snapshots
    assert snapshots.shape == (2, 4, 7, 8)
    np.testing.assert_array_equal(snapshots.values[:, -1], one_hot.embeddings)


def test_members_of_one_shape_and_two_activations_are_not_confused(tmp_path, tiny):
    sweep = Sweep(tiny, activation=["relu", "tanh"])
    run = grokjax.train(sweep, tmp_path / "run", progress=False)
    pairs = run.data_of(0).test_pairs
    with pytest.raises(ValueError, match="members differ in activation; use select"):
        run.apply(run.params_of(0), pairs)
    both = [run.select(activation=a).apply(run.params_of(0), pairs) for a in ("relu", "tanh")]
    assert not np.allclose(*both)


@pytest.mark.parametrize("embed_dim", [0, 4])
def test_survey_of_other_networks(run, embed_dim):
    """Neurons and logits from `apply` alone, by numerical transform."""
    some = run.select(embed_dim=embed_dim)
    found = survey(some.params, some.members.index.tolist(), network=some.network)
    pairs = np.stack(np.divmod(np.arange(49), 7), axis=1)
    for i, m in enumerate(some.members.index):
        logits = some.apply(run.params_of(m), pairs).reshape(7, 7, 7).astype(np.float64)
        power = np.abs(np.fft.fft2(logits, axes=(0, 1), norm="ortho")) ** 2
        power[0, 0] = 0
        folded = found.logit_power.values[i]
        np.testing.assert_allclose(folded.sum(), power.sum(), rtol=1e-4)
        np.testing.assert_allclose(folded[2, 0], power[[2, 5], 0].sum(), rtol=1e-3)
    assert np.isfinite(found.power).all()


def test_report_has_a_part_for_each_network(run):
    page = report.write(run.directory).read_text()
    assert "embed dim 0, hidden layers 1, activation square" in page
    assert "embed dim 4, hidden layers 2, activation tanh" in page
