"""Inverse participation ratios by definition, and of the analytic solution."""

from types import SimpleNamespace

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grokjax import Config, recipes
from grokjax.analysis import fourier, neurons
from grokjax.analysis.survey import survey
from grokjax.metrics import spectrum, token_spectrum
from grokjax.models.network import build_network
from grokjax.tasks import symmetric_group
from grokjax.tasks.operations import OPERATIONS, group_of, labels_of
from grokjax.tasks.token_group import residues
from tests.conftest import TINY
from tests.planted import SEEDS, often


def by_definition(rows):
    """Doshi et al. 2023, r = 2, of the rows `[N, P]` of a matrix."""
    spectra = np.abs(np.fft.rfft(rows.astype(np.float64), axis=1))
    return ((spectra / np.linalg.norm(spectra, axis=1, keepdims=True)) ** 4).sum(axis=1)


@pytest.mark.parametrize("modulus", [2, 3, 7, 8, 53])
@often(10)
@given(seed=SEEDS, scale=st.sampled_from([1e-30, 1e-3, 1.0, 1e15]))
def test_ratio_by_definition_at_any_scale(modulus, seed, scale):
    rows = np.random.default_rng(seed).normal(size=(6, modulus))
    found = spectrum.inverse_participation(np.float32(scale * rows.T))
    np.testing.assert_allclose(found, by_definition(rows), rtol=1e-4)


def test_ratio_of_one_frequency_of_zeros_and_of_an_impulse():
    t = np.arange(31)
    columns = [np.cos(2 * np.pi * 4 * t / 31 + 1), np.ones(31), np.zeros(31), t == 5]
    found = spectrum.inverse_participation(np.stack(columns, axis=1).astype(np.float32))
    np.testing.assert_allclose(found, [1, 1, 0, 1 / 16], atol=1e-5)


def analytic(modulus, hidden, seed):
    """Gromov's solution as parameters of one member, each neuron with its own frequency."""
    rng, t = np.random.default_rng(seed), np.arange(modulus)
    frequency = 1 + np.arange(hidden) % (modulus // 2)
    first, second = rng.uniform(0, 2 * np.pi, (2, hidden))
    turn = 2 * np.pi * np.outer(t, frequency) / modulus  # [P, H]
    params = {
        "hidden": {"kernel": np.concatenate([np.cos(turn + first), np.cos(turn + second)])},
        "output": {"kernel": np.cos(-turn - first - second).T},
    }
    stacked = {
        layer: {name: value.astype(np.float32)[None] for name, value in leaves.items()}
        for layer, leaves in params.items()
    }
    return stacked, frequency


def test_the_analytic_solution_has_key_frequencies_in_neurons_but_not_in_the_table():
    network = recipes.get("gromov").config.replace(modulus=31, hidden_dim=150).network
    params, frequency = analytic(31, 150, seed=0)
    found = survey(params, network=network)
    np.testing.assert_allclose(found.neuron_ipr, 1, atol=1e-5)
    np.testing.assert_array_equal(found.neuron_frequency[0], frequency)
    assert not fourier.is_key(found.power.sel(table="embedding").values, 1.25).any()
    assert found.key.values.all()
    assert found.attrs["token_table"] == "first-layer weights"
    assert float(np.trace(found.logit_power.values[0]) / found.logit_power.sum()) > 0.7


@pytest.mark.parametrize("size", [(31, 64, 16), (31, 200, 0)])
def test_random_weights_have_no_key_frequencies(size):
    modulus, hidden, dims = size
    config = Config(modulus=modulus, hidden_dim=hidden, embed_dim=dims)
    rng = np.random.default_rng(1)
    params = {}
    shapes = build_network(config.model_settings, config.spec).shapes
    for name, shape in shapes.items():
        layer, array = name.split("/")
        drawn = rng.normal(size=(4, *shape)) * (array != "bias")
        params.setdefault(layer, {})[array] = drawn.astype(np.float32)
    found = survey(params, network=config.network)
    assert found.key.values.mean() < 0.03
    assert float(found.neuron_ipr.mean()) == pytest.approx(2 / (modulus // 2 + 2), rel=0.15)


def test_neurons_count_from_half_of_the_variance_that_an_even_split_leaves():
    frequency, share = np.array([[1, 1, 2, 3, 0, 3]]), np.array([[0.66, 0.6, 0.9, 0.67, np.nan, 1]])
    assert neurons.neurons_of(frequency, share, 7).tolist() == [[0, 1, 2]]  # (1 + 1/3) / 2
    assert neurons.key_frequencies(frequency, share, 7).tolist() == [[False, True, True]]
    many = np.repeat(frequency, 8, axis=1)  # 48 neurons: a quarter of an even share is 4
    assert neurons.key_frequencies(many, np.where(many == 2, 0.9, 0), 7).tolist() == [[0, 1, 0]]


def test_an_operation_is_cyclic_if_the_next_token_shifts_every_answer_equally():
    for name, task in OPERATIONS.items():
        modulus = symmetric_group.SIZE if task.needs == "120" else 11
        table = labels_of(name, modulus).reshape(modulus, modulus)
        order = group_of(name, modulus).order
        if order != tuple(range(modulus)):
            place = np.full(modulus, -1)
            place[list(order)] = range(len(order))
            table = place[table[np.ix_(order, order)]]
        steps = (np.diff(table, axis=1, append=table[:, :1]) % len(order)).astype(int)
        folded = np.minimum(steps, len(order) - steps)
        random = name == "random"  # labels_of has no table of it
        assert task.cyclic == bool((folded == folded[0, 0]).all() and folded[0, 0] and not random)


NETWORKS = {
    "embedded": {},
    "one-hot, square": {"embed_dim": 0, "activation": "square", "biases": False},
    "tied": {"tied": True, "embed_dim": 8},
    "separate, deep": {"embeddings": "separate", "hidden_layers": 2, "hidden_dim": 6},
    "summed": {"combine": "sum"},
    "other answers": {"operation": "sum", "classes": 13},
}


def ratios_by_definition(params, config):
    """Mean ratio of each neuron: weights of both operands, and of answers that are tokens."""
    embed = params.get("embed", {}).get("embedding", np.eye(config.modulus))
    second = params.get("embed_second", {}).get("embedding", embed)
    kernel = params["hidden"]["kernel"]
    halves = (kernel, kernel) if config.combine == "sum" else np.split(kernel, 2)
    vectors = [embed @ halves[0], second @ halves[1]]
    if config.num_classes == config.modulus:
        vectors.append(embed if config.tied else params["output"]["kernel"].T)
    order = list(group_of(config.operation, config.modulus).order)
    return np.mean([by_definition(table[order].T) for table in vectors], axis=0)


@pytest.mark.parametrize("name", NETWORKS)
def test_ratios_of_the_neurons_of_every_network(name):
    config = Config(**TINY | NETWORKS[name])
    network = build_network(config.model_settings, config.spec)
    params = network.init(jax.random.key(3))
    packed = network.pack(params)
    table = network.precompute(packed)
    expected = ratios_by_definition(jax.tree.map(np.asarray, params), config)
    found = token_spectrum.neuron_ratios(network.neuron_weights(packed, table), config.spec)
    np.testing.assert_allclose(found, expected, rtol=1e-4)
    evaluation = SimpleNamespace(
        network=network, spec=config.spec, packed=packed, table=table, groups=(residues(7),)
    )
    recorded = token_spectrum.neuron_ipr(params, evaluation)
    np.testing.assert_allclose(recorded, expected.mean(), rtol=1e-4)
