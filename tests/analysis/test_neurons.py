"""Hidden neurons: planted waves are found, and spectra match transforms in float64."""

import jax
import numpy as np
import pytest
from hypothesis import given

from grokjax.analysis import neurons as analysis
from tests.planted import SEEDS, network, network_of, often
from tests.reference import forward


def neurons(params):
    """Of random and planted networks, whose shapes say all there is to know."""
    return analysis.neurons(params, network=network_of(params))


def by_member(params, index=0):
    """Hidden activations `[P, P, H]` and logits `[P, P, P]` over (a, b), float64."""
    one = {layer: {k: v[index] for k, v in leaves.items()} for layer, leaves in params.items()}
    modulus = len(one["embed"]["embedding"])
    pairs = np.stack(np.divmod(np.arange(modulus**2), modulus), axis=1)  # a outer, b inner
    logits, (*_, hidden) = forward(one, pairs)
    return hidden.reshape(modulus, modulus, -1), logits.reshape(modulus, modulus, -1)


def folded_power(values):
    """Power by frequency in a and b, `[P, P, N]` -> `[K + 1, K + 1, N]`, by NumPy's FFT."""
    modulus = len(values)
    power = np.abs(np.fft.fft2(values - values.mean(axis=(0, 1)), axes=(0, 1))) ** 2 / modulus**2
    folded = np.zeros((modulus // 2 + 1, modulus // 2 + 1, values.shape[2]))
    for i in range(modulus):
        for j in range(modulus):
            folded[min(i, modulus - i), min(j, modulus - j)] += power[i, j]
    return folded


def nandas_shares(hidden):
    """frac_k(n) `[K, H]` of Nanda et al.'s code, for odd P: rows 2k - 1, 2k of its basis."""
    modulus = len(hidden)
    basis = [np.ones(modulus) / np.sqrt(modulus)]
    for k in range(1, modulus // 2 + 1):
        for wave in (np.cos, np.sin):
            row = wave(2 * np.pi * k * np.arange(modulus) / modulus)
            basis.append(row / np.linalg.norm(row))
    centred = hidden - hidden.mean(axis=(0, 1))
    power = np.einsum("abn,fa,gb->fgn", centred, np.stack(basis), np.stack(basis)) ** 2
    blocks = [[0, 2 * k - 1, 2 * k] for k in range(1, modulus // 2 + 1)]
    return np.stack([power[np.ix_(b, b)].sum(axis=(0, 1)) for b in blocks]) / power.sum(axis=(0, 1))


def planted_neurons(modulus, frequencies, p, q, bias=0.0):
    """Parameters, M = 1, of relu(cos(w_k a + p) + cos(w_k b + q) + bias), w_k = 2 pi k / P."""
    k = np.arange(1, modulus // 2 + 1)
    angles = 2 * np.pi * np.outer(np.arange(modulus), k) / modulus
    embedding = np.concatenate([np.cos(angles), np.sin(angles)], axis=1)  # [P, 2K]
    chosen = (k[:, None] == frequencies).astype(float)  # [K, H]
    kernel = [chosen * np.cos(p), -chosen * np.sin(p), chosen * np.cos(q), -chosen * np.sin(q)]
    hidden = len(frequencies)
    params = {
        "embed": {"embedding": embedding},
        "hidden": {"kernel": np.concatenate(kernel), "bias": np.full(hidden, bias)},
        "output": {"kernel": np.ones((hidden, modulus)), "bias": np.zeros(modulus)},
    }
    return {
        layer: {name: value.astype(np.float32)[None] for name, value in leaves.items()}
        for layer, leaves in params.items()
    }


def turned(phase, other):
    """Angles apart, the shorter way round."""
    return np.abs(np.angle(np.exp(1j * (phase - other))))


@pytest.mark.parametrize(("modulus", "near"), [(53, 0.01), (11, 0.1)])
@often(10)
@given(seed=SEEDS)
def test_planted_waves_are_found_with_their_phases(modulus, near, seed):
    rng = np.random.default_rng(seed)
    frequencies = rng.integers(1, modulus // 2 + 1, size=12)
    p, q = rng.uniform(-np.pi, np.pi, (2, 12))
    found = neurons(planted_neurons(modulus, frequencies, p, q))
    np.testing.assert_array_equal(found.frequency[0], frequencies)
    assert (found.share > 0.85).all()
    # The crest of cos(w a + p) is at w a = -p.
    assert turned(found.phase[0, :, 0], -p).max() < near
    assert turned(found.phase[0, :, 1], -q).max() < near


def test_waves_that_are_never_cut_off_are_explained_whole():
    frequencies, p = np.arange(1, 4), np.array([0.3, -2.0, 3.0])
    found = neurons(planted_neurons(8, frequencies, p, -p, bias=3.0))
    np.testing.assert_array_equal(found.frequency[0], frequencies)
    np.testing.assert_allclose(found.share[0], 1, atol=1e-5)
    np.testing.assert_allclose(turned(found.phase[0], np.stack([-p, p], axis=1)), 0, atol=1e-4)
    # Power of each: P**2 / 2 from a and as much from b, at [k, 0] and [0, k].
    expected = np.zeros((5, 5))
    expected[1:4, 0] = expected[0, 1:4] = 32
    np.testing.assert_allclose(found.activations[0], expected, atol=1e-3)


def test_half_the_modulus_is_a_frequency_too():
    found = neurons(planted_neurons(8, np.array([4, 1]), np.zeros(2), np.zeros(2), bias=3.0))
    np.testing.assert_array_equal(found.frequency[0], [4, 1])
    np.testing.assert_allclose(found.share[0], 1, atol=1e-5)
    assert found.activations[0, 4, 0] == pytest.approx(64, rel=1e-5)


@pytest.mark.parametrize("modulus", [7, 8])
@often(12)
@given(seed=SEEDS)
def test_spectra_are_folded_transforms_and_add_up(modulus, seed):
    params = network(modulus, dims=4, hidden=6, members=1, seed=seed)
    found, values = neurons(params), by_member(params)
    for spectrum, exact in zip((found.activations[0], found.logits[0]), values, strict=True):
        expected = folded_power(exact).sum(axis=2)
        np.testing.assert_allclose(spectrum, expected, rtol=1e-3, atol=1e-5 * expected.sum())
        assert spectrum[0, 0] == 0
        centred = exact - exact.mean(axis=(0, 1))
        assert spectrum.sum() == pytest.approx((centred**2).sum(), rel=1e-4)


@pytest.mark.parametrize("modulus", [7, 8, 11])
@often(12)
@given(seed=SEEDS)
def test_frequency_and_share_are_those_of_nandas_code(modulus, seed):
    params = network(modulus, dims=4, hidden=6, members=1, seed=seed)
    hidden, _ = by_member(params)
    k, power = np.arange(1, modulus // 2 + 1), folded_power(hidden)
    alive = power.sum(axis=(0, 1)) > 0
    explained = (power[k, 0] + power[0, k] + power[k, k])[:, alive]
    shares = explained / power.sum(axis=(0, 1))[alive]
    if modulus % 2:
        np.testing.assert_allclose(shares, nandas_shares(hidden[..., alive]), atol=1e-9)
    found = neurons(params)
    frequency, share = found.frequency[0], found.share[0]
    np.testing.assert_array_equal(frequency == 0, ~alive)
    np.testing.assert_allclose(share[alive], shares.max(axis=0), rtol=1e-3)
    chosen = np.take_along_axis(shares, frequency[None, alive] - 1, axis=0)[0]
    np.testing.assert_allclose(chosen, shares.max(axis=0), rtol=1e-3)  # the first but for ties


@often(10)
@given(seed=SEEDS)
def test_phases_are_the_crests_of_the_mean_over_the_other_token(seed):
    params = network(11, dims=4, hidden=6, members=1, seed=seed)
    hidden, found = by_member(params)[0], neurons(params)
    for h in np.flatnonzero(found.frequency[0]):
        k = found.frequency[0, h]
        for slot in range(2):
            wave = np.fft.fft(hidden[..., h].mean(axis=1 - slot))[k]
            if np.abs(wave) > 1e-3 * hidden[..., h].max():
                assert turned(found.phase[0, h, slot], -np.angle(wave)) < 1e-2


def test_a_neuron_that_never_changes_has_no_frequency():
    params = planted_neurons(7, np.array([1, 2, 3]), *np.zeros((2, 3)))
    params["hidden"]["bias"][0, 0] = -5  # dead
    params["hidden"]["kernel"][0, :, 1] = 0  # constant
    params["hidden"]["bias"][0, 1] = 0.7
    found = neurons(params)
    assert found.frequency[0].tolist() == [0, 0, 3]
    assert np.isnan(found.share[0]).tolist() == [True, True, False]


def test_the_tokens_are_not_swapped():
    params = planted_neurons(7, np.array([2]), np.array([0.5]), np.array([1.5]), bias=3.0)
    params["hidden"]["kernel"][0, 6:] = 0  # nothing of the second token
    found = neurons(params)
    assert found.activations[0, 2, 0] == pytest.approx(49 / 2, rel=1e-4)
    assert found.activations[0, 0, 2] == pytest.approx(0, abs=1e-4)
    assert found.logits[0, 2, 0] == pytest.approx(7 * 49 / 2, rel=1e-4)  # each class the same


def test_a_wave_that_alternates_has_its_crest_at_0_or_pi():
    """There is no sine at k = P/2: relu of +-(-1)**a."""
    modulus = 8
    sign = (-1.0) ** np.arange(modulus)
    params = {
        "embed": {"embedding": np.stack([sign, np.ones(modulus)], axis=1)},
        "hidden": {"kernel": np.array([[1.0, -1], [0, 0], [0, 0], [0, 0]]), "bias": np.zeros(2)},
        "output": {"kernel": np.ones((2, modulus)), "bias": np.zeros(modulus)},
    }
    stacked = jax.tree.map(lambda leaf: leaf.astype(np.float32)[None], params)
    found = neurons(stacked)
    assert found.frequency[0].tolist() == [4, 4]
    np.testing.assert_allclose(found.phase[0, :, 0], [0, np.pi], atol=1e-5)
