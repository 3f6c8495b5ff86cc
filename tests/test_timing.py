import numpy as np

from grokjax.analysis.timing import as_text, first_epoch, quartiles

NAN = float("nan")


def test_first_epoch_is_the_first_and_nan_for_never():
    values = [[0, 0.99, 0.5, 1.0], [0, 0.5, NAN, NAN], [1, 1, 1, 1]]
    np.testing.assert_array_equal(first_epoch(values, [0, 20, 40, 60], 0.99), [20, NAN, 0])


def test_quartiles_without_censoring_are_numpys():
    times = np.random.default_rng(0).normal(size=21)
    np.testing.assert_allclose(quartiles(times), np.quantile(times, (0.25, 0.5, 0.75)))


def test_members_that_never_got_there_are_later_than_all():
    """A mean over survivors would say 20; half the members are later than 30."""
    assert quartiles(np.array([10, 20, 30, NAN, NAN]))[1] == 30
    low, middle, high = quartiles(np.array([10.0, NAN, NAN]))
    assert np.isnan([low, middle, high]).all()


def test_float32_times_and_text():
    times = np.array([1.5, 2.5, 3.5, np.nan], np.float32)
    assert as_text(quartiles(times), digits=1) == "3.0 (2.2 to unknown)"
