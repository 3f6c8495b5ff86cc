"""A network of one member whose tokens stand at places of a group, and take other embeddings.

Tokens are at *places* on the circle of their group, so that the place of an answer is the sum of
the places of its operands; for a difference the second operand's place is that of -b.
Letters: G places, T tokens, P modulus, D embedding, N pairs, C classes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array

from grokjax.metrics.group_pairs import group_pairs
from grokjax.models.model import read_parameter
from grokjax.models.network import Network, Params
from grokjax.settings.data_spec import DataSpec
from grokjax.tasks.token_group import TokenGroup


class Places(NamedTuple):
    """Where the tokens of a group stand, for one operation.

    order: int `[G]`, the token at each place of the group.
    second: int32 `[G]`, for each place of the second operand, the place of the token that is there.
    exist: bool `[]`, whether every answer is at the sum of its operands' places.
    """

    order: np.ndarray
    second: Array
    exist: Array

    def pairs(self) -> tuple[Array, Array]:
        """Return the tokens of all pairs of places, int32 `[G**2]` each, the first one outer."""
        size, order = len(self.order), jnp.asarray(self.order)
        first = jnp.repeat(order, size, total_repeat_length=size**2)
        return first, jnp.tile(order[self.second], size)


def places_of(answers: Array, group: TokenGroup, modulus: int) -> Places:
    """Find the places of the tokens from the answers to all pairs.

    Args:
      answers: int32 `[P**2]`, as `Evaluation.true_labels`; others than a group's are not read.
      group: a cyclic group of the tokens.
      modulus: P.
    """
    order, rows, _ = group_pairs(group, modulus)
    place, asked = np.arange(group.size), answers[rows].reshape(group.size, group.size)
    back = -place % group.size

    def is_answer(places: np.ndarray) -> Array:
        return jnp.all(asked == jnp.asarray(order[places % group.size]))

    of_sum = is_answer(place[:, None] + place)
    of_difference = is_answer(place[:, None] + back)
    second = jnp.where(of_sum, jnp.asarray(place, jnp.int32), jnp.asarray(back, jnp.int32))
    return Places(order, second, of_sum | of_difference)


@dataclass(frozen=True)
class PlacedNetwork:
    """The network and parameters of one member, whose tokens have places."""

    network: Network
    spec: DataSpec
    params: Params
    places: Places

    def embeddings(self) -> tuple[Array, Array]:
        """Return the embeddings of the first and of the second operand, `[T, D]` each."""
        table = self.network.token_table
        assert table is not None
        first = read_parameter(self.params, table.parameter)
        return first, first if table.second is None else read_parameter(self.params, table.second)

    def by_place(self) -> Array:
        """Return the embedding by place, `[G, D]`, or both operands' side by side, `[G, 2D]`."""
        first, second = self.embeddings()
        order = jnp.asarray(self.places.order)
        if first is second:
            return first[order]
        return jnp.concatenate([first[order], second[order]], axis=1)

    def logits(self) -> Array:
        """Return the logits of all pairs of places, `[G, G, G]`: first, second, answer."""
        return self._by_place(self.network.apply(self.params, self._inputs(*self.places.pairs())))

    def logits_of_places(self, by_place: Array) -> Array:
        """Return the same with other embeddings, in the form of `by_place`."""
        size, width = len(by_place), self.embeddings()[0].shape[1]
        i, j = np.divmod(np.arange(size**2, dtype=np.int32), size)
        rows = by_place[:, :width], by_place[:, -width:]
        return self._by_place(self._logits_of(rows, jnp.asarray(i), self.places.second[j]))

    def logits_of_rows(self, first: Array, second: Array) -> Array:
        """Return the logits `[N, C]` of operands that are given as embeddings, `[N, D]` each."""
        number = jnp.arange(len(first), dtype=jnp.int32)
        return self._logits_of((first, second), number, number)

    def _logits_of(self, rows: tuple[Array, Array], first: Array, second: Array) -> Array:
        """Return the logits `[N, C]` of pairs of rows, int32 `[N]` each, appended to the tables."""
        table, begin = self.network.token_table, len(self.embeddings()[0])
        assert table is not None
        if table.second is None:
            params = _appended(self.params, table.parameter, jnp.concatenate(rows))
            inputs = self._inputs(begin + first, begin + len(rows[0]) + second)
        else:
            params = _appended(self.params, table.parameter, rows[0])
            params = _appended(params, table.second, rows[1])
            inputs = self._inputs(begin + first, begin + second)
        return self.network.apply(params, inputs)

    def _by_place(self, logits: Array) -> Array:
        size = len(self.places.order)
        return logits[:, jnp.asarray(self.places.order)].reshape(size, size, size)

    def _inputs(self, first: Array, second: Array) -> Array:
        """Return inputs with these tokens as operands, int32 `[N, ...]`."""
        return jnp.stack(self.spec.columns(first, second), axis=-1).astype(jnp.int32)


def _appended(params: Params, name: str, rows: Array) -> Params:
    """Append rows to a parameter."""
    key, _, rest = name.partition("/")
    old = params[key]
    return params | {key: _appended(old, rest, rows) if rest else jnp.concatenate([old, rows])}
