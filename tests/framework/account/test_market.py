"""What every account of a run meets."""

from dataclasses import replace
from typing import Literal

import numpy as np
import pytest

from bt_run.account.market import AtBar, Market
from bt_run.data.bars import Bars
from bt_run.terms import BrokerTerms
from bt_run.testing import MadeCosts, make_bars, make_rows


def market(
    bars: Bars, fill: Literal["next_open", "next_close"] = "next_open"
) -> Market:
    terms = BrokerTerms(cash=1000.0, fill=fill, costs=MadeCosts())
    return Market(bars, terms, 1.0, whole=False)


def test_a_basket_fills_at_the_open_or_at_the_close() -> None:
    bars = make_bars({"A": make_rows([10, 11], open=[9, 10.5])})
    assert market(bars, fill="next_open").fill_price[:, 0].tolist() == [9, 10.5]
    assert market(bars, fill="next_close").fill_price[:, 0].tolist() == [10, 11]


def test_the_busy_bars_are_those_with_a_dividend_or_a_split() -> None:
    bars = make_bars({"A": np.ones(5), "B": np.ones(5)})
    dividends, splits = np.zeros((5, 2)), np.ones((5, 2))
    dividends[1, 0], splits[3, 1] = 0.1, 2.0
    found = market(replace(bars, dividends=dividends, splits=splits))
    assert found.actions.tolist() == [False, True, False, True, False]
    assert found.busy.tolist() == [1, 3]


def test_years_count_the_days_between_sessions() -> None:
    bars = make_bars({"A": make_rows(np.ones(3), "2020-01-02")})  # a Thursday
    assert market(bars).years == pytest.approx([0, 1 / 365, 3 / 365])


def test_averages_end_at_the_bar_before_the_fill() -> None:
    bars = make_bars({"A": make_rows([100, 110, 99, 500], volume=[10, 20, 60, 900])})
    now = AtBar(bars, 3)
    assert now.volume.tolist() == [900]
    assert now.average_volume(2).tolist() == [40]
    assert now.volatility(2)[0] == pytest.approx(0.1)


def test_an_average_of_nothing_known_is_nothing() -> None:
    bars = make_bars({"A": [100, 110]})
    assert np.isnan(AtBar(bars, 0).average_volume(2)).all()
