"""A run in words: every schedule has its words, and what costs nothing is not spoken of."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from kit.places import EXAMPLES

from bt_run import RunConfig, load_config
from bt_run.config.binding import bind
from bt_run.config.canonical_form import resolved
from bt_run.data.schedule import Schedule
from bt_run.plugins import catalogue, get_plugin_manager
from bt_run.results.description import (
    SCHEDULE_WORDS,
    _interest_text,
    _limits_text,
    component_text,
    cost_text,
    describe_run,
    value_text,
)

PERIOD = "from 2000-01-03 to 2018-12-31"
NO_COSTS = {
    "commission": {
        "bps": 0.0,
        "per_share": 0.0,
        "minimum": 0.0,
        "cap": None,
        "flat": 0.0,
    },
    "slippage": {"bps": 0.0, "impact": 0.0, "lookback": 20, "participation": None},
}


def tree(*overrides: str) -> dict[str, Any]:
    """Return the flagship's resolved configuration, all defaults in it."""
    config: RunConfig = load_config(EXAMPLES / "spy_qqq.yaml", overrides)
    return resolved(config, bind(config, catalogue(get_plugin_manager(config.plugins))))


def test_the_flagship_in_words() -> None:
    found = describe_run(tree())
    assert found.source == "sample (set indices)"
    assert found.symbols == ("SPY = SP500", "QQQ = NASDAQ")
    assert found.limits == "no leverage, no shorts"
    assert found.currency == "USD"
    assert found.decisions(PERIOD) == (
        "SPY, QQQ from 2000-01-03 to 2018-12-31, decided at the first bar of each month: "
        "trend (fast 50, slow 200) says what to hold, inverse_volatility (lookback 63) how much, "
        "and volatility_target (annual 0.1, lookback 63) adjusts that."
    )
    assert found.orders(1e6) == (
        "It starts with USD 1,000,000; orders for total-return units fill at the next bar's close "
        "and pay 1 bp commission and 2 bp slippage; no leverage, no shorts; cash earns nothing. "
        "The benchmark is SPY, the risk-free rate 0."
    )


@pytest.mark.parametrize("schedule", get_args(Schedule))
def test_every_schedule_has_its_words(schedule: Schedule) -> None:
    words = SCHEDULE_WORDS[schedule]
    assert words in describe_run(tree(f"schedule={schedule}")).decisions(PERIOD)
    assert schedule.removesuffix("_end") in words or schedule == "once"


def test_no_words_for_a_schedule_that_does_not_exist() -> None:
    assert set(SCHEDULE_WORDS) == set(get_args(Schedule))


def test_a_year_is_said_like_a_month() -> None:
    words = describe_run(tree("schedule=year")).decisions(PERIOD)
    assert ", decided at the first bar of each year: trend" in words


def test_triggers_and_exits_stand_in_the_sentence() -> None:
    found = describe_run(
        tree(
            "triggers=[{use: drift_bands, total: 0.2}]",
            "exits=[{use: stop_loss, loss: 0.1}, {use: take_profit, gain: 0.5}]",
        )
    )
    assert found.triggers == ("drift_bands (total 0.2)",)
    assert found.decisions(PERIOD).endswith(
        "adjusts that; drift_bands (total 0.2) says whether to trade; between decisions stop_loss "
        "(loss 0.1) or take_profit (gain 0.5) closes a holding."
    )


def test_a_backtrader_strategy_places_its_own_orders() -> None:
    config = tree() | {"strategy": {"use": "crossing", "period": 20}, "sizer": None}
    assert describe_run(config).decisions(PERIOD) == (
        "SPY, QQQ from 2000-01-03 to 2018-12-31: the Backtrader strategy crossing (period 20) "
        "places its own orders."
    )


def test_many_assets_are_counted() -> None:
    config = tree()
    config["data"]["assets"] = {f"N{number}": f"N{number}" for number in range(7)}
    assert describe_run(config).assets == "7 assets (N0, N1, N2, N3 and others)"
    assert describe_run(config).symbols[0] == "N0"
    config["data"]["assets"].pop("N6")
    assert describe_run(config).assets == "N0, N1, N2, N3, N4, N5"


