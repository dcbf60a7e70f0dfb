"""The tear sheet: pyfolio's input sums to the NAV, and the PDF is whole for every kind of run."""

from types import SimpleNamespace

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from pypdf import PdfReader

from bt_run.component import BuildContext
from bt_run.config.research import ResearchConfig
from bt_run.results.metrics import compute_metrics
from bt_run.results.result import BacktestResult
from bt_run.studies.judging import judge_run
from bt_run.studies.significance_text import significance_sentence
from bt_run_plugins.figures.pages import fitting
from bt_run_plugins.reports.book import read_book
from bt_run_plugins.reports.html.sheet import one_sheet
from bt_run_plugins.reports.numbers import held_days, statistics
from bt_run_plugins.reports.tear_sheet.inputs import pyfolio_input, sheet_input
from bt_run_plugins.reports.tear_sheet.report import (
    TearSheet,
    TearSheetConfig,
    bt_reports,
)
from bt_run_plugins.reports.tear_sheet.round_trips import find_round_trips

FILLS = [
    "decided_at",
    "time",
    "asset",
    "asked",
    "filled",
    "price",
    "commission",
    "slippage",
    "reason",
]
CASH = 1e6


def make_closes(sessions, names=("QQQ", "SPY"), start="2000-01-03"):
    """Return closes of a random walk, one column per asset."""
    index = pd.bdate_range(start, periods=sessions, tz="UTC", name="time")
    steps = np.random.default_rng(11).normal(0.0003, 0.011, (sessions, len(names)))
    return pd.DataFrame(
        100 * np.exp(np.cumsum(steps, axis=0)), index=index, columns=list(names)
    )


