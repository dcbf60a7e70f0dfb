"""The run on one sheet: its parts, and that it stands first in print."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from kit.places import EXAMPLES

from bt_run import BacktestResult, load_config, run, write_report
from bt_run_plugins.reports.book import read_book
from bt_run_plugins.reports.html.periods import months_table
from bt_run_plugins.reports.html.report import page_of_run, sheet_of_run
from bt_run_plugins.reports.html.sheet import _caveats, one_sheet


@pytest.fixture(scope="module")
def stocks() -> BacktestResult:
    return run(load_config(EXAMPLES / "stocks.yaml"), reports=False)


def test_the_sheet_holds_what_a_reader_decides_by(stocks: BacktestResult) -> None:
    sheet = one_sheet(read_book(stocks))
    assert len(sheet.cards) == 8
    assert sheet.growth is not None
    assert sheet.fall is not None
    assert sheet.exposure is not None
    assert sheet.months is not None
    assert len(sheet.months.rows) == 13
    assert sheet.caveats[0] == stocks.notes[0]


def test_what_is_held_and_cash_add_up_to_the_nav(stocks: BacktestResult) -> None:
    table = one_sheet(read_book(stocks)).holdings
    assert table is not None
    weights = {row[0].text: row[1].value for row in table.cells}
    last = stocks.positions[stocks.positions["time"] == stocks.nav.index[-1]]
    largest = last["value"].max() / stocks.nav["nav"].iloc[-1]
    *assets, cash = weights
    assert cash == "Cash"
    assert weights[assets[0]] == pytest.approx(largest)
    assert sum(weights.values()) == pytest.approx(1.0)
    assert len(weights) <= 10


def test_it_stands_first_in_the_page_for_print_and_alone_in_its_file(
    stocks: BacktestResult, tmp_path
) -> None:
    page = page_of_run(stocks)
    printed = page.index('<div class="printed" aria-hidden="true"><div class="sheet">')
    assert printed < page.index("<header>")
    (path,) = write_report(stocks, "one_page", tmp_path)
    assert path.name == "one_page.html"
    alone = path.read_text(encoding="utf-8")
    assert alone == sheet_of_run(stocks)
    assert alone.count("<svg") == 3
    assert "<script" not in alone


def test_an_account_all_in_cash_holds_nothing() -> None:
    changes = ["strategy={use: trend, fast: 2, slow: 3}", "data.end=2001-01-31"]
    result = run(load_config(EXAMPLES / "stocks.yaml", changes), reports=False)
    book = read_book(result)
    book.value[:] = 0.0
    sheet = one_sheet(book)
    assert sheet.holdings is None


def test_only_the_last_years_of_months_fit() -> None:
    days = pd.bdate_range("1990-01-02", "2018-12-31", tz="UTC")
    nav = pd.Series(np.linspace(100.0, 300.0, len(days)), days)
    closes = pd.DataFrame({"nav": nav, "benchmark": nav})
    table = months_table(closes, 20)
    assert table.caption == "Returns by month, the last 20 of 29 years"
    assert (table.rows[0][0], table.rows[-1][0]) == ("1999", "2018")
    assert len(months_table(closes).rows) == 29


def test_long_and_many_caveats_are_cut_with_a_word_about_it() -> None:
    texts = ["word " * 60, *(f"note {number}" for number in range(7))]
    shown = _caveats(texts)
    assert len(shown) == 7
    assert shown[0].endswith("word ...")
    assert len(shown[0]) <= 174
    assert shown[-1] == "and 2 more notes in the whole report"
    assert _caveats(["one"]) == ("one",)
