"""Laws that every run obeys, on a market with dividends, splits, a late listing and delistings."""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from kit import market as made

from bt_run import RunConfig, run
from bt_run_plugins.reports.tear_sheet.inputs import pyfolio_input

NAMES = made.NAMES
TABLES = ("nav", "positions", "fills", "decisions", "memos", "cash_flows")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return made.write(made.market(), tmp_path_factory.mktemp("market"))


def config(
    folder, *, adjust="none", assets=None, end="2003-12-31", **changes
) -> RunConfig:
    parts = {
        "strategy": {"use": "trend", "fast": 5, "slow": 30, "short": True},
        "sizer": {"use": "inverse_volatility", "lookback": 20},
        "overlays": [
            {"use": "volatility_target", "annual": 0.15, "lookback": 20},
            {"use": "drawdown_guard", "steps": [{"depth": 0.04, "exposure": 0.5}]},
        ],
        "triggers": [{"use": "drift_bands", "total": 0.02}],
        "schedule": "month_end",
        "limits": {"gross": 1.0, "short": True},
        "broker": {
            "use": "simulated",
            "commission": {"bps": 3},
            "slippage": {"bps": 5},
        },
    } | changes
    closed = {"silent": "close", "haircut": 0.3}
    parts["broker"] = {"delisting": closed} | parts["broker"]
    data = {
        "source": {"use": "parquet", "path": str(folder), "prices": "as_traded"},
        "assets": assets or {name: name for name in NAMES},
        "benchmark": "INDEX",
        "calendar": "24/5",
        "start": "2001-03-05",
        "end": end,
        "adjust": adjust,
    }
    return RunConfig(name="law", data=data, **parts)


WEEKLY = {"schedule": "week", "triggers": []}
EXPENSIVE = {
    "use": "simulated",
    "commission": {"bps": 1, "per_share": 0.005, "minimum": 1, "cap": 0.01, "flat": 2},
    "slippage": {"bps": 2, "half_spread": 0.01, "impact": 0.5, "participation": 0.02},
    "interest": {
        "cash": "fama_french",
        "margin": "fama_french",
        "margin_spread": 0.02,
        "borrow": 0.01,
    },
}


@pytest.mark.parametrize(
    ("adjust", "changes"),
    [
        ("none", WEEKLY),
        ("total_return", WEEKLY),
        (
            "none",
            {
                "schedule": "week_end",
                "limits": {"gross": 1.6, "net": 1.2, "short": True},
            },
        ),
        (
            "none",
            WEEKLY
            | {
                "broker": {
                    "use": "simulated",
                    "fill": "next_close",
                    "unfilled": "wait",
                    "fractional": True,
                }
            },
        ),
        (
            "none",
            WEEKLY
            | {
                "broker": EXPENSIVE,
                "limits": {"gross": 1.5, "net": 1.5, "short": True},
            },
        ),
        (
            "none",
            WEEKLY
            | {"strategy": "buy_and_hold", "sizer": "equal_weight", "overlays": []},
        ),
    ],
)
def test_money_is_conserved(folder, adjust, changes):
    """NAV equals positions plus cash, and cash equals the start cash plus every flow in the
    tables.
    """
    result = run(config(folder, adjust=adjust, **changes))
    nav = result.nav
    held = (
        result.positions.groupby("time")["value"]
        .sum()
        .reindex(nav.index, fill_value=0.0)
    )
    np.testing.assert_allclose(nav["cash"] + held, nav["nav"], rtol=1e-9)
    fills = result.fills[result.fills["filled"] != 0]
    paid = (
        (fills["filled"] * fills["price"] + fills["commission"])
        .groupby(fills["time"])
        .sum()
    )
    got = result.cash_flows.groupby("time")["amount"].sum()
    flows = got.reindex(nav.index, fill_value=0.0) - paid.reindex(
        nav.index, fill_value=0.0
    )
    np.testing.assert_allclose(
        1_000_000 + flows.cumsum(), nav["cash"], rtol=1e-9, atol=1e-9 * 1_000_000
    )
    _, positions, _ = pyfolio_input(result)
    np.testing.assert_allclose(positions.sum(axis=1), nav["nav"], rtol=1e-9)
    assert len(fills) >= 100
    assert (fills["reason"] == "delisted").any() == bool(
        (result.positions["asset"] == "ECHO").any()
    )


