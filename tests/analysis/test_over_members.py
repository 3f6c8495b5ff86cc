"""A function mapped over members: on CPU each result is that of its member alone."""

import jax
import jax.numpy as jnp
import numpy as np

from grokjax.analysis.over_members import over_members


def gradient_of_softmax(x):
    """Gradient of a function of a softmax: two divisions by the same broadcast sum."""
    return jax.grad(lambda x: jnp.sum(jnp.tanh(x) * jax.nn.softmax(x)))(x)


def test_results_are_bitwise_the_same_on_one_device_and_on_two():
    """Two members are mapped on one device, four on two."""
    x = np.random.default_rng(0).standard_normal((4, 16, 8)).astype(np.float32)
    mapped = over_members(gradient_of_softmax)
    np.testing.assert_array_equal(mapped(x[:2]), mapped(x)[:2])
