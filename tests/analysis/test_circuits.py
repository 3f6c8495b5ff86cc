"""Clock and pizza measures: golden values, planted circuits, a gradient by hand, runs."""

from pathlib import Path

import numpy as np
import pytest

import grokjax
from grokjax import Config, Sweep, interop
from grokjax.analysis.circuits import circuits, generalisation_delays, label_circuits
from grokjax.metrics import circuits as measures
from grokjax.metrics.isolated_circles import circuit_logits, explained
from tests.analysis.circuits_by_hand import gradient_cosine, random_params, relabelled
from tests.conftest import TINY

REFERENCE = Path(__file__).parents[3] / "shared" / "reference"
needs_reference = pytest.mark.skipif(not REFERENCE.exists(), reason="no published weights here")
ADD = Config(modulus=11, embed_dim=6, hidden_dim=12, train_fraction=0.6)


@needs_reference
@pytest.mark.parametrize(
    ("name", "golden", "label"),
    [
        ("a", (0.993665, 0.171736, 0.221807, 0.997818), "pizza"),
        ("b", (0.333638, 0.848260, 0.884918, 0.998907), "clock"),
    ],
)
def test_published_transformers_have_their_golden_values(name, golden, label):
    config, params = interop.open_weights(REFERENCE / f"pizza_model_{name}_p59.npz")
    found = circuits(params, config).isel(member=0)
    names = (
        *("gradient_symmetricity", "distance_irrelevance"),
        *("distance_irrelevance_incorrect", "component_circularity"),
    )
    np.testing.assert_allclose([found[n] for n in names], golden, atol=1e-5)
    assert found.label == label
    if name == "a":
        assert found.circle_step.values[:3].tolist() == [7, 20, 4]
        first = 100 * found.circle_fve.sel(circuit=["clock", "pizza", "pizza2"]).values[:3]
        expected = [[75.41, 98.31, 98.36], [75.62, 98.31, 98.30], [75.38, 98.41, 98.61]]
        np.testing.assert_allclose(first, expected, atol=0.02)
        # The second circle of each, of twice its frequency.
        second = 100 * found.circle_fve.sel(circuit="accompanying").values[3:6]
        np.testing.assert_allclose(second, [97.56, 97.23, 97.69], atol=0.02)
        doubled = 2 * found.circle_frequency.values[:3]
        folded = np.minimum(doubled % 59, -doubled % 59)
        assert found.circle_frequency.values[3:6].tolist() == folded.tolist()


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"combine": "sum"},
        {"embeddings": "separate", "hidden_layers": 2},
        {"combine": "sum-of-layers", "output_bias": False},
        {"embed_dim": 12, "tied": True},
    ],
    ids=str,
)
def test_gradient_symmetricity_by_finite_differences(settings):
    config = ADD.replace(**settings)
    params = random_params(config)
    found = circuits(params, config).gradient_symmetricity
    triples = measures.published_triples(11)
    for m in range(3):
        cosines = [gradient_cosine(config, params, m, *triple) for triple in triples]
        np.testing.assert_allclose(found[m], np.mean(cosines), atol=2e-4)


def test_all_triples_are_the_mean_over_every_triple():
    config = ADD.replace(modulus=5)
    params = random_params(config)
    found = circuits(params, config, all_triples=True).gradient_symmetricity
    every = np.stack(np.unravel_index(np.arange(125), (5, 5, 5)), axis=1)
    cosines = [gradient_cosine(config, params, 1, *triple) for triple in every]
    np.testing.assert_allclose(found[1], np.mean(cosines), atol=2e-4)


@pytest.mark.parametrize("size", [11, 12, 59])
def test_circuits_are_recognised_by_their_own_formula(size):
    for k in (2, 4):
        formulas = circuit_logits(np.int32(k), size)
        found = np.stack([explained(one, formulas) for one in formulas])
        np.testing.assert_allclose(np.diag(found), 1, atol=1e-5)
        assert (found[3, :3] < 0.5).all(), "the accompanying pizza is no other circuit"
        assert 0.45 < found[0, 1] < 0.9, "a clock resembles a pizza"


def test_formulas_are_those_of_the_paper():
    """Written out for one triple: P = 7, k = 3, a = 1, b = 4, c = 6."""
    w, (a, b, c) = 2 * np.pi * 3 / 7, (1, 4, 6)
    turn = np.cos(w * c / 2), np.sin(w * c / 2)
    x, y = np.cos(w * a) + np.cos(w * b), np.sin(w * a) + np.sin(w * b)
    pizza = abs(turn[0] * x + turn[1] * y) - abs(-turn[1] * x + turn[0] * y)
    pizza2 = (abs(x) - abs(y)) * np.cos(w * c) - (abs(x - y) - abs(x + y)) * np.sin(w * c) / 2**0.5
    half = 2 * np.pi * (3 * 4 % 7) / 7
    expected = [
        np.cos(w * (a + b - c)),
        pizza / 2,
        pizza2,
        -np.cos(half * (a - b)) * np.cos(half * (a + b - c)),
    ]
    found = circuit_logits(np.int32(3), 7)[:, a, b, c]
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_an_odd_frequency_has_no_half_of_an_even_group():
    assert np.isnan(circuit_logits(np.int32(3), 12)[3]).all()


