"""Measure the page of a run: its size, and the seconds to draw it, for the flagship, beside the
page of QuantStats, and for 500 assets x 20 years.

Run by ``make bench``. Times are this machine's, now.
"""

from __future__ import annotations

import logging
import tempfile
import time
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd

from bt_run import BacktestResult, load_config, run, write_report
from bt_run.config.run_config import RunConfig

EXAMPLE = Path(__file__).resolve().parent.parent / "examples" / "spy_qqq.yaml"
ASSETS, SESSIONS = 500, 5040
TURNS = 3


def large(folder: Path) -> BacktestResult:
    """Run a trend strategy on random walks of 500 assets over 20 years."""
    rng = np.random.default_rng(1)
    dates = pd.bdate_range("1999-01-04", periods=SESSIONS + 250)
    steps = rng.normal(0.0003, 0.015, (len(dates), ASSETS))
    close = 50 * np.exp(np.cumsum(steps, axis=0))
    names = [f"N{number:03}" for number in range(ASSETS)]
    frame = (
        pd.DataFrame(close, index=dates, columns=names)
        .rename_axis("date")
        .melt(ignore_index=False, var_name="ticker", value_name="close")
    )
    frame.reset_index().to_parquet(folder / "prices.parquet")
    config = {
        "name": "large",
        "data": {
            "source": {"use": "parquet", "path": str(folder / "prices.parquet")},
            "assets": names,
            "benchmark": names[0],
            "start": dates[250].date(),
            "end": dates[-1].date(),
            "calendar": "24/5",
        },
        "strategy": "trend",
        "sizer": "equal_weight",
        "schedule": "month",
        "broker": {"use": "simulated", "fill": "next_close", "commission": {"bps": 1}},
    }
    return run(RunConfig.model_validate(config))


def measure(result: BacktestResult, folder: Path, aim: tuple[float, float]) -> None:
    begun = time.perf_counter()
    (path,) = write_report(result, "html", folder)
    seconds, size = time.perf_counter() - begun, path.stat().st_size / 1e6
    sessions = len(result.closes)
    print(
        f"  {result.config.name:10} {len(result.config.data.assets):4} assets x {sessions:5} "
        "sessions  "
        f"{size:6.2f} MB (under {aim[0]:g} is the aim)  {seconds:6.2f} s (under {aim[1]:g})"
    )


def beside_quantstats(result: BacktestResult, folder: Path) -> None:
    """Print how long the page takes beside that of QuantStats for the same returns, in turn."""
    if find_spec("quantstats") is None:
        print("  QuantStats is not installed, so nothing stands beside it")
        return
    own, other = [], []
    for _ in range(TURNS):
        result.derived.clear()  # the verdict is part of the page
        own.append(seconds_of(lambda: write_report(result, "html", folder)))
        other.append(seconds_of(lambda: theirs(result, folder / "theirs.html")))
    print(
        f"  {result.config.name:10} the page {min(own):.2f} s, that of QuantStats "
        f"{min(other):.2f} s, the best of {TURNS} each in turn: {min(other) / min(own):.1f} times "
        "as long"
    )


def theirs(result: BacktestResult, path: Path) -> None:
    """Write QuantStats' page."""
    import quantstats

    closes = result.closes
    closes.index = closes.index.tz_localize(None)
    returns = closes[["nav", "benchmark"]].pct_change().iloc[1:]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)
        quantstats.reports.html(
            returns["nav"],
            returns["benchmark"],
            output=str(path),
            title=result.config.name,
        )


def seconds_of(act: Callable[[], object]) -> float:
    begun = time.perf_counter()
    act()
    return time.perf_counter() - begun


def main() -> None:
    print("\nthe page of a run")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        flagship = run(load_config(EXAMPLE), reports=False)
        measure(flagship, folder / "flagship", (0.5, 0.6))
        beside_quantstats(flagship, folder / "flagship")
        measure(large(folder), folder / "large", (1, 15))


if __name__ == "__main__":
    main()
