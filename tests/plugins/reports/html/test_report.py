"""The page: every number on it is the tables' or the metrics', and every kind of run has one."""

import math
import re
from functools import partial
from html.parser import HTMLParser

import empyrical
import numpy as np
import pandas as pd
import pytest
from kit.kinds import play_made
from kit.places import EXAMPLES
from markupsafe import escape

from bt_run import DEFINITIONS, load_config, run
from bt_run.results.description import describe_run
from bt_run_plugins.page.parts import FORMATS
from bt_run_plugins.page.svg import line, reaching, scale_of
from bt_run_plugins.reports.book import read_book
from bt_run_plugins.reports.html.report import HtmlReport, page_of_run
from bt_run_plugins.reports.numbers import (
    STATISTICS,
    drawdown,
    drawdowns,
    held_days,
    period_returns,
    statistics,
)

COLUMNS = ["run", "benchmark", "equal_weight", "constant_mix"]
SECTIONS = [
    *(
        "growth",
        "months",
        "metrics",
        "drawdown",
        "distribution",
        "rolling",
        "crises",
        "against",
        "periods",
        "regimes",
        "worst",
        "held",
        "weights",
        "exposure",
        "contribution",
    ),
    *("costs", "achieved", "decisions", "trades", "analyses", "provenance"),
]


class Page(HTMLParser):
    """Read tables (id -> rows of cells (text, raw)), headings, data elements, charts and requests
    of a page.
    """

    def __init__(self, text):
        super().__init__()
        self.tables, self.headings, self.values, self.sections, self.missing = (
            {},
            [],
            [],
            [],
            {},
        )
        self.charts, self.links, self.text = 0, [], text
        self._row = self._cell = self._heading = self._value = self._skip = (
            self._missing
        ) = None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.links += [given[name] for name in ("src", "href") if name in given]
        if tag == "table":
            self._rows = self.tables[given["id"].removesuffix("-table")] = []
        elif tag == "section":
            self.sections.append(given["id"])
        elif tag == "p" and given.get("class") == "missing":
            self._missing = ""
        elif tag == "tr":
            self._row = []
        elif tag in ("td", "th"):
            self._cell = [given.get("data-v"), ""]
        elif tag in ("h1", "h2", "h3"):
            self._heading = [int(tag[1]), ""]
        elif tag == "data":
            self._value = [given["value"], given["data-u"], ""]
        elif tag == "span" and given.get("class") in ("def", "star"):
            self._skip = tag
        elif tag == "svg":
            assert given["role"] == "img"
            self.charts += 1

    def handle_endtag(self, tag):
        if tag in ("td", "th") and self._cell is not None:
            self._row.append((self._cell[1].strip(), self._cell[0]))
            self._cell = None
        elif tag == "tr":
            self._rows.append(self._row)
        elif tag == "p" and self._missing is not None:
            self.missing[self.sections[-1]] = self._missing
            self._missing = None
        elif tag == f"h{self._heading[0]}" if self._heading else False:
            self.headings.append(tuple(self._heading))
            self._heading = None
        elif tag == "data":
            self.values.append(tuple(self._value))
            self._value = None
        elif tag == "span":
            self._skip = None

    def handle_data(self, data):
        if self._skip:
            return
        for part in (self._cell, self._heading, self._value):
            if part is not None:
                part[-1] += data
        if self._missing is not None:
            self._missing += data

    def raw(self, table):
        """Return first cell -> raw values of a table's other cells."""
        return {
            row[0][0]: [
                float(value) if value else None
                for _, value in row[1:]
                if value is not None
            ]
            for row in self.tables[table][1:]
        }


def page_of(result):
    found = Page(page_of_run(result))
    check_page(found, result)
    return found