def test_the_market_exercises_what_it_should(folder):
    result = run(config(folder, **WEEKLY))
    reasons = set(result.fills["reason"].dropna())
    assert {"delisted", "fraction of a share paid in cash at the split"} <= reasons
    assert (result.positions["shares"] < 0).any()
    assert result.positions["stale"].any()
    assert len(result.cash_flows) > 5
    assert result.memos["memo"].str.contains('"steps": 1').any()


def frame_bytes(frame: pd.DataFrame) -> bytes:
    columns = [frame[name] for name in frame.columns]
    return b"|".join(
        c.to_numpy().tobytes() if c.dtype.kind == "f" else repr(c.tolist()).encode()
        for c in columns
    )


def upto(result, time) -> dict[str, bytes]:
    """Return decisions, memos and fills up to ``time``, to the byte."""
    out = {}
    for name in ("decisions", "memos", "fills"):
        table = getattr(result, name)
        out[name] = frame_bytes(table[table["time"] <= time].reset_index(drop=True))
    return out


@pytest.mark.parametrize("mode", ["cut", "noise"])
@pytest.mark.parametrize("adjust", ["none", "total_return"])
def test_the_future_changes_nothing(folder, tmp_path, mode, adjust):
    """Cut the raw rows after t, or replace them by noise, at 50 dates each: nothing up to t may
    change a bit.
    """
    changes = {
        "triggers": [{"use": "drift_bands", "total": 0.02}],
        "schedule": "month_end",
    }
    whole = run(config(folder, adjust=adjust, **changes))
    assert (whole.fills["filled"] != 0).sum() >= 100
    frames = made.market()
    times = whole.nav.index
    rng = np.random.default_rng(3)
    decided = pd.DatetimeIndex(whole.decisions["time"].unique())
    dates = [
        *rng.choice(times[5:-1], 30, replace=False),
        *rng.choice(decided[2:-1], 20, replace=False),
    ]
    for number, date in enumerate(pd.DatetimeIndex(dates)):
        day = date.tz_localize(None) if date.tz else date
        changed = made.write(
            {
                name: _without_future(name, frame, day, mode, rng)
                for name, frame in frames.items()
            },
            tmp_path / str(number),
        )
        end = str(day.date()) if mode == "cut" else "2003-12-31"
        other = run(config(changed, adjust=adjust, end=end, **changes))
        stamp = pd.Timestamp(day)
        assert upto(other, stamp) == upto(whole, stamp), f"{mode} after {day:%Y-%m-%d}"


def _without_future(name, frame, day, mode, rng):
    past, future = frame[frame["date"] <= day], frame[frame["date"] > day].copy()
    if mode == "cut":
        # a file without a row is refused; one row after the end of the run is never read
        return past if len(past) else future.head(1)
    close = 40 * np.exp(np.cumsum(rng.normal(0, 0.03, len(future))))
    future["close"], future["open"] = (
        close,
        close * rng.uniform(0.97, 1.03, len(future)),
    )
    future["high"], future["low"] = (
        future[["open", "close"]].max(axis=1),
        future[["open", "close"]].min(axis=1),
    )
    future["dividend"] = np.where(rng.random(len(future)) < 0.05, 0.1, 0.0)
    future["split"] = np.where(rng.random(len(future)) < 0.02, 1.1, 1.0)
    kept = (rng.random(len(future)) < 0.9) | (name == "INDEX") | (len(past) == 0)
    return pd.concat([past, future[kept]])


def test_the_order_of_the_assets_changes_no_byte(folder, tmp_path):
    one = run(config(folder, **WEEKLY), tmp_path / "one")
    turned = {name: name for name in reversed(NAMES)}
    other = run(config(folder, assets=turned, **WEEKLY), tmp_path / "other")
    assert one.run_id == other.run_id
    for name in (*[f"{t}.parquet" for t in TABLES], "metrics.json"):
        assert (one.folder / name).read_bytes() == (other.folder / name).read_bytes()