def test_distance_irrelevance_of_clock_and_pizza_logits():
    clock, pizza, *_ = circuit_logits(np.int32(2), 11)
    i = np.arange(11)
    noisy = clock + np.cos(2 * np.pi * (i[:, None] + i) / 11)[..., None]
    assert measures.distance_irrelevances(pizza)[0] < 1e-5, "only the distance matters"
    np.testing.assert_allclose(measures.distance_irrelevances(noisy)[0], 1, atol=1e-5)
    values = np.random.default_rng(0).normal(size=(11, 11, 11)).astype(np.float32)
    right = values[i[:, None], i, (i[:, None] + i) % 11]
    table = np.zeros((11, 11))
    table[(i[:, None] + i) % 11, (i[:, None] - i) % 11] = right
    expected = table.std(axis=0).mean() / table.std()
    np.testing.assert_allclose(measures.distance_irrelevances(values)[0], expected, rtol=1e-5)


@pytest.mark.parametrize("operation", ["subtract", "multiply", "divide"])
def test_measures_are_those_of_the_sum_with_tokens_renamed(operation):
    """A network that multiplies as another one adds has the same measures in its own places."""
    size = 10 if operation in ("multiply", "divide") else 11
    config, params = ADD.replace(operation=operation), random_params(ADD.replace(modulus=11))
    same = ADD.replace(modulus=size, embeddings="separate")
    expected = circuits(relabelled(params, operation), same)
    found = circuits(params, config)
    names = ["gradient_symmetricity", "distance_irrelevance", "distance_irrelevance_incorrect"]
    for name in names:
        np.testing.assert_allclose(found[name], expected[name], atol=1e-4, err_msg=name)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    out = tmp_path_factory.mktemp("circuits") / "run"
    sweep = Sweep(Config(**TINY), operation=["add", "subtract"], seed=[0, 1])
    return grokjax.train(sweep, out, metrics=["circuits"], progress=False)


def test_recorded_measures_are_those_of_the_final_parameters(run):
    found, last = circuits(run), run.history.isel(eval=-1)
    names = (
        *("gradient_symmetricity", "distance_irrelevance", "distance_irrelevance_incorrect"),
        *("component_circularity", "circle_frequency", "circle_step", "circle_fve"),
    )
    for name in names:
        recorded = last[name].sel(circuit=found.circuit) if name == "circle_fve" else last[name]
        np.testing.assert_allclose(found[name], recorded, atol=2e-5, err_msg=name)
    assert last.circle_fve.dims == ("member", "circle", "circuit")


def test_a_member_alone_has_the_same_measures(run):
    both, alone = circuits(run), circuits(run.of([2]))
    for name in both:
        np.testing.assert_array_equal(both[name].sel(member=[2]), alone[name])


def test_one_hot_networks_have_no_embedding_to_measure(tmp_path):
    sweep = Sweep(Config(**TINY | {"embed_dim": 0}), seed=[0])
    run = grokjax.train(sweep, tmp_path / "run", metrics=["circuits"], progress=False)
    assert "gradient_symmetricity" not in run.history
    assert np.isfinite(run.history.distance_irrelevance).all()
    found = circuits(run)
    assert np.isnan(found.gradient_symmetricity).all()
    assert found.sizes["circle"] == 0
    assert found.label.values.tolist() == ["neither"]


def test_operations_without_places_are_refused_and_recorded_as_nan(tmp_path):
    sweep = Sweep(Config(**TINY), operation=["add", "a2+b2"])
    run = grokjax.train(sweep, tmp_path / "run", metrics=["circuits"], progress=False)
    assert np.isfinite(run.history.gradient_symmetricity[0]).all()
    assert np.isnan(run.history.gradient_symmetricity[1]).all()
    with pytest.raises(ValueError, match=r"circuits: needs sums, .* got a2\+b2; use select"):
        circuits(run)


def test_labels():
    symmetricity = [0.99, 0.99, 0.5, 0.5, np.nan, 0.99, 0.0]
    irrelevance = [0.2, 0.7, 0.9, 0.2, 0.9, 0.2, 0.99]
    found = label_circuits(symmetricity, irrelevance, [1, 1, 1, 1, 1, 0.98, 0.5])
    assert found.tolist() == ["pizza", "neither", "clock", *["neither"] * 4]


def test_delays_sum_the_gap_of_the_best_accuracies():
    import xarray as xr

    train = [[0.2, 1.0, 0.9, 1.0], [0.0, 0.5, 1.0, np.nan]]
    test = [[0.0, 0.1, 0.5, 0.4], [0.0, 0.5, 0.25, np.nan]]
    dims = ("member", "eval")
    data = {"train_accuracy": (dims, train), "test_accuracy": (dims, test)}
    history = xr.Dataset(data, {"epoch": ("eval", [0, 1, 2, 3]), "member": [0, 1]})
    found = generalisation_delays(history)
    np.testing.assert_allclose(found.delay1, [0.2 + 0.9 + 0.5 + 0.5, 0 + 0 + 0.5])
    np.testing.assert_allclose(found.delay2, [0 + 0.4 + 0 + 0, 0])
    sparse = generalisation_delays(history.assign_coords(epoch=("eval", [0, 10, 20, 30])))
    np.testing.assert_allclose(sparse.delay1[0], 2 + 9 + 5 + 0.5)