def check_page(found, result):
    """See what must hold on every page."""
    assert found.sections == [
        *["summary"],
        *SECTIONS[:-1],
        "data",
        "provenance",
        "definitions",
    ]
    levels = [level for level, _ in found.headings]
    assert levels[0] == 1
    assert set(levels[1:]) == {2}
    assert all(link.startswith(("#", "data:")) for link in found.links)
    for outside in ("http:", "https:", "//", "url(", "@import"):
        assert outside not in visible(found.text), outside
    assert not re.search(
        r"\b(nan|inf|none%)\b",
        found.text.split("<script")[0].lower().replace("'none'", ""),
    )
    shown = found.raw("headline")
    for metric, definition in DEFINITIONS.items():
        if metric == "money_weighted":  # no money came from outside
            assert definition.label not in shown
            continue
        assert shown[definition.label] == [
            result.metrics[metric][column] for column in COLUMNS
        ], metric
    for table in found.tables.values():
        for row in table:
            for text, raw in row:
                if raw:
                    assert any(text == form(float(raw)) for form in FORMATS.values()), (
                        text,
                        raw,
                    )
    for raw, unit, text in found.values:
        assert text == (FORMATS[unit](float(raw)) if raw else "n/a")


def visible(text):
    """Return a page without the comments of its script."""
    return "\n".join(
        line for line in text.splitlines() if not line.lstrip().startswith("//")
    )


@pytest.fixture(scope="module")
def flagship():
    return run(load_config(EXAMPLES / "spy_qqq.yaml"))


@pytest.fixture(scope="module")
def stocks():
    return run(load_config(EXAMPLES / "stocks.yaml"))


@pytest.fixture(scope="module")
def whole(flagship):
    return page_of(flagship)


# -- numbers ---------------------------------------------------------------------------------------


def test_page_of_the_flagship_is_small_and_complete(whole):
    assert len(whole.text.encode()) < 5e5
    # three of them on the sheet that is printed first
    assert whole.charts == 19
    assert not set(whole.missing) - {"analyses"}


def test_the_page_says_what_was_run_like_every_other_report(whole, flagship):
    words = describe_run(flagship.manifest["config"])
    assert words.costs == "1 bp commission and 2 bp slippage"
    period = "from 2000-01-03 to 2018-12-31"
    for sentence in (words.decisions(period), words.orders(1e6)):
        assert f'<p class="what">{escape(sentence)}</p>' in whole.text


def test_cards_are_the_metrics_of_what_the_run_is_for(whole, flagship):
    raws = [float(raw) for raw, _, _ in whole.values]
    metrics = flagship.metrics
    beside = ("cagr", "sharpe", "max_drawdown", "volatility")
    expected = [
        metrics[name][column] for name in beside for column in ("run", "benchmark")
    ]
    # the benchmark has no costs, and its exposure says nothing
    alone = ("average_gross", "costs_bps")
    assert raws == expected + [metrics[name]["run"] for name in alone]


def test_drawdown_table_is_the_nav_table(whole, flagship):
    nav = flagship.closes["nav"]
    rows = whole.tables["drawdowns"][1:]
    assert len(rows) == 10
    assert float(rows[0][1][1]) == pytest.approx(
        flagship.metrics["max_drawdown"]["run"], abs=1e-12
    )
    for row in rows:
        peak, low = nav[row[2][0]], nav[row[3][0]]
        assert float(row[1][1]) == pytest.approx(low / peak - 1, abs=1e-12)
        assert nav[: row[3][0]].max() == peak
        if row[4][0] != "not yet":
            assert nav[row[4][0]] >= peak
            assert nav[row[2][0] : row[4][0]].iloc[1:-1].max() < peak


def test_months_are_those_of_empyrical(whole, flagship):
    returns = flagship.returns
    months = empyrical.aggregate_returns(returns, "monthly")
    years = empyrical.aggregate_returns(returns, "yearly")
    shown = whole.raw("monthly")
    assert len(shown) == len(years) == 19
    for year, total in years.items():
        *own, run_total, _ = shown[str(year)]
        np.testing.assert_allclose(own, months[year].to_numpy(), atol=1e-12)
        assert run_total == pytest.approx(total, abs=1e-12)


