"""Turn the rows that a source read into Bars: check them, adjust them forward, align them.

Nothing is dropped, repaired or filled: a row that cannot be true is an error that names it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bt_run.arrays import Array
from bt_run.data.bars import FIELDS, Bars, LoadRequest, Prices, forward_fill
from bt_run.errors import DataError

__all__ = ["PriceConvention", "Rows", "assemble_bars", "stale_opens"]

PriceConvention = Literal["as_traded", "split_adjusted"]
STALE_OPEN_SHARE = 0.2  # of a year's rows; above it, opens count as copies of the previous close


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Hold the rows of one asset as its source has them; arrays (n,), None where the source has no
    such column.

    ``times`` are datetime64 in UTC (a daily bar: its session's date); ``dividend`` is cash per
    share on the ex-date, ``split`` new shares per old one, each 0 or NaN where there is none.
    """

    times: NDArray[np.datetime64]
    close: Array
    open: Array | None = None
    high: Array | None = None
    low: Array | None = None
    volume: Array | None = None
    adj_close: Array | None = None
    dividend: Array | None = None
    split: Array | None = None

    def between(self, request: LoadRequest) -> Rows:
        """Return the rows from ``history_from`` to ``end``, both included."""
        days = self.times.astype("datetime64[D]")
        keep = days <= np.datetime64(request.end, "D")
        if request.history_from is not None:
            keep &= days >= np.datetime64(request.history_from, "D")
        columns = {name: value[keep] for name, value in vars(self).items() if value is not None}
        return replace(self, **columns)

    @property
    def has_actions(self) -> bool:
        return self.dividend is not None or self.split is not None


def assemble_bars(
    request: LoadRequest,
    rows: Mapping[str, Rows],
    benchmark: Rows,
    *,
    prices: PriceConvention | None = None,
    last_session: Mapping[str, np.datetime64] | None = None,
    notes: tuple[str, ...] = (),
) -> Bars:
    """Check, adjust and align the rows of each asset of ``request`` and of its benchmark.

    Raises:
        DataError: a row cannot be true, a window has no bars, or the prices do not allow
            ``request.adjust``.
    """
    names = tuple(sorted(request.assets))
    cut = {name: _checked(name, rows[name], request, prices) for name in names}
    _refuse_mixed_clocks(cut)
    times = np.unique(np.concatenate([cut[name].times for name in names]))
    days = times.astype("datetime64[D]")
    in_window = np.flatnonzero(days >= np.datetime64(request.start, "D"))
    if not len(in_window):
        raise DataError(
            f"no asset has a bar between {request.start} and {request.end}; found "
            + ("no rows at all" if not len(times) else f"bars from {days[0]} to {days[-1]}")
        )
    start = int(in_window[0])
    series, gap_notes = _benchmark(request, benchmark, prices, times, start)
    factors = {name: _forward_factor(name, cut[name], prices) for name in names}
    adjusted = _panel(names, cut, factors, times)
    traded = adjusted if request.adjust == "total_return" else _panel(names, cut, {}, times)
    actions = request.adjust == "none"
    declared = last_session or {}
    _refuse_after_the_end(cut, declared)
    bars = Bars(
        times=times,
        assets=names,
        adjusted=adjusted,
        traded=traded,
        present=np.isfinite(adjusted.close),
        dividends=_column(names, cut, "dividend", times, 0.0)
        if actions
        else np.zeros((len(times), len(names))),
        splits=_column(names, cut, "split", times, 1.0)
        if actions
        else np.ones((len(times), len(names))),
        last_session=np.array(
            [declared.get(name, np.datetime64("NaT")) for name in names], dtype="datetime64[D]"
        ),
        benchmark=series,
        start=start,
        calendar=request.calendar,
        notes=(*notes, *_notes(request, cut, times[start]), *gap_notes),
    )
    if stale := stale_opens(bars):
        told = f"the opens of {', '.join(stale)} repeat the previous close in over a fifth of some year's rows"
        bars = replace(bars, notes=(*bars.notes, told))
    return bars


