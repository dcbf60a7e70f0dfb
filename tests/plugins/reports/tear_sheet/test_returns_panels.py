"""What the returns sheets draw, against pyfolio and empyrical, whose pictures they are."""

import warnings

import empyrical
import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from bt_run_plugins.reports.numbers import drawdowns
from bt_run_plugins.reports.tear_sheet import returns_panels
from bt_run_plugins.reports.tear_sheet.returns_panels import date_numbers, plain_days

INDEX = pd.bdate_range("2019-11-04", periods=600, tz="UTC")
DRAWS = np.random.default_rng(2).normal(0.0005, 0.01, (600, 2))
RUN, MARKET = (pd.Series(DRAWS[:, place], INDEX) for place in (0, 1))
X, DAYS = date_numbers(INDEX), plain_days(INDEX)


@pytest.fixture
def axes():
    return Figure().add_subplot()


def pyfolio_timeseries():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pyfolio import timeseries
    return timeseries


def test_days_are_counted_as_matplotlib_does():
    assert X[0] == mpl.dates.date2num(INDEX[0].to_pydatetime())
    assert DAYS[0] == np.datetime64("2019-11-04")


@pytest.mark.parametrize("period", ["monthly", "yearly"])
def test_periods_compound_as_those_of_empyrical(period):
    unit = {"monthly": "M", "yearly": "Y"}[period]
    periods = DAYS.astype(f"datetime64[{unit}]").astype(np.intp)
    found = returns_panels.compounded(DRAWS[:, 0], periods)
    expected = empyrical.aggregate_returns(RUN, period)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_weeks_begin_on_monday_and_run_over_the_end_of_a_year():
    days = np.arange("2020-12-27", "2021-01-05", dtype="datetime64[D]")  # a Sunday on
    weeks = returns_panels.week_numbers(days)
    assert (weeks - weeks[0]).tolist() == [0, 1, 1, 1, 1, 1, 1, 1, 2]


def test_growth_is_the_compound_return_of_run_and_market(axes):
    returns_panels.growth(axes, X, DRAWS[:, 0], DRAWS[:, 1])
    market, run, _ = axes.lines
    np.testing.assert_allclose(run.get_ydata(), np.cumprod(1 + DRAWS[:, 0]))
    np.testing.assert_allclose(market.get_ydata(), np.cumprod(1 + DRAWS[:, 1]))
    assert [text.get_text() for text in axes.get_legend().texts] == [
        "benchmark",
        "run",
    ]


@pytest.mark.parametrize("name", ["rolling_volatility", "rolling_sharpe"])
def test_rolling_windows_are_those_of_pyfolio(axes, name):
    getattr(returns_panels, name)(axes, X, RUN, MARKET)
    theirs = getattr(pyfolio_timeseries(), name)
    for line, returns in zip(axes.lines, (RUN, MARKET), strict=False):
        np.testing.assert_allclose(line.get_ydata(), theirs(returns, 126), rtol=1e-12)
    mean = axes.lines[2].get_ydata()[0]
    assert mean == pytest.approx(theirs(RUN, 126).mean())


def test_beta_is_one_of_the_market_itself(axes):
    returns_panels.rolling_beta(axes, X, 2 * MARKET, MARKET)
    for line, window in zip(axes.lines, (126, 252), strict=False):
        np.testing.assert_allclose(line.get_ydata()[window:], 2.0)


def test_the_worst_falls_are_shaded_from_peak_to_recovery(axes):
    nav = np.array([1.0, 1.2, 0.9, 1.0, 1.3, 1.1])
    falls = drawdowns(nav)
    returns_panels.drawdown_periods(axes, X[:6], nav, falls)
    spans = [patch.get_extents().x0 for patch in axes.patches]
    assert len(spans) == len(falls) == 2
    edges = sorted((patch.get_x(), patch.get_width()) for patch in axes.patches)
    assert edges == [(X[1], X[4] - X[1]), (X[4], X[5] - X[4])]


def test_below_the_highest_close_is_nothing_on_the_way_up(axes):
    returns_panels.underwater(axes, X[:3], np.array([1.0, 2.0, 1.0]))
    (area,) = axes.collections
    assert area.get_paths()[0].vertices[:, 1].min() == -50.0


def test_the_heatmap_writes_the_months_that_there_are(axes):
    returns_panels.heatmap(axes, DAYS, DRAWS[:, 0], 8)
    expected = [
        f"{100 * round(x, 3):.1f}" for x in empyrical.aggregate_returns(RUN, "monthly")
    ]
    assert [text.get_text() for text in axes.texts] == expected
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        "2019",
        "2020",
        "2021",
        "2022",
    ]
    assert len(axes.get_xticks()) == 12


def test_boxes_stand_for_days_weeks_and_months(axes):
    returns_panels.box_plots(axes, DAYS, DRAWS[:, 0])
    assert [label.get_text() for label in axes.get_xticklabels()] == [
        "Daily",
        "Weekly",
        "Monthly",
    ]
    assert len(axes.patches) == 3


def test_years_stand_from_the_first_on_top(axes):
    returns_panels.yearly_bars(axes, DAYS, DRAWS[:, 0], 8)
    widths = [bar.get_width() for bar in axes.patches]
    expected = 100 * empyrical.aggregate_returns(RUN, "yearly")
    np.testing.assert_allclose(widths, expected)
    assert axes.yaxis_inverted()


def test_the_distribution_counts_each_month_once(axes):
    returns_panels.monthly_distribution(axes, DAYS, DRAWS[:, 0])
    (stairs,) = axes.patches
    assert stairs.get_data().values.sum() == len(
        empyrical.aggregate_returns(RUN, "monthly")
    )


def test_daily_returns_are_drawn_as_they_are(axes):
    returns_panels.daily_returns(axes, X, DRAWS[:, 0])
    assert axes.lines[0].get_ydata().tolist() == DRAWS[:, 0].tolist()
