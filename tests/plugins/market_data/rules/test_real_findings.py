"""The rules on 462 real stocks: every defect that is known is found, and good rows of great days
are left alone.
"""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bt_run import exchange_sessions
from bt_run_plugins.market_data.rules.validation import ValidateConfig, validate

SHARED = os.environ.get("BT_RUN_SHARED_DATA")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not SHARED, reason="BT_RUN_SHARED_DATA names no folder of real prices"
    ),
]


@pytest.fixture(scope="module")
def frames():
    table = pd.read_parquet(Path(SHARED) / "us_stocks_1999_2012.parquet")
    table["ticker"] = table["ticker"].astype(str)
    table["date"] = table["date"].dt.as_unit("ns")
    table["volume"] = table["volume"].astype(float)
    return {
        name: rows.drop(columns="ticker").reset_index(drop=True)
        for name, rows in table.groupby("ticker")
    }


@pytest.fixture(scope="module")
def findings(frames):
    return validate(
        frames, dict.fromkeys(frames, "as_traded"), ValidateConfig()
    ).findings


def keys(findings, *rules):
    chosen = findings[findings["rule"].isin(rules)] if rules else findings
    return set(zip(chosen["symbol"], chosen["date"], strict=True))


def test_every_suspect_row_is_an_error_or_warning(findings):
    suspect = pd.read_csv(Path(SHARED) / "suspect_rows.csv", parse_dates=["date"])
    found = keys(findings[findings["severity"] != "info"])
    assert set(zip(suspect["ticker"], suspect["date"], strict=True)) <= found


def test_every_gap_is_found_and_no_other(frames, findings):
    sessions = exchange_sessions(
        "XNYS", np.datetime64("1999-01-01"), np.datetime64("2012-12-31")
    )
    gaps = 0
    for name, rows in frames.items():
        days = rows["date"].to_numpy().astype("datetime64[D]")
        life = sessions[(sessions >= days[0]) & (sessions <= days[-1])]
        missing = np.setdiff1d(life, days)
        gaps += len(missing)
        found = findings[
            (findings["symbol"] == name) & (findings["rule"] == "missing_session")
        ]
        assert found["value"].sum() == len(missing)
        assert set(found["date"].to_numpy().astype("datetime64[D]")) <= set(missing)
    assert gaps == 27


def test_every_zero_volume_day_is_found_and_no_other(frames, findings):
    zero = {
        (name, date)
        for name, rows in frames.items()
        for date in rows.loc[rows["volume"] == 0, "date"]
    }
    assert len(zero) == 184
    assert keys(findings, "zero_volume", "zero_volume_thin") == zero


def test_great_days_and_spin_offs_are_no_errors_or_warnings(findings):
    moves = (
        "bad_tick",
        "split_like",
        "jump",
        "split_not_in_price",
        "dividend_not_in_price",
    )
    found = keys(findings, *moves)
    great = [
        "2001-09-17",
        "2008-09-15",
        "2008-09-29",
        "2008-10-13",
        "2008-10-15",
        "2008-12-01",
        "2009-03-23",
    ]
    assert not {date for _, date in found} & set(pd.to_datetime(great))
    spin_offs = {
        ("MO", "2008-03-31"),
        ("MO", "2007-04-02"),
        ("COP", "2012-05-01"),
        ("MRO", "2011-07-01"),
    }
    spin_offs |= {("CAH", "2009-09-01"), ("MDLZ", "2012-10-02"), ("WMB", "2012-01-03")}
    assert not keys(findings[findings["severity"] != "info"]) & {
        (n, pd.Timestamp(d)) for n, d in spin_offs
    }


def test_clean_tickers_have_few_findings_on_moves_and_actions(findings):
    clean = set(pd.read_csv(Path(SHARED) / "clean_tickers.csv").iloc[:, 0])
    rules = (
        "adj_close_mismatch",
        "dividend_over_price",
        "missing_session",
        "extra_session",
        "split_like",
    )
    own = findings[findings["symbol"].isin(clean) & findings["rule"].isin(rules)]
    assert own["symbol"].nunique() <= 3  # splits without a row that adj_close lacks too


def test_spy_passes_the_strict_profile():
    table = pd.read_parquet(Path(SHARED) / "etf" / "SPY.parquet").reset_index()
    table.columns = [str(name).lower().replace(" ", "_") for name in table.columns]
    table = table.rename(columns={"dividends": "dividend"})
    table["date"] = pd.to_datetime(table["date"]).dt.as_unit("ns")
    numbers = [
        name
        for name in ("open", "high", "low", "close", "adj_close", "volume", "dividend")
        if name in table
    ]
    table = table[["date", *numbers]].astype(dict.fromkeys(numbers, "float64"))
    result = validate(
        {"SPY": table}, {"SPY": "split_adjusted"}, ValidateConfig(profile="strict")
    )
    assert not result.failed
    assert len(result.findings) == 0
