"""Commission, slippage and interest, each formula against a hand calculation."""

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pytest

from bt_run import BuildContext, ConfigError, DataError, RunConfig
from bt_run.account.account import Account
from bt_run.account.market import Market
from bt_run.backtest.preparing import prepare
from bt_run.testing import make_bars, make_rows
from bt_run_plugins.brokers.costs import (
    Commission,
    Slippage,
    TradingCosts,
    participation,
    square_root_impact,
)
from bt_run_plugins.brokers.rates import (
    RateFile,
    rate_notes,
    rate_of_sessions,
    rate_source,
)
from bt_run_plugins.brokers.simulated import SimulatedConfig, build_broker

NAN = np.nan


@dataclass(frozen=True)
class Calm:
    """A market of known volume and volatility."""

    volume: np.ndarray
    mean: np.ndarray
    sigma: np.ndarray

    def average_volume(self, n):
        return self.mean

    def volatility(self, n):
        return self.sigma


CALM = Calm(np.array([1000.0, 1000.0]), np.array([400.0, NAN]), np.array([0.02, 0.02]))


def fee(shares, price, **commission):
    return (
        TradingCosts(Commission(**commission), Slippage())
        .commission(np.array(shares, float), np.array(price, float))
        .tolist()
    )


def paid(shares, price, **slippage):
    costs = TradingCosts(Commission(), Slippage(**slippage))
    return costs.fill_price(
        np.array(price, float), np.array(shares, float), CALM
    ).tolist()


def test_bps_are_of_the_traded_value():
    assert fee([50, -50, 0], [100, 100, 100], bps=1) == pytest.approx([0.5, 0.5, 0.0])


def test_a_fee_per_share_has_a_minimum_and_a_cap():
    # 0.005 a share, at least 1, at most 1 % of the value
    shares, price = [1000, 100, 10, 0], [20, 20, 2, 20]
    assert fee(shares, price, per_share=0.005, minimum=1.0, cap=0.01) == pytest.approx(
        [5.0, 1.0, 0.2, 0.0]
    )


def test_a_flat_fee_is_per_order():
    assert fee([1, -1000, 0], [100, 100, 100], flat=5.0) == [5.0, 5.0, 0.0]


def test_fees_add_up():
    assert fee([100], [10], bps=10, per_share=0.01, flat=2.0) == pytest.approx(
        [1.0 + 1.0 + 2.0]
    )


def test_bounds_without_a_fee_per_share_are_refused():
    with pytest.raises(
        ValueError,
        match="minimum and cap bound the per-share part, and per_share was 0",
    ):
        Commission(minimum=1.0)


def test_slippage_is_always_against_the_order():
    assert paid([5, -5, 0][:2], [100, 100], bps=2) == pytest.approx([100.02, 99.98])
    assert paid([5, -5], [100, 100], half_spread=0.03) == pytest.approx([100.03, 99.97])
    assert paid([0, 0], [100, 100], bps=50, half_spread=0.03) == [100.0, 100.0]


def test_a_price_never_falls_below_zero():
    assert paid([-5, -5], [0.02, 1.0], half_spread=0.05) == pytest.approx([0.0, 0.95])


def test_impact_grows_with_the_square_root_of_the_share_of_volume():
    # 100 of 400 shares: 1 * 0.02 * sqrt(0.25) = 1 %; the second asset has no average volume yet
    assert paid([100, 100], [50, 50], impact=1.0) == pytest.approx([50.5, 50.0])
    got = square_root_impact(
        np.array([-400.0]), np.array([100.0]), np.array([0.03]), 0.5
    )
    assert got.tolist() == pytest.approx([0.5 * 0.03 * 2.0])


def test_participation_takes_a_fraction_of_the_volume():
    shares, volume = (
        np.array([500.0, -500.0, 30.5, 10.0, 7.0]),
        np.array([1005.0, 1005.0, 100.0, NAN, 0.0]),
    )
    assert participation(shares, volume, 0.1).tolist() == [
        100.5,
        -100.5,
        10.0,
        0.0,
        0.0,
    ]


def test_what_the_volume_does_not_take_waits_for_the_next_bar():
    rows = make_rows([10.0] * 6, volume=[400.0] * 6)
    bars = make_bars({"A": rows}, adjust="none")
    broker = build_broker(
        SimulatedConfig(cash=1000.0, slippage={"participation": 0.1}),
        BuildContext(costs=None),
    )
    account = Account(Market(bars, broker, 1.0, True), 0)
    account.order(np.array([0.9]))
    account.advance(4)
    # 90 shares, 40 a bar
    assert [(r.bar, r.asked[0], r.filled[0], r.reason[0]) for r in account.fills] == [
        (1, 90.0, 40.0, "volume: the rest waits"),
        (2, 50.0, 40.0, "volume: the rest waits"),
        (3, 10.0, 10.0, None),
    ]
    assert account.shares[0] == 90.0


