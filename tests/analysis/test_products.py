"""Multiplication mod a prime: tokens in the order of powers of a primitive root, token 0 left out.

A table planted in the order of the powers must be found as one in the order of the tokens is.
"""

import jax
import numpy as np
import pytest

import grokjax
from grokjax import Config, Sweep
from grokjax.analysis import circles, fourier
from grokjax.analysis.neurons import neurons
from grokjax.analysis.progress_measures import progress_measures
from grokjax.analysis.survey import survey
from grokjax.models.network import build_network
from grokjax.tasks.token_group import powers
from tests.analysis.circuits_by_hand import random_params, relabelled
from tests.conftest import TINY
from tests.planted import network, planted, power_by_definition

MODULUS = 13
ORDER = list(powers(MODULUS).order)
CONFIG = Config(modulus=MODULUS, operation="multiply", embed_dim=6, hidden_dim=9)


@pytest.fixture(scope="module")
def params():
    found = network(MODULUS, dims=6, hidden=9, members=2, seed=3)
    circle = planted(MODULUS - 1, {5: 2.0}, 6)
    table = np.full((2, MODULUS, 6), 100.0, np.float32)  # token 0 is far away
    table[:, ORDER] = circle
    found["embed"]["embedding"] = table
    return found


def test_a_circle_over_the_powers_is_found(params):
    found = survey(params, network=CONFIG)
    assert found.token.values.tolist() == ORDER == [1, 2, 4, 8, 3, 6, 12, 11, 9, 5, 10, 7]
    assert found.attrs["group"] == "Z_12 by powers of 2"
    assert "in the order of the powers of 2 mod 13" in found.attrs["order_of_tokens"]
    shares = fourier.shares(found.power.sel(table="embedding").values)
    np.testing.assert_allclose(shares[:, 4], 1, rtol=1e-4)
    (first, *_) = circles.read(found.pair_shares.values[0], found.sizes["token"])
    assert (first.step, first.frequency) == (5, 5)  # 5 * 5 = 1 mod 12
    assert found.pair_step.values[0, 0] == 5
    assert found.plane_circularity.values[0, 4] > 0.999
    in_token_order = survey(params, network=CONFIG.network)
    assert in_token_order.attrs["group"] == "Z_13"
    assert fourier.shares(in_token_order.power.values)[:, 0].max() < 0.5


def test_spectra_and_neurons_by_definition(params):
    found = survey(params, network=CONFIG.network, group=powers(MODULUS))
    for m in range(2):
        embedding, kernel = params["embed"]["embedding"][m], params["hidden"]["kernel"][m]
        tables = [embedding, embedding @ kernel[:6], embedding @ kernel[6:]]
        tables.append(params["output"]["kernel"][m].T)
        for i, table in enumerate(tables):
            np.testing.assert_allclose(
                found.power.values[m, i], power_by_definition(table[ORDER]), rtol=1e-3, atol=1e-3
            )
    built = build_network(CONFIG.model_settings, CONFIG.spec)
    pairs = np.array([(a, b) for a in ORDER for b in ORDER], np.int32)
    one = jax.tree.map(lambda x: x[0], params)
    logits = np.asarray(built.apply(one, pairs), np.float64).reshape(12, 12, MODULUS)
    power = np.abs(np.fft.fft2(logits, axes=(0, 1), norm="ortho")) ** 2
    power[0, 0] = 0
    np.testing.assert_allclose(found.logit_power.values[0].sum(), power.sum(), rtol=1e-4)
    folded = power[[5, 7], :, :][:, [0], :].sum()
    np.testing.assert_allclose(found.logit_power.values[0][5, 0], folded, rtol=1e-3)
    alone = neurons(params, network=CONFIG)
    np.testing.assert_array_equal(alone.frequency, found.neuron_frequency)


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """Members of three groups, in one program: sums, products and none."""
    sweep = Sweep(Config(**TINY), operation=["add", "multiply", "divide"], seed=[0, 1])
    assert len(sweep.programs()) == 1
    return grokjax.train(sweep, tmp_path_factory.mktemp("mixed") / "run", progress=False)


