"""The metrics against hand calculations and a second method."""

import json
import math

import numpy as np
import pandas as pd
import pytest

from bt_run.results.metric_definitions import COLUMNS, DEFINITIONS
from bt_run.results.metrics import compute_metrics, session_closes

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
TRADING = [
    "turnover_one_way",
    "turnover_two_way",
    "commission",
    "slippage",
    "costs",
    "costs_bps",
    "fills",
]


def nav_table(navs, benchmark=None, index=None, sessions=None):
    """Return a NAV table whose baselines are the benchmark, or the run itself where none is
    given.
    """
    navs = np.asarray(navs, dtype=float)
    other = navs if benchmark is None else np.asarray(benchmark, dtype=float)
    if index is None:
        index = pd.bdate_range("2020-01-02", periods=len(navs), tz="UTC")
    index = pd.DatetimeIndex(index, name="time")
    sessions = index.normalize() if sessions is None else sessions
    columns = {"session": sessions, "nav": navs, "cash": 0.0, "gross": 1.0, "net": 0.5}
    columns |= {"benchmark": other, "equal_weight": other, "constant_mix": other}
    return pd.DataFrame(columns, index=index)


def fills_table(rows=()):
    """Return a table of fills from (time, filled, price, commission, slippage)."""
    full = [
        (pd.NaT, time, "A", filled, filled, *money, None)
        for time, filled, *money in rows
    ]
    return pd.DataFrame(full, columns=FILLS).astype(
        dict.fromkeys(("asked", "filled", "price", "commission", "slippage"), float)
    )


def metrics(table, fills=None, risk_free=0.0):
    fills = fills_table() if fills is None else fills
    return compute_metrics(
        table, dict.fromkeys(("run", "equal_weight", "constant_mix"), fills), risk_free
    )


@pytest.fixture
def walk():
    """Return 600 daily returns of a run and of the benchmark."""
    draws = np.random.default_rng(3).normal(0.0004, 0.01, (600, 2))
    return 0.6 * draws[:, 1] + 0.5 * draws[:, 0], draws[:, 1]


def to_nav(returns):
    return 1e6 * np.concatenate([[1.0], np.cumprod(1.0 + returns)])


def test_small_series_agrees_with_a_hand_calculation():
    found = metrics(nav_table([100.0, 110.0, 99.0, 108.9]))
    run = {name: values["run"] for name, values in found.items()}
    assert run["total_return"] == pytest.approx(0.089)
    assert run["max_drawdown"] == pytest.approx(-0.1)
    assert (run["best_day"], run["worst_day"]) == pytest.approx((0.1, -0.1))
    # returns .1 -.1 .1: mean 1/30, sum of squares .03 - 3/900 over 2
    deviation = math.sqrt((0.03 - 3 / 900) / 2)
    assert run["volatility"] == pytest.approx(deviation * math.sqrt(252))
    assert run["sharpe"] == pytest.approx(1 / 30 / deviation * math.sqrt(252))
    assert run["sortino"] == pytest.approx(
        1 / 30 / math.sqrt(0.01 / 3) * math.sqrt(252)
    )
    assert run["sessions"] == 3
    assert run["years"] == pytest.approx(5 / 365.25)  # Thursday to Tuesday
    assert (run["average_gross"], run["average_net"]) == (1.0, 0.5)


def test_long_series_agrees_with_numpy(walk):
    returns, market = walk
    found = metrics(nav_table(to_nav(returns), to_nav(market)), risk_free=0.03)
    run = {name: values["run"] for name, values in found.items()}
    rate = 1.03 ** (1 / 252) - 1
    excess = returns - rate
    beta = np.cov(returns, market, ddof=1)[0, 1] / np.var(market, ddof=1)
    active = returns - market
    path = to_nav(returns)
    expected = {
        # 601 weekdays are 840 days
        "cagr": (path[-1] / path[0]) ** (365.25 / 840) - 1,
        "volatility": np.std(returns, ddof=1) * np.sqrt(252),
        "sharpe": excess.mean() / excess.std(ddof=1) * np.sqrt(252),
        "sortino": excess.mean()
        * 252
        / np.sqrt(252 * np.mean(np.minimum(excess, 0) ** 2)),
        "max_drawdown": (path / np.maximum.accumulate(path) - 1).min(),
        "skew": np.mean((returns - returns.mean()) ** 3) / np.std(returns) ** 3,
        "beta": beta,
        "alpha": (1 + excess.mean() - beta * (market.mean() - rate)) ** 252 - 1,
        "correlation": beta * np.std(market) / np.std(returns),
        "tracking_error": np.sqrt(252) * np.linalg.norm(active) / np.sqrt(600),
        "information_ratio": active.mean() / active.std(ddof=1) * np.sqrt(252),
    }
    assert {name: run[name] for name in expected} == pytest.approx(expected, rel=1e-9)


