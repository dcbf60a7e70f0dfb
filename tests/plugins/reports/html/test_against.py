"""What a decision rests on: the run against its benchmark, over periods, in kinds of markets, on
its worst days.
"""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from bt_run_plugins.reports.html.against import (
    _held_text,
    against_section,
    periods_section,
    regimes_section,
    worst_days_section,
)
from bt_run_plugins.reports.numbers import rolling_relation

SESSIONS = 800
RNG = np.random.default_rng(4)
MARKET = 0.01 * RNG.standard_normal(SESSIONS)
RUN = 0.0002 + 0.6 * MARKET + 0.004 * RNG.standard_normal(SESSIONS)
DAYS = pd.bdate_range("2015-01-01", periods=SESSIONS + 1, tz="UTC")
NO_CAGR = {"cagr": {"run": 0.1, "benchmark": 0.04}}


def grown(returns: np.ndarray) -> np.ndarray:
    return 100.0 * np.cumprod(np.append(1.0, 1.0 + returns))


def closes(count: int = SESSIONS, **changes: object) -> pd.DataFrame:
    table = pd.DataFrame(
        {"nav": grown(RUN), "benchmark": grown(MARKET), "gross": 0.5}, index=DAYS
    )
    return table.assign(**changes).iloc[: count + 1]


def book(count: int = SESSIONS) -> SimpleNamespace:
    weights = np.zeros((count + 1, 7))
    weights[:, :2] = 0.3, -0.1
    config = SimpleNamespace(data=SimpleNamespace(benchmark="SPY"))
    return SimpleNamespace(
        dates=DAYS[: count + 1],
        closing=np.arange(count + 1),
        value=weights,
        nav=np.ones(count + 1),
        assets=tuple("ABCDEFG"),
        result=SimpleNamespace(config=config),
    )


# -- against the benchmark -------------------------------------------------------------------------


def test_a_regression_over_a_window_has_the_errors_of_ordinary_least_squares() -> None:
    found = rolling_relation(RUN, MARKET, 252, 252)
    fit = stats.linregress(MARKET[-252:], RUN[-252:])
    beta, beta_error = (values[-1] for values in found["beta"])
    alpha, alpha_error = (values[-1] for values in found["alpha"])
    assert beta == pytest.approx(fit.slope)
    assert beta_error == pytest.approx(fit.stderr)
    assert alpha == pytest.approx(252 * fit.intercept)
    assert alpha_error == pytest.approx(252 * fit.intercept_stderr)


def test_the_error_of_a_tracking_error_is_that_of_many_windows() -> None:
    rng = np.random.default_rng(5)
    apart = 0.01 * rng.standard_normal((2000, 252))
    errors = np.sqrt(252 * (apart**2).mean(axis=1))
    nothing = np.zeros(252)
    values, error = rolling_relation(apart[0], nothing, 252, 252)["tracking_error"]
    assert values[0] == pytest.approx(errors[0])
    assert error[0] == pytest.approx(errors.std(), rel=0.15)
    assert np.isnan(rolling_relation(apart[0], nothing, 252, 252)["beta"][0]).all()


def test_the_run_stands_over_its_benchmark() -> None:
    section = against_section(book(), closes())
    ratio, behind, *moving = section.parts
    expected = np.prod(1.0 + RUN) / np.prod(1.0 + MARKET)
    assert ratio.data.series[0].values[-1] == pytest.approx(expected)
    assert behind.data.series[0].values.max() == 0.0
    assert [chart.title.split(" ")[0] for chart in moving] == [
        "Alpha",
        "Beta",
        "Tracking",
    ]
    assert "The run was ahead of SPY in " in section.lead


def test_a_short_run_has_no_moving_numbers() -> None:
    assert len(against_section(book(100), closes(100)).parts) == 2


def test_without_a_benchmark_nothing_stands_beside_the_run() -> None:
    bare = closes(benchmark=np.nan)
    text = "The benchmark has no value at some sessions, so nothing stands beside it."
    assert against_section(book(), bare).missing == text
    assert regimes_section(book(), bare).missing == text


