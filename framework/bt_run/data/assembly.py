"""Turn the rows that a source read into Bars: check them, adjust them forward, align them.

Nothing is dropped, repaired or filled: a row that cannot be true is an error that names it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from bt_run.arrays import Array, Indices, Times, read_only
from bt_run.data.adjustment import (
    actions_of,
    as_traded,
    forward_factor,
    later_splits,
)
from bt_run.data.bars import FIELDS, Bars, LoadRequest, Prices, forward_fill
from bt_run.data.calendars import between_sessions, session_dates
from bt_run.data.data_notes import row_notes
from bt_run.data.rows import (
    PriceConvention,
    RowChecks,
    Rows,
    checked_rows,
    day_of,
    refuse_after_the_end,
    refuse_mixed_clocks,
)
from bt_run.errors import DataError

__all__ = ["assemble_bars"]

Conventions = PriceConvention | Mapping[str, PriceConvention | None] | None


@dataclass(frozen=True)
class _Frame:
    """Where rows go: the bars' times (T,), the assets and their rows inside the window."""

    times: Times
    rows: Mapping[str, Rows]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.rows)

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.times), len(self.rows)

    def at(self, rows: Rows) -> Indices:
        """Return the bar (n,) of each of some rows."""
        return np.searchsorted(self.times, rows.times)


def _with_shared_times(rows: Mapping[str, Rows]) -> dict[str, Rows]:
    """Return the rows with one array of times for all neighbours that have the same."""
    found: dict[str, Rows] = {}
    last = np.empty(0, dtype="datetime64[ns]")
    for name, item in rows.items():
        same = item.times is not last and np.array_equal(item.times, last)
        found[name] = replace(item, times=last) if same else item
        last = found[name].times
    return found


def _all_times(rows: Iterable[Rows]) -> Times:
    """Return the times (T,) of all rows, rising."""
    different = {id(item.times): item.times for item in rows}
    times = list(different.values())
    return times[0] if len(times) == 1 else np.unique(np.concatenate(times))


def assemble_bars(
    request: LoadRequest,
    rows: Mapping[str, Rows],
    benchmark: Rows,
    *,
    prices: Conventions = None,
    last_session: Mapping[str, np.datetime64] | None = None,
    notes: tuple[str, ...] = (),
) -> Bars:
    """Check, adjust and align the rows of each asset of ``request`` and of its benchmark.

    ``rows`` are those of each asset by its name in the run, ``benchmark`` those of the benchmark.
    ``prices`` says what they are, ``as_traded`` or ``split_adjusted``, for all alike or by asset;
    None where no row has actions. ``last_session`` holds declared delistings by asset, ``notes``
    sentences for whoever reads the result.

    Raises:
        DataError: a row cannot be true, a window has no bars, or the prices do not allow
            ``request.adjust``.
    """
    names = sorted(request.assets)
    known = _by_asset(prices, {*names, request.benchmark[0]})
    rows = _with_shared_times({name: rows[name] for name in names})
    checks = RowChecks(request)
    inside = {name: checks.inside(name, rows[name], known[name]) for name in names}
    refuse_mixed_clocks(inside)
    declared = last_session or {}
    refuse_after_the_end(inside, declared, request.calendar)
    times = _all_times(inside.values())
    later = {name: _later_splits(rows[name], request, known[name]) for name in names}
    traded_as = dict(known)
    for name, item in inside.items():
        if request.adjust == "none" and known[name] == "split_adjusted":
            splits = later[name]
            assert splits is not None
            inside[name], traded_as[name] = as_traded(item, splits), "as_traded"
    frame = _Frame(times, inside)
    start = _start(request, times)
    of_benchmark = known[request.benchmark[0]]
    close, missing = _benchmark(request, benchmark, of_benchmark, frame, start)
    factors = {
        name: forward_factor(name, item, traded_as[name])
        for name, item in inside.items()
        if item.has_actions or item.adj_close is not None
    }
    adjusted = _panel(frame, factors)
    actions = _booked(frame) if request.adjust == "none" else _folded(adjusted)
    return Bars(
        times=times,
        assets=frame.names,
        adjusted=adjusted,
        traded=actions.traded,
        present=np.isfinite(adjusted.close),
        dividends=actions.dividends,
        splits=actions.splits,
        last_session=_last_sessions(names, declared),
        benchmark=close,
        start=start,
        market_shares=None
        if request.adjust == "none"
        else _market_shares(frame, factors, later),
        calendar=request.calendar,
        notes=(*notes, *row_notes(request, inside, benchmark, times, start), *missing),
    )


def _by_asset(
    prices: Conventions, names: set[str]
) -> dict[str, PriceConvention | None]:
    if prices is None or isinstance(prices, str):
        return dict.fromkeys(names, prices)
    return {name: prices[name] for name in names}


@dataclass(frozen=True)
class _Traded:
    """What an account trades at and receives: prices, dividends and splits, each (T, N)."""

    traded: Prices
    dividends: Array
    splits: Array


def _booked(frame: _Frame) -> _Traded:
    """Trade at the prices of the day; dividends and splits are booked."""
    dividends = _actions(frame, "dividend", 0.0)
    return _Traded(_panel(frame, {}), dividends, _actions(frame, "split", 1.0))