def test_benchmark_beside_itself_has_beta_one_and_no_tracking_error(walk):
    found = metrics(nav_table(to_nav(walk[0]), to_nav(walk[1])))
    benchmark = {name: values["benchmark"] for name, values in found.items()}
    assert benchmark["beta"] == pytest.approx(1.0)
    assert benchmark["correlation"] == pytest.approx(1.0)
    assert benchmark["alpha"] == pytest.approx(0.0, abs=1e-12)
    assert benchmark["tracking_error"] == 0.0
    assert benchmark["information_ratio"] is None
    assert all(benchmark[name] is None for name in TRADING)


def test_tracking_error_keeps_the_mean_of_a_constant_lag():
    market = np.tile([0.01, -0.005], 50)
    found = metrics(nav_table(to_nav(market - 0.0001), to_nav(market)))
    assert found["tracking_error"]["run"] == pytest.approx(
        0.0001 * math.sqrt(252), rel=1e-6
    )
    assert found["information_ratio"]["run"] is None


def test_turnover_takes_the_price_without_slippage_and_the_nav_before_the_fill():
    quarters = ["2020-01-02", "2020-05-01", "2020-09-01", "2021-01-04"]
    table = nav_table(
        [1000.0, 1000.0, 2000.0, 2000.0], index=pd.DatetimeIndex(quarters, tz="UTC")
    )
    bought = (table.index[1], 50.0, 10.1, 1.0, 5.0)  # 50 x 10.00 and 5.00 of slippage
    sold = (table.index[3], -50.0, 19.8, 2.0, 10.0)  # 50 x 20.00 less 10.00
    unfilled = (table.index[2], 0.0, 20.0, 0.0, 0.0)
    found = metrics(table, fills_table([bought, unfilled, sold]))
    run = {name: values["run"] for name, values in found.items()}
    years = 368 / 365.25
    assert run["turnover_two_way"] == pytest.approx((500 / 1000 + 1000 / 2000) / years)
    assert run["turnover_one_way"] == pytest.approx(run["turnover_two_way"] / 2)
    assert (run["commission"], run["slippage"], run["costs"]) == (3.0, 15.0, 18.0)
    assert run["costs_bps"] == pytest.approx(18 / years / (5000 / 3) * 1e4)
    assert run["fills"] == 2.0


def test_run_without_trades_has_no_turnover_and_no_costs():
    found = metrics(nav_table([100.0, 101.0] * 150))
    assert {name: found[name]["run"] for name in TRADING} == dict.fromkeys(TRADING, 0.0)


