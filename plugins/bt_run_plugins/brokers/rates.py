"""Interest rates: a constant, a file, or the risk-free rate that ships inside arch."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field

from bt_run import (
    Array,
    Config,
    DataError,
    DateForm,
    YearlyRate,
    csv_table,
    overdue,
    usual_step,
    whole_days,
    written_times,
)
from bt_run.arrays import Times
from bt_run.text import listed
from bt_run_plugins.sources.sample_series import macro_series

LONGEST_LAG = 2_520  # sessions: ten years


class RateFile(Config):
    """A csv file of yearly rates with columns date and rate."""

    file: Path = Field(
        description="csv with columns date and rate, the rate a yearly fraction"
    )
    lag: int = Field(
        default=1,
        ge=0,
        le=LONGEST_LAG,
        description="sessions from a row's date until the rate is known",
    )
    dates: DateForm = None


LONGEST_SILENCE = 3  # steps; a series that is silent for longer has ended

RateConfig = YearlyRate | Literal["fama_french"] | RateFile


@dataclass(frozen=True)
class RateSource:
    """Yearly rates (n,) and the days from which they are known, rising; ``lag`` sessions are to be
    added. ``unread`` names the columns of its file that nobody reads.
    """

    days: Times
    rates: Array
    lag: int
    name: str
    fingerprint: str
    unread: tuple[str, ...] = ()


def rate_source(rate: RateConfig) -> RateSource:
    """Read what a configured rate names.

    Raises:
        DataError: the file is missing or holds something that is not a rate.
    """
    if rate == "fama_french":
        return _fama_french()
    if isinstance(rate, RateFile):
        return _from_file(rate)
    return RateSource(
        days=np.array(["0001-01-01"], dtype="datetime64[D]"),
        rates=np.array([float(rate)]),
        lag=0,
        name="constant",
        fingerprint="",
    )


def rate_of_sessions(source: RateSource, sessions: Times) -> Array:
    """Return the newest rate known at each session's close, (T,): that of a row dated at least
    ``lag`` sessions ago.

    Raises:
        DataError: no rate is known yet at the first session.
    """
    dated = _sessions_before(sessions, source.lag)
    row = np.searchsorted(source.days, dated, side="right") - 1
    if row[0] < 0:
        raise DataError(
            f"interest rate {source.name}: the first rate is of {source.days[0]}; "
            f"expected one that is known at {sessions[0]}"
        )
    return np.asarray(source.rates[row])


def rate_notes(source: RateSource, sessions: Times) -> tuple[str, ...]:
    """Return notes on columns that are not read, and on sessions at which the newest rate is older
    than its series' own step.

    Raises:
        DataError: the series ended more than three steps before the last session.
    """
    unread: tuple[str, ...] = ()
    if source.unread:
        columns = listed(source.unread, most=8)
        unread = (f"interest rate {source.name}: columns that are not read: {columns}",)
    old = overdue(source.days, sessions, source.lag)
    if not old.any():
        return unread
    last = sessions[-1]
    newest = source.days[source.days <= last][-1]
    step = usual_step(source.days)
    if overdue(source.days, sessions[-1:], source.lag, steps=LONGEST_SILENCE)[0]:
        raise DataError(
            f"interest rate {source.name}: its newest row at {last} is of {newest}, and its rows "
            f"are {step} days apart; expected a rate that goes on: end the run earlier, give a "
            "file of rates that reaches so far, or a number"
        )
    first = sessions[old][0]
    return (
        *unread,
        f"interest rate {source.name}: at {int(old.sum())} sessions, the first {first}, the newest "
        f"row is older than the {step} days between its rows",
    )


def _sessions_before(sessions: Times, lag: int) -> Times:
    """Return the session that lies ``lag`` sessions before each, (T,)."""
    days = np.unique(sessions)
    place = np.searchsorted(days, sessions)
    known = place >= lag
    dated = np.full(len(sessions), np.datetime64("0000-01-01", "D"))
    dated[known] = days[place[known] - lag]
    # before the first of the bars there are no sessions to count back: count weekdays
    dated[~known] = np.busday_offset(sessions[~known], -lag, roll="backward")
    return dated


def _fama_french() -> RateSource:
    """Read the one-month Treasury bill rate of Fama and French, percent per month.

    The bill's return over a month is known when the month begins, so that month's rate counts from
    its first day.
    """
    times, percent = macro_series("RF")
    days = times.astype("datetime64[D]")
    monthly = percent / 100.0
    content = monthly.tobytes() + days.astype(np.int64).tobytes()
    return RateSource(
        days=days,
        rates=monthly * 12.0,
        lag=0,
        name="fama_french",
        fingerprint=hashlib.sha256(content).hexdigest(),
    )


def _from_file(config: RateFile) -> RateSource:
    file = config.file
    if not file.exists():
        raise DataError(f"{file}: no such file of interest rates")
    try:
        content = file.read_bytes()
    except OSError as error:
        raise DataError(f"{file}: cannot be read: {error.strerror}") from error
    days, rates, unread = _read_rates(config)
    rising = (np.diff(days).astype(np.int64) > 0).all()
    if not len(days) or not np.isfinite(rates).all() or not rising:
        raise DataError(
            f"{file}: expected at least one row, rising dates, and a rate in each row"
        )
    _refuse_total_loss(file, days, rates)
    return RateSource(
        days=days,
        rates=rates,
        lag=config.lag,
        name=file.name,
        fingerprint=hashlib.sha256(content).hexdigest(),
        unread=unread,
    )


def _refuse_total_loss(file: Path, days: Times, rates: Array) -> None:
    below = np.flatnonzero(rates <= -1.0)
    if len(below):
        first = below[0]
        raise DataError(
            f"{file}: the rate of {days[first]} was {rates[first]:g}; expected a yearly fraction "
            "above -1, such as 0.045 for 4.5 %"
        )


def _read_rates(config: RateFile) -> tuple[Times, Array, tuple[str, ...]]:
    file = config.file
    table = csv_table(file, missing=("", "nan", "NaN", "null", "NA"))
    if missing := {"date", "rate"} - set(table.columns):
        raise DataError(
            f"{file}: found columns {', '.join(table.columns)}; expected "
            f"{' and '.join(sorted(missing))}"
        )
    where = f"{file}: column date"
    days = whole_days(where, written_times(where, table["date"], config.dates))
    try:
        rates = table["rate"].to_numpy(dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"{file}: a row holds no rate: {error}") from error
    unread = tuple(str(name) for name in table.columns if name not in ("date", "rate"))
    return days, rates, unread
