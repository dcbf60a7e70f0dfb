"""What is held at the end."""

from __future__ import annotations

import numpy as np
import pytest
from kit.places import EXAMPLES

from bt_run import BacktestResult, load_config, run
from bt_run_plugins.reports.book import read_book
from bt_run_plugins.reports.html.last_holdings import _words, last_holdings_section


@pytest.fixture(scope="module")
def stocks() -> BacktestResult:
    return run(load_config(EXAMPLES / "stocks.yaml"), reports=False)


def test_weights_values_and_gains_are_those_of_the_tables(
    stocks: BacktestResult,
) -> None:
    book = read_book(stocks)
    (table,) = last_holdings_section(book).parts
    *rows, cash = table.rows
    last = stocks.positions[stocks.positions["time"] == stocks.nav.index[-1]]
    values = dict(zip(last["asset"], last["value"], strict=True))
    assert {row[0]: row[2] for row in rows} == pytest.approx(values)
    assert sum(row[1] for row in rows) + cash[1] == pytest.approx(1.0)
    opened = {trade.asset: trade for trade in book.trades if trade.open}
    for row in rows:
        trade = opened[row[0]]
        assert row[3] == trade.profit
        assert row[6] == (book.index[-1] - book.index[trade.first]).days


def test_an_account_in_cash_holds_nothing(stocks: BacktestResult) -> None:
    book = read_book(stocks)
    book.value[-1] = 0.0
    missing = last_holdings_section(book).missing
    assert missing == "Nothing is held: the account is all cash."


def test_concentration_in_words() -> None:
    assert _words(np.array([0.4])) == "One asset, 40% of NAV."
    assert _words(np.array([0.5, 0.5])).startswith(
        "2 assets, 100% of NAV; as spread as 2.0 equal holdings."
    )
    twenty = _words(np.full(20, 0.05))
    assert "the ten largest 50% of it; as spread as 20.0 equal" in twenty