@pytest.mark.parametrize(("sessions", "is_a_year"), [(240, False), (255, True)])
def test_nothing_is_extrapolated_to_a_year_from_less_than_about_one(
    sessions, is_a_year
):
    index = pd.bdate_range("2021-01-04", periods=sessions, tz="UTC")
    found = metrics(nav_table([100.0, 101.0, 99.0] * (sessions // 3), index=index))
    of_a_year = ["cagr", "calmar", "alpha", "turnover_one_way", "turnover_two_way"]
    for name in [*of_a_year, "costs_bps"]:
        assert (found[name]["run"] is not None) == is_a_year, name
    assert found["volatility"]["run"] is not None


def years_of(index, growth=1.1):
    """Return the growth per year of a NAV that grows steadily over the sessions of ``index``."""
    navs = np.geomspace(100.0, 100.0 * growth, len(index))
    return {
        name: values["run"]
        for name, values in metrics(nav_table(navs, index=index)).items()
    }


@pytest.mark.parametrize(
    "index",
    [
        pd.date_range("2023-01-01", "2024-01-01", tz="UTC"),  # every day
        pd.bdate_range("2023-01-02", "2024-01-01", tz="UTC"),
        pd.date_range("2023-01-02", "2024-01-01", freq="7D", tz="UTC"),
        pd.date_range("2023-01-01", "2024-01-01", freq="MS", tz="UTC"),
        pd.DatetimeIndex(
            ["2023-01-02", "2023-01-03", "2023-12-28", "2024-01-02"], tz="UTC"
        ),
    ],
)
def test_a_year_is_a_year_of_the_calendar_whatever_the_bars(index):
    assert years_of(index)["cagr"] == pytest.approx(0.10, abs=0.001)


@pytest.mark.parametrize(
    ("index", "per_year"),
    [
        (pd.date_range("2023-01-01", "2024-01-01", tz="UTC"), 365),
        (pd.bdate_range("2023-01-02", "2024-01-01", tz="UTC"), 252),
        (pd.date_range("2023-01-02", "2024-01-01", freq="7D", tz="UTC"), 52),
        (pd.date_range("2023-01-01", "2025-01-01", freq="MS", tz="UTC"), 12),
    ],
)
def test_volatility_counts_the_sessions_that_a_year_has(index, per_year):
    rng = np.random.default_rng(1)
    navs = 100.0 * np.cumprod(1 + rng.normal(0, 0.01, len(index)))
    returns = navs[1:] / navs[:-1] - 1
    found = metrics(nav_table(navs, index=index))
    expected = returns.std(ddof=1) * math.sqrt(per_year)
    assert found["volatility"]["run"] == pytest.approx(expected)


def test_constant_nav_leaves_ratios_undefined():
    found = metrics(nav_table([100.0] * 300))
    run = {name: values["run"] for name, values in found.items()}
    undefined = [
        "sharpe",
        "sortino",
        "calmar",
        "skew",
        "beta",
        "alpha",
        "correlation",
        "information_ratio",
    ]
    assert {name: run[name] for name in undefined} == dict.fromkeys(undefined)
    zero = [
        "total_return",
        "cagr",
        "volatility",
        "max_drawdown",
        "best_day",
        "tracking_error",
    ]
    assert {name: run[name] for name in zero} == dict.fromkeys(zero, 0.0)


def test_constant_growth_has_no_sharpe_ratio_from_rounding():
    found = metrics(nav_table(100.0 * 1.001 ** np.arange(50)))
    assert found["sharpe"]["run"] is None
    assert found["calmar"]["run"] is None
    assert found["total_return"]["run"] == pytest.approx(1.001**49 - 1)


def test_two_rows_define_what_one_return_can():
    found = metrics(nav_table([100.0, 102.0]))
    assert found["total_return"]["run"] == pytest.approx(0.02)
    assert found["best_day"]["run"] == found["worst_day"]["run"] == pytest.approx(0.02)
    for name in ("volatility", "sharpe", "sortino", "skew", "beta", "alpha"):
        assert found[name]["run"] is None


def test_one_row_defines_no_return():
    table = nav_table([100.0])
    found = metrics(table, fills_table([(table.index[0], 1.0, 10.0, 1.0, 0.5)]))
    defined = {name for name, values in found.items() if values["run"] is not None}
    assert defined == {"sessions", "years", "commission", "slippage", "costs", "fills"}
    assert found["sessions"]["run"] == 0.0


def test_ruin_has_a_total_return_but_no_growth_rate():
    found = metrics(nav_table([100.0, 50.0, -10.0], benchmark=[100.0, 101.0, 102.0]))
    assert found["total_return"]["run"] == pytest.approx(-1.1)
    assert found["cagr"]["run"] is None
    assert found["calmar"]["run"] is None


def test_baseline_with_a_missing_value_is_undefined():
    table = nav_table([100.0, 101.0, 103.0])
    table.loc[table.index[1], "constant_mix"] = np.nan
    found = metrics(table)
    assert found["total_return"]["constant_mix"] is None
    assert found["total_return"]["run"] == pytest.approx(0.03)


def test_every_metric_is_defined_and_written_as_json(walk):
    for table in (
        nav_table(to_nav(walk[0]), to_nav(walk[1])),
        nav_table([1.0] * 3),
        nav_table([1.0]),
    ):
        found = metrics(table)
        assert list(found) == list(DEFINITIONS)
        assert all(list(values) == list(COLUMNS) for values in found.values())
        json.dumps(found, allow_nan=False)


def test_intraday_rows_give_one_return_per_session():
    days = pd.DatetimeIndex(["2020-03-05", "2020-03-06", "2020-03-09"])
    index = [day + pd.Timedelta(hours=h) for day in days for h in (15.5, 18, 21)]
    intraday = nav_table(range(100, 109), index=pd.DatetimeIndex(index, tz="UTC"))
    assert session_closes(intraday)["nav"].tolist() == [100.0, 102.0, 105.0, 108.0]
    dates = ["2020-03-04", *days]
    assert session_closes(intraday).index.equals(
        pd.DatetimeIndex(dates, tz="UTC", name="time")
    )
    found = metrics(intraday)
    assert found["sessions"]["run"] == 3.0
    assert found["total_return"]["run"] == pytest.approx(0.08)


def test_a_start_at_the_close_of_its_session_is_that_close():
    days = pd.DatetimeIndex(["2020-03-05", "2020-03-06"])
    index = [days[0] + pd.Timedelta(hours=21), days[1] + pd.Timedelta(hours=18)]
    table = nav_table([100, 101], index=pd.DatetimeIndex(index, tz="UTC"))
    assert session_closes(table)["nav"].tolist() == [100.0, 101.0]


def test_a_close_belongs_to_the_session_that_its_row_names():
    """After-hours to 20:00 in New York end at 01:00 UTC of the day after."""
    sessions = pd.DatetimeIndex(["2020-01-09", "2020-01-10"], tz="UTC")
    ends = [day + pd.Timedelta(hours=hour) for day in sessions for hour in (15, 21, 25)]
    table = nav_table(range(100, 106), index=ends, sessions=sessions.repeat(3))
    closes = session_closes(table)
    assert closes["nav"].tolist() == [100.0, 102.0, 105.0]
    assert closes.index[1:].equals(sessions.rename("time"))
    assert "session" not in closes
