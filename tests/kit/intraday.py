"""Bars of five minutes on the New York calendar, made in sight: half-days and changes of the clock
are where they were.
"""

from collections.abc import Sequence
from datetime import date

import numpy as np
import pandas as pd

from bt_run import Bars, LoadRequest, Rows, assemble_bars, exchange_sessions
from bt_run.data.calendars import scheduled_closes, scheduled_opens

STEP = np.timedelta64(5, "m")


def ends_of(first: str, last: str) -> np.ndarray:
    """Return the ends of the bars of all sessions from ``first`` to ``last``, UTC."""
    days = np.arange(np.datetime64(first), np.datetime64(last) + 1)
    days = days[np.isin(days, exchange_sessions("XNYS", days[0], days[-1]))]
    opens, closes = scheduled_opens("XNYS", days), scheduled_closes("XNYS", days)
    return np.concatenate(
        [
            np.arange(begin + STEP, end + STEP, STEP)
            for begin, end in zip(opens, closes, strict=True)
        ]
    )


def five_minutes(names: Sequence[str], first: str, last: str, start: str) -> Bars:
    """Return bars whose closes are random walks; the benchmark is the first of them."""
    times = ends_of(first, last)
    rows = {}
    for seed, name in enumerate(names):
        rng = np.random.default_rng(seed)
        close = 50.0 * np.exp(np.cumsum(rng.normal(0.0, 0.001, len(times))))
        rows[name] = Rows(
            times=times.astype("datetime64[ns]"),
            open=close,
            high=close * 1.0005,
            low=close * 0.9995,
            close=close,
            volume=np.full(len(times), 1e5),
        )
    request = LoadRequest(
        assets={name: name for name in names},
        benchmark=(names[0], names[0]),
        start=date.fromisoformat(start),
        end=date.fromisoformat(last),
        calendar="XNYS",
    )
    return assemble_bars(request, rows, rows[names[0]], prices="as_traded")


def local(bars: Bars, t: int) -> str:
    """Return the end of bar ``t`` by the clock of New York."""
    stamp = pd.Timestamp(bars.ends[t], tz="UTC").tz_convert("America/New_York")
    return stamp.strftime("%Y-%m-%d %H:%M")
