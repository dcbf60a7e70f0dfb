"""Interest rates: a constant, a file, or the risk-free rate that ships inside arch."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from bt_run import Array, Config, DataError
from bt_run_plugins.sources.sample_series import macro_series


class RateFile(Config):
    """Name a csv file of yearly rates with columns date and rate."""

    file: Path = Field(description="csv with columns date and rate, the rate a yearly fraction")
    lag: int = Field(
        default=1, ge=0, description="sessions from a row's date until the rate is known"
    )


RateConfig = float | Literal["fama_french"] | RateFile


@dataclass(frozen=True)
class RateSource:
    """Hold yearly rates (n,) and the days from which they are known, rising; ``lag`` sessions are
    to be added.
    """

    days: NDArray[np.datetime64]
    rates: Array
    lag: int
    name: str
    fingerprint: str


def rate_source(rate: RateConfig) -> RateSource:
    """Read what a configured rate names.

    Raises:
        DataError: the file is missing or holds something that is not a rate.
    """
    if rate == "fama_french":
        return _fama_french()
    if isinstance(rate, RateFile):
        return _from_file(rate)
    always = np.array(["0001-01-01"], dtype="datetime64[D]")
    return RateSource(always, np.array([float(rate)]), 0, "constant", "")


def rate_of_sessions(source: RateSource, sessions: NDArray[np.datetime64]) -> Array:
    """Return the newest rate known at each session's close, (T,): that of a row dated at least
    ``lag`` sessions ago.

    Raises:
        DataError: no rate is known yet at the first session.
    """
    days = np.unique(sessions)
    place = np.searchsorted(days, sessions)
    dated = np.full(len(sessions), np.datetime64("0000-01-01", "D"))
    known = place >= source.lag
    dated[known] = days[place[known] - source.lag]
    # before the first of the bars there are no sessions to count back: count weekdays
    dated[~known] = np.busday_offset(sessions[~known], -source.lag, roll="backward")
    row = np.searchsorted(source.days, dated, side="right") - 1
    if row[0] < 0:
        raise DataError(
            f"interest rate {source.name}: the first rate is of {source.days[0]}; "
            f"expected one that is known at {sessions[0]}"
        )
    return np.asarray(source.rates[row])


def _fama_french() -> RateSource:
    """Read the one-month Treasury bill rate of Fama and French, percent per month.

    The bill's return over a month is known when the month begins, so that month's rate counts from
    its first day.
    """
    times, percent = macro_series("RF")
    days, monthly = times.astype("datetime64[D]"), percent / 100.0
    content = hashlib.sha256(monthly.tobytes() + days.astype(np.int64).tobytes()).hexdigest()
    return RateSource(days, monthly * 12.0, 0, "fama_french", content)


def _from_file(config: RateFile) -> RateSource:
    import pandas as pd

    if not config.file.exists():
        raise DataError(f"{config.file}: no such file of interest rates")
    content = config.file.read_bytes()
    table = pd.read_csv(config.file)
    if missing := {"date", "rate"} - set(table.columns):
        raise DataError(
            f"{config.file}: found columns {', '.join(table.columns)}; expected "
            f"{' and '.join(sorted(missing))}"
        )
    try:
        days = pd.to_datetime(table["date"]).to_numpy().astype("datetime64[D]")
        rates = table["rate"].to_numpy(dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"{config.file}: a row holds no date or no rate: {error}") from error
    if not len(days) or not np.isfinite(rates).all() or (np.diff(days).astype(np.int64) <= 0).any():
        raise DataError(
            f"{config.file}: expected at least one row, rising dates, and a rate in each row"
        )
    return RateSource(
        days, rates, config.lag, str(config.file), hashlib.sha256(content).hexdigest()
    )