def test_the_next_decision_replaces_what_still_waits():
    bars = make_bars({"A": make_rows([10.0] * 6, volume=[400.0] * 6)}, adjust="none")
    broker = build_broker(
        SimulatedConfig(cash=1000.0, slippage={"participation": 0.1}),
        BuildContext(costs=None),
    )
    account = Account(Market(bars, broker, 1.0, True), 0)
    account.order(np.array([0.9]))
    account.advance(1)
    account.order(np.array([0.2]))
    account.advance(5)
    assert account.shares[0] == 20.0


def test_conditions_end_before_the_fill():
    from bt_run.account.market import AtBar

    bars = make_bars({"A": make_rows([10, 11, 10, 11, 99], volume=[1, 2, 3, 4, 500])})
    now = AtBar(bars, 4)
    assert now.volume[0] == 500.0
    assert now.average_volume(3)[0] == 3.0
    assert now.volatility(3)[0] == pytest.approx(np.std([0.1, 10 / 11 - 1, 0.1]))
    assert np.isnan(AtBar(bars, 0).average_volume(3)[0])


def run_with(
    broker,
    prices,
    adjust="total_return",
    strategy="buy_and_hold",
    sizer="equal_weight",
    plugins=(),
):
    data = {
        "source": {"use": "csv", "path": str(prices), "prices": "as_traded"},
        "assets": ["A"],
        "benchmark": "A",
        "calendar": "24/5",
        "start": "2020-01-02",
        "end": "2020-12-31",
        "adjust": adjust,
    }
    given = {
        "name": "t",
        "data": data,
        "strategy": strategy,
        "sizer": sizer,
        "plugins": list(plugins),
    }
    return RunConfig(**given, broker={"use": "simulated", **broker})


@pytest.fixture
def prices(tmp_path):
    folder = tmp_path / "prices"
    folder.mkdir()
    lines = [f"2020-01-{day:02d},10,10,10,10,1000,0" for day in (1, 2, 3, 6, 7, 8)]
    (folder / "A.csv").write_text(
        "date,open,high,low,close,volume,dividend\n" + "\n".join(lines)
    )
    return folder


@pytest.mark.parametrize(
    "broker", [{"commission": {"per_share": 0.01}}, {"slippage": {"half_spread": 0.01}}]
)
def test_money_per_share_needs_real_shares(prices, broker):
    with pytest.raises(
        ConfigError,
        match=r"is money per share, but `adjust: total_return` trades units",
    ):
        prepare(run_with(broker, prices))
    prepare(run_with(broker, prices, adjust="none"))


@pytest.mark.parametrize(
    ("broker", "key"),
    [
        ({"slippage": {"participation": 0.1}}, "slippage.participation"),
        ({"slippage": {"impact": 0.1}}, "slippage.impact"),
        ({"interest": {"cash": 0.02}}, "interest"),
    ],
)
def test_classic_mode_refuses_what_is_not_applied_there(prices, tmp_path, broker, key):
    plugin = tmp_path / "classic.py"
    plugin.write_text(
        "import backtrader as bt\nfrom bt_run import Component, hookimpl\n"
        "class Idle(bt.Strategy):\n    pass\n"
        "@hookimpl\ndef bt_strategies():\n    return [Component.from_backtrader(Idle, "
        "name='idle')]\n"
    )
    config = run_with(broker, prices, strategy="idle", sizer=None, plugins=[plugin])
    with pytest.raises(
        ConfigError,
        match=f"broker: {key} is not applied to the orders that a Backtrader strategy",
    ):
        prepare(config)


# -- interest --------------------------------------------------------------------------------------


def account(bars, interest, cash=1000.0, gross=1.0):
    broker = build_broker(
        SimulatedConfig(cash=cash, interest=interest), BuildContext(costs=None)
    )
    return Account(Market(bars, broker, gross, False), 0)


def test_cash_earns_its_rate_by_calendar_days():
    bars = make_bars({"A": [10.0] * 4})  # Wednesday 1 January to Monday 6 January 2020
    one = account(bars, {"cash": 0.365})
    one.advance(3)
    # one day, one day, three days over the weekend; 0.1 % a day
    assert one.nav.tolist() == pytest.approx(
        [1000, 1001, 1001 * 1.001, 1001 * 1.001 * 1.003]
    )
    assert [flow.kind for flow in one.cash_flows] == ["interest"] * 3


