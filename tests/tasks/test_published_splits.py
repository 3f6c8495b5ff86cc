"""Published splits, against what NumPy, Python and torch themselves drew."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grokjax.config.config import Config
from grokjax.config.hyperparams import hypers_of
from grokjax.results.prediction import examples
from grokjax.tasks import published_splits
from tests.planted import SEEDS, often

LAST = 2**32 - 1

DRAWN = {
    "numpy": {
        (0, 5): ([2, 0, 1, 3, 4], 37),
        (0, 2809): ([855, 615, 70, 352, 118], 5565227402),
        (0, 12769): ([9199, 3448, 11186, 7800, 3212], 518309388500),
        (42, 5): ([1, 4, 2, 0, 3], 30),
        (42, 2809): ([1539, 2347, 2373, 1487, 1097], 5561992149),
        (42, 12769): ([5350, 10658, 3919, 4617, 12066], 522664545249),
        (420, 5): ([3, 4, 2, 0, 1], 22),
        (420, 2809): ([1406, 1525, 212, 160, 346], 5578714361),
        (420, 12769): ([4143, 8595, 3474, 1656, 7654], 520258171970),
        (LAST, 5): ([4, 1, 0, 2, 3], 29),
        (LAST, 2809): ([1973, 853, 1138, 230, 239], 5484352548),
        (LAST, 12769): ([8383, 2499, 6863, 11940, 5135], 521501631225),
    },
    "python": {
        (0, 5): ([2, 1, 0, 4, 3], 35),
        (0, 2809): ([2427, 2011, 1269, 1582, 2369], 5534407921),
        (0, 12769): ([2068, 1213, 6243, 2876, 7184], 517945389279),
        (42, 5): ([3, 1, 2, 4, 0], 27),
        (42, 2809): ([1485, 930, 2697, 200, 2046], 5494439020),
        (42, 12769): ([8027, 11284, 850, 11542, 155], 523395886965),
        (420, 5): ([4, 3, 1, 2, 0], 21),
        (420, 2809): ([2774, 478, 1607, 2420, 2560], 5548742355),
        (420, 12769): ([3387, 1824, 10301, 12650, 9378], 519195722538),
        (LAST, 5): ([2, 3, 0, 1, 4], 32),
        (LAST, 2809): ([557, 1097, 386, 284, 2647], 5533373910),
        (LAST, 12769): ([619, 415, 4964, 12213, 2921], 520035809139),
    },
    "torch": {
        (0, 5): ([4, 0, 1, 3, 2], 29),
        (0, 2809): ([211, 1576, 800, 979, 2267], 5578660949),
        (0, 12769): ([4182, 2608, 269, 825, 4847], 521240203276),
        (42, 5): ([2, 4, 3, 0, 1], 24),
        (42, 2809): ([1894, 2076, 118, 185, 1150], 5560978781),
        (42, 12769): ([11691, 4308, 4501, 5493, 10945], 519092210245),
        (420, 5): ([1, 0, 4, 2, 3], 36),
        (420, 2809): ([874, 521, 1298, 2320, 1709], 5550629242),
        (420, 12769): ([4151, 2441, 10076, 9828, 149], 518574716576),
        (LAST, 5): ([1, 3, 4, 2, 0], 27),
        (LAST, 2809): ([1660, 1723, 1075, 768, 439], 5619359800),
        (LAST, 12769): ([5180, 10723, 2566, 5416, 3094], 521894553658),
    },
}
"""By (seed, n): the first five and sum((i + 1) order[i]), of `np.random.seed(s)` and
`np.random.shuffle` of an array [n, 2] (NumPy 2), `random.seed(s)` and `random.shuffle` of a list
of n pairs, `torch.manual_seed(s)` and `torch.randperm(n)` (torch 2.13; `random_split` with a
generator of that seed has the same indices)."""

TORCH_42_OF_49 = [
    *(29, 36, 10, 47, 40, 48, 43, 33, 19, 42, 14, 45, 13, 31, 15, 35, 9, 24, 39, 2, 21, 20),
    *(23, 17, 5, 38, 30, 22, 44, 27, 25, 6, 7, 16, 32, 8, 1, 11, 37, 18, 34, 3, 41, 46),
    *(12, 0, 26, 4, 28),
]
"""`torch.manual_seed(42); torch.randperm(49)`, and below seed 7 and 42."""
TORCH_7_OF_42 = [
    *(33, 41, 3, 20, 11, 30, 1, 36, 32, 4, 24, 9, 2, 14, 16, 19, 40, 39, 0, 7, 13, 31),
    *(37, 27, 12, 17, 22, 34, 38, 26, 18, 10, 28, 23, 25, 5, 15, 35, 29, 6, 8, 21),
]


def all_of(count):
    return np.ones(count, bool).tobytes()


@pytest.mark.parametrize("source", DRAWN)
def test_orders_are_those_of_the_original_generators(source):
    for (seed, count), (first, checksum) in DRAWN[source].items():
        found = published_splits.order(source, seed, all_of(count)).astype(np.int64)
        assert found[:5].tolist() == first, (seed, count)
        assert found @ np.arange(1, count + 1) == checksum, (seed, count)


def by_python(rows, seed):
    rows = [tuple(row) for row in rows]
    random.Random(seed).shuffle(rows)
    return rows


def by_numpy(rows, seed):
    rows = np.array(rows)
    np.random.RandomState(seed).shuffle(rows)
    return [tuple(row) for row in rows.tolist()]


def by_torch(rows, seed):
    """`[rows[i] for i in torch.randperm(42)]` after `torch.manual_seed(7)`."""
    assert (len(rows), seed) == (42, 7)
    return [rows[i] for i in TORCH_7_OF_42]


@pytest.mark.parametrize(
    ("split", "shuffle"), [("python", by_python), ("numpy", by_numpy), ("torch", by_torch)]
)
def test_inputs_that_an_operation_leaves_out_are_not_shuffled(split, shuffle):
    """A published code lists the pairs that there are, a outer and b inner, and shuffles those."""
    config = Config(modulus=7, operation="divide", split=split, data_seed=7, train_fraction=0.6)
    expected = shuffle([(a, b) for a in range(7) for b in range(1, 7)], 7)
    found = examples(config)
    assert [tuple(pair) for pair in found.train_inputs.tolist()] == expected[:25]
    assert [tuple(pair) for pair in found.test_inputs.tolist()] == expected[25:]


def test_a_torch_split_trains_on_the_first_of_the_permutation():
    config = Config(modulus=7, split="torch", data_seed=42, train_fraction=0.55, seed=3)
    found = examples(config)  # 26.95 of 49
    assert (found.train_inputs @ [7, 1]).tolist() == TORCH_42_OF_49[:26]
    assert (found.test_inputs @ [7, 1]).tolist() == TORCH_42_OF_49[26:]


@pytest.mark.parametrize(("split", "shuffle"), [("python", by_python), ("numpy", by_numpy)])
def test_a_replayed_split_trains_on_the_first_of_the_shuffle(split, shuffle):
    config = Config(modulus=11, split=split, data_seed=LAST, train_fraction=0.3, seed=1)
    expected = shuffle([(a, b) for a in range(11) for b in range(11)], LAST)
    found = examples(config)
    assert [tuple(pair) for pair in found.train_inputs.tolist()] == expected[:36]
    assert [tuple(pair) for pair in found.test_inputs.tolist()] == expected[36:]


def order_of(**settings):
    return hypers_of(Config(modulus=7, **settings), ("add",)).order


def test_without_a_data_seed_the_seed_replays():
    for split in DRAWN:
        own = order_of(split=split, seed=5)
        other = order_of(split=split, seed=6, data_seed=5)
        third = order_of(split=split, seed=5, data_seed=6)
        np.testing.assert_array_equal(own, other)
        assert not np.array_equal(own, third)


def test_nandas_split_has_3830_and_8939_pairs():
    """Nanda et al. 2023: `random.seed(0)`, 30% of the pairs mod 113, rounded down."""
    found = examples(Config(modulus=113, train_fraction=0.3, split="python", data_seed=0))
    assert (len(found.train_inputs), len(found.test_inputs)) == (3830, 8939)
    first, _ = DRAWN["python"][0, 12769]
    assert (found.train_inputs[:5] @ [113, 1]).tolist() == first


@often(50)
@given(
    source=st.sampled_from(sorted(DRAWN)),
    seed=SEEDS,
    exists=st.lists(st.booleans(), min_size=1, max_size=60).filter(any),
)
def test_an_order_has_every_pair_once_and_those_left_out_last(source, seed, exists):
    order = published_splits.order(source, seed, np.array(exists).tobytes())
    assert sorted(order.tolist()) == list(range(len(exists)))
    count = sum(exists)
    assert all(exists[i] for i in order[:count])
    assert order[count:].tolist() == [i for i, present in enumerate(exists) if not present]
