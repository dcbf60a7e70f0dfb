"""Dates and times as files write them, read in one way or refused: their order is never guessed."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import available_timezones

import numpy as np
from pydantic import AfterValidator, Field

from bt_run.arrays import Mask, Times
from bt_run.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "DateForm",
    "TimeZone",
    "WrittenTimes",
    "utc_times",
    "whole_days",
    "written_times",
]

ORDERS = ("dayfirst", "monthfirst", "iso")
# counts since the start of 1970, in UTC, by what they count
EPOCHS = MappingProxyType(
    {"epoch_s": "s", "epoch_ms": "ms", "epoch_us": "us", "epoch_ns": "ns"}
)
FORMS = "dayfirst, monthfirst, iso, epoch_s, epoch_ms, or a format such as %d.%m.%y"
ISO = "ISO8601"  # year, month, day, by pandas' own parser
_YEAR_FIRST = r"\d{4}([-/.]?)\d{1,2}\1\d{1,2}(?!\d).*"
_YEAR_LAST = r"(\d{1,2})([-/. ])(\d{1,2})\2(\d{4})(?!\d)(.*)"
_OFFSET = r"\s*(?:Z|[+-]\d{2}:?\d{2})$"
_PER_SECOND = MappingProxyType({"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9})
_RECENT = (3e8, 4e9)  # seconds: 1979 to 2096
_FAR_SECONDS = 8e9  # some 250 years on either side of 1970
_UNITS = MappingProxyType(
    {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}
)
_NAMED_MONTH = r".*[A-Za-z]{3}.*"


@dataclass(frozen=True)
class WrittenTimes:
    """Times (n,), datetime64[ns].

    Attributes:
        clock: as the clock of the file shows them.
        utc: in UTC; None where the file writes no offset.
    """

    clock: Times
    utc: Times | None

    @property
    def whole_days(self) -> bool:
        """Tell whether every row is midnight by the file's own clock, and so stands for a day."""
        return bool((self.clock == self.clock.astype("datetime64[D]")).all())


def _known_form(form: str | None) -> str | None:
    known = form is None or form in ORDERS or form in EPOCHS
    if not known and "%" not in str(form):
        raise ValueError(f"found {form!r}; expected {FORMS}")
    return form


DateForm = Annotated[
    str | None,
    AfterValidator(_known_form),
    Field(
        description="how the file writes dates, where that cannot be seen: dayfirst, monthfirst, "
        "iso, a format such as %d.%m.%y, or the seconds (epoch_s), milli-, micro- or nanoseconds "
        "(epoch_ms, epoch_us, epoch_ns) since 1970 in UTC"
    ),
]


def _known_zone(name: str | None) -> str | None:
    if name is not None and name not in available_timezones():
        raise ValueError(
            f"no such time zone: {name!r}; expected a name such as America/New_York"
        )
    return name


TimeZone = Annotated[str | None, AfterValidator(_known_zone)]


def written_times(
    where: str, written: pd.Series[Any], form: str | None = None
) -> WrittenTimes:
    """Read the column ``written`` (n,) of dates or times.

    ``where`` names file and column in errors; ``form`` is how text is written, where the file does
    not show it.

    Raises:
        DataError: names the row that is no date, or the readings between which nothing decides.
    """
    import pandas as pd

    if form in EPOCHS:
        return _of_counts(where, written, EPOCHS[str(form)])
    if written.dtype.kind == "M" or isinstance(written.dtype, pd.DatetimeTZDtype):
        return _of_stamps(where, pd.DatetimeIndex(written))
    if written.dtype.kind in "iuf":
        written = _of_numbers(where, written)
    text = written.astype(str).str.strip()
    missing = written.isna() | (text == "")
    if missing.any():
        raise _no_date(where, missing.to_numpy())
    if form is not None and form not in ORDERS:
        return _parsed(where, text, form)
    if form in (None, "iso"):
        try:  # most files, and the fastest way by far
            return _of_stamps(where, pd.DatetimeIndex(pd.to_datetime(text, format=ISO)))
        except (TypeError, ValueError):
            pass  # what stands in the way is found below
    return _iso(where, _year_first(where, text, form))