def test_months_less_the_benchmark_are_the_differences(whole, flagship):
    market = empyrical.aggregate_returns(
        flagship.closes["benchmark"].pct_change().iloc[1:], "monthly"
    )
    shown = whole.raw("monthly")
    excess = whole.raw("monthly-excess")
    assert excess.keys() == shown.keys()
    for year, values in excess.items():
        *own, total, beside = shown[year]
        *months, whole_year = values
        expected = np.array(own) - market[int(year)].to_numpy()
        np.testing.assert_allclose(months, expected, atol=1e-12)
        assert whole_year == pytest.approx(total - beside, abs=1e-12)


def test_contributions_add_up_to_the_change_of_the_nav(whole, flagship, stocks):
    for result, shown in (
        (flagship, whole.raw("contribution")),
        (stocks, page_of(stocks).raw("contribution")),
    ):
        change = result.nav["nav"].iloc[-1] - result.nav["nav"].iloc[0]
        parts = [values[0] for name, values in shown.items() if name != "All"]
        assert sum(parts) == pytest.approx(change, rel=1e-9)
        assert shown["All"][0] == pytest.approx(change, rel=1e-12)
        assert shown["All"][2] == pytest.approx(
            result.metrics["costs"]["run"], rel=1e-9
        )


def test_trades_explain_every_cent_of_the_profit(stocks):
    book = read_book(stocks)
    change = stocks.nav["nav"].iloc[-1] - stocks.nav["nav"].iloc[0]
    assert sum(trade.profit for trade in book.trades) == pytest.approx(change, rel=1e-9)
    for trade in book.trades:
        assert trade.worst <= min(trade.profit, 0) + 1e-9
        assert trade.best >= max(trade.profit, 0) - 1e-9


def test_costs_by_year_and_by_asset_add_up_to_the_metrics(whole, flagship):
    metrics = {name: values["run"] for name, values in flagship.metrics.items()}
    for table, places in (("costs-by-year", (2, 3, 4)), ("costs-by-asset", (1, 2, 3))):
        rows = [values for name, values in whole.raw(table).items() if name != "All"]
        sums = [sum(row[place] for row in rows) for place in places]
        assert sums == pytest.approx(
            [metrics["commission"], metrics["slippage"], metrics["costs"]], rel=1e-9
        )
    two_way = sum(
        values[1]
        for name, values in whole.raw("costs-by-year").items()
        if name != "All"
    )
    assert two_way / metrics["years"] == pytest.approx(
        metrics["turnover_two_way"], rel=1e-9
    )


def test_decisions_are_those_of_the_table(whole, flagship):
    table = flagship.decisions
    rows = whole.tables["decisions"][1:]
    assert len(rows) == table["time"].nunique()
    for row in rows[:20]:
        own = table[table["time"] == pd.Timestamp(row[0][0])]
        assert float(row[3][1]) == pytest.approx(own["drifted"].abs().sum(), abs=1e-12)
        assert float(row[4][1]) == pytest.approx(own["target"].abs().sum(), abs=1e-12)
        assert row[6][0] in set(own["reason"])
    last = table[table["time"] == table["time"].iloc[-1]].set_index("asset")
    for asset, values in whole.raw("last-decision").items():
        expected = last.loc[
            asset,
            ["signal", "sized", "overlay_1_volatility_target", "target", "drifted"],
        ]
        assert values == [float(value) for value in expected]


def test_gaps_are_achieved_less_target(whole, flagship):
    held = flagship.positions.set_index(["time", "asset"])["value"]
    times = flagship.nav.index
    for row in whole.tables["gaps"][1:]:
        decided = pd.Timestamp(row[0][0])
        filled = times[times.get_loc(decided) + 1]
        achieved = held.get((filled, row[1][0]), 0.0) / flagship.nav["nav"][filled]
        assert float(row[3][1]) == pytest.approx(achieved, abs=1e-12)
        assert float(row[4][1]) == pytest.approx(achieved - float(row[2][1]), abs=1e-12)