def stale_opens(bars: Bars) -> tuple[str, ...]:
    """Return the assets whose opens repeat the previous close in over a fifth of some year's rows."""
    years = bars.sessions.astype("datetime64[Y]").astype(np.int64)
    years -= years.min()
    previous = np.vstack(
        [np.full((1, len(bars.assets)), np.nan), forward_fill(bars.traded.close)[:-1]]
    )
    repeats = bars.present & (bars.traded.open == previous)
    found = []
    for column, name in enumerate(bars.assets):
        rows = np.bincount(years[bars.present[:, column]], minlength=1)
        same = np.bincount(years[repeats[:, column]], minlength=len(rows))
        # a handful of rows proves nothing
        if ((same > STALE_OPEN_SHARE * rows) & (rows >= 20)).any():
            found.append(name)
    return tuple(found)


def _checked(name: str, rows: Rows, request: LoadRequest, prices: PriceConvention | None) -> Rows:
    """Return the rows inside the request's window, or say which of them cannot be true."""
    if not len(rows.times):
        raise DataError(
            f"{name}: the source has no rows for symbol {request.assets.get(name, name)!r}"
        )
    if (rows.has_actions or rows.adj_close is not None) and prices is None:
        raise DataError(
            f"{name}: the file has corporate actions or adj_close, and nothing says what open, "
            "high, low and close "
            "are; set `prices: as_traded` or `prices: split_adjusted` on the source"
        )
    if request.adjust == "none":
        _allow_adjust_none(name, rows, prices)
    step = np.diff(rows.times.astype("datetime64[ns]").astype(np.int64))
    if (step <= 0).any():
        at = int(np.flatnonzero(step <= 0)[0])
        what = "twice" if step[at] == 0 else f"after {rows.times[at]}"
        raise DataError(
            f"{name}: timestamp {rows.times[at + 1]} stands {what}; expected rising, unique "
            "timestamps"
        )
    rows = rows.between(request)
    for field in ("open", "high", "low", "close", "adj_close"):
        values = getattr(rows, field)
        if values is not None:
            _refuse(
                name,
                rows,
                ~(values > 0) | np.isinf(values),
                field,
                "a price above 0 in a row that is present",
            )
    if rows.volume is not None:
        _refuse(name, rows, rows.volume < 0, "volume", "a volume of 0 or more, or none")
    if rows.high is not None and rows.low is not None:
        _refuse(name, rows, rows.high < rows.low, "high", "a high that is not below the low")
    for field in ("dividend", "split"):
        values = getattr(rows, field)
        if values is not None:
            _refuse(name, rows, (values < 0) | np.isinf(values), field, "0 or more")
    return rows


def _refuse_after_the_end(rows: Mapping[str, Rows], declared: Mapping[str, np.datetime64]) -> None:
    """Refuse rows after a declared last session: one of the two cannot be true."""
    for name, last in declared.items():
        times = rows[name].times
        later = times[times.astype("datetime64[D]") > last]
        if len(later):
            raise DataError(
                f"{name}: last_session was {last}, but {len(later)} rows stand after it, "
                f"the first at {_day(later[0])}; expected none"
            )


def _refuse_mixed_clocks(rows: Mapping[str, Rows]) -> None:
    """Refuse daily rows that carry different times of day: each would be a bar of its own, twice a
    session.
    """
    clocks: dict[str, int] = {}
    for name, item in rows.items():
        seconds = (
            (item.times - item.times.astype("datetime64[D]"))
            .astype("timedelta64[s]")
            .astype(np.int64)
        )
        if len(seconds) == len(np.unique(item.times.astype("datetime64[D]"))) and len(seconds):
            clocks[name] = int(seconds.min())
    low, high = (choose(clocks, key=lambda name: clocks[name], default="") for choose in (min, max))
    # an hour apart is daylight saving time, and the same clock
    if clocks and clocks[high] - clocks[low] > 3600:
        one, other = (rows[name].times[0] for name in (low, high))
        raise DataError(
            f"{low} and {high} have one row a day at different times of day ({one} and {other}); "
            "expected dates alone for daily rows, or one clock for all assets"
        )