def _folded(adjusted: Prices) -> _Traded:
    """Trade at the adjusted prices, which hold dividends and splits already."""
    shape = adjusted.close.shape
    return _Traded(adjusted, np.zeros(shape), np.ones(shape))


def _start(request: LoadRequest, times: Times) -> int:
    """Return the first bar of the first session on or after the run's start."""
    sessions = session_dates(times, request.calendar)
    in_window = np.flatnonzero(sessions >= np.datetime64(request.start, "D"))
    if len(in_window):
        return int(in_window[0])
    found = (
        f"bars from {sessions[0]} to {sessions[-1]}" if len(times) else "no rows at all"
    )
    raise DataError(
        f"no asset has a bar between {request.start} and {request.end}; found {found}"
    )


def _panel(frame: _Frame, factors: Mapping[str, Array]) -> Prices:
    """Align the assets' rows, times their factors, 1 where there are none: each field (T, N), NaN
    where there is no row.
    """
    return Prices(**{field: _field(frame, field, factors) for field in FIELDS})


def _field(frame: _Frame, field: str, factors: Mapping[str, Array]) -> Array:
    # an asset a row at first: a column would be written a cell here and a cell there
    panel = np.empty(frame.shape[::-1])
    for out, (name, rows) in zip(panel, frame.rows.items(), strict=True):
        values, factor = rows.field(field), factors.get(name)
        if values is None:
            out[:] = np.nan
            continue
        if factor is not None:
            values = values / factor if field == "volume" else values * factor
        if rows.times is not frame.times:
            out[:] = np.nan
            out[frame.at(rows)] = values
        else:
            out[:] = values
    return np.ascontiguousarray(panel.T)


def _actions(frame: _Frame, field: str, none: float) -> Array:
    """Align dividends or splits, (T, N); ``none`` where there is none."""
    out = np.full(frame.shape, none)
    for column, rows in enumerate(frame.rows.values()):
        values = actions_of(rows, field)
        if len(values):
            values[0] = none  # before an asset's first bar nobody holds it
        out[frame.at(rows), column] = values
    return out


def _later_splits(
    rows: Rows, request: LoadRequest, prices: PriceConvention | None
) -> Array | None:
    """Return by what the window's prices were divided for splits, (n,): None where they stand as
    traded, NaN where the source knows no splits.
    """
    if prices != "split_adjusted":
        return None
    keep = between_sessions(
        rows.times, request.calendar, request.history_from, request.end
    )
    if rows.split is None:
        return np.full(int(keep.sum()), np.nan)
    return later_splits(rows)[keep]


def _market_shares(
    frame: _Frame, factors: Mapping[str, Array], later: Mapping[str, Array | None]
) -> Array | None:
    """Return how many shares on the market a unit is, (T, N), or None where it always is one."""
    shares = {
        name: _shares(len(rows.times), factors.get(name), later[name])
        for name, rows in frame.rows.items()
        if name in factors or later[name] is not None
    }
    if all((of_one == 1.0).all() for of_one in shares.values()):
        return None
    panel = np.full(frame.shape, np.nan)
    for column, (name, rows) in enumerate(frame.rows.items()):
        panel[frame.at(rows), column] = shares.get(name, 1.0)
    return read_only(forward_fill(panel))


def _shares(count: int, factor: Array | None, later: Array | None) -> Array:
    """Return how many shares on the market a unit is at each of ``count`` rows, (n,)."""
    units = np.ones(count) if factor is None else factor
    return units if later is None else units / later


def _last_sessions(names: list[str], declared: Mapping[str, np.datetime64]) -> Times:
    never = np.datetime64("NaT")
    return np.array(
        [declared.get(name, never) for name in names], dtype="datetime64[D]"
    )


def _benchmark(
    request: LoadRequest,
    rows: Rows,
    prices: PriceConvention | None,
    frame: _Frame,
    start: int,
) -> tuple[Array, tuple[str, ...]]:
    """Return the benchmark's forward total-return close (T,), and a note on missing bars."""
    name, times = request.benchmark[0], frame.times
    rows = checked_rows(name, rows, replace(request, adjust="total_return"), prices)
    series = _at(times, rows.times, rows.close * forward_factor(name, rows, prices))
    missing = np.flatnonzero(np.isnan(series[start:])) + start
    if not len(missing):
        return series, ()
    if missing[0] == start or missing[-1] == len(times) - 1:
        raise DataError(
            f"benchmark {name}: has bars from {_span(rows)}; expected it to cover the window from "
            f"{day_of(times[start])} to {day_of(times[-1])}"
        )
    note = (
        f"benchmark {name} has no bar at {len(missing)} of the run's bars, the first at "
        f"{day_of(times[missing[0]])}; it is valued at its last close there"
    )
    return series, (note,)


def _at(times: Times, known: Times, values: Array) -> Array:
    """Return the values (n,) of the times ``known`` (n,) at ``times`` (T,), NaN where none is."""
    series = np.full(len(times), np.nan)
    place = np.searchsorted(times, known)
    inside = np.minimum(place, len(times) - 1)
    there = times[inside] == known
    series[place[there]] = values[there]
    return series


def _span(rows: Rows) -> str:
    if not len(rows.times):
        return "nothing"
    return f"{day_of(rows.times[0])} to {day_of(rows.times[-1])}"