def test_weights_are_positions_over_the_nav(whole, flagship):
    last = flagship.positions[
        flagship.positions["time"] == flagship.nav.index[-1]
    ].set_index("asset")["value"]
    for asset, values in whole.raw("weights").items():
        assert values[2] == pytest.approx(
            last.get(asset, 0.0) / flagship.nav["nav"].iloc[-1], abs=1e-12
        )


def test_mean_and_largest_weights_are_those_of_the_positions(stocks):
    nav = stocks.nav["nav"]
    values = (
        stocks.positions.pivot(index="time", columns="asset", values="value")
        .reindex(nav.index)
        .fillna(0.0)
    )
    weights = values.div(nav, axis=0).abs()
    for asset, (mean, largest, _) in page_of(stocks).raw("weights").items():
        if asset in weights:
            assert mean == pytest.approx(weights[asset].mean(), rel=1e-12)
            assert largest == pytest.approx(weights[asset].max(), rel=1e-12)


def test_the_summary_of_all_trades_is_that_of_the_trades_shown(stocks):
    found = page_of(stocks)
    rows = [[float(raw) for _, raw in row[4:6]] for row in found.tables["trades"][1:]]
    bars, profit = np.array(rows).T
    still_held = sum(1 for row in found.tables["trades"][1:] if "still" in row[3][0])
    assert {
        label: values[0] for label, values in found.raw("trade-numbers").items()
    } == pytest.approx(
        {
            "Trades": len(rows),
            "Still held at the end": still_held,
            "Trades with a gain": (profit > 0).mean(),
            "Mean gain, USD": profit[profit > 0].mean(),
            "Mean loss, USD": profit[profit < 0].mean(),
            "Gains over losses": -profit[profit > 0].sum() / profit[profit < 0].sum(),
            "Median bars held": np.median(bars),
        },
        rel=1e-12,
    )


def test_the_words_of_the_charts_carry_the_numbers_of_the_nav(stocks):
    text = page_of(stocks).text
    navs = stocks.nav.drop(columns="session")
    ends = navs.iloc[-1] / navs.iloc[0]
    first = f"run {ends['nav']:.2f}, benchmark {ends['benchmark']:.2f}"
    second = f"equal weight {ends['equal_weight']:.2f}"
    assert (
        f"at the end: {first}, {second}, constant mix {ends['constant_mix']:.2f}."
        in text
    )
    assert (
        f"The deepest fall of the run is {stocks.metrics['max_drawdown']['run']:.2%}."
        in text
    )


def test_crisis_returns_are_the_navs(whole, flagship):
    closes = flagship.closes
    for row in whole.tables["crises"][1:]:
        window = closes[row[1][0] : row[2][0]]
        for place, column in enumerate(
            ("nav", "benchmark", "equal_weight", "constant_mix"), start=3
        ):
            expected = window[column].iloc[-1] / window[column].iloc[0] - 1
            assert float(row[place][1]) == pytest.approx(expected, abs=1e-12)


def gmean(returns):
    """Return the geometric mean of returns by logarithms."""
    return math.expm1(np.log1p(returns).mean())


