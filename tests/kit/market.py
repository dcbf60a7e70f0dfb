"""A small market with everything ugly in it: dividends, splits, late listing, delistings, missing
sessions.
"""

from pathlib import Path

import numpy as np
import pandas as pd

DAYS = 260 * 3
NAMES = ("ALFA", "BRAVO", "CHARLIE", "DELTA", "ECHO", "FOXTROT")


def market() -> dict[str, pd.DataFrame]:
    """Make as-traded rows of six stocks and an index over three years of weekdays."""
    rng = np.random.default_rng(11)
    dates = pd.bdate_range("2001-01-01", periods=DAYS)
    out = {}
    for place, name in enumerate((*NAMES, "INDEX")):
        drift = 0.0004 * (place - 2)
        close = 40 * np.exp(np.cumsum(rng.normal(drift, 0.018, DAYS)))
        opens = close * np.exp(rng.normal(0, 0.006, DAYS))
        frame = pd.DataFrame(
            {
                "date": dates,
                "open": opens,
                "high": np.maximum(opens, close) * 1.004,
                "low": np.minimum(opens, close) * 0.996,
                "close": close,
                "volume": rng.integers(10_000, 90_000, DAYS).astype(float),
                "dividend": 0.0,
                "split": 1.0,
            }
        )
        out[name] = frame
    for name in ("ALFA", "BRAVO"):
        out[name].loc[50::63, "dividend"] = 0.35
    _split(out["BRAVO"], 400, 2.0)
    _split(out["CHARLIE"], 555, 1.5)
    out["DELTA"] = out["DELTA"].iloc[300:]  # listed late
    out["ECHO"] = out["ECHO"].iloc[:610]  # delisted, and nobody says so
    out["FOXTROT"] = out["FOXTROT"].drop(index=[120, 121, 340, 500])  # misses sessions
    return {name: frame.reset_index(drop=True) for name, frame in out.items()}


def _split(frame: pd.DataFrame, row: int, ratio: float) -> None:
    prices = ["open", "high", "low", "close"]
    frame.loc[row:, prices] = frame.loc[row:, prices] / ratio
    frame.loc[row, "split"] = ratio


def write(frames: dict[str, pd.DataFrame], folder: Path) -> Path:
    """Write a parquet file for each symbol."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, frame in frames.items():
        frame.to_parquet(folder / f"{name}.parquet")
    return folder