def test_another_process_writes_the_same_bytes(folder, tmp_path):
    one = run(config(folder, **WEEKLY), tmp_path / "one")
    code = (
        "import json, sys; from pathlib import Path; from bt_run import RunConfig, run;"
        "run(RunConfig.model_validate(json.loads(sys.argv[1])), Path(sys.argv[2]))"
    )
    raw = json.dumps(json.loads(config(folder, **WEEKLY).model_dump_json()))
    subprocess.run(
        [sys.executable, "-c", code, raw, str(tmp_path / "other")], check=True
    )
    other = tmp_path / "other" / "law" / one.run_id
    for file in sorted(one.folder.iterdir()):
        assert file.read_bytes() == (other / file.name).read_bytes(), file.name


def test_names_that_sort_the_other_way_give_the_same_fills(folder, tmp_path):
    alias = {f"{len(NAMES) - i}_{name}": name for i, name in enumerate(NAMES)}
    one, other = (
        run(config(folder, **WEEKLY)),
        run(config(folder, assets=alias, **WEEKLY)),
    )
    back = other.fills.assign(asset=other.fills["asset"].map(alias)).sort_values(
        ["time", "asset"], kind="stable"
    )
    forth = one.fills.sort_values(["time", "asset"], kind="stable")
    assert len(back) == len(forth)
    assert back["asset"].tolist() == forth["asset"].tolist()
    for column in ("asked", "filled", "price", "commission"):
        np.testing.assert_allclose(back[column], forth[column], rtol=1e-9)
    np.testing.assert_allclose(one.nav["nav"], other.nav["nav"], rtol=1e-9)


def test_the_close_of_the_fill_bar_never_moves_an_open_fill(folder, tmp_path):
    whole = run(config(folder, **WEEKLY))
    frames = made.market()
    for bar in (60, 200, 420):
        time = whole.fills["time"].iloc[bar]
        changed = {name: frame.copy() for name, frame in frames.items()}
        for frame in changed.values():
            at = frame["date"] == time.tz_localize(None)
            frame.loc[at, "close"] *= 1.05
            frame.loc[at, "high"] *= 1.06
        other = run(config(made.write(changed, tmp_path / str(bar)), **WEEKLY))
        same = [
            r.fills[r.fills["time"] <= time].reset_index(drop=True)
            for r in (whole, other)
        ]
        pd.testing.assert_frame_equal(*same, check_exact=True)


def test_prices_and_cash_times_a_power_of_two_scale_nav_exactly(folder, tmp_path):
    frames = made.market()
    for frame in frames.values():
        frame[["open", "high", "low", "close", "dividend"]] *= 4.0
    one = run(config(folder, adjust="total_return", **WEEKLY))
    broker = {
        "use": "simulated",
        "commission": {"bps": 3},
        "slippage": {"bps": 5},
        "cash": 4_000_000,
    }
    other = run(
        config(
            made.write(frames, tmp_path),
            adjust="total_return",
            **(WEEKLY | {"broker": broker}),
        )
    )
    np.testing.assert_array_equal(one.nav["nav"] * 4, other.nav["nav"])


def test_reinvested_dividends_equal_total_return(folder):
    """Without costs, whole-share rounding or trades between, both ways of adjusting earn the
    same.
    """
    free = {
        "strategy": "buy_and_hold",
        "sizer": "equal_weight",
        "overlays": [],
        "triggers": [],
        "schedule": "once",
    }
    one = {"ALFA": "ALFA"}
    total = run(
        config(
            folder,
            adjust="total_return",
            assets=one,
            broker={"use": "simulated", "fill": "next_close"},
            **free,
        )
    )
    real = run(
        config(
            folder,
            assets=one,
            broker={"use": "simulated", "fill": "next_close", "fractional": True},
            **free,
        )
    )
    frame = made.market()["ALFA"]
    close = pd.Series(frame["close"].to_numpy(), index=pd.DatetimeIndex(frame["date"]))
    units = real.positions["shares"].iloc[0]
    paid = frame.set_index(pd.DatetimeIndex(frame["date"]))["dividend"]
    for time in real.nav.index[2:]:
        before = close[:time].iloc[-2]
        units *= before / (before - paid[time])
    invested = total.nav["nav"].iloc[-1] - total.nav["cash"].iloc[-1]
    assert invested == pytest.approx(units * close.loc[real.nav.index[-1]], rel=1e-9)