def theirs(returns, market, start):
    """Return numbers by empyrical, or by another way than ours: our name -> value."""
    years = empyrical.aggregate_returns(returns, "yearly")
    months = empyrical.aggregate_returns(returns, "monthly")
    market_months = empyrical.aggregate_returns(market, "monthly")
    rose, fell = market_months > 0, market_months < 0
    total = empyrical.cum_returns_final(returns)
    growth = (1 + total) ** (365.25 / (returns.index[-1] - start).days) - 1
    return {
        "total_return": total,
        "cagr": growth,
        "volatility": empyrical.annual_volatility(returns),
        "sharpe": empyrical.sharpe_ratio(returns),
        "sortino": empyrical.sortino_ratio(returns),
        "calmar": growth / -empyrical.max_drawdown(returns),
        "max_drawdown": empyrical.max_drawdown(returns),
        "alpha": empyrical.alpha(returns, market),
        "beta": empyrical.beta(returns, market),
        "information_ratio": empyrical.excess_sharpe(returns, market) * math.sqrt(252),
        "downside_risk": empyrical.downside_risk(returns),
        "value_at_risk": empyrical.value_at_risk(returns),
        "expected_shortfall": empyrical.conditional_value_at_risk(returns),
        "omega": empyrical.omega_ratio(returns),
        "tail_ratio": empyrical.tail_ratio(returns),
        "stability": empyrical.stability_of_timeseries(returns),
        "up_capture": gmean(months[rose]) / gmean(market_months[rose]),
        "down_capture": gmean(months[fell]) / gmean(market_months[fell]),
        "best_month": months.max(),
        "worst_month": months.min(),
        "best_year": years.max(),
        "worst_year": years.min(),
    }


@pytest.mark.parametrize("name", ["flagship", "stocks"])
def test_twenty_metrics_agree_with_empyrical(name, request):
    result = request.getfixturevalue(name)
    returns = result.returns
    market = result.closes["benchmark"].pct_change().iloc[1:]
    ours = {key: values["run"] for key, values in result.metrics.items()}
    ours |= statistics(result.closes["nav"], market.to_numpy())
    expected = theirs(returns, market, result.closes.index[0])
    assert len(expected) >= 20
    for key, value in expected.items():
        assert ours[key] == pytest.approx(value, rel=1e-10, abs=1e-10), key


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["flagship", "stocks"])
def test_metrics_agree_with_quantstats_where_it_defines_the_same(name, request):
    from quantstats import stats

    result = request.getfixturevalue(name)
    returns = result.returns.tz_localize(None)
    market = result.closes["benchmark"].pct_change().iloc[1:].tz_localize(None)
    ours = {key: values["run"] for key, values in result.metrics.items()}
    ours |= statistics(result.closes["nav"], market.to_numpy())
    greeks = stats.greeks(returns, market)
    expected = {
        "total_return": stats.comp(returns),
        "volatility": stats.volatility(returns),
        "sharpe": stats.sharpe(returns),
        "sortino": stats.sortino(returns),
        "max_drawdown": stats.max_drawdown(returns),
        "best_day": stats.best(returns),
        "worst_day": stats.worst(returns),
        "beta": greeks["beta"],
        "omega": stats.omega(returns),
    }
    for key, value in expected.items():
        assert ours[key] == pytest.approx(value, rel=1e-10, abs=1e-10), key


def test_drawdowns_of_a_hand_made_nav():
    nav = np.array([100.0, 90.0, 95.0, 100.0, 120.0, 60.0, 80.0])
    deep, small = drawdowns(nav)
    assert (deep.peak, deep.trough, deep.recovery, deep.depth) == (4, 5, None, -0.5)
    assert (small.peak, small.trough, small.recovery) == (0, 1, 3)
    assert small.depth == pytest.approx(-0.1)
    assert drawdown(nav)[2] == pytest.approx(-0.05)


def test_statistics_of_too_little_are_not_defined():
    index = pd.DatetimeIndex(["2020-01-02", "2020-01-03"], tz="UTC")
    nothing = dict.fromkeys(STATISTICS)
    assert statistics(pd.Series([1.0], index=index[:1]), np.zeros(0)) == nothing
    assert statistics(pd.Series([1.0, -1.0], index=index), np.zeros(1)) == nothing
    flat = statistics(pd.Series([1.0, 1.0], index=index), np.zeros(1))
    assert (
        flat["omega"]
        is flat["kurtosis"]
        is flat["stability"]
        is flat["up_capture"]
        is None
    )


