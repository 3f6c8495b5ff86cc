"""The whole analysis of an ensemble, and how a function of one member becomes one of all."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from grokjax.analysis import circles, fourier
from grokjax.analysis.fourier import gini, participation
from grokjax.analysis.neurons import neurons
from grokjax.analysis.over_members import over_members
from grokjax.analysis.pca import pca
from grokjax.analysis.survey import VARIABLES, findings, survey
from tests.planted import network, network_of, planted


def all_of(params):
    """`findings` of random and planted networks, whose shapes say all there is to know."""
    return findings(params, network=network_of(params))


def surveyed(params, **settings):
    return survey(params, network=network_of(params), **settings)


def picked(tree, index):
    return jax.tree.map(lambda leaf: leaf[index], tree)


def assert_same_bits(tree, other):
    jax.tree.map(np.testing.assert_array_equal, tree, other)


@pytest.fixture(scope="module")
def params():
    """Random networks of five members; on four devices, so some device has two."""
    return network(modulus=7, dims=4, hidden=6, members=5, seed=0)


@pytest.mark.parametrize("members", [[2], [0, 1, 2], [4, 3, 2, 1, 0], [2, 2, 2, 2, 2, 2, 2, 2]])
def test_a_members_numbers_do_not_depend_on_its_company(params, members):
    assert len(jax.local_devices()) == 4
    together, some = all_of(params), all_of(picked(params, members))
    assert_same_bits(some, picked(together, members))


def test_no_members_at_all(params):
    none = all_of(picked(params, slice(0)))
    shapes = jax.tree.map(lambda leaf: (leaf.shape[1:], leaf.dtype), all_of(params))
    assert jax.tree.map(lambda leaf: (leaf.shape[1:], leaf.dtype), none) == shapes
    assert {len(leaf) for leaf in jax.tree.leaves(none)} == {0}


def test_results_are_numpy_arrays_to_write_to(params):
    for members in (1, 4, 5):
        for leaf in jax.tree.leaves(all_of(picked(params, slice(members)))):
            assert type(leaf) is np.ndarray
            assert len(leaf) == members
            leaf[:] = 0


def test_a_member_without_numbers_touches_no_other(params):
    broken = jax.tree.map(np.copy, params)
    broken["embed"]["embedding"][1] = np.nan
    others = [0, 2, 3, 4]
    found = all_of(broken)
    assert_same_bits(picked(found, others), picked(all_of(params), others))
    assert all(np.isnan(leaf[1]).all() for leaf in (*found.pca, *found.planes, found.gini))


def test_over_members_takes_any_nesting_and_the_same_settings_for_all():
    @over_members
    def scaled(pair, table, times=1.0):
        """A docstring of its own."""
        return {"sum": pair[0] + pair[1]["x"].sum(), "table": times * table}

    left, right = np.arange(5.0, dtype=np.float32), np.ones((5, 3), np.float32)
    table = np.arange(10, dtype=np.float32).reshape(5, 2)
    found = scaled((left, {"x": right}), table, times=3.0)
    np.testing.assert_array_equal(found["sum"], left + 3)
    np.testing.assert_array_equal(found["table"], 3 * table)
    np.testing.assert_array_equal(scaled((left, {"x": right}), table)["table"], table)
    assert (scaled.__name__, scaled.__doc__) == ("scaled", "A docstring of its own.")
    assert scaled.one((1.0, {"x": jnp.ones(3)}), 2.0)["sum"] == 4


def test_arrays_of_different_numbers_of_members_are_refused():
    @over_members
    def added(one, other):
        return one + other

    with pytest.raises(ValueError, match=r"added: arrays of \[2, 3\] members"):
        added(np.zeros((3, 1)), np.zeros((2, 1)))
    with pytest.raises(ValueError, match=r"gini: arrays of \[\] members"):
        gini()


def test_a_function_is_compiled_once_for_each_shape_and_setting():
    traced = []

    @over_members
    def counted(row, times=1):
        traced.append(row.shape)
        return times * row

    def call(members, **settings):
        before = len(traced)
        counted(np.ones((members, 3), np.float32), **settings)
        return len(traced) > before

    assert [call(9), call(9), call(10), call(9, times=2), call(9, times=2)] == [1, 0, 0, 1, 0]


@pytest.fixture(scope="module")
def planted_params():
    """Four members: two with planted circles, one random, one without numbers."""
    params = network(modulus=53, dims=16, hidden=8, members=4, seed=1)
    embedding = params["embed"]["embedding"]
    embedding[0] = planted(53, {7: 2.0, 3: 1.5}, 16, noise=0.01)
    embedding[2] = planted(53, {24: 1.0}, 16, noise=0.01)
    for leaf in jax.tree.leaves(params):
        leaf[3] = np.nan
    return params


@pytest.fixture(scope="module")
def found(planted_params):
    return surveyed(planted_params, members=[4, 8, 15, 16])


def test_survey_finds_what_was_planted(found):
    def keys(member):
        return set(found.frequency.values[found.key.sel(member=member)])

    assert keys(4) == {3, 7}
    assert keys(15) == {24}
    assert keys(16) == set()
    one = found.sel(member=4)
    np.testing.assert_array_equal(one.pair_step[:2], circles.step_of(np.array([7, 3]), 53))
    assert (one.pair_shares[:2].argmax("frequency") + 1).values.tolist() == [7, 3]
    assert float(one.plane_circularity.sel(frequency=7)) > 0.999
    share = one.plane_share.sel(frequency=[7, 3])
    np.testing.assert_allclose(share, [4 / 6.25, 2.25 / 6.25], rtol=0.01)
    assert float(found.participation.sel(member=4)) == pytest.approx(0.64**2 + 0.36**2, rel=0.01)
    assert float(found.participation.sel(member=15)) == pytest.approx(1, rel=0.01)
    assert (found.gini > 0.8).values.tolist() == [True, False, True, False]


def test_survey_is_labelled(found):
    assert set(found.data_vars) == {*VARIABLES, "power", "key"}
    sizes = {"member": 4, "token": 53, "component": 12, "pair": 6, "frequency": 26, "table": 4}
    sizes |= {"axis": 2, "neuron": 8, "slot": 2, "frequency_a": 27, "frequency_b": 27}
    assert dict(found.sizes) == sizes
    assert found.member.values.tolist() == [4, 8, 15, 16]
    assert found.frequency.values.tolist() == list(range(1, 27))
    assert found.frequency_a.values.tolist() == found.frequency_b.values.tolist()
    assert found.frequency_a.values.tolist() == list(range(27))
    assert found.table.values.tolist() == ["embedding", "first", "second", "output"]
    assert found.axis.values.tolist() == ["cosine", "sine"]
    assert found.slot.values.tolist() == ["a", "b"]


def test_survey_is_the_single_functions(found, planted_params):
    def values(*names):
        return tuple(found[name].values for name in names)

    embedding, kind = planted_params["embed"]["embedding"], network_of(planted_params)
    components, tables = (
        pca(embedding, components=12),
        fourier.spectra(planted_params, network=kind),
    )
    pairs = circles.component_pairs(components.scores)
    expected = {
        ("explained", "scores"): components[2:],
        ("pair_step", "pair_shares", "pair_circularity"): pairs,
        ("plane", "plane_circularity", "plane_share"): fourier.planes(embedding),
        (
            "neuron_frequency",
            "neuron_share",
            "neuron_phase",
            "activation_power",
            "logit_power",
        ): neurons(planted_params, network=kind),
        ("participation",): [participation(tables.embedding)],
        ("gini",): [gini(np.sqrt(tables.embedding))],
        ("key",): [fourier.is_key(tables.embedding, fourier.key_times(16))],
    }
    assert {name for names in expected for name in names} == {*VARIABLES, "key"} - {"neuron_ipr"}
    for names, arrays in expected.items():
        for name, mine, single in zip(names, values(*names), arrays, strict=True):
            # Programs differ, so sums may be taken in another order.
            np.testing.assert_allclose(mine, single, rtol=1e-3, atol=1e-4, err_msg=name)
    for name, table in tables._asdict().items():
        np.testing.assert_allclose(found.power.sel(table=name), table, rtol=1e-4, err_msg=name)


def test_survey_without_numbers_of_members_and_with_another_threshold(found, planted_params):
    other = surveyed(planted_params, key_times=1e-9)
    assert other.member.values.tolist() == [0, 1, 2, 3]
    assert other.key.values.sum(axis=1).tolist() == [26, 26, 26, 0]
    assert found.drop_vars(["key", "member"]).equals(other.drop_vars(["key", "member"]))


def test_survey_of_an_embedding_narrower_than_twelve(params):
    narrow = surveyed(params)
    assert (narrow.sizes["component"], narrow.sizes["pair"]) == (4, 2)
    empty = surveyed(picked(params, slice(0)))
    assert empty.sizes["member"] == 0
    assert empty.drop_dims("member").sizes == narrow.drop_dims("member").sizes


@pytest.mark.parametrize(("modulus", "dims"), [(3, 4), (2, 4), (7, 1)])
def test_the_smallest_networks(modulus, dims):
    """One frequency, or one component and so no pair."""
    found = surveyed(network(modulus, dims, hidden=3, members=2, seed=0))
    assert found.sizes["pair"] == min(modulus, dims) // 2
    for shares in found.pair_shares.values:
        assert len(circles.read(shares, modulus)) == found.sizes["pair"]


def test_a_member_without_numbers_has_no_frequency_either():
    params = network(7, 4, hidden=3, members=2, seed=0)
    params["embed"]["embedding"][1] = np.nan
    found = surveyed(params)
    assert (found.neuron_frequency.values[0] > 0).any()
    assert (found.neuron_frequency.values[1] == 0).all()
    assert not found.key.values[1].any()


def svds(jaxpr):
    """Every singular value decomposition in a program, by the shape of what it takes."""
    for equation in jaxpr.eqns:
        if equation.primitive.name == "svd":
            yield equation.invars[0].aval.shape
        for inner in equation.params.values():  # of a loop, or a function in it
            inner = getattr(inner, "jaxpr", inner)
            if hasattr(inner, "eqns"):
                yield from svds(inner)


def test_matrices_are_decomposed_one_by_one():
    """Batches of them wait for the threads that they run on: with 2 cores, 97 tokens and 500
    columns the analysis of two members never ended.
    """
    params = picked(network(modulus=7, dims=4, hidden=6, members=1, seed=0), 0)
    kind = network_of(network(modulus=7, dims=4, hidden=6, members=1, seed=0))
    program = jax.make_jaxpr(lambda params: findings.one(params, kind))(params)
    found = list(svds(program.jaxpr))
    assert sorted(found) == [(2, 4), (7, 4)]
