"""The hidden layer of a user's module without `precompute`."""

import jax
import jax.numpy as jnp
from flax import nnx

from tests.models.test_model import FlaxDocumentation, network_of


def test_activations_without_precompute_take_inputs_alone():
    class Spoken(FlaxDocumentation):
        def activations(self, inputs):
            return nnx.relu(self.linear1(inputs))

    network = network_of(Spoken, dmid=4)
    assert network.hidden(network.init(jax.random.key(0)), jnp.ones((3, 2))).shape == (3, 4)