def test_first_month_starts_at_the_first_nav():
    index = pd.DatetimeIndex(["2020-01-31", "2020-02-03", "2020-02-28"], tz="UTC")
    months = period_returns(pd.Series([100.0, 110.0, 121.0], index=index), "M")
    assert months.to_dict() == {pd.Period("2020-02"): pytest.approx(0.21)}


# -- every kind of run -----------------------------------------------------------------------------


@pytest.fixture
def made(tmp_path):
    """Return a function that runs on made-up prices."""
    return partial(play_made, tmp_path)


def test_run_without_trades_says_what_does_not_apply(made):
    found = page_of(made(strategy={"use": "constant", "value": 0.0}))
    assert "Nothing was ever held" in found.missing["weights"]
    assert found.missing["costs"] == "No order was filled: turnover and costs are 0."
    assert "no trade to list" in found.missing["trades"]
    assert "No order was ever placed" in found.missing["achieved"]
    assert found.raw("headline")["Sharpe ratio"][0] is None
    assert "The NAV never fell" in found.text
    assert "daily returns are all the same" in found.text


def test_run_of_one_asset_has_a_page(made):
    found = page_of(made(names=("AAA",)))
    assert list(found.raw("weights")) == ["AAA"]


def test_run_of_one_asset_that_only_falls_has_a_page(made):
    found = page_of(made(names=("AAA",), drift=-0.02))
    assert found.raw("headline")["Total return"][0] < -0.9


def test_account_that_stays_in_cash_has_a_page(run_of_kind):
    # no average of 200 sessions: nothing is eligible
    found = page_of(run_of_kind("untraded"))
    assert (
        found.missing["exposure"]
        == "Nothing was ever held, so gross and net exposure are 0."
    )
    assert {row[6][0] for row in found.tables["decisions"][1:]} == {"not eligible"}


def test_long_and_short_run_draws_shorts_below_zero(run_of_kind):
    result = run_of_kind("shorts")
    assert (result.positions["shares"] < 0).any()
    found = page_of(result)
    assert {row[1][0] for row in found.tables["trades"][1:]} == {"long", "short"}


def test_classic_run_says_that_it_has_no_decisions(run_of_kind):
    found = page_of(run_of_kind("classic"))
    assert "classic mode" in found.missing["decisions"]
    assert "places its own orders" in found.text
    assert len(found.tables["trades"]) > 3


def test_three_months_have_a_page(run_of_kind):
    found = page_of(run_of_kind("quarter"))
    assert "the run has 62 returns" in found.missing["rolling"]
    assert "The one year holds 62 sessions." in found.text
    assert "it moves as that baseline does" in found.text
    assert "No crisis window" in found.missing["crises"]


def test_interest_on_cash_alone_is_no_evidence(run_of_kind):
    found = page_of(run_of_kind("cash"))
    words = "nothing was ever held, and what cash earns is no evidence"
    assert (
        f'<strong class="word not-judged">Not judged</strong>: {words}.' in found.text
    )


@pytest.mark.parametrize("sessions", [2, 3, 8])
def test_few_sessions_have_a_page(made, sessions):
    assert page_of(made(sessions=sessions)).charts >= 1


def test_thirty_years_have_a_page(made):
    found = page_of(made(sessions=30 * 260))
    assert len(found.tables["monthly"]) > 30
    assert len(found.text.encode()) < 2e6


def test_five_hundred_assets_show_the_largest_and_count_the_others(made):
    names = tuple(f"N{number:03}" for number in range(500))
    found = page_of(made(names=names, sessions=300))
    assert "Fractions of NAV by rank of the holding" in found.text
    assert "At the end 500 assets were held, the ten largest made up " in found.text
    assert "480 others between them" in found.raw("contribution")
    assert "20 of 500 assets are shown; all are in positions.parquet." in found.text
    assert "40 of 500 assets are shown; all are in decisions.parquet." in found.text
    assert "200 of 500 trades, the largest gains and losses, are shown" in found.text
    assert len(found.text.encode()) < 5e6


