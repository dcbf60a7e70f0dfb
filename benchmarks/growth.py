"""Measure how time and memory grow with assets and sessions, and files with fills; print tables.

Called by ``benchmarks/engine.py`` at the end of ``make bench``. Each figure is of a fresh process.
An exponent is the slope of the logarithm of what lies above the floor, the smallest size, over the
three largest sizes, by least squares.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
ASSETS, SESSIONS = (10, 30, 100, 300, 1000, 3000), (250, 1000, 2520, 5040, 10_000)
OTHER_SESSIONS, OTHER_ASSETS = 1260, 100
SCHEDULES = ("month", "week", "session")
MONTH = 21


def exponent(sizes: Sequence[float], values: Sequence[float]) -> float:
    """Return the slope of log(value - floor) over log(size) of the three largest sizes."""
    above = np.array(values[-3:]) - values[0]
    if (above <= 0.0).any():
        return float("nan")
    return float(np.polyfit(np.log(sizes[-3:]), np.log(above), 1)[0])


def write_prices(assets: int, bars: int, path: str) -> None:
    """Write a random walk of so many ``assets`` and ``bars``."""
    rng = np.random.default_rng(1)
    close = 50 * np.exp(np.cumsum(rng.normal(0, 0.015, (bars, assets)), axis=0))
    first = close * np.exp(rng.normal(0, 0.005, close.shape))
    times = np.busday_offset("1980-01-01", np.arange(bars), roll="forward")
    np.savez(
        path,
        times=times.astype("datetime64[ns]"),
        open=first,
        high=np.maximum(first, close),
        low=np.minimum(first, close),
        close=close,
        volume=np.full(close.shape, 1e6),
        due=np.arange(bars) % MONTH == 0,
    )


def measured(assets: int, bars: int) -> dict[str, float]:
    """Return seconds and memory (MB) from bars to ledger, both baselines and tables."""
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/prices.npz"
        sizes = [str(assets), str(bars)]
        subprocess.run([sys.executable, __file__, "--prices", *sizes, path], check=True)
        contender = str(ROOT / "benchmarks" / "contenders.py")
        done = subprocess.run(
            [sys.executable, contender, "bt_run_tables", path, "3"],
            capture_output=True,
            text=True,
            check=True,
        )
    found: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def growth_table(sizes: Sequence[tuple[int, int]], by: int) -> Iterator[str]:
    """Yield the table of sizes (assets, sessions), and the exponents in the one of the two."""
    yield "| assets | sessions | seconds | memory MB | OHLCV MB |"
    yield "|---:|---:|---:|---:|---:|"
    seconds, memory = [], []
    for assets, bars in sizes:
        found = measured(assets, bars)
        seconds.append(found["seconds"])
        memory.append(found["memory"])
        arrays = 5 * 8 * assets * bars / 2**20
        yield (
            f"| {assets:,} | {bars:,} | {seconds[-1]:.3f} | {memory[-1]:,.0f} | {arrays:,.1f} |"
        )
    grown = [size[by] for size in sizes]
    yield ""
    yield (
        f"Exponents above the floor: time {exponent(grown, seconds):.2f}, memory "
        f"{exponent(grown, memory):.2f}."
    )
    yield ""


def file_table() -> Iterator[str]:
    """Yield the size of a run's folder and page over the number of its fills."""
    import pandas as pd

    from bt_run import run_prices

    rng = np.random.default_rng(1)
    close = 50 * np.exp(np.cumsum(rng.normal(0, 0.015, (OTHER_SESSIONS, 20)), axis=0))
    days = pd.bdate_range("2000-01-03", periods=OTHER_SESSIONS)
    frame = pd.DataFrame(close, index=days, columns=[f"A{i:02d}" for i in range(20)])
    yield "| decisions | fills | folder kB | page kB |"
    yield "|---|---:|---:|---:|"
    counts, folders, pages = [], [], []
    for schedule in SCHEDULES:
        with tempfile.TemporaryDirectory() as out:
            result = run_prices(
                frame,
                strategy="buy_and_hold",
                sizer="equal_weight",
                settings={
                    "schedule": schedule,
                    "data.calendar": "24/5",
                    "data.benchmark": "A00",
                    "broker.fill": "next_close",
                    "reports": ["html"],
                },
                out=out,
            )
            assert result.folder is not None
            tables = sum(
                path.stat().st_size for path in result.folder.glob("*.parquet")
            )
            page = sum(path.stat().st_size for path in result.reports)
        counts.append(len(result.fills))
        folders.append(tables / 1024)
        pages.append(page / 1024)
        yield f"| each {schedule} | {counts[-1]:,} | {folders[-1]:,.0f} | {pages[-1]:,.0f} |"
    yield ""
    slopes = [
        np.polyfit(np.log(counts), np.log(sizes), 1)[0] for sizes in (folders, pages)
    ]
    yield f"Exponents in the number of fills: folder {slopes[0]:.2f}, page {slopes[1]:.2f}."
    yield ""


def main() -> None:
    if "--prices" in sys.argv:
        assets, bars, path = sys.argv[-3:]
        write_prices(int(assets), int(bars), path)
        return
    print("## How it grows\n")
    print(
        "Monthly, from bars in memory to ledger, both baselines and tables; each line a process of "
        "its own.\n"
    )
    for line in growth_table([(n, OTHER_SESSIONS) for n in ASSETS], by=0):
        print(line, flush=True)
    for line in growth_table([(OTHER_ASSETS, t) for t in SESSIONS], by=1):
        print(line, flush=True)
    print(f"Files of 20 assets over {OTHER_SESSIONS:,} sessions.\n")
    for line in file_table():
        print(line, flush=True)


if __name__ == "__main__":
    main()
