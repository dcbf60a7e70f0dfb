"""By what a sweep ranks its cells."""

import numpy as np
import pytest

from bt_run import ConfigError
from bt_run.studies.cells import CellResult
from bt_run.studies.scores import SCORES, Score, score_called, years_of

DAYS = np.arange("2001-01-01", "2004-01-01", dtype="datetime64[D]")
SESSIONS = DAYS[np.is_busday(DAYS)][: 3 * 252]
RETURNS = np.random.default_rng(5).normal(0.0005, 0.01, len(SESSIONS))
YEARLY = np.array(
    [
        np.sqrt(252)
        * RETURNS[at : at + 252].mean()
        / RETURNS[at : at + 252].std(ddof=1)
        for at in (0, 252, 504)
    ]
)


def result(**metrics):
    return CellResult(metrics, SESSIONS, RETURNS)


def test_a_metric_is_read_from_the_result():
    assert score_called("sharpe", 0.0).of(result(sharpe=0.7)) == 0.7
    assert score_called("calmar", 0.0).of(result(calmar=None)) is None


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("median", np.median(YEARLY)),
        ("p25", np.quantile(YEARLY, 0.25)),
        ("worst", YEARLY.min()),
    ],
)
def test_a_robust_score_is_of_years_of_252_sessions(word, value):
    score = score_called(f"{word}_year_sharpe", 0.0)
    assert score.of(result()) == pytest.approx(value, rel=1e-12)


def test_a_window_has_the_score_of_its_returns_alone():
    score = score_called("sharpe", 0.0)
    found = score.of_returns(RETURNS[252:504], SESSIONS[252:504])
    assert found == pytest.approx(YEARLY[1], rel=1e-12)
    assert score.of_returns(RETURNS[:0], SESSIONS[:0]) is None


def test_less_is_better_where_it_is():
    assert score_called("volatility", 0.0).best([0.2, None, 0.1, 0.1]) == 2
    assert score_called("sharpe", 0.0).best([0.2, None, 0.3, 0.3]) == 2
    assert score_called("max_drawdown", 0.0).best([-0.5, -0.2]) == 1
    assert score_called("sharpe", 0.0).best([None, None]) is None


def test_a_short_year_joins_the_one_before():
    def lengths(count):
        return [rows.stop - rows.start for rows in years_of(count)]

    assert lengths(252 + 125) == [377]
    assert lengths(252 + 126) == [252, 126]
    assert lengths(60) == [60]


def test_an_unknown_score_is_refused_with_the_nearest():
    with pytest.raises(ConfigError) as error:
        score_called("sharp", 0.0)
    assert "no score 'sharp'; expected one of sharpe, sortino" in str(error.value)
    assert "did you mean 'sharpe'?" in str(error.value)


def test_a_window_cannot_have_a_score_that_needs_a_benchmark():
    with pytest.raises(ConfigError) as error:
        Score("alpha", 0.0).refuse_for_windows()
    assert "alpha cannot be told of a window of returns alone" in str(error.value)
    assert "alpha" in SCORES