# -- periods ---------------------------------------------------------------------------------------


def test_trailing_and_rolling_returns_are_compounded() -> None:
    (table,) = periods_section(closes(), NO_CAGR).parts
    nav, market = grown(RUN), grown(MARKET)
    year, three, whole = table.rows
    assert year[1] == pytest.approx(nav[-1] / nav[-253] - 1.0)
    assert three[1] == pytest.approx((nav[-1] / nav[-757]) ** (1 / 3) - 1.0)
    every = nav[252:] / nav[:-252] - 1.0
    assert year[4:7] == pytest.approx([every.min(), np.median(every), every.max()])
    ahead = every > market[252:] / market[:-252] - 1.0
    assert year[7] == pytest.approx(ahead.mean())
    assert whole[1:4] == [0.1, 0.04, pytest.approx(0.06)]


def test_time_under_water_and_winning_months_are_said() -> None:
    nav = np.array([100.0, 101.0, 99.0, 100.0, 102.0])
    table = pd.DataFrame({"nav": nav, "benchmark": nav}, index=DAYS[:5])
    section = periods_section(table, NO_CAGR)
    assert section.lead == (
        "The run was below an earlier close on 50% of its sessions, and 100% of its 1 month "
        "brought a gain. It is shorter than a year."
    )


# -- markets ---------------------------------------------------------------------------------------


def test_markets_are_told_by_what_was_known_the_day_before() -> None:
    (table,) = regimes_section(book(), closes()).parts
    rising, falling, *thirds = table.rows
    level = pd.Series(grown(MARKET))
    above = (level > level.rolling(200).mean()).to_numpy()[:-1]
    below = (level <= level.rolling(200).mean()).to_numpy()[:-1]
    assert (rising[1], falling[1]) == (above.sum(), below.sum())
    assert rising[2] == pytest.approx(252 * RUN[above].mean(), rel=0.02)
    assert rising[-1] == 0.5
    counts = [row[1] for row in thirds]
    assert sum(counts) == SESSIONS - 63
    assert max(counts) - min(counts) <= 1


def test_a_market_without_days_has_no_numbers() -> None:
    rising = closes(benchmark=np.linspace(100.0, 200.0, SESSIONS + 1))
    (table,) = regimes_section(book(), rising).parts
    assert table.rows[1] == ["Falling", 0, *[None] * 7]


def test_a_run_too_short_for_a_trend_says_so() -> None:
    missing = regimes_section(book(100), closes(100)).missing
    assert missing == (
        "Rising and falling markets are told by 200 sessions, and the run has 100 returns."
    )


# -- worst days ------------------------------------------------------------------------------------


def test_the_worst_days_name_what_was_held_before() -> None:
    (table,) = worst_days_section(book(), closes()).parts
    worst = np.sort(RUN)[:10]
    assert [row[1] for row in table.rows] == pytest.approx(worst.tolist())
    place = int(RUN.argmin())
    assert table.rows[0][0] == f"{DAYS[place + 1]:%Y-%m-%d}"
    assert table.rows[0][2] == pytest.approx(MARKET[place])
    assert table.rows[0][3] == "A 30%, B -10%"


def test_many_holdings_are_counted_and_none_is_said() -> None:
    own = book()
    own.value[3] = 0.1
    own.value[4] = 0.0
    assert _held_text(own, 3) == "A 10%, B 10%, C 10%, D 10%, E 10% and 2 others"
    assert _held_text(own, 4) == "nothing"


def test_a_run_that_never_lost_has_no_worst_day() -> None:
    rising = closes(nav=np.linspace(100.0, 200.0, SESSIONS + 1))
    missing = worst_days_section(book(), rising).missing
    assert missing == "No session brought a loss."
    assert math.isclose(rising["nav"].iloc[-1], 200.0)