def test_intraday_run_has_a_page_by_session(run_of_kind):
    found = page_of(run_of_kind("intraday"))
    assert found.tables["decisions"][1][0][0].endswith(("16:00", "18:00", "21:00"))


# -- the file --------------------------------------------------------------------------------------


def test_equal_results_give_equal_bytes(flagship, tmp_path):
    (path,) = HtmlReport().write(flagship, tmp_path)
    assert path.name == "report.html"
    assert path.read_bytes() == page_of_run(flagship).encode()


def test_names_are_escaped(made):
    result = made(names=("A<b>", "B&C"))
    assert "A<b>" not in page_of_run(result)
    assert "B&amp;C" in page_of_run(result)


def test_stale_marks_and_notes_stand_at_the_top(made, tmp_path):
    result = made()
    stale = result.positions.assign(
        stale=[True] * 3 + [False] * (len(result.positions) - 3)
    )
    object.__setattr__(result, "positions", stale)
    top = page_of_run(result).split("<main")[0]
    assert "3 marks are at stale prices, because AAA, BBB had no bar then" in top
    assert "price return only" in top


# -- numbers that could mislead --------------------------------------------------------------------


def test_days_with_a_gain_are_counted_over_days_held():
    """Held on the second and third of four days: one gain of two."""
    index = pd.bdate_range("2020-01-01", periods=5)
    nav = pd.Series([100.0, 100.0, 101.0, 100.0, 100.0], index=index)
    closes = pd.DataFrame({"nav": nav, "gross": [0.0, 0.0, 1.0, 0.0, 0.0]})
    held = held_days(closes)
    assert held.tolist() == [False, True, True, False]
    market = np.zeros(4)
    assert statistics(nav, market, held)["positive_days"] == 0.5
    assert statistics(nav, market)["positive_days"] == 0.25


def test_captures_are_the_geometric_means_of_months():
    """Up months of 10 % and 10 %, of which 5 % and 0 % came; one down month, of which half."""
    index = pd.DatetimeIndex(["2020-01-31", "2020-02-28", "2020-03-31", "2020-04-30"])
    market = np.array([0.10, -0.10, 0.10])
    own = np.array([0.05, -0.05, 0.0])
    nav = pd.Series(100 * np.cumprod([1.0, *(1 + own)]), index=index)
    found = statistics(nav, market)
    assert found["up_capture"] == pytest.approx((math.sqrt(1.05) - 1) / 0.10)
    assert found["down_capture"] == pytest.approx(0.5)


def test_a_line_breaks_where_values_are_missing():
    values = np.array([1.0, 2.0, np.nan, np.nan, 3.0, 4.0, np.nan])
    path = line(values, scale_of([values]))
    assert path.count("M") == 2
    assert line(values[:2], scale_of([values])).count("M") == 1


def test_an_axis_reaches_below_the_lowest_value():
    fall = np.array([0.0, -0.16, -0.05])
    scale = reaching(scale_of([fall], zero=True))
    labels = [tick.text for tick in scale.ticks("pct")]
    assert scale.low <= -0.16
    assert labels[0] == "-20%"


def test_the_ends_of_a_histogram_say_what_they_hold(whole):
    assert "&lt; -3.3%" in whole.text
    assert "&gt; 3.3%" in whole.text
    assert "The first bar holds all below -3.3" in whole.text


def test_trades_show_the_prices_of_the_market(stocks):
    found = page_of(stocks)
    head, *rows = found.tables["trades"]
    assert [cell[0] for cell in head[-2:]] == [
        "Market price, first fill",
        "Market price, last fill",
    ]
    fills = stocks.fills[stocks.fills["filled"] != 0.0]
    first = rows[0]
    own = fills[
        (fills["asset"] == first[0][0]) & (fills["time"] == pd.Timestamp(first[2][0]))
    ]
    assert float(first[-2][1]) == pytest.approx(own["market_price"].iloc[-1])
