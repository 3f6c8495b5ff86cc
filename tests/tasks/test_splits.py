"""Random orders of examples: permutations, uniform, one for each seed."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from grokjax.runtime.prng import BATCHES, INIT, SPLIT, stream_key
from grokjax.tasks.splits import shuffled


def test_shuffled_is_a_permutation_that_does_not_depend_on_the_bound():
    key = jax.random.key(3)
    short = shuffled(key, jnp.ones(100, bool), 300)
    assert sorted(short.tolist()) == list(range(100))
    assert short.tolist() != list(range(100))
    wanted = jnp.arange(250) < 100
    long = jax.jit(shuffled, static_argnums=2)(key, wanted, 300)
    np.testing.assert_array_equal(long[:100], short)
    assert sorted(long[100:].tolist()) == list(range(100, 250))


@pytest.mark.parametrize(("most", "bits"), [(2**12, 12), (2**16, 16), (2**16 + 1, 0)])
def test_shuffled_sorts_by_the_bits_above_the_index(most, bits):
    """Rows that tie in them come in the order of their index; many indices share no word."""
    key = jax.random.key(5)
    draw = np.asarray(jax.random.bits(key, (2809,), jnp.uint32)) >> bits
    assert (len(np.unique(draw)) < 2809) == (bits > 0)
    found = shuffled(key, jnp.ones(2809, bool), most)
    np.testing.assert_array_equal(found, np.argsort(draw, kind="stable"))


def test_every_position_of_a_shuffle_is_equally_likely():
    keys = jax.random.split(jax.random.key(0), 6000)
    orders = np.asarray(jax.vmap(lambda key: shuffled(key, jnp.ones(6, bool), 6))(keys))
    counts = np.stack([np.bincount(orders[:, i], minlength=6) for i in range(6)])
    # 36 cells of expectation 1000 with 25 degrees of freedom: 60 has probability 1e-4.
    assert ((counts - 1000) ** 2 / 1000).sum() < 60


def test_streams_and_seeds_differ():
    keys = [jax.random.key_data(stream_key(s, n)) for s in (0, 1) for n in (INIT, SPLIT, BATCHES)]
    assert len({tuple(key.tolist()) for key in keys}) == 6
