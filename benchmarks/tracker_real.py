"""Follow SPY with 356 real stocks, 2004-11 to 2012, and report the realised tracking error by year.

The prices lie in the folder that ``BT_RUN_SHARED_DATA`` names; nothing of them is kept. The stocks
were chosen in 2021 from those that had survived: survivorship bias flatters the return, and not the
tracking error.
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from bt_run import BacktestResult, RunConfig, run

COLUMNS = ["ticker", "date", "open", "high", "low", "close", "adj_close", "volume"]


def write_table(shared: Path, path: Path) -> list[str]:
    """Write the clean stocks and SPY as one table, and return the stocks' names."""
    names = sorted(pd.read_csv(shared / "clean_tickers.csv")["ticker"].astype(str))
    stocks = pd.read_parquet(shared / "us_stocks_1999_2012.parquet")
    stocks = stocks[stocks["ticker"].isin(names)]
    fund = pd.read_parquet(shared / "etf" / "SPY.parquet").assign(ticker="SPY")
    for table in (stocks, fund):
        table["date"] = pd.to_datetime(table["date"])
    fund = fund[fund["date"] >= stocks["date"].min()]
    pd.concat([stocks[COLUMNS].astype({"ticker": str}), fund[COLUMNS]]).to_parquet(path)
    return names


def follow_spy(shared: Path, folder: Path, **data: str) -> BacktestResult:
    """Run the tracker each month on the last 1,260 sessions, filled at the next open, with
    costs.
    """
    path = folder / "prices.parquet"
    names = write_table(shared, path)
    config = RunConfig.model_validate(
        {
            "name": "track_spy_356",
            "data": {
                "source": {
                    "use": "parquet",
                    "path": str(path),
                    "prices": "split_adjusted",
                },
                "assets": names,
                "benchmark": "SPY",
                "start": "2004-11-10",
                "end": "2012-12-31",
            }
            | data,
            "strategy": "buy_and_hold",
            "sizer": {"use": "qp_tracker", "cap": 0.15, "lookback": 1260},
            "schedule": "month",
            "broker": {
                "use": "simulated",
                "commission": {"bps": 1},
                "slippage": {"bps": 2},
            },
            "reports": ["comparison"],
        }
    )
    return run(config, folder / "runs")


def differences(result: BacktestResult) -> pd.Series[float]:
    """Return d = daily return less the benchmark's."""
    benchmark = result.closes["benchmark"]
    return result.returns - (benchmark / benchmark.shift() - 1.0).iloc[1:]


def tracking_errors(result: BacktestResult) -> pd.Series[float]:
    """Return sqrt(252 mean(d^2)) by calendar year."""
    d = differences(result)
    years = pd.DatetimeIndex(d.index).year
    return np.sqrt(252 * (d**2).groupby(years).mean())


def main() -> None:
    shared = Path(os.environ["BT_RUN_SHARED_DATA"])
    with tempfile.TemporaryDirectory() as folder:
        begun = time.perf_counter()
        result = follow_spy(shared, Path(folder))
        seconds = time.perf_counter() - begun
    d = differences(result)
    print(
        f"\n356 stocks against SPY, {d.index[0]:%Y-%m-%d} to {d.index[-1]:%Y-%m-%d}, monthly, "
        f"{seconds:.1f} s in all"
    )
    print(
        "survivorship bias: the stocks were chosen in 2021; look at the tracking error, not at "
        "the return"
    )
    print(
        "  tracking error by year: "
        + ", ".join(f"{y} {te:.2%}" for y, te in tracking_errors(result).items())
    )
    whole = result.metrics["tracking_error"]["run"]
    print(
        f"  whole run {whole:.2%}; lag-1 autocorrelation of the differences {d.autocorr():.2f}"
    )
    by_month = np.sqrt(
        252 * (d**2).groupby(d.index.strftime("%Y-%m")).mean()
    ).sort_values(ascending=False)
    print(
        "  worst months: "
        + ", ".join(f"{month} {te:.1%}" for month, te in by_month.head(4).items())
    )
    print(
        f"  decisions {result.timings['decisions']:.1f} s for "
        f"{result.decisions['time'].nunique()} months"
    )


if __name__ == "__main__":
    main()