def test_leverage_pays_the_margin_rate_and_its_spread():
    bars = make_bars({"A": [10.0] * 3})
    one = account(bars, {"margin": 0.3, "margin_spread": 0.065}, gross=1.5)
    one.order(np.array([1.5]))
    one.advance(2)
    assert one.cash == pytest.approx(-500 - 0.5)
    assert one.cash_flows[-1].kind == "margin interest"


def test_shorts_pay_the_borrow_fee_on_their_value():
    bars = make_bars({"A": [10.0] * 3})
    one = account(bars, {"borrow": 0.365})
    one.order(np.array([-0.5]))
    one.advance(2)
    assert one.nav[2] == pytest.approx(1000 - 0.5)
    assert (one.cash_flows[-1].kind, one.cash_flows[-1].assets[0]) == ("borrow fee", 0)


def test_intraday_bars_of_one_session_bear_no_interest_between_them():
    from bt_run.data.assembly import Rows, assemble_bars
    from bt_run.data.bars import LoadRequest

    times = np.array(
        ["2020-01-02T14:35", "2020-01-02T21:00", "2020-01-03T14:35"],
        dtype="datetime64[ns]",
    )
    rows = Rows(times=times, close=np.ones(3))
    request = LoadRequest(
        assets={"A": "A"},
        benchmark=("A", "A"),
        start=dt.date(2020, 1, 2),
        end=dt.date(2020, 1, 3),
    )
    one = account(assemble_bars(request, {"A": rows}, rows), {"cash": 0.365})
    one.advance(2)
    assert one.nav.tolist() == pytest.approx([1000, 1000, 1001])


def days(*texts):
    return np.array(texts, dtype="datetime64[D]")


def test_a_rate_is_known_a_lag_of_sessions_after_its_date(tmp_path):
    path = tmp_path / "rates.csv"
    path.write_text("date,rate\n2019-12-30,0.01\n2020-01-03,0.02\n")
    sessions = days("2020-01-02", "2020-01-03", "2020-01-06", "2020-01-07")
    source = rate_source(RateFile(file=path, lag=1))
    assert rate_of_sessions(source, sessions).tolist() == [0.01, 0.01, 0.02, 0.02]
    assert rate_of_sessions(
        rate_source(RateFile(file=path, lag=0)), sessions
    ).tolist() == [
        0.01,
        0.02,
        0.02,
        0.02,
    ]


def test_the_bill_rate_of_fama_and_french_is_yearly():
    source = rate_source("fama_french")
    got = rate_of_sessions(source, days("1926-07-15", "2000-01-03", "2018-11-30"))
    assert got.tolist() == pytest.approx([12 * 0.0022, 12 * 0.0041, 12 * 0.0018])


def test_a_rate_that_is_not_known_yet_is_refused(tmp_path):
    path = tmp_path / "rates.csv"
    path.write_text("date,rate\n2020-01-03,0.02\n")
    with pytest.raises(
        DataError,
        match=r"the first rate is of 2020-01-03; expected one that is known at 2020-01-03",
    ):
        rate_of_sessions(rate_source(RateFile(file=path)), days("2020-01-03"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("date,yield\n2020-01-03,1\n", "found columns date, yield; expected rate"),
        ("date,rate\n2020-01-03,much\n", "a row holds no rate"),
        (
            "date,rate\n2020-01-03,1\n2020-01-02,1\n",
            "rising dates, and a rate in each row",
        ),
        ("date,rate\n2020-01-03,\n", "rising dates, and a rate in each row"),
        ("date,rate\n", "expected at least one row"),
    ],
)
def test_a_file_of_rates_that_cannot_be_right_is_refused(tmp_path, text, message):
    path = tmp_path / "rates.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=message):
        rate_source(RateFile(file=path))


def test_a_missing_file_of_rates_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"none.csv: no such file of interest rates"):
        rate_source(RateFile(file=tmp_path / "none.csv"))
    with pytest.raises(DataError, match=r"cannot be read: Is a directory"):
        rate_source(RateFile(file=tmp_path))


def test_a_missing_package_of_rates_is_refused(monkeypatch):
    from bt_run import libraries

    monkeypatch.setattr(libraries, "find_spec", lambda name: None)
    with pytest.raises(
        ConfigError, match=r"needs arch, not installed: pip install 'bt-run'"
    ):
        rate_source("fama_french")


def test_the_content_of_the_rates_is_part_of_the_data(prices, tmp_path):
    path = tmp_path / "rates.csv"
    seen = set()
    for rate in (0.01, 0.02):
        path.write_text(f"date,rate\n2019-12-03,{rate}\n")
        seen.add(
            prepare(
                run_with({"interest": {"cash": {"file": str(path)}}}, prices)
            ).fingerprint
        )
    seen.add(prepare(run_with({}, prices)).fingerprint)
    assert len(seen) == 3