def whole_days(where: str, written: WrittenTimes) -> Times:
    """Return the days (n,), datetime64[D], of ``written`` rows that stand for days; ``where`` is
    what errors call them.

    Raises:
        DataError: a row has a time of day, which would be lost.
    """
    days = written.clock.astype("datetime64[D]")
    if not written.whole_days:
        row = int(np.flatnonzero(written.clock != days)[0])
        found = str(written.clock[row].astype("datetime64[s]")).replace("T", " ")
        raise DataError(
            f"{where}: row {row + 1} has a time of day, {found}; expected days, such as "
            f"{days[row]}"
        )
    return days


def utc_times(where: str, clock: Times, zone: str) -> Times:
    """Return in UTC, datetime64[ns], the times ``clock`` (n,) of the clock of a ``zone``; ``where``
    is what errors call them.

    Raises:
        DataError: names the row whose hour a change of clocks makes twice, or not at all.
    """
    import pandas as pd

    stamps = pd.DatetimeIndex(clock)
    local = stamps.tz_localize(zone, ambiguous="NaT", nonexistent="NaT")
    unclear = np.flatnonzero(local.isna())
    if len(unclear):
        row = int(unclear[0])
        raise DataError(
            f"{where}: row {row + 1}, {stamps[row]}, is no one time in {zone}, whose clocks "
            "change in that hour; write its offset from UTC in every row, such as "
            f"{stamps[row]}-05:00, or give times in UTC and `timezone: UTC`"
        )
    return _plain(local.tz_convert("UTC"))


def _of_counts(where: str, written: pd.Series[Any], unit: str) -> WrittenTimes:
    """Read counts of a unit since 1970."""
    import pandas as pd

    text = written.astype(object).where(written.notna(), "").astype(str).str.strip()
    missing = text == ""
    if missing.any():
        raise _no_date(where, missing.to_numpy())
    # a column with a gap somewhere comes as 1104537600.0
    text = text.str.removesuffix(".0")
    whole = text.str.fullmatch(r"-?\d{1,19}")
    counts = np.array([int(one) for one in text.where(whole, "0")], dtype=object)
    far = np.abs(counts) > _FAR_SECONDS * _PER_SECOND[unit]
    odd = np.flatnonzero(~whole.to_numpy(dtype=bool) | far.astype(bool))
    if len(odd):
        row = int(odd[0])
        raise _not_a_date(
            where,
            f"{text.iloc[row]!r} in row {row + 1}; expected {_UNITS[unit]} since 1970",
        )
    times = counts.astype(np.int64).astype(f"datetime64[{unit}]")
    return _of_stamps(where, pd.DatetimeIndex(times, tz="UTC"))


def _of_numbers(where: str, written: pd.Series[Any]) -> pd.Series[Any]:
    """Return 20100104, a date and no count of nanoseconds, as text."""
    # no whole number that Int64 holds: .5, infinity, 1e308
    broken = written.notna() & ((written % 1 != 0) | (written.abs() > 1e18))
    if broken.any():
        row = int(np.flatnonzero(broken.to_numpy(dtype=bool))[0])
        raise _not_a_date(
            where,
            f"{written.iloc[row]:g} in row {row + 1}; expected one such as 20000131 or 2000-01-31",
        )
    whole = written.astype("Int64")
    odd = whole.notna() & ~whole.between(10_000_101, 99_991_231)
    if odd.any():
        row = int(np.flatnonzero(odd.to_numpy(dtype=bool))[0])
        raise _not_a_date(
            where,
            f"{whole.iloc[row]} in row {row + 1}; expected one such as 20000131 or 2000-01-31"
            f"{_counted(whole.iloc[row])}",
        )
    return whole.astype(str).where(whole.notna(), None)


def _counted(found: Any) -> str:
    """Say as what a number that is no date would be a time of these years."""
    try:
        number = int(found)
    except ValueError:
        return ""
    for form, unit in EPOCHS.items():
        seconds = number / _PER_SECOND[unit]
        if _RECENT[0] < seconds < _RECENT[1]:
            return f", or `dates: {form}`"
    return ""


