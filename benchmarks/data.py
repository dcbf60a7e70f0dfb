"""Measure the checks of market data on 462 real stocks: seconds, what is found, and how often it is
right.

Run with BT_RUN_SHARED_DATA naming the folder of prices. ``checked_findings.csv`` holds 100 findings
that were looked at one by one: drawn with pandas ``sample(random_state=20121)`` per rule from all
errors and warnings, seven or all there were of the small rules, 14, 14, 12, 8 and 6 of one_price,
range_spike, repeated_session, zero_volume and missing_session. Precision is right / (right +
wrong); "unsure" counts for neither, and as wrong in the figure beside.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from bt_run import LoadRequest, exchange_sessions
from bt_run_plugins.market_data.cleaning import CleanConfig, clean
from bt_run_plugins.market_data.report.report import write_report
from bt_run_plugins.market_data.rules.validation import (
    ValidateConfig,
    count_findings,
    validate,
)

CHECKED = Path(__file__).with_name("checked_findings.csv")
STOCKS = 300


def read_frames(path: Path) -> dict[str, pd.DataFrame]:
    table = pd.read_parquet(path)
    table["ticker"] = table["ticker"].astype(str)
    table["date"] = table["date"].dt.as_unit("ns")
    table["volume"] = table["volume"].astype(float)
    return {
        str(name): rows.drop(columns="ticker").reset_index(drop=True)
        for name, rows in table.groupby("ticker", sort=True)
    }


def keys(findings: pd.DataFrame) -> set[tuple[str, pd.Timestamp]]:
    return set(zip(findings["symbol"], findings["date"], strict=True))


def told(
    what: str,
    wanted: set[tuple[str, pd.Timestamp]],
    found: set[tuple[str, pd.Timestamp]],
) -> None:
    print(
        f"  {what:18} {len(wanted & found):4} of {len(wanted):4} found, {len(found - wanted):4} "
        "others named so"
    )


def recall(
    frames: Mapping[str, pd.DataFrame], findings: pd.DataFrame, folder: Path
) -> None:
    print("\nknown defects")
    suspect = pd.read_csv(folder / "suspect_rows.csv", parse_dates=["date"])
    wanted = set(zip(suspect["ticker"], suspect["date"], strict=True))
    found = keys(findings[findings["severity"] != "info"])
    print(
        f"  {'suspect rows':18} {len(wanted & found):4} of {len(wanted):4} found, as errors or "
        "warnings"
    )
    zero = {
        (name, day)
        for name, rows in frames.items()
        for day in rows.loc[rows["volume"] == 0, "date"]
    }
    told(
        "zero-volume days",
        zero,
        keys(findings[findings["rule"].isin(["zero_volume", "zero_volume_thin"])]),
    )
    sessions = exchange_sessions(
        "XNYS", np.datetime64("1999-01-01"), np.datetime64("2012-12-31")
    ).astype("datetime64[ns]")
    absent = set()
    for name, rows in frames.items():
        days = rows["date"].to_numpy()
        life = sessions[(sessions >= days[0]) & (sessions <= days[-1])]
        absent |= {(name, pd.Timestamp(day)) for day in np.setdiff1d(life, days)}
    named = set()
    for row in findings[findings["rule"] == "missing_session"].itertuples():
        first = int(np.searchsorted(sessions, row.date.to_datetime64()))
        named |= {
            (row.symbol, pd.Timestamp(day))
            for day in sessions[first : first + int(row.value)]
        }
    told("missing sessions", absent, named)


def precision(findings: pd.DataFrame) -> None:
    checked = pd.read_csv(CHECKED, parse_dates=["date"], keep_default_na=False)
    still = checked.merge(findings, on=["symbol", "date", "rule"])
    population = findings["rule"].value_counts()
    print(
        f"\nprecision: {len(checked)} errors and warnings looked at by hand, {len(still)} of them "
        "still found"
    )
    print(
        f"  {'rule':24} {'right':>5} {'wrong':>5} {'unsure':>6} {'of':>5} {'precision':>10} "
        f"{'unsure as wrong':>16}"
    )
    weighted = total = 0.0
    groups = [(str(rule), rows["verdict"]) for rule, rows in checked.groupby("rule")]
    for rule, verdicts in [*groups, ("all", checked["verdict"])]:
        right, wrong, unsure = (
            int((verdicts == name).sum()) for name in ("right", "wrong", "unsure")
        )
        size = int(population.get(rule, 0))
        count = f"{size:5}" if rule != "all" else "     "
        print(
            f"  {rule:24} {right:5} {wrong:5} {unsure:6} {count} "
            f"{right / max(1, right + wrong):10.0%} "
            f"{right / len(verdicts):16.0%}"
        )
        weighted += size * right / len(verdicts)
        total += size
    print(
        f"  by how many findings each rule has, unsure as wrong: {weighted / total:.1%}"
    )


def pipeline(table: Path, names: list[str]) -> None:
    try:
        from bt_run_plugins.market_data.fetching.importing import bring
        from bt_run_plugins.market_data.processing import process
        from bt_run_plugins.market_data.sources import StoreConfig, StoreSource
        from bt_run_plugins.market_data.store.manifest import Key
        from bt_run_plugins.market_data.store.store import Store
    except ImportError as error:
        print(f"\nthe store is not there: {error}")
        return
    print(f"\n{len(names)} stocks through the store")
    with tempfile.TemporaryDirectory() as folder:
        store, seconds = Store.at(Path(folder)), {}
        begun = time.perf_counter()
        brought = bring(store, str(table), names, prices="as_traded")
        seconds["import"] = time.perf_counter() - begun
        begun = time.perf_counter()
        process(
            store,
            [Key("import", name) for name in names],
            CleanConfig(),
            ValidateConfig(),
        )
        seconds["clean and validate"] = time.perf_counter() - begun
        request = LoadRequest(
            assets={name: name for name in names},
            benchmark=(names[0], names[0]),
            start=date(2000, 1, 3),
            end=date(2012, 12, 31),
        )
        begun = time.perf_counter()
        bars = StoreSource(StoreConfig(store=Path(folder))).load(request)
        seconds["load as bars"] = time.perf_counter() - begun
    for what, taken in seconds.items():
        print(f"  {what:20} {taken:6.2f} s")
    print(
        f"  {'together':20} {sum(seconds.values()):6.2f} s for "
        f"{sum(item.rows for item in brought):,} rows, "
        f"{len(bars.assets)} assets x {len(bars)} sessions"
    )


def main() -> None:
    if not os.environ.get("BT_RUN_SHARED_DATA"):
        print(
            "market data: BT_RUN_SHARED_DATA names no folder of prices; nothing was measured"
        )
        return
    folder = Path(os.environ["BT_RUN_SHARED_DATA"])
    table = folder / "us_stocks_1999_2012.parquet"
    frames = read_frames(table)
    rows = sum(map(len, frames.values()))
    begun = time.perf_counter()
    cleaned = clean(frames, CleanConfig())
    cleaning = time.perf_counter() - begun
    begun = time.perf_counter()
    result = validate(
        cleaned.frames, dict.fromkeys(frames, "as_traded"), ValidateConfig()
    )
    validating = time.perf_counter() - begun
    with tempfile.TemporaryDirectory() as name:
        begun = time.perf_counter()
        facts = {"title": "stocks", "failed": result.failed}
        page = write_report(
            Path(name) / "data.html",
            cleaned.frames,
            result.findings,
            cleaned.log,
            facts,
        )
        writing, size = time.perf_counter() - begun, page.stat().st_size / 1e6
    print(f"market data: {len(frames)} stocks, {rows:,} rows")
    print(
        f"  clean {cleaning:.2f} s, validate {validating:.2f} s, page {writing:.2f} s ({size:.2f} "
        "MB)"
    )
    print("\nfindings per rule")
    for row in count_findings(result.findings).itertuples():
        print(
            f"  {row.rule:24} {row.severity:8} {row.findings:5} in {row.symbols:4} symbols"
        )
    recall(frames, result.findings, folder)
    precision(result.findings)
    names = [name for name in frames if name not in set(result.failures["symbol"])]
    pipeline(table, names[:STOCKS])


if __name__ == "__main__":
    main()
