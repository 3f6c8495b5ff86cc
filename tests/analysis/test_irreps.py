"""Power of tables over S5 in its irreducible representations, on planted tables and a network."""

import jax
import numpy as np
import pytest

from grokjax.analysis.irreps import NAMES, chance, dimensions, irrep_power, power
from grokjax.config.config import Config
from grokjax.models.network import build_network
from grokjax.tasks import symmetric_group
from grokjax.tasks.token_group import permutations_of_five

CONFIG = Config(modulus=120, operation="s5", embed_dim=4, hidden_dim=8)
ELEMENTS = symmetric_group.permutations()
SIGN = np.linalg.det(np.eye(5)[ELEMENTS])[:, None]
STANDARD = np.eye(5)[ELEMENTS].reshape(120, 25) - 1 / 5
"""Matrix entries of the permutation representation, without its trivial part."""


def pairs_of_images():
    """Whether {i, j} goes to {k, l}, for all unordered pairs: (5) + (4,1) + (3,2)."""
    places = [(i, j) for i in range(5) for j in range(i)]
    images = [[frozenset(e[[i, j]].tolist()) for i, j in places] for e in ELEMENTS]
    targets = [frozenset(p) for p in places]
    return np.array([[image == t for image in row for t in targets] for row in images], float)


PLANTED = {
    "constant": (np.ones((120, 3)), ["(5)"]),
    "sign": (SIGN, ["(1,1,1,1,1)"]),
    "standard": (STANDARD, ["(4,1)"]),
    "sign times standard": (SIGN * STANDARD, ["(2,1,1,1)"]),
    "unordered pairs": (pairs_of_images(), ["(5)", "(4,1)", "(3,2)"]),
    "sign times pairs": (SIGN * pairs_of_images(), ["(2,2,1)", "(2,1,1,1)", "(1,1,1,1,1)"]),
}


@pytest.mark.parametrize("name", PLANTED)
def test_planted_tables(name):
    table, expected = PLANTED[name]
    (found,) = power(table[None].astype(np.float32))
    assert [n for n, p in zip(NAMES, found, strict=True) if p > 1e-4 * found.sum()] == expected
    np.testing.assert_allclose(found.sum(), (table**2).sum(), rtol=1e-5)


def test_parseval_and_chance():
    tables = np.random.default_rng(0).normal(size=(8, 120, 200)).astype(np.float32)
    found = power(tables)
    np.testing.assert_allclose(found.sum(axis=1), (tables**2).sum(axis=(1, 2)), rtol=1e-5)
    np.testing.assert_allclose(found.mean(axis=0) / found.mean(axis=0).sum(), chance(), rtol=0.1)
    assert dimensions().tolist() == [1, 4, 5, 6, 5, 4, 1]


def test_power_does_not_depend_on_the_names_of_elements():
    """Multiplying all elements by one from either side permutes a table's rows."""
    table = np.random.default_rng(1).normal(size=(120, 3)).astype(np.float32)
    number, one = np.arange(120), np.full(120, 71)
    moved = [symmetric_group.compose(one, number), symmetric_group.compose(number, one)]
    found = power(np.stack([table, *(table[rows] for rows in moved)]))
    np.testing.assert_allclose(found[1:], found[[0, 0]], rtol=1e-4)


def test_tables_of_a_network():
    network = build_network(CONFIG.model_settings, CONFIG.spec)
    params = jax.tree.map(lambda x: np.asarray(x)[None], network.init(jax.random.key(0)))
    found = irrep_power(params, network=CONFIG)
    told = irrep_power(params, network=CONFIG.network, group=permutations_of_five())
    embedding, kernel = params["embed"]["embedding"][0], params["hidden"]["kernel"][0]
    expected = {
        "embedding": embedding,
        "first": embedding @ kernel[:4],
        "second": embedding @ kernel[4:],
        "output": params["output"]["kernel"][0].T,
    }
    for name, table in expected.items():
        np.testing.assert_allclose(getattr(found, name), power(table[None]), rtol=1e-4)
        np.testing.assert_array_equal(getattr(told, name), getattr(found, name))
    with pytest.raises(ValueError, match="irrep_power: the tokens must form S5, got Z_120"):
        irrep_power(params, network=CONFIG.replace(operation="add"))