def _year_first(where: str, text: pd.Series[Any], order: str | None) -> pd.Series[Any]:
    """Return dates written year, month, day; the order of others as declared, or as it must be."""
    if order == "iso" or (order is None and text.str.fullmatch(_YEAR_FIRST).all()):
        return text
    parts = text.str.extract(f"^{_YEAR_LAST}$")
    strange = parts[0].isna()
    if strange.any():
        return _other(where, text, strange, order)
    first, second = parts[0].astype(int), parts[2].astype(int)
    if order is None:
        order = _only_order(where, text, first, second)
    day, month = (first, second) if order == "dayfirst" else (second, first)
    return parts[3] + "-" + month.astype(str) + "-" + day.astype(str) + parts[4]


def _only_order(
    where: str, text: pd.Series[Any], first: pd.Series[Any], second: pd.Series[Any]
) -> str:
    """Return the one order in which every row is a date."""
    days, months = bool((first > 12).any()), bool((second > 12).any())
    if days == months:
        why = "neither reads every row" if days else "both read every row"
        raise DataError(
            f"{where}: dates such as {text.iloc[0]} may begin with the day or the month, and "
            f"{why}; write `dates: dayfirst` or `dates: monthfirst`"
        )
    return "dayfirst" if days else "monthfirst"


def _other(
    where: str, text: pd.Series[Any], strange: pd.Series[Any], order: str | None
) -> pd.Series[Any]:
    """Return dates with a month's name; whatever else it is needs its format."""
    import pandas as pd

    named = text.str.fullmatch(_NAMED_MONTH) & text.str.contains(r"\b\d{4}\b")
    if order is None and named.all():
        try:
            return pd.to_datetime(text).dt.strftime("%Y-%m-%d %H:%M:%S.%f")
        except (TypeError, ValueError) as error:
            raise _not_a_date(where, _reason(error)) from error
    # among rows that are dates in another order, what is none at all is the fault
    neither = strange & ~text.str.fullmatch(_YEAR_FIRST)
    row = int(np.flatnonzero((neither if neither.any() else strange).to_numpy())[0])
    declared = "" if order is None else f", though the dates are said to be {order}"
    raise _not_a_date(
        where,
        f"{text.iloc[row]!r} in row {row + 1}{declared}; expected one such as 2000-01-31, or "
        f"`dates:` with {FORMS}{_counted(text.iloc[row])}",
    )


def _iso(where: str, text: pd.Series[Any]) -> WrittenTimes:
    """Read text in the order year, month, day, whose offsets from UTC may change over the year."""
    offset = text.str.contains(_OFFSET)
    if not offset.any():
        return _parsed(where, text, ISO)
    if not offset.all():
        row = int(np.flatnonzero((~offset).to_numpy())[0])
        raise DataError(
            f"{where}: row {row + 1}, {text.iloc[row]}, has no offset from UTC, and others have; "
            "expected one in every row or in none"
        )
    clock = _parsed(where, text.str.replace(_OFFSET, "", regex=True).str.strip(), ISO)
    utc = _parsed(where, text, ISO, utc=True)
    return WrittenTimes(clock.clock, utc.utc)


def _parsed(
    where: str, text: pd.Series[Any], form: str, *, utc: bool = False
) -> WrittenTimes:
    import pandas as pd

    try:
        stamps = pd.to_datetime(text, format=form, utc=utc)
    except (TypeError, ValueError) as error:
        raise _not_a_date(where, _reason(error)) from error
    return _of_stamps(where, pd.DatetimeIndex(stamps))


def _of_stamps(where: str, stamps: pd.DatetimeIndex) -> WrittenTimes:
    missing: Mask = np.asarray(stamps.isna())
    if missing.any():
        raise _no_date(where, missing)
    if stamps.tz is None:
        return WrittenTimes(_plain(stamps), None)
    return WrittenTimes(
        _plain(stamps.tz_localize(None)), _plain(stamps.tz_convert("UTC"))
    )


def _plain(stamps: pd.DatetimeIndex) -> Times:
    """Return times without their zone."""
    return stamps.tz_localize(None).to_numpy().astype("datetime64[ns]")


def _no_date(where: str, missing: Mask) -> DataError:
    row = int(np.flatnonzero(missing)[0]) + 1
    return DataError(
        f"{where}: row {row} has no date; expected a date such as 2000-01-31"
    )


def _not_a_date(where: str, found: str) -> DataError:
    return DataError(f"{where} holds something that is not a date: {found}")


def _reason(error: Exception) -> str:
    return str(error).partition(". ")[0].partition("\n")[0]
