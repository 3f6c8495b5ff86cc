"""Ratios of medians with bootstrap intervals, and tables that compare settings."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from grokjax import ConfigError
from grokjax.analysis import bootstrap
from grokjax.analysis.bootstrap import compare_medians
from grokjax.analysis.comparison import compare_settings, compare_times, comparison_texts
from grokjax.analysis.incidence import incidence
from grokjax.analysis.log_rank import holm, log_rank
from grokjax.analysis.times import Times, events
from grokjax.config.config import Config
from tests.plots.helpers import swept

NAN = float("nan")


def test_weighted_medians_are_those_of_the_drawn_members():
    """With ties, censored members and ones that diverged; against the estimator itself."""
    rng = np.random.default_rng(0)
    epochs = np.where(rng.random(12) < 0.7, rng.integers(1, 8, 12), NAN)
    end = rng.choice(["running", "diverged", "max_epochs"], 12)
    times = Times.from_arrays(epochs, rng.integers(1, 9, 12), end)
    counts = rng.multinomial(12, np.full(12, 1 / 12), 300)
    found = bootstrap._medians(times, counts)
    expected = [incidence(times[np.repeat(np.arange(12), n)]).quantile(0.5) for n in counts]
    np.testing.assert_array_equal(np.where(np.isinf(found), NAN, found), expected)
    assert 0 < np.isnan(expected).mean() < 1


def test_without_censoring_the_interval_is_scipys():
    rng = np.random.default_rng(0)
    a, b = rng.lognormal(7, 0.2, 15), rng.lognormal(6.8, 0.2, 21)
    found = compare_medians(*(Times.from_arrays(x, NAN) for x in (a, b)), resamples=20_000)

    def ratio(x, y, axis=-1):
        return np.median(x, axis) / np.median(y, axis)

    scipys = stats.bootstrap(
        (a, b), ratio, method="percentile", n_resamples=20_000, rng=np.random.default_rng(1)
    ).confidence_interval
    assert found.ratio == pytest.approx(ratio(a, b))
    np.testing.assert_allclose(found.ratio_interval, scipys, rtol=0.01)
    assert found.difference == pytest.approx(np.median(a) - np.median(b))
    assert found.difference_interval[0] < found.difference < found.difference_interval[1]
    assert not found.paired


@pytest.mark.parametrize("paired", [False, True])
def test_intervals_of_the_ratio_cover_the_truth(paired):
    """Times of a seed share a factor; a fifth is censored. Percentile intervals err widely."""
    rng, covered, widths = np.random.default_rng(0), [], []
    for _ in range(150):
        own = rng.normal(0, 0.2, 16)
        x = np.exp(7 + own + rng.normal(0, 0.05, 16))
        y = np.exp(6.5 + (own if paired else rng.normal(0, 0.2, 16)) + rng.normal(0, 0.05, 16))
        late = x > 1_350
        times = Times.from_arrays(np.where(late, NAN, x), np.where(late, 1_350, NAN))
        seeds = (range(16), range(16)) if paired else ()
        found = compare_medians(times, Times.from_arrays(y, NAN), *seeds, resamples=300)
        low, high = found.ratio_interval
        covered.append(low <= np.exp(0.5) <= high)
        widths.append(np.log(high / low))
        assert found.paired == paired
    assert 0.92 <= np.mean(covered) <= 1
    assert np.median(widths) < 0.22 if paired else np.median(widths) > 0.3


def test_members_of_one_seed_are_drawn_together():
    rng = np.random.default_rng(0)
    own = rng.lognormal(7, 0.3, 8)
    times, seeds = Times.from_arrays(np.repeat(own, 10), NAN), np.repeat(np.arange(8), 10)
    other = Times.from_arrays(np.full(8, 1_000.0), NAN)
    width = [
        np.ptp(compare_medians(times, other, each, np.arange(100, 108)).ratio_interval)
        for each in (np.arange(80), seeds)
    ]
    assert width[1] > 1.5 * width[0]


def test_medians_that_are_not_reached_leave_their_limits_open():
    reached = Times.from_arrays([100, 120, 140, 160], NAN)
    mostly = Times.from_arrays([200, 210, 230, NAN], 1_000)
    found = compare_medians(mostly, reached)
    assert found.ratio == pytest.approx(220 / 130)
    assert found.ratio_interval[0] > 1
    assert found.ratio_interval[1] == found.difference_interval[1] == np.inf
    never = Times.from_arrays([NAN, NAN], 1_000)
    neither = compare_medians(never, never)
    assert np.isnan(neither.ratio)
    assert neither.ratio_interval == (0, np.inf)
    assert neither.difference_interval == (-np.inf, np.inf)
    single = compare_medians(reached[:1], reached)
    assert single.ratio == pytest.approx(100 / 130)
    assert single.ratio_interval == (0, np.inf), "of a single seed there is no interval"
    assert compare_medians(never.where(np.zeros(2, bool)), reached).ratio_interval == (
        np.inf,
        np.inf,
    )


def test_draws_do_not_depend_on_how_many_are_held_at_once(monkeypatch):
    times = Times.from_arrays([100, 120, 140, NAN, 180], 500)
    whole = compare_medians(times, times * 2, resamples=100)
    monkeypatch.setattr(bootstrap, "AT_ONCE", 5 * 100)
    assert compare_medians(times, times * 2, resamples=100) == whole


def test_a_table_of_groups():
    named = {
        "AdamW": Times.from_arrays([900, 950, 1000, 1050], NAN),
        "Muon": Times.from_arrays(
            [90, 95, 100, NAN], [0, 0, 0, 50], ["stopped"] * 3 + ["diverged"]
        ),
    }
    table = compare_times(named, seeds={"AdamW": range(4), "Muon": [3, 2, 1, 0]})
    assert table.index.tolist() == ["AdamW", "Muon"]
    muon = table.loc["Muon"]
    assert (muon.members, muon.reached, muon.ended) == (4, 3, 1)
    assert (muon.lower, muon["median"]) == (92.5, 97.5)
    assert np.isnan(muon.upper)
    assert muon.ratio == pytest.approx(97.5 / 975)
    assert muon.difference == pytest.approx(97.5 - 975)
    assert muon.paired
    assert muon.p == log_rank(named["Muon"], named["AdamW"]).p == muon.p_holm == muon.p_all
    assert np.isnan(table.loc["AdamW", ["ratio", "p", "p_holm"]].tolist()).all()
    with pytest.raises(ConfigError, match="reference must be one of AdamW, Muon, got 'SGD'"):
        compare_times(named, "SGD")


def run_of(history):
    """The attributes of a run that a comparison reads, with random accuracies."""
    members = history.sizes["member"]
    table = {"status": "max_epochs", "epochs": 100, "seed": history.seed, "data_seed": history.seed}
    history = history.assign(
        test_accuracy=history.test_accuracy.where(history.test_accuracy < 0.7, 1.0)
    )
    config = Config(max_epochs=100, stop_patience=1, weight_decay=1.0)
    return SimpleNamespace(
        history=history,
        members=pd.DataFrame(table, index=range(members)),
        config=config,
        sweep=SimpleNamespace(),
    )


def test_settings_are_compared_where_all_others_agree():
    run = run_of(swept(seeds=6, weight_decay=[0.5, 1.0, 2.0], learning_rate=[0.1, 0.2]))
    table = compare_settings(run, "weight_decay", resamples=50)
    assert table.index.names == ["learning_rate", "weight_decay"]
    assert table.index.tolist() == [(r, d) for r in (0.1, 0.2) for d in (0.5, 1.0, 2.0)]
    times, history = events(run).grokked, run.history
    chosen = {
        decay: times[((history.weight_decay == decay) & (history.learning_rate == 0.2)).values]
        for decay in (0.5, 1.0, 2.0)
    }
    row = table.loc[0.2, 2.0]
    seeds = np.tile(np.arange(6)[:, None], 2)
    found = compare_medians(chosen[2.0], chosen[1.0], seeds, seeds, resamples=50)
    assert (row.ratio_low, row.ratio_high) == found.ratio_interval
    assert row.paired
    assert row.p == log_rank(chosen[2.0], chosen[1.0]).p
    assert row.p_all == log_rank(*chosen.values()).p
    assert np.isnan(table.loc[0.2, 1.0].p), "the default is the reference"
    np.testing.assert_array_equal(table.p_holm, holm(table.p))
    assert table.p.notna().sum() == 4


def test_the_reference_is_the_runs_own_value_or_the_first():
    run = run_of(swept(seeds=2, weight_decay=[0.5, 2.0]))
    for reference, expected in ((None, 0.5), (2.0, 2.0)):
        table = compare_settings(run, "weight_decay", "grokked", reference, resamples=1)
        assert table.index.name == "weight_decay"
        assert table.index[table.p.isna()].tolist() == [expected]


def test_what_cannot_be_compared_is_refused():
    run = run_of(swept(seeds=2, weight_decay=[0.5, 2.0]))
    with pytest.raises(ConfigError, match="setting must be a swept setting, got 'decay'; did you"):
        compare_settings(run, "decay")
    with pytest.raises(ConfigError, match=r"reference must be one of 0.5, 2, got 1.0"):
        compare_settings(run, "weight_decay", reference=1.0)
    with pytest.raises(ConfigError, match="event must be grokked or memorised, got 'delay'"):
        compare_settings(run, "weight_decay", "delay")
    with pytest.raises(ConfigError, match="this run sweeps nothing but seeds"):
        compare_settings(run_of(swept(seeds=2)), "weight_decay")


def test_texts_of_comparisons_say_what_is_known():
    """A ratio of or to a median that is not reached has one limit, or none."""
    reached = Times.from_arrays([100, 110, 120, 130, 140, 150], NAN)
    never = Times.from_arrays([NAN] * 6, 1_000)
    mostly = Times.from_arrays([200, 210, 220, 230, NAN, NAN], 1_000)
    named = {"base": reached, "mostly": mostly, "never": never, "twice": reached * 2}
    texts = comparison_texts(compare_times(named))
    assert texts.loc["base"].tolist() == ["6 of 6", "125 (100 to 150)", "-", "-", "-"]
    assert texts.loc["mostly", "ratio (95%)"].startswith("1.80 (above 1.")
    assert texts.loc["never"].tolist()[:3] == ["0 of 6", "not reached", "unknown"]
    assert texts.loc["twice", "ratio (95%)"].startswith("2.00 (1.")
    others = comparison_texts(compare_times(named, "mostly"))["ratio (95%)"]
    assert others["base"].startswith("0.56 (0.")
    assert others["never"] == "unknown"
    below = comparison_texts(compare_times({"a": never, "b": mostly}))["ratio (95%)"]
    assert below["b"] == "unknown"