def test_each_member_of_a_mixed_program_is_recorded_over_its_own_group(mixed):
    order = [1, 3, 2, 6, 4, 5]
    for m in mixed.members.index:
        table = mixed.params_of(m)["embed"]["embedding"]
        rows = range(7) if mixed.sweep[m].operation == "add" else order
        last = mixed.history.embedding_power.sel(member=m).values[-1]
        np.testing.assert_allclose(last, power_by_definition(table[list(rows)]), rtol=1e-4)
        alone = survey(mixed.of([m]))
        np.testing.assert_allclose(alone.power.sel(table="embedding").values[0], last, rtol=1e-4)
        recorded = mixed.history.neuron_ipr.sel(member=m).values[-1]
        np.testing.assert_allclose(alone.neuron_ipr.mean(), recorded, rtol=1e-4)


def test_several_groups_are_refused_in_one_line(mixed):
    message = (
        r"survey: the tokens of these members form several groups, Z_7 \(add\), Z_6 by powers of 3 "
        r"\(multiply, divide\); use select"
    )
    with pytest.raises(ValueError, match=message):
        survey(mixed)
    assert survey(mixed.select(operation=["multiply", "divide"])).sizes["token"] == 6
    with pytest.raises(ValueError, match="a Run has its own group of tokens; leave out group"):
        survey(mixed.select(operation="add"), group=powers(7))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"modulus": 12}, "products mod 12 have no order of powers, as P must be an odd prime"),
        ({"modulus": 120, "operation": "s5"}, "S5 is no cyclic group; see the power of its irred"),
    ],
)
def test_tokens_without_a_cyclic_group_have_no_circles(changes, message):
    config = CONFIG.replace(**changes)
    params = network(config.modulus, dims=6, hidden=9, members=1, seed=0)
    for look in (survey, neurons, fourier.spectra):
        with pytest.raises(ValueError, match=message):
            look(params, network=config)


@pytest.mark.parametrize("operation", ["multiply", "divide"])
def test_progress_measures_are_those_of_a_sum_with_tokens_renamed(operation):
    """A network that multiplies mod 11 as another one adds mod 10 has the same measures."""
    config = Config(modulus=11, embed_dim=6, hidden_dim=12, train_fraction=0.6)
    params = random_params(config)
    config = config.replace(operation=operation)
    as_sum = config.replace(modulus=10, operation="add", embeddings="separate")
    key = np.array([False, True, False, True, False])
    expected = progress_measures(relabelled(params, operation), as_sum, key=key)
    found = progress_measures(params, config, key=key)
    names = ["logit_coefficient", "logit_share", "component_gini", "neuron_frequency"]
    for name in names:
        np.testing.assert_allclose(found[name], expected[name], rtol=2e-3, atol=2e-4, err_msg=name)
    for name in ("loss", "restricted_loss", "excluded_loss", "excluded_loss_of"):
        every = found[name].sel(subset="all"), expected[name].sel(subset="all")
        np.testing.assert_allclose(*every, rtol=1e-3, err_msg=name)


def test_recorded_progress_measures_of_products_leave_out_pairs_with_zero(tmp_path):
    sweep = Sweep(Config(**TINY), operation=["add", "multiply", "divide"])
    run = grokjax.train(sweep, tmp_path / "run", metrics=["progress"], progress=False)
    last = run.history.isel(eval=-1)
    for member in range(3):
        found = progress_measures(run.of([member])).isel(member=0)
        for name in ("restricted_loss", "excluded_loss"):
            recorded = last[name][member].sel(subset=found.subset)
            np.testing.assert_allclose(found[name], recorded, rtol=1e-4, err_msg=name)
        np.testing.assert_array_equal(found.key, last.key_frequency[member])
        recorded = last.component_gini[member].sel(table=found.table)
        np.testing.assert_allclose(found.component_gini, recorded, rtol=1e-4)
    with pytest.raises(ValueError, match="the tokens of these members form several groups"):
        progress_measures(run)
