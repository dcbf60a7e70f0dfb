"""Contributions and withdrawals, by hand: money comes before the open; returns do not see it."""

import numpy as np
import pandas as pd
import pytest

from bt_run import ConfigError, DataError, RunConfig, run
from bt_run.account.account import Account
from bt_run.account.market import Market
from bt_run.account.performance import track_record
from bt_run.results.metrics import money_weighted
from bt_run.terms import BrokerTerms, Delisting, Flows
from bt_run.testing import MadeCosts, make_bars
from bt_run_plugins.brokers.flows import FlowFile, flow_source, flows_of_sessions
from bt_run_plugins.reports.html.report import HtmlReport

SESSIONS = np.array(
    ["2020-01-02", "2020-01-03", "2020-01-06", "2020-01-06", "2020-01-07"],
    dtype="M8[D]",
)


def written(folder, text):
    (folder / "flows.csv").write_text(text)
    return FlowFile(file=folder / "flows.csv")


def test_money_comes_before_the_first_bar_of_its_session_or_of_the_next(tmp_path):
    text = (
        "date,amount,memo\n2020-01-07,-5\n2020-01-04,10,x\n2020-01-06,1\n2021-01-01,7\n"
    )
    source = flow_source(written(tmp_path, text))
    found = flows_of_sessions(source, SESSIONS)
    assert found.amount.tolist() == [0, 0, 11, 0, -5]
    assert found.notes == (
        "flows.csv: columns that are not read: memo",
        "flows.csv: not read: 1 row after 2020-01-07, the last session",
        "contributions of 11 and withdrawals of 5: growth, returns and drawdowns are "
        "time-weighted, without them",
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("date,money\n2020-01-03,1\n", "found columns date, money; expected amount"),
        (
            "date,amount\n2020-01-03,x\n",
            "column amount holds something that is not a number",
        ),
        ("date,amount\n2020-01-03,\n", "row 1 has no amount; expected money"),
        ("date,amount\n2020-01-03,inf\n", "row 1 has no amount; expected money"),
        ("date,amount\n03/01/2020,1\n", "may begin with the day or the month"),
        ("date,amount\n2020-01-03 10:00,1\n", "row 1 has a time of day"),
    ],
)
def test_what_is_no_flow_is_refused(tmp_path, text, message):
    with pytest.raises(DataError, match=message):
        flow_source(written(tmp_path, text))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(
        DataError, match="no such file of contributions and withdrawals"
    ):
        flow_source(FlowFile(file=tmp_path / "none.csv"))


# -- the account -----------------------------------------------------------------------------------


def account(closes, flows, **terms):
    bars = make_bars({"A": closes})
    own = BrokerTerms(
        cash=1000.0,
        fill="next_close",
        costs=MadeCosts(),
        delisting=Delisting(),
        flows=lambda sessions: Flows(np.array(flows, dtype=float)),
        **terms,
    )
    return Account(Market(bars, own, 1.0, False), bars.start)


def test_an_account_is_richer_by_what_comes_and_no_better():
    one = account([10.0, 10.0, 11.0, 11.0, 22.0], [0, 0, 0, 1100, 0])
    one.order(np.array([1.0]))
    one.advance(3)
    # 100 shares at 10, then 1100 in cash beside them
    assert one.nav.tolist()[:4] == [1000, 1000, 1100, 2200]
    assert (one.cash, one.cash_flows[0].kind) == (1100.0, "external")
    one.order(np.array([1.0]))
    one.advance(4)
    # the order of 200 shares meets twice its price: cash pays for 50 more
    assert one.nav[4] == pytest.approx(3300.0)
    assert one.record(4).tolist() == pytest.approx([1000, 1000, 1100, 1100, 1650])


def test_a_withdrawal_leaves_and_takes_cash_below_zero_until_something_is_sold():
    one = account([10.0, 10.0, 10.0, 10.0], [0, 0, -400, 0])
    one.order(np.array([1.0]))
    one.advance(2)
    assert (one.cash, one.nav[2]) == (-400.0, 600.0)
    one.order(np.array([1.0]))
    one.advance(3)
    assert (one.cash, one.shares[0]) == (0.0, 60.0)
    assert one.record(3).tolist() == [1000] * 4


def test_a_withdrawal_of_more_than_there_is_earns_nothing():
    nav, flows = np.array([100.0, -50.0, -49.0]), np.array([0.0, -150.0, 0.0])
    assert track_record(nav, flows).tolist() == [100.0, 100.0, 100.0]


def test_a_record_chains_returns_that_flows_do_not_enter():
    nav, flows = (
        np.array([100.0, 110.0, 231.0, 115.5]),
        np.array([7.0, 0.0, 100.0, 0.0]),
    )
    assert track_record(nav, flows).tolist() == pytest.approx([100, 110, 121, 60.5])
    assert track_record(nav, None) is nav
    assert track_record(nav, np.zeros(4)) is nav


def test_a_money_weighted_return_is_the_rate_that_makes_the_worth():
    days = np.array(["2020-01-01", "2021-01-01", "2022-01-01"], dtype="M8[D]")
    # 100 for two years and 50 for one at 10 %
    years = (days[-1] - days).astype(float) / 365.25
    worth = 100 * 1.1 ** years[0] + 50 * 1.1 ** years[1]
    assert money_weighted(days, np.array([100.0, 50.0, 0.0]), worth) == pytest.approx(
        0.1
    )
    assert money_weighted(days[1:], np.array([100.0, 0.0]), 90.0) == pytest.approx(
        -0.1, abs=1e-3
    )
    assert money_weighted(days[:1], np.array([100.0]), 100.0) is None  # no time
    assert money_weighted(days, np.array([-100.0, 0.0, 0.0]), 100.0) is None  # no rate