def play(closes, weights, every, in_turn=False):
    """Hold weights from the second session on, traded again every so many sessions, or held and
    sold ``in_turn``: nav, positions, fills.
    """
    cash, shares, navs, positions, fills = CASH, dict.fromkeys(weights, 0.0), [], [], []
    for t, (time, prices) in enumerate(closes.iterrows()):
        nav = cash + sum(shares[name] * prices[name] for name in weights)
        for name, weight in weights.items():
            held_now = not (in_turn and (t // every) % 2)
            change = held_now * weight * nav / prices[name] - shares[name]
            if t % every != 1 % every or t == 0 or not change:
                continue
            slip = 2e-4 * abs(change) * prices[name]
            paid, fee = (
                prices[name] * (1 + 2e-4 * np.sign(change)),
                1e-4 * abs(change) * prices[name],
            )
            cash -= change * paid + fee
            shares[name] += change
            fills.append(
                (closes.index[t - 1], time, name, change, change, paid, fee, slip, None)
            )
        held = [
            (time, n, q, prices[n], q * prices[n], False)
            for n, q in shares.items()
            if q
        ]
        values = [row[4] for row in held]
        total = cash + sum(values)
        navs.append((total, cash, sum(map(abs, values)) / total, sum(values) / total))
        positions += held
    nav = pd.DataFrame(
        navs, index=closes.index, columns=["nav", "cash", "gross", "net"]
    )
    columns = ["time", "asset", "shares", "price", "value", "stale"]
    return (
        nav,
        pd.DataFrame(positions, columns=columns),
        pd.DataFrame(fills, columns=FILLS),
    )


def make_result(closes, weights, every=21, in_turn=False, **changes):
    """Return a whole result; what is given by name replaces a part of it."""
    nav, positions, fills = play(closes, weights, every, in_turn)
    first = closes.columns[-1]
    nav["benchmark"] = CASH * closes[first] / closes[first].iloc[0]
    # an intraday bar of these markets lies in the session of its own date
    nav["session"] = closes.index.normalize()
    nav["equal_weight"] = nav["constant_mix"] = CASH * (closes / closes.iloc[0]).mean(
        axis=1
    )
    config = {
        "name": "spy_qqq",
        "data": {
            "source": {"use": "sample", "set": "indices"},
            "assets": {"QQQ": "NASDAQ", "SPY": "SP500"},
            "benchmark": "SPY",
            "adjust": "total_return",
        },
        "strategy": {
            "use": "trend",
            "fast": 50,
            "slow": 200,
            "band": 0.01,
            "short": False,
        },
        "sizer": {"use": "inverse_volatility", "lookback": 63, "redistribute": False},
        "overlays": [{"use": "volatility_target", "annual": 0.1, "lookback": 63}],
        "triggers": [],
        "schedule": "month",
        "broker": {
            "use": "simulated",
            "fill": "next_close",
            "commission": {
                "bps": 1.0,
                "per_share": 0.0,
                "minimum": 0.0,
                "cap": None,
                "flat": 0.0,
            },
            "slippage": {"bps": 2.0, "half_spread": 0.0, "impact": 0.0, "lookback": 20},
        },
        "limits": {"gross": 1.0, "net": 1.0, "name": 1.0, "short": False},
        "risk_free": 0.0,
    }
    parts = {
        "config": SimpleNamespace(
            name="spy_qqq",
            seed=7,
            risk_free=0.0,
            research=ResearchConfig(),
            data=SimpleNamespace(benchmark="SPY"),
        ),
        "run_id": "0123456789ab",
        "nav": nav,
        "positions": positions,
        "fills": fills,
        "decisions": pd.DataFrame(),
        "memos": pd.DataFrame(),
        "cash_flows": pd.DataFrame(
            columns=["time", "asset", "kind", "amount", "ratio"]
        ),
        "metrics": compute_metrics(
            nav, {"run": fills, "equal_weight": fills, "constant_mix": fills}, 0.0
        ),
        "manifest": {"config": config},
        "notes": (
            "SPY is the S&P 500 price index (SP500), a stand-in for the fund",
            "QQQ is the Nasdaq Composite price index (NASDAQ), a stand-in for the fund",
            "price return only: the source knows no dividends",
        ),
    }
    return BacktestResult(**(parts | changes))


def text_of(path):
    """Return the text of each page."""
    return [page.extract_text() for page in PdfReader(path).pages]


def written(result, folder):
    (path,) = TearSheet().write(result, folder)
    assert path == folder / "tear_sheet.pdf"
    return text_of(path)


BOTH = {"QQQ": 0.5, "SPY": 0.5}


def test_the_first_page_says_the_verdict_and_where_what_is(tmp_path):
    result = make_result(make_closes(300), BOTH)
    first, second, *others = written(result, tmp_path)
    sentence = significance_sentence(judge_run(result))
    assert " ".join(sentence.split()[:8]) in " ".join(first.split())
    assert second.startswith("What was run")
    title = others[0].splitlines()[0]
    assert f"{title} 3, " in " ".join(second.split())


def test_the_first_page_is_the_one_sheet_of_the_page(tmp_path):
    result = make_result(make_closes(300), BOTH, warnings=("a thin schedule",))
    pages = written(result, tmp_path)
    first = " ".join(pages[0].split())
    sheet = one_sheet(read_book(result))
    assert len(sheet.cards) == 8
    for card in sheet.cards:
        assert card.run.text in first
    for row in (*sheet.months.cells, *sheet.holdings.cells):
        assert all(cell.text in first for cell in row)
    for words in (
        "Growth of 1",
        "Fall from the highest",
        "Exposure, of NAV",
        "a thin schedule",
    ):
        assert words in first
    sizes = [page.mediabox for page in PdfReader(tmp_path / "tear_sheet.pdf").pages]
    assert [size.width < size.height for size in sizes[:2]] == [True, False]


def test_texts_that_do_not_fit_are_counted():
    texts = ["one two three", "four", "five six"]
    assert fitting(texts, 4, 9) == texts
    assert fitting(texts, 3, 9) == ["one two three", "four", "and 1 more"]
    assert fitting(texts, 2, 9) == ["one two three", "and 2 more"]


# -- pyfolio's input


@pytest.mark.parametrize("weights", [BOTH, {"QQQ": -0.5, "SPY": 0.9}, {"SPY": 0.3}, {}])
def test_positions_sum_to_the_nav_on_every_session(weights):
    result = make_result(make_closes(300), weights)
    returns, positions, _ = pyfolio_input(result)
    assert list(positions.columns) == [*weights, "cash"]
    times = result.nav.index.tz_localize("UTC")  # pyfolio asks for it
    assert positions.index.equals(times)
    np.testing.assert_allclose(positions.sum(axis=1), result.nav["nav"], rtol=1e-9)
    assert returns.index.equals(times[1:])
    np.testing.assert_allclose(
        (1 + returns).prod(), result.nav["nav"].iloc[-1] / CASH, rtol=1e-9
    )


def test_transactions_are_what_was_filled():
    result = make_result(make_closes(60), BOTH)
    unfilled = result.fills.iloc[:1].assign(
        filled=0.0, price=np.nan, reason="not tradable"
    )
    result = make_result(
        make_closes(60), BOTH, fills=pd.concat([unfilled, result.fills])
    )
    _, _, transactions = pyfolio_input(result)
    assert list(transactions.columns) == ["symbol", "amount", "price"]
    assert transactions["amount"].tolist() == result.fills["filled"].iloc[1:].tolist()
    assert str(transactions.index.tz) == "UTC"


def test_intraday_positions_are_those_of_each_sessions_last_bar():
    daily = make_closes(80)
    index = daily.index[:40].repeat(2) + pd.to_timedelta([15, 21] * 40, "h")
    result = make_result(daily.set_axis(index.rename("time"), axis=0), BOTH)
    returns, positions, _ = pyfolio_input(result)
    assert positions.index[1:].equals(daily.index[:40])  # before them the start
    assert len(returns) == 40
    closes = [0, *range(1, 80, 2)]
    np.testing.assert_allclose(
        positions.sum(axis=1), result.nav["nav"].iloc[closes], rtol=1e-9
    )


def test_asset_called_cash_is_not_mistaken_for_money():
    result = make_result(make_closes(30, names=("SPY", "cash")), {"cash": 0.4})
    _, positions, transactions = pyfolio_input(result)
    assert list(positions.columns) == ["cash (asset)", "cash"]
    assert set(transactions["symbol"]) == {"cash (asset)"}
    np.testing.assert_allclose(positions.sum(axis=1), result.nav["nav"], rtol=1e-9)


# -- round trips


def by_hand(trades, held, prices, splits=()):
    """Return a result of one asset from (session, shares, price), what is held, and its splits."""
    index = pd.bdate_range("2020-01-01", periods=len(held), name="time")
    rows = [
        (index[t], "A", q, p, q * p, False)
        for t, (q, p) in enumerate(zip(held, prices, strict=True))
        if q
    ]
    fills = [
        (index[t - 1], index[t], "A", n, n, p, 0.0, 0.0, None) for t, n, p in trades
    ]
    columns = ["time", "asset", "shares", "price", "value", "stale"]
    nav = pd.DataFrame({"nav": 1000.0, "cash": 0.0}, index=index)
    nav["session"] = index.normalize()
    flows = [(index[t], "A", "split", 0.0, ratio) for t, ratio in splits]
    return SimpleNamespace(
        nav=nav,
        cash_flows=pd.DataFrame(
            flows, columns=["time", "asset", "kind", "amount", "ratio"]
        ),
        fills=pd.DataFrame(fills, columns=FILLS),
        positions=pd.DataFrame(rows, columns=columns),
    )


def trips_of(result):
    return find_round_trips(read_book(result))


def test_a_round_trip_goes_from_nothing_to_nothing():
    result = by_hand(
        [
            (1, 1.5, 10.0),
            (2, 1.0, 20.0),
            (3, -2.0, 30.0),
            (4, -0.5, 40.0),
            (5, 1.0, 9.0),
        ],
        [0, 1.5, 2.5, 0.5, 0, 1, 1],
        [10, 10, 20, 30, 40, 9, 12],
    )
    closed, held = trips_of(result).to_dict("records")
    # paid 35 for what brought 80
    assert closed["pnl"] == pytest.approx(2 * 30 + 0.5 * 40 - 1.5 * 10 - 20)
    assert closed["rt_returns"] == pytest.approx(45 / 50)
    assert closed["returns"] == pytest.approx(45 / 1000)
    assert closed["duration"] == pd.Timedelta(days=5)  # over a weekend
    assert bool(closed["long"])
    assert held["pnl"] == pytest.approx(3.0)  # still held: closed at the last price


def test_round_trip_through_zero_closes_the_long_and_opens_a_short():
    result = by_hand(
        [(1, 1.0, 10.0), (2, -3.0, 12.0), (3, 2.0, 11.0)],
        [0, 1, -2, 0],
        [10, 10, 12, 11],
    )
    trips = trips_of(result)
    assert trips["pnl"].tolist() == pytest.approx([2.0, 2.0])
    assert trips["long"].tolist() == [True, False]


def test_split_between_trades_earns_nothing():
    trades = [(1, 1.0, 100.0), (3, -4.0, 26.0)]
    result = by_hand(trades, [0, 1, 4, 0], [100, 100, 25, 26], splits=[(2, 4.0)])
    assert trips_of(result)["pnl"].tolist() == pytest.approx([4.0])


def test_a_trade_that_an_exit_ends_in_its_first_bar_is_one():
    result = by_hand([(1, 2.0, 10.0), (1, -2.0, 9.0)], [0, 0, 0], [10, 8, 8])
    (trip,) = trips_of(result).to_dict("records")
    assert (trip["pnl"], bool(trip["long"])) == (pytest.approx(-2.0), True)


def test_profit_of_all_round_trips_is_the_profit_of_the_run_after_costs():
    result = make_result(make_closes(400), {"QQQ": -0.4, "SPY": 0.8})
    profit = result.nav["nav"].iloc[-1] - CASH
    assert trips_of(result)["pnl"].sum() == pytest.approx(profit)


# -- the report


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Return the text of each page of a run to which every sheet applies."""
    result = make_result(
        make_closes(400),
        BOTH,
        in_turn=True,
        warnings=("a guard under a thin schedule",),
    )
    return written(result, tmp_path_factory.mktemp("whole"))


def test_second_page_says_what_was_run_and_on_what(whole):
    pages = whole
    second = " ".join(pages[1].split())
    for words in (
        "2000-01-03 to 2001-07-13, 399 sessions",
        "price return only: the source knows no dividends",
        "QQQ = NASDAQ, SPY = SP500",
        "trend (fast 50, slow 200, band 0.01)",
        "at the first bar of each month",
        "1,000,000",
        "at the next bar's close",
        "1 bp commission and 2 bp slippage",
        "a guard under a thin schedule",
        "run benchmark equal weight constant mix",
        "Turnover per year, one way",
        "no ledger was kept: this number has no trial count",
    ):
        assert words in second
    assert all("run 0123456789ab" in page for page in pages)


def test_whole_run_has_every_sheet(whole):
    pages = whole
    titles = [
        "Returns",
        "Risk over time",
        "Drawdowns",
        "Months and years",
        "Statistics",
        "Positions",
        "Holdings",
        "Transactions after the build-up",
        "Round trips",
        "Round trips: statistics",
    ]
    assert [
        page.startswith(title) for page, title in zip(pages[2:], titles, strict=True)
    ] == [True] * 10
    assert "Volatility per year" in pages[6]
    assert "Worst drawdowns" in pages[4]
    assert "Largest long holdings" in pages[8]
    assert "Profit factor" in pages[11]


def test_run_without_trades_says_which_sheets_do_not_apply(tmp_path):
    pages = written(make_result(make_closes(300), {}), tmp_path)
    assert "positions sheet: nothing was ever held" in pages[1]
    assert "transactions sheet: no order was filled" in pages[1]
    assert (
        "round-trip sheet: 0 round trips were made, and statistics need 5" in pages[1]
    )
    assert "months and years: the NAV never moved" in pages[1]
    assert not any("nan" in page for page in pages)


def test_second_page_cuts_what_would_run_over_its_edge(tmp_path):
    result = make_result(
        make_closes(2), BOTH, notes=tuple(f"note {number}" for number in range(20))
    )
    result.manifest["config"]["data"]["assets"] = {
        f"N{n:03}": f"N{n:03}" for n in range(500)
    }
    _, page = written(result, tmp_path)
    assert "note 7" in page
    assert "note 8" not in page
    assert "and 12 more" in page
    assert "Assets (500)" in page
    assert "N499" not in page


@pytest.mark.parametrize("sessions", [1, 2, 5])
def test_run_of_a_few_days_has_no_sheets(tmp_path, sessions):
    _, page = written(make_result(make_closes(sessions), BOTH), tmp_path)
    assert f"{sessions - 1} sessions have a return, the sheets need 5" in page


@pytest.mark.parametrize("sessions", [6, 63])
def test_short_run_draws_what_it_can(tmp_path, sessions):
    pages = written(make_result(make_closes(sessions), BOTH), tmp_path)
    assert f"needs more than 126 sessions; there are {sessions - 1}" in pages[3]
    assert pages[-1].startswith("Transactions")


def test_one_asset_and_no_benchmark_returns(tmp_path):
    result = make_result(make_closes(300, names=("SPY",)), {"SPY": 1.0})
    nav = result.nav.assign(
        benchmark=result.nav["benchmark"].where(result.nav.index.month != 5)
    )
    pages = written(
        make_result(make_closes(300, names=("SPY",)), {"SPY": 1.0}, nav=nav), tmp_path
    )
    assert "the benchmark has no returns" in pages[2]


def test_long_short_run_of_many_assets(tmp_path):
    names = [f"N{number:02}" for number in range(30)]
    weights = {name: 0.04 if place % 3 else -0.04 for place, name in enumerate(names)}
    pages = written(make_result(make_closes(200, names=names), weights), tmp_path)
    assert "Largest short holdings" in pages[8]
    assert "short trades" in pages[11]


def test_intraday_run_shows_the_time_of_its_trades(tmp_path):
    daily = make_closes(80)
    index = daily.index[:40].repeat(2) + pd.to_timedelta([15, 21] * 40, "h")
    pages = written(
        make_result(daily.set_axis(index.rename("time"), axis=0), BOTH), tmp_path
    )
    assert not any("trades have no time of day" in page for page in pages)


def test_equal_results_give_equal_bytes_without_a_date(tmp_path):
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        TearSheet().write(make_result(make_closes(30), BOTH), tmp_path / name)
    data = (tmp_path / "one" / "tear_sheet.pdf").read_bytes()
    assert data == (tmp_path / "other" / "tear_sheet.pdf").read_bytes()
    assert b"CreationDate" not in data


def test_letters_of_colours_that_a_library_has_changed_are_set_aside(tmp_path):
    written = []
    letters = mpl.colors.get_named_colors_mapping()
    green = letters["g"]
    for name, color in (("one", green), ("other", (0.1, 0.2, 0.3))):
        (tmp_path / name).mkdir()
        letters["g"] = color
        try:
            (path,) = TearSheet().write(
                make_result(make_closes(30), BOTH), tmp_path / name
            )
            assert letters["g"] == color
        finally:
            letters["g"] = green
        written.append(path.read_bytes())
    assert written[0] == written[1]


def test_writing_leaves_no_trace_in_the_process(tmp_path, capsys):
    import matplotlib.pyplot as plt

    settings, draws = mpl.rcParams.copy(), np.random.get_state()[1].copy()
    with mpl.rc_context({"font.size": 30}):
        TearSheet().write(make_result(make_closes(30), BOTH), tmp_path)
        assert mpl.rcParams["font.size"] == 30
    assert mpl.rcParams == settings
    assert plt.get_fignums() == []
    assert (np.random.get_state()[1] == draws).all()
    assert capsys.readouterr() == ("", "")


def test_component_builds_the_report():
    (component,) = bt_reports()
    assert component.name == "tear_sheet"
    assert isinstance(
        component.build(TearSheetConfig(), BuildContext(costs=None)), TearSheet
    )


def test_statistics_and_falls_are_those_of_the_page():
    result = make_result(make_closes(400), BOTH, in_turn=True)
    given = sheet_input(result)
    closes = result.closes
    market = closes["benchmark"].pct_change().to_numpy()[1:]
    page = statistics(closes["nav"].astype(float), market, held_days(closes))
    told = {label: own for label, own, _ in given.numbers}
    assert told["Value at risk, one day, 5%"] == f"{page['value_at_risk']:.2%}"
    assert told["Days with a gain"] == f"{page['positive_days']:.2%}"
    assert given.nav.tolist() == closes["nav"].tolist()
