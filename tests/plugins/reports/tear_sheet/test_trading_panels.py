"""What the positions and transactions sheets draw, against pyfolio, whose pictures they are."""

import warnings

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from bt_run_plugins.reports.tear_sheet import trading_panels
from bt_run_plugins.reports.tear_sheet.trading_panels import holdings_of

INDEX = pd.bdate_range("2020-01-02", periods=5, tz="UTC")
POSITIONS = pd.DataFrame(
    {
        "A": [0.0, 50.0, 60.0, 40.0, 0.0],
        "B": [0.0, -20.0, -10.0, 0.0, 0.0],
        "C": [0.0, 10.0, 30.0, 30.0, 30.0],
        "cash": [100.0, 60.0, 20.0, 30.0, 70.0],
    },
    index=INDEX,
)
TRANSACTIONS = pd.DataFrame(
    {"symbol": ["A", "B", "A"], "amount": [5.0, -2.0, -1.0], "price": [10.0] * 3},
    index=pd.DatetimeIndex([INDEX[1], INDEX[1], INDEX[3]]),
)


@pytest.fixture
def axes():
    return Figure().add_subplot()


def pyfolio(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pyfolio

        return getattr(pyfolio, name)


@pytest.fixture
def held():
    return holdings_of(POSITIONS)


def test_shares_are_those_of_pyfolio(held):
    expected = pyfolio("pos").get_percent_alloc(POSITIONS).drop(columns="cash")
    np.testing.assert_allclose(held.share, expected)
    assert held.assets == ("A", "B", "C")


def test_the_largest_holdings_are_those_of_pyfolio(held):
    share = pyfolio("pos").get_percent_alloc(POSITIONS)
    longs, shorts, most = pyfolio("pos").get_top_long_short_abs(share)
    assert held.tops() == (pytest.approx(dict(longs)), pytest.approx(dict(shorts)))
    assert [held.assets[column] for column in held.largest()] == list(most.index)


@pytest.mark.filterwarnings("ignore:All-NaN")
def test_positions_concentrate_as_pyfolio_says(axes, held):
    trading_panels.concentration(axes, held)
    expected = pyfolio("pos").get_max_median_position_concentration(POSITIONS)
    assert len(axes.lines) == 4
    for line in axes.lines:
        name = line.get_label().replace("largest", "max").replace(" ", "_")
        np.testing.assert_allclose(line.get_ydata(), expected[name])


def test_exposure_and_leverage_by_hand(axes, held):
    trading_panels.exposures(axes, held)
    np.testing.assert_allclose(axes.lines[0].get_ydata(), [0.0, 0.4, 0.8, 0.7, 0.3])
    trading_panels.leverage(axes, held)
    np.testing.assert_allclose(axes.lines[1].get_ydata(), [0.0, 0.8, 1.0, 0.7, 0.3])


def test_holdings_are_counted(axes, held):
    trading_panels.number_of_holdings(axes, held, INDEX)
    assert axes.lines[0].get_ydata().tolist() == [0, 3, 3, 2, 1]
    assert axes.lines[1].get_ydata().tolist() == [1.8]  # the one month


def test_both_sides_are_counted(axes, held):
    trading_panels.sides(axes, held)
    assert [text.get_text() for text in axes.get_legend().texts] == [
        "Long (max: 2, min: 0)",
        "Short (max: 1, min: 0)",
        "Overlap",
    ]


def test_a_line_is_drawn_for_each_of_the_largest(axes, held):
    trading_panels.largest_holdings(axes, held)
    assert [line.get_label() for line in axes.lines] == ["A", "C", "B"]


def test_turnover_is_that_of_pyfolio():
    found = trading_panels.turnover_by_day(TRANSACTIONS, POSITIONS.sum(axis=1))
    expected = pyfolio("txn").get_turnover(POSITIONS, TRANSACTIONS, "portfolio_value")
    pd.testing.assert_series_equal(found, expected, check_names=False, check_freq=False)


def test_the_means_of_months_stand_at_their_ends():
    days = pd.DatetimeIndex(["2020-01-30", "2020-01-31", "2020-02-03"], tz="UTC")
    ends, means = trading_panels.monthly_means(np.array([1.0, 3.0, 5.0]), days)
    assert means.tolist() == [2.0, 5.0]
    assert (ends[1] - ends[0]) == 29.0  # to 29 February


def test_turnover_and_money_are_drawn_over_all_sessions(axes):
    daily = trading_panels.turnover_by_day(TRANSACTIONS, POSITIONS.sum(axis=1))
    trading_panels.turnover(axes, daily, 1.0, 9.0)
    assert axes.get_xlim() == (1.0, 9.0)
    np.testing.assert_allclose(axes.lines[0].get_ydata(), [0.0, 0.7, 0.0, 0.1, 0.0])
    other = Figure().add_subplot()
    trading_panels.money_traded(other, TRANSACTIONS, 1.0, 9.0)
    (lines,) = other.collections
    assert [segment[1][1] for segment in lines.get_segments()] == [70.0, 10.0]


def test_trades_fall_into_half_hours_of_new_york(axes):
    times = [
        "2020-01-03 14:35",
        "2020-01-03 14:59",
        "2020-01-03 20:00",
        "2020-01-03 23:00",
    ]
    index = pd.DatetimeIndex(times, tz="UTC")  # 9:35, 9:59, 15:00, after hours
    frame = pd.DataFrame({"amount": [1.0, -1.0, 2.0, 9.0], "price": 10.0}, index=index)
    trading_panels.time_of_trades(axes, frame)
    heights = {bar.get_x() + 15: bar.get_height() for bar in axes.patches}
    assert heights[570] == 0.5
    assert heights[900] == 0.5
    assert sum(heights.values()) == 1.0


def test_lifetimes_are_drawn_a_row_an_asset(axes):
    trips = pd.DataFrame(
        {
            "symbol": ["A", "B", "A"],
            "open_dt": INDEX[:3],
            "close_dt": INDEX[2:5],
            "long": [True, False, True],
        }
    )
    trading_panels.lifetimes(axes, trips)
    (lines,) = axes.collections
    assert len(lines.get_segments()) == 3
    assert sorted(label.get_text() for label in axes.get_yticklabels()) == ["A", "B"]
