"""Progress measures of the published network of Nanda et al. 2023, against golden values."""

import os
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from grokjax import recipes
from grokjax.analysis.progress_measures import progress_measures
from grokjax.metrics import pair_waves, progress
from tests import progress_by_hand as by_hand

PUBLISHED = (
    Path(
        os.environ.get(
            "GROKJAX_REFERENCE", Path(__file__).parents[2].parent / "shared" / "reference"
        )
    )
    / "nanda_transformer_p113.npz"
)

# Nanda et al.'s network, evaluated in float64 by literal implementations of their definitions.
KEYS = [6, 23, 37, 39, 41]
NEURONS = {3: 10, 6: 117, 12: 1, 23: 84, 31: 1, 37: 127, 39: 54, 41: 105, 46: 6, 54: 7}
EXCLUDED_OF = {  # on all pairs and on train pairs
    23: (1.4878, 1.176),
    6: (0.10762, 0.02926),
    41: (0.00953, 2.608e-4),
    37: (0.00273, 4.357e-4),
    39: (9.4e-4, 6.548e-5),
}
COEFFICIENTS = {23: 26586, 6: 7963, 37: 5780, 41: 5153, 39: 4290, 54: 23}


@pytest.fixture(scope="module")
def published():
    """Logits and activations of the published network, by a literal forward pass in float64."""
    if not PUBLISHED.exists():
        pytest.skip("needs the published weights; set GROKJAX_REFERENCE to their folder")
    with np.load(PUBLISHED) as stored:
        weights = dict(stored)
    logits, hidden = by_hand.transformer(weights, 113)
    return weights, logits, hidden, by_hand.train_mask(113, 1, 0.3)


def by_subset(losses, train):
    return [float(np.mean(losses, where=part)) for part in (train, ~train, train | ~train)]


def key_mask(keys):
    return jnp.asarray(np.isin(np.arange(1, 57), keys))


def test_losses_of_the_published_network(published):
    _, exact, _, train = published
    answers = np.indices((113, 113)).sum(axis=0).ravel() % 113
    assert train.sum() == 3830
    losses = by_subset(by_hand.losses(exact[:, :113].copy(), answers), train)
    assert losses == pytest.approx([9.20242e-9, 4.98839e-7, 3.5197e-7], rel=1e-4)
    logits, labels = jnp.float32(exact), jnp.asarray(answers)
    means, key = progress.answer_means(logits, labels, 113), key_mask(KEYS)
    coefficients, shares = progress.coefficients(means), progress.explained_variance(logits, means)
    np.testing.assert_array_equal(progress.key_frequencies(coefficients, shares), key)
    found = by_subset(progress.restricted_losses(means, key, labels, labels), train)
    assert found == pytest.approx([2.0924e-9, 2.2477e-9, 2.2011e-9], rel=1e-3)
    found = by_subset(progress.excluded_losses(logits, means, key, labels, labels), train)
    assert found == pytest.approx([8.38537, 9.31805, 9.0383], rel=1e-4)
    every = key_mask(list(NEURONS))
    found = by_subset(progress.restricted_losses(means, every, labels, labels), train)
    assert found[2] == pytest.approx(1.9784e-9, rel=1e-3)
    found = by_subset(progress.excluded_losses(logits, means, every, labels, labels), train)
    assert found[2] == pytest.approx(9.0261, rel=1e-3)
    for k, (all_pairs, train_pairs) in EXCLUDED_OF.items():
        one = progress.excluded_losses(logits, means, key_mask([k]), labels, labels)
        found = by_subset(one, train)
        digits = 5e-3 if k in (39, 37) else 1e-3  # as many as the source gives
        assert found[2] == pytest.approx(all_pairs, rel=digits)
        assert found[0] == pytest.approx(train_pairs, rel=1e-3)
    for k, expected in COEFFICIENTS.items():
        assert float(coefficients[k - 1]) == pytest.approx(expected, rel=1e-3, abs=0.5)
    assert float(jnp.sum(shares, where=key)) == pytest.approx(0.97477, rel=1e-4)


def test_neurons_and_weights_of_the_published_network(published):
    weights, _, hidden, _ = published
    values = jnp.float32(hidden).reshape(113, 113, -1)
    found = pair_waves.neuron_frequencies(values, pair_waves.transform(values))
    frequency, share = np.asarray(found.frequency), np.asarray(found.share)
    assert (
        dict(zip(*(x.tolist() for x in np.unique(frequency, return_counts=True)), strict=True))
        == NEURONS
    )
    explained, counts = np.unique(frequency[share >= 0.85], return_counts=True)
    assert dict(zip(explained.tolist(), counts.tolist(), strict=True)) == {
        6: 47,
        23: 31,
        37: 65,
        39: 11,
        41: 31,
    }
    embedding = weights["embed/W_E"].T[:113]
    output = (weights["blocks/0/mlp/W_out"].T @ weights["unembed/W_U"]).T[:113]
    for table, expected in ((embedding, 0.53859), (output, 0.75761)):
        assert float(progress.component_gini(jnp.asarray(table))) == pytest.approx(
            expected, rel=1e-4
        )


def as_parameters(weights):
    """Our parameters, with an axis of one member, from TransformerLens names and shapes."""
    block = {name.removeprefix("blocks/0/"): value for name, value in weights.items()}
    heads = {
        ours: np.swapaxes(block[f"attn/W_{theirs}"], 1, 2)
        for ours, theirs in (("query", "Q"), ("key", "K"), ("value", "V"))
    }
    params = {
        "embed": {"embedding": weights["embed/W_E"].T, "position": weights["pos_embed/W_pos"]},
        "attention": heads | {"output": block["attn/W_O"].T.reshape(4, 32, 128)},
        "mlp": {
            "in": {"kernel": block["mlp/W_in"].T, "bias": block["mlp/b_in"]},
            "out": {"kernel": block["mlp/W_out"].T, "bias": block["mlp/b_out"]},
        },
        "unembed": {"kernel": weights["unembed/W_U"]},
    }
    return jax.tree.map(lambda leaf: leaf[None], params)


def test_all_of_it_on_our_own_network(published):
    config = recipes.get("nanda").config.replace(data_seed=1)
    found = progress_measures(as_parameters(published[0]), config).isel(member=0)
    assert found.frequency.values[found.key].tolist() == KEYS
    for name, expected in (
        ("loss", [9.20242e-9, 4.98839e-7, 3.5197e-7]),
        ("restricted_loss", [2.0924e-9, 2.2477e-9, 2.2011e-9]),
        ("restricted_loss_without_bias", [3.33235e-9, 3.84548e-9, 3.69157e-9]),
        ("excluded_loss", [8.38537, 9.31805, 9.0383]),
        ("component_gini", [0.53859, 0.75761]),
        ("logit_fve", 0.97477),
        ("neurons_explained", 0.361328),
    ):
        np.testing.assert_allclose(found[name], expected, rtol=1e-3)
    for k, (_, train_pairs) in EXCLUDED_OF.items():
        one = found.excluded_loss_of.sel(frequency=k, subset="train")
        assert float(one) == pytest.approx(train_pairs, rel=1e-3)
    assert float(found.parameter_squares.sum()) == pytest.approx(1180.97, rel=1e-5)
    by_frequency = np.unique(found.neuron_frequency, return_counts=True)
    assert dict(zip(*(x.tolist() for x in by_frequency), strict=True)) == NEURONS