def _refuse(name: str, rows: Rows, bad: NDArray[np.bool_], field: str, right: str) -> None:
    if bad.any():
        at = int(np.flatnonzero(bad)[0])
        found = getattr(rows, field)[at]
        more = f" ({int(bad.sum())} such rows)" if bad.sum() > 1 else ""
        raise DataError(
            f"{name}: {field} was {found} at {_day(rows.times[at])}{more}; expected {right}"
        )


def _allow_adjust_none(name: str, rows: Rows, prices: PriceConvention | None) -> None:
    if prices == "split_adjusted":
        raise DataError(
            f"{name}: `adjust: none` trades real shares at as-traded prices, but this source says "
            "`prices: split_adjusted`; use `adjust: total_return`"
        )
    if rows.adj_close is not None and not rows.has_actions:
        raise DataError(
            f"{name}: `adjust: none` books dividends and splits, but this source has adj_close "
            "only; "
            "use `adjust: total_return`, or add dividend and split columns"
        )


def _forward_factor(name: str, rows: Rows, prices: PriceConvention | None) -> Array:
    """Return the units of a first-day share (n,): 1 on the first row, growing with splits and
    dividends.

    On an ex-date with split s and dividend d per new share: A_t = A_(t-1) * s * c / (c - d), where
    c is the close before, in new shares; that is the dividend reinvested at the ex-dividend price.
    """
    count = len(rows.close)
    if not count:
        return np.ones(0)
    if rows.dividend is None and rows.adj_close is not None:
        ratio = rows.adj_close / rows.close
        return np.asarray(ratio / ratio[0])
    split = _actions(rows, "split") if prices == "as_traded" else np.ones(count)
    dividend = _actions(rows, "dividend")
    before = np.append(rows.close[0], rows.close[:-1]) / split
    split[0], dividend[0] = 1.0, 0.0
    impossible = dividend >= before
    if impossible.any():
        at = int(np.flatnonzero(impossible)[0])
        raise DataError(
            f"{name}: dividend was {dividend[at]} at {_day(rows.times[at])}, on a close before of "
            f"{before[at]:.6g}; "
            "expected less than the share was worth"
        )
    return np.asarray(np.cumprod(split * (before / (before - dividend))))


def _actions(rows: Rows, field: str) -> Array:
    """Return dividends (0 where none) or splits (1 where none), (n,)."""
    none = 0.0 if field == "dividend" else 1.0
    values = getattr(rows, field)
    if values is None:
        return np.full(len(rows.close), none)
    return np.where(np.isnan(values) | (values == 0.0), none, values)


def _panel(
    names: tuple[str, ...],
    rows: Mapping[str, Rows],
    factors: Mapping[str, Array],
    times: NDArray[np.datetime64],
) -> Prices:
    """Align the assets' rows, times their factors, on ``times``: each field (T, N), NaN where there
    is no row.
    """
    panel = {field: np.full((len(times), len(names)), np.nan) for field in FIELDS}
    for column, name in enumerate(names):
        at = np.searchsorted(times, rows[name].times)
        factor = factors.get(name, 1.0)
        for field in FIELDS:
            values = getattr(rows[name], field)
            if values is not None:
                panel[field][at, column] = values / factor if field == "volume" else values * factor
    return Prices(**panel)


def _column(
    names: tuple[str, ...],
    rows: Mapping[str, Rows],
    field: str,
    times: NDArray[np.datetime64],
    none: float,
) -> Array:
    out = np.full((len(times), len(names)), none)
    for column, name in enumerate(names):
        values = _actions(rows[name], field)
        if len(values):
            values[0] = none  # before an asset's first bar nobody holds it
        out[np.searchsorted(times, rows[name].times), column] = values
    return out