def test_assets_may_be_pairs() -> None:
    config = tree()
    config["data"]["assets"] = [["QQQ", "NASDAQ"], ["SPY", "SPY"]]
    assert describe_run(config).symbols == ("QQQ = NASDAQ", "SPY")


@pytest.mark.parametrize(
    ("cost", "words"),
    [
        (NO_COSTS["commission"], "no"),
        (NO_COSTS["slippage"], "no"),
        (NO_COSTS["commission"] | {"bps": 1.0}, "1 bp"),
        (
            NO_COSTS["commission"] | {"bps": 0.5, "per_share": 0.005},
            "0.5 bp + per share 0.005",
        ),
        (NO_COSTS["slippage"] | {"impact": 0.1}, "impact 0.1 + lookback 20"),
        (None, "no"),
        ("free", "free"),
    ],
)
def test_a_cost_is_what_it_charges(cost: Any, words: str) -> None:
    assert cost_text(cost) == words


def test_real_shares_and_unknown_fills_have_words_too() -> None:
    config = tree("data.adjust=none")
    config["broker"] = {"use": "mine"}
    words = describe_run(config).orders(1e6)
    assert words.startswith(
        "It starts with USD 1,000,000; orders for shares as traded fill at the next bar and pay "
        "no costs; "
    )


def test_money_has_its_currency_where_the_calendar_tells_it() -> None:
    assert describe_run(tree()).money(1e6) == "USD 1,000,000"
    config = tree()
    for calendar, words in {"XPAR": "EUR 5", "XLON": "5", "24/7": "5"}.items():
        config["data"]["calendar"] = calendar
        assert describe_run(config).money(5.0) == words


def test_a_nested_component_reads_like_one_at_the_top() -> None:
    nested = {
        "use": "meta",
        "members": [{"use": "trend", "fast": 5}, {"use": "buy_and_hold"}],
    }
    assert component_text(nested) == "meta (members [trend (fast 5), buy_and_hold])"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (True, "yes"),
        (None, "none"),
        (0.1, "0.1"),
        (3, "3"),
        ({"a": 1, "b": [2]}, "a 1 b [2]"),
    ],
)
def test_a_value_reads_plainly(value: Any, words: str) -> None:
    assert value_text(value) == words


LONG_SHORT = {"gross": 1.5, "net": 1.0, "name": 0.5, "short": True}


@pytest.mark.parametrize(
    ("interest", "limits", "text"),
    [
        (None, {"gross": 1.0, "short": False}, "cash earns nothing"),
        (
            None,
            LONG_SHORT,
            "cash earns nothing, leverage costs nothing, shorts cost nothing",
        ),
        (
            {
                "cash": "fama_french",
                "margin": 0.05,
                "margin_spread": 0.01,
                "borrow": 0.003,
            },
            LONG_SHORT,
            "cash earns fama_french rates, leverage costs 5.00% a year plus 1.00%, shorts cost "
            "0.30% a year",
        ),
        (
            {"cash": {"file": "/a/b/rates.csv", "lag": 1}},
            {"gross": 1.0, "short": False},
            "cash earns the rates of rates.csv",
        ),
    ],
)
def test_what_cash_leverage_and_shorts_cost_is_said(interest, limits, text):
    assert _interest_text(interest, limits) == text


@pytest.mark.parametrize(
    ("limits", "text"),
    [
        (
            LONG_SHORT,
            "gross exposure up to 1.5x, shorts allowed, net exposure up to 100%, "
            "50% a name at most",
        ),
        (
            {"gross": 1.0, "net": 1.0, "name": 1.0, "short": False},
            "no leverage, no shorts",
        ),
        (
            {"gross": None, "net": 0.5, "name": None, "short": True},
            "any leverage, shorts allowed, net exposure up to 50%",
        ),
        ({"gross": 0.8, "net": 1.0}, "gross exposure up to 80%, no shorts"),
    ],
)
def test_limits_read_as_a_reader_would_say_them(
    limits: dict[str, Any], text: str
) -> None:
    assert _limits_text(limits) == text


def test_a_path_is_told_by_its_name_alone():
    source = {"use": "csv", "path": "/home/someone/prices", "prices": "as_traded"}
    assert component_text(source) == "csv (path prices, prices as_traded)"