# -- runs ------------------------------------------------------------------------------------------

TEXT = "date,amount\n2005-06-01,500000\n2006-06-01,-200000\n"


def config(folder, text=None, **more):
    broker = {"use": "simulated", "commission": {"bps": 3}}
    if text is not None:
        written(folder, text)
        broker["flows"] = {"file": str(folder / "flows.csv")}
    return RunConfig(
        name="saving",
        data={
            "source": {"use": "sample", "set": "stocks"},
            "assets": ["AAPL", "MSFT", "IBM"],
            "benchmark": "IBM",
            "start": "2005-01-03",
            "end": "2007-12-31",
        },
        strategy="buy_and_hold",
        sizer="equal_weight",
        broker=broker | more.pop("broker", {}),
        **{"schedule": "session"} | more,
    )


def test_a_run_with_flows_has_the_returns_of_one_without(tmp_path):
    plain, saving = run(config(tmp_path)), run(config(tmp_path, TEXT), tmp_path)
    # costs are in proportion, and a contribution waits in cash for the fill of the next day
    apart = (saving.returns - plain.returns).abs()
    assert (apart > 1e-3).sum() <= 4
    assert saving.metrics["sharpe"]["run"] == pytest.approx(
        plain.metrics["sharpe"]["run"], abs=0.02
    )
    assert saving.metrics["total_return"]["run"] == pytest.approx(
        saving.nav["record"].iloc[-1] / 1e6 - 1
    )
    np.testing.assert_allclose(saving.nav["benchmark"], plain.nav["benchmark"])
    flows = saving.cash_flows[saving.cash_flows["kind"] == "external"]
    assert flows["amount"].tolist() == [500000, -200000]
    assert any(
        "growth, returns and drawdowns are time-weighted" in note
        for note in saving.notes
    )
    # equal weight is the same run, and so are its flows
    np.testing.assert_array_equal(saving.nav["equal_weight"], saving.nav["record"])
    own = saving.metrics["money_weighted"]
    assert own["run"] == own["equal_weight"]
    assert abs(own["run"] - saving.metrics["cagr"]["run"]) < 0.1
    assert plain.metrics["money_weighted"]["run"] is None
    assert "record" not in plain.nav


def test_money_from_outside_brings_a_decision(tmp_path):
    result = run(config(tmp_path, TEXT, schedule="once"))
    decided = [f"{day:%Y-%m-%d}" for day in result.decisions["time"].unique()]
    assert decided == ["2005-01-03", "2005-06-01", "2006-06-01"]
    # a withdrawal is owed until the next session's fill and no longer
    debts = result.nav.index[result.nav["cash"] < -1.0]
    assert [f"{day:%Y-%m-%d}" for day in debts] == ["2006-06-01"]
    assert result.nav["gross"].max() < 1.25
    (warned,) = [text for text in result.warnings if "gross exposure was above" in text]
    assert "cash was below 0 at 1 closes from the first withdrawal on" in warned


def test_a_withdrawal_that_takes_all_is_named_as_what_ended_the_run(tmp_path):
    result = run(config(tmp_path, "date,amount\n2005-06-01,-9000000\n"))
    (warned,) = [text for text in result.warnings if text.startswith("ruined")]
    assert "The withdrawal of 9,000,000.00 took more than it was worth" in warned


def test_the_money_weighted_return_discounts_to_the_last_nav(tmp_path):
    result = run(config(tmp_path, TEXT))
    rate = result.metrics["money_weighted"]["run"]
    last = result.nav.index[-1]
    paid = {result.nav.index[0]: 1e6, pd.Timestamp("2005-06-01"): 5e5}
    paid[pd.Timestamp("2006-06-01")] = -2e5
    grown = sum(
        money * (1 + rate) ** ((last - day).days / 365.25)
        for day, money in paid.items()
    )
    assert grown == pytest.approx(result.nav["nav"].iloc[-1])


def test_guards_see_the_record_and_not_the_money(tmp_path):
    guard = [{"use": "drawdown_guard", "steps": [{"depth": 0.1, "exposure": 0.0}]}]
    drained = run(config(tmp_path, "date,amount\n2005-02-01,-500000\n", overlays=guard))
    plain = run(config(tmp_path, overlays=guard))
    first = {
        name: result.decisions.loc[result.decisions["target"] == 0, "time"].min()
        for name, result in (("drained", drained), ("plain", plain))
    }
    assert first["drained"] == first["plain"]


def test_the_page_says_what_came(tmp_path):
    result = run(config(tmp_path, TEXT), tmp_path)
    (page,) = HtmlReport().write(result, tmp_path)
    text = page.read_text(encoding="utf-8")
    assert "Return per year, money-weighted" in text
    assert "Contributions less withdrawals" in text
    plain = run(config(tmp_path), tmp_path)
    (page,) = HtmlReport().write(plain, tmp_path)
    without = page.read_text(encoding="utf-8")
    # the list of definitions has it in every page, the table of numbers only here
    label = "Return per year, money-weighted"
    assert without.count(label) == text.count(label) - 1


def test_money_before_the_start_is_refused(tmp_path):
    with pytest.raises(
        ConfigError, match=r"broker\.flows: some are dated 2005-01-03 or before"
    ):
        run(config(tmp_path, "date,amount\n2005-01-03,1\n"))


def test_the_amounts_are_in_the_id(tmp_path):
    first = run(config(tmp_path, TEXT)).run_id
    assert run(config(tmp_path, TEXT)).run_id == first
    assert run(config(tmp_path, TEXT.replace("500000", "500001"))).run_id != first
