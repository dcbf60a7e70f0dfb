"""The analyzers of prices and sectors, and what the page makes of them."""

from __future__ import annotations

import re

import numpy as np
import pytest
from kit.kinds import made_config
from kit.places import EXAMPLES

from bt_run import BacktestResult, ConfigError, load_config, run
from bt_run.config.run_config import RunConfig
from bt_run_plugins.analyzers.asset_prices import NAME
from bt_run_plugins.page.svg import dots, scale_of
from bt_run_plugins.reports.book import read_book
from bt_run_plugins.reports.html.last_holdings import last_holdings_section
from bt_run_plugins.reports.html.priced_trades import priced_parts
from bt_run_plugins.reports.html.report import page_of_run

YEARS = ("data.start=2004-01-02", "data.end=2005-12-30")


def stocks(analyzer: str) -> BacktestResult:
    changes = [*YEARS, f"analyzers=[{analyzer}]"]
    return run(load_config(EXAMPLES / "stocks.yaml", changes), reports=False)


@pytest.fixture(scope="module")
def priced() -> BacktestResult:
    return stocks("{use: asset_prices, assets: [IBM, AAPL]}")


def test_prices_are_those_at_which_was_filled(priced: BacktestResult) -> None:
    prices = priced.analyses[NAME]
    assert list(dict.fromkeys(prices["asset"])) == ["IBM", "AAPL"]
    days = [f"{day:%Y-%m-%d}" for day in priced.closes.index]
    assert prices["session"][prices["asset"] == "IBM"].tolist() == days
    held = priced.positions[priced.positions["asset"] == "IBM"]
    shown = prices[prices["asset"] == "IBM"].set_index("session")["price"]
    at = [f"{time:%Y-%m-%d}" for time in held["time"]]
    assert len(at) > 100
    np.testing.assert_allclose(shown[at], held["market_price"], rtol=1e-12)


def test_without_names_the_most_traded_are_taken() -> None:
    found = stocks("asset_prices").analyses[NAME]
    assert set(found["asset"]) <= {"AAPL", "MSFT", "IBM", "GOOG"}  # FB was not listed
    assert len(set(found["asset"])) == 4


def test_an_asset_that_the_run_does_not_have_is_refused() -> None:
    with pytest.raises(
        ConfigError, match=r"asset_prices: no asset 'APPL'; expected some of .*AAPL"
    ):
        stocks("{use: asset_prices, assets: [APPL]}")


def test_each_fill_is_a_dot_on_the_price_and_a_row_with_its_reason(
    priced: BacktestResult,
) -> None:
    choice, table = priced_parts(read_book(priced))
    assert list(choice.charts) == ["IBM", "AAPL"]
    fills = priced.fills[priced.fills["filled"] != 0.0]
    for name, chart in choice.charts.items():
        own = fills[fills["asset"] == name]
        line, bought, sold = chart.data.series
        assert (line.dots, bought.dots, sold.dots) == (False, True, True)
        for series, sign in ((bought, 1.0), (sold, -1.0)):
            part = own[np.sign(own["filled"]) == sign]
            rows = priced.closes.index.get_indexer(part["time"])
            assert np.flatnonzero(np.isfinite(series.values)).tolist() == rows.tolist()
            np.testing.assert_allclose(series.values[rows], part["market_price"])
    both = fills[fills["asset"].isin(["IBM", "AAPL"])].iloc[::-1]
    assert [row[0] for row in table.rows] == [
        f"{time:%Y-%m-%d}" for time in both["time"]
    ]
    decisions = priced.decisions.set_index(["time", "asset"])["reason"]
    plain = both["reason"].isna().to_numpy()
    keys = list(zip(both["decided_at"], both["asset"], strict=True))
    for row, key, of_decision in zip(table.rows, keys, plain, strict=True):
        if of_decision:
            assert row[-1].text == decisions[key]
    assert plain.any()


def test_the_page_draws_them_and_names_the_table_once(priced: BacktestResult) -> None:
    page = page_of_run(priced)
    trades = page[
        page.index('<section id="trades"') : page.index('<section id="analyses"')
    ]
    assert trades.count('class="dots equal"') == 2
    assert "IBM: price on the market, and fills" in trades
    analyses = page[
        page.index('<section id="analyses"') : page.index('<section id="data"')
    ]
    assert "closes on the market, which the section on trades draws" in analyses
    assert "2004-01-05" not in analyses


def test_dots_stand_where_values_are() -> None:
    values = np.array([np.nan, 1.0, np.nan, 3.0, np.nan])
    path = dots(values, scale_of([values]))
    assert re.fullmatch(r"M400 \d+h0M1200 \d+h0", path)


@pytest.fixture(scope="module")
def grouped(tmp_path_factory: pytest.TempPathFactory) -> BacktestResult:
    folder = tmp_path_factory.mktemp("sectors")
    config = made_config(folder / "prices", ("AAA", "BBB", "CCC"), 120)
    file = folder / "groups.csv"
    # CCC is in no group
    file.write_text("date,AAA,BBB\n1989-12-29,oil,oil\n1990-04-02,oil,banks\n")
    config["data"]["tables"] = {"group": {"file": str(file), "lag": 1}}
    config["analyzers"] = [{"use": "sectors", "table": "group"}]
    return run(RunConfig.model_validate(config), reports=False)


def test_what_is_held_is_summed_by_the_newest_sector(grouped: BacktestResult) -> None:
    book = read_book(grouped)
    _, table = last_holdings_section(book).parts
    weights = dict(zip(book.assets, book.value[-1] / book.nav[-1], strict=True))
    found = {row[0]: (row[1], row[2]) for row in table.rows}
    assert found == {
        "oil": (1, pytest.approx(weights["AAA"])),
        "banks": (1, pytest.approx(weights["BBB"])),
        "not in the table": (1, pytest.approx(weights["CCC"])),
    }


def test_a_run_without_the_table_is_refused() -> None:
    with pytest.raises(
        ConfigError, match=r"reads the table of text 'sector', and data\.tables has"
    ):
        stocks("sectors")
