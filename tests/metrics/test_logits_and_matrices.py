"""Logit scale, softmax collapse, norms of the matrices alone, effective rank, against NumPy."""

import numpy as np
import pytest

import grokjax
from grokjax.metrics.logits import collapsed
from grokjax.metrics.matrices import effective_rank
from grokjax.results.prediction import examples
from tests.reference import forward


def test_a_row_is_collapsed_where_the_others_are_lost_to_rounding():
    """Float32 has 24 bits: 1 + 2**-25 is 1, and e**-17 < 2**-24 < e**-16."""
    logits = np.array([[0, -18, -18], [0, -14, -200], [-18, 0, -18], [5, 5, -90]], np.float32)
    np.testing.assert_array_equal(collapsed(logits, np.zeros(4, np.int32)), [1, 0, 0, 0])
    np.testing.assert_array_equal(collapsed(logits, np.ones(4, np.int32)), [0, 0, 1, 0])


def test_effective_rank_is_that_of_singular_values_not_of_variance():
    rows = np.linalg.qr(np.random.default_rng(0).normal(size=(30, 3)))[0]
    shares = np.array([0.5, 0.3, 0.2])
    expected = np.exp(-(shares * np.log(shares)).sum())
    assert effective_rank((rows * shares).astype(np.float32)) == pytest.approx(expected, rel=1e-4)
    assert effective_rank(np.eye(7, dtype=np.float32)) == pytest.approx(7)


def test_they_are_recorded_on_request(tiny, tmp_path):
    """From weights so large that the softmax of some examples is collapsed."""
    config = tiny.replace(max_epochs=2, initializer="torch", init_scale=6.0)
    run = grokjax.train(config, tmp_path / "run", metrics=["matrices", "logits"], progress=False)
    last = run.history.isel(member=0, eval=-1)
    layers = run.params_of(0)
    squares = {
        layer: sum(np.sum(array**2) for name, array in arrays.items() if name != "bias")
        for layer, arrays in layers.items()
    }
    np.testing.assert_allclose(last.matrix_norm, np.sqrt(sum(squares.values())), rtol=1e-6)
    assert last.matrix_norm < last.weight_norm
    for layer, square in squares.items():
        norm = last.layer_matrix_norm.sel(layer=layer)
        np.testing.assert_allclose(norm, np.sqrt(square), rtol=1e-6)
    rank = effective_rank(layers["embed"]["embedding"])
    np.testing.assert_allclose(last.embedding_effective_rank, rank, rtol=1e-4)

    train_pairs, train_labels, test_pairs, test_labels = examples(config)
    splits = {"train": (train_pairs, train_labels), "test": (test_pairs, test_labels)}
    splits["all"] = tuple(np.concatenate(each) for each in zip(*splits.values(), strict=True))
    for subset, (pairs, labels) in splits.items():
        logits, recorded = forward(layers, pairs)[0], last.sel(subset=subset)
        np.testing.assert_allclose(recorded.logit_rms, np.sqrt(np.mean(logits**2)), rtol=1e-5)
        peak = np.mean(logits.max(axis=-1) - logits.mean(axis=-1))
        np.testing.assert_allclose(recorded.logit_peak, peak, rtol=1e-5)
        share = np.mean(collapsed(logits.astype(np.float32), labels))
        assert 0 < share < 1
        np.testing.assert_allclose(recorded.softmax_collapse, share, rtol=1e-6)