def test_a_bare_number_is_no_commission():
    with pytest.raises(
        ValueError, match=r"found 0.001; write \{bps: 10\} for 0.001 of the"
    ):
        Commission.model_validate(0.001)


# -- rates that grow old ---------------------------------------------------------------------------


def monthly(tmp_path, until="2020-06"):
    file = tmp_path / "rates.csv"
    months = np.arange("2019-01", until, dtype="M8[M]").astype("M8[D]")
    file.write_text("date,rate\n" + "".join(f"{month},0.02\n" for month in months))
    return RateFile(file=file, lag=0)


def test_a_rate_older_than_its_own_step_is_told(tmp_path):
    source = rate_source(monthly(tmp_path))
    assert rate_notes(source, days("2020-05-29", "2020-06-01")) == ()
    (note,) = rate_notes(source, days("2020-05-29", "2020-06-02", "2020-06-03"))
    assert note == (
        f"interest rate {source.name}: at 2 sessions, the first 2020-06-02, the newest row is "
        "older than the 31 days between its rows"
    )


def test_a_rate_that_ended_long_ago_is_refused(tmp_path):
    source = rate_source(monthly(tmp_path))
    with pytest.raises(DataError) as caught:
        rate_notes(source, days("2020-05-29", "2021-12-31"))
    assert str(caught.value) == (
        f"interest rate {source.name}: its newest row at 2021-12-31 is of 2020-05-01, and its rows "
        "are 31 days apart; expected a rate that goes on: end the run earlier, give a file of "
        "rates that reaches so far, or a number"
    )


def test_the_rate_that_ships_is_refused_after_its_end():
    with pytest.raises(
        DataError, match="interest rate fama_french: its newest row at 2021-12-31"
    ):
        rate_notes(rate_source("fama_french"), days("2020-12-31", "2021-12-31"))


def test_a_number_and_the_changes_of_a_policy_rate_never_grow_old(tmp_path):
    assert rate_notes(rate_source(0.03), days("2021-12-31")) == ()
    file = tmp_path / "policy.csv"
    file.write_text(
        "date,rate\n2007-09-18,0.0475\n2008-12-16,0.0025\n2015-12-17,0.005\n"
    )
    assert (
        rate_notes(rate_source(RateFile(file=file)), days("2010-01-04", "2020-01-02"))
        == ()
    )


def test_a_note_on_rates_stands_beside_those_on_the_data(tmp_path):
    terms = build_broker(
        SimulatedConfig(
            interest={"cash": monthly(tmp_path), "margin": monthly(tmp_path)}
        ),
        BuildContext(costs=None),
    )
    assert len(terms.rates(days("2020-05-29", "2020-06-10")).notes) == 1


def test_dates_of_rates_are_never_guessed(tmp_path):
    file = tmp_path / "rates.csv"
    file.write_text("date,rate\n03/01/2020,0.02\n06/01/2020,0.03\n")
    with pytest.raises(
        DataError, match="write `dates: dayfirst` or `dates: monthfirst`"
    ):
        rate_source(RateFile(file=file))
    source = rate_source(RateFile(file=file, dates="dayfirst"))
    assert source.days.astype(str).tolist() == ["2020-01-03", "2020-01-06"]


def test_columns_of_a_file_of_rates_that_are_not_read_are_told(tmp_path):
    file = tmp_path / "rates.csv"
    file.write_text("date,rate,bid\n2020-01-02,0.02,0.01\n2020-01-03,0.02,0.01\n")
    assert rate_notes(rate_source(RateFile(file=file)), days("2020-01-03")) == (
        "interest rate rates.csv: columns that are not read: bid",
    )


@pytest.mark.parametrize("rate", ["-1", "-1.5", "-100"])
def test_a_rate_in_a_file_that_takes_all_is_refused(tmp_path, rate):
    path = tmp_path / "rates.csv"
    path.write_text(f"date,rate\n2020-01-02,0.01\n2020-01-03,{rate}\n")
    words = f"the rate of 2020-01-03 was {rate}; expected a yearly fraction above -1"
    with pytest.raises(DataError, match=words):
        rate_source(RateFile(file=path))


def test_a_negative_rate_in_a_file_is_a_rate(tmp_path):
    path = tmp_path / "rates.csv"
    path.write_text("date,rate\n2020-01-02,-0.0075\n")
    assert rate_source(RateFile(file=path)).rates.tolist() == [-0.0075]