def _benchmark(
    request: LoadRequest,
    rows: Rows,
    prices: PriceConvention | None,
    times: NDArray[np.datetime64],
    start: int,
) -> tuple[Array, tuple[str, ...]]:
    """Return the benchmark's forward total-return close on ``times`` (T,), and a note on missing
    sessions.
    """
    name = request.benchmark[0]
    rows = _checked(name, rows, replace(request, adjust="total_return"), prices)
    series = np.full(len(times), np.nan)
    at = np.searchsorted(times, rows.times)
    inside = (at < len(times)) & (times[np.minimum(at, len(times) - 1)] == rows.times)
    series[at[inside]] = (rows.close * _forward_factor(name, rows, prices))[inside]
    missing = np.flatnonzero(np.isnan(series[start:])) + start
    if not len(missing):
        return series, ()
    if missing[0] == start or missing[-1] == len(times) - 1:
        span = f"{_day(rows.times[0])} to {_day(rows.times[-1])}" if len(rows.times) else "nothing"
        raise DataError(
            f"benchmark {name}: has bars from {span}; expected it to cover the window "
            f"from {_day(times[start])} to {_day(times[-1])}"
        )
    return series, (
        f"benchmark {name} has no bar at {len(missing)} of the run's bars, the first at "
        f"{_day(times[missing[0]])}; "
        "it is valued at its last close there",
    )


def _notes(request: LoadRequest, rows: Mapping[str, Rows], first: np.datetime64) -> tuple[str, ...]:
    """Say which assets start late, stop early or are not there at all, and where dividends are
    missing.
    """
    absent, late, early = [], [], []
    end = max(r.times[-1] for r in rows.values() if len(r.times))
    for name, item in rows.items():
        inside = item.times[item.times >= first]
        if not len(inside):
            absent.append(name)
            continue
        if inside[0] > first:
            late.append(f"{name} starts at {_day(inside[0])}")
        if inside[-1] < end:
            early.append(f"{name} stops at {_day(inside[-1])}")
    notes = (
        [f"{', '.join(absent)}: no bar between {request.start} and {request.end}"] if absent else []
    )
    notes += [f"{', '.join(late)}, after the run's first bar"] if late else []
    notes += [f"{', '.join(early)}, before the run's last bar"] if early else []
    booked = request.adjust == "none"
    bare = [n for n, r in rows.items() if r.dividend is None and (booked or r.adj_close is None)]
    if bare:
        which = "all assets" if len(bare) == len(rows) else ", ".join(bare)
        notes.append(f"price return only: the data of {which} have no dividends")
    return (*notes, *_odd_rows(rows))


def _odd_rows(rows: Mapping[str, Rows]) -> tuple[str, ...]:
    """Say which rows look as if their columns did not belong together, or were no daily bars."""
    notes = []
    odd = {name: int(_outside(item).sum()) for name, item in rows.items()}
    if names := [f"{name} ({count})" for name, count in odd.items() if count]:
        notes.append(f"opens or closes outside the bar's low and high, rows: {', '.join(names)}")
    times = np.unique(np.concatenate([item.times for item in rows.values()]))
    gap = (
        float(np.median(np.diff(times).astype("timedelta64[s]").astype(np.int64))) / 86_400
        if len(times) > 2
        else 1.0
    )
    if gap > 3.5:
        notes.append(
            f"bars are {gap:.0f} days apart: yearly figures, which count 252 sessions a year, do "
            "not hold"
        )
    return tuple(notes)


def _outside(rows: Rows) -> NDArray[np.bool_]:
    """Return which rows (n,) have an open or a close outside low and high, rounding apart."""
    out = np.zeros(len(rows.close), dtype=bool)
    if rows.high is None or rows.low is None:
        return out
    for values in (rows.open, rows.close):
        if values is not None:
            out |= (values > rows.high * (1 + 1e-6)) | (values < rows.low * (1 - 1e-6))
    return out


def _day(time: np.datetime64) -> str:
    """Write a bar's time: the date alone for a daily bar."""
    text = str(time.astype("datetime64[m]"))
    return text.removesuffix("T00:00").replace("T", " ")
