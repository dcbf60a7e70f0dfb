"""Load what a run reads: the bars from its source, the tables beside them, the universe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np

from bt_run.data.bars import Bars, LoadRequest
from bt_run.data.calendar_fit import calendar_notes
from bt_run.data.data_config import DataConfig, TableConfig
from bt_run.data.data_notes import opening_note, survivors_note
from bt_run.data.known import Table
from bt_run.data.table_notes import old_rows
from bt_run.data.tables import file_table, series_table
from bt_run.data.universe import (
    coverage,
    members,
    members_between,
    read_memberships,
    unread_columns,
)
from bt_run.errors import ConfigError, PluginError
from bt_run.guard import guarded
from bt_run.roles import JoinsSymbols, ListsSymbols, TellsSeries

__all__ = ["load_bars", "with_assets"]


def with_assets(data: DataConfig, source: Any) -> DataConfig:
    """Return ``data`` with its assets named: without any, the members of the universe that the
    source has.

    Raises:
        ConfigError: the source cannot list its symbols, or has no member of the universe.
    """
    if data.assets or data.universe is None:
        return data
    if not isinstance(source, ListsSymbols):
        raise ConfigError(
            f"data.assets: was empty, and source {data.source_names!r} cannot list its symbols; "
            "name the assets"
        )
    wanted = members_between(read_memberships(data.universe), data.start, data.end)
    have = set(guarded(f"source {data.source_names!r}: symbols()", source.symbols))
    found = {symbol: symbol for symbol in wanted if symbol in have}
    if not found:
        raise ConfigError(
            f"data.universe: {len(wanted)} tickers are members between {data.start} and "
            f"{data.end}, such as "
            f"{', '.join(wanted[:5]) or 'none'}, but source {data.source_names!r} has none of them"
        )
    return data.model_copy(update={"assets": found})


def load_bars(
    data: DataConfig, source: Any, others: Mapping[str, Any], *, offline: bool
) -> Bars:
    """Load the bars and what stands beside them; ``others`` maps a table's name to a source of its
    own.

    Raises:
        BtRunError: the source, a table or the universe does not allow the run.
    """
    request = LoadRequest(
        assets=data.symbols,
        benchmark=(data.benchmark, data.symbols.get(data.benchmark, data.benchmark)),
        start=data.start,
        end=data.end,
        history_from=data.history_from,
        adjust=data.adjust,
        calendar=data.calendar,
        offline=offline,
        earlier=data.earlier,
    )
    joins = isinstance(source, JoinsSymbols) and source.joins_symbols
    if data.earlier and not joins:
        name, before = next(iter(data.earlier.items()))
        raise ConfigError(
            f"data.assets.{name}: found {len(before) + 1} symbols, and source "
            f"{data.source_names!r} joins none; give one symbol, or files by csv or parquet"
        )
    bars = guarded(f"source {data.source_names!r}", source.load, request)
    if not isinstance(bars, Bars):
        raise PluginError(
            f"source {data.source_names!r} returned a {type(bars).__name__}; expected Bars"
        )
    told = (*calendar_notes(bars), *opening_note(bars))
    bars = replace(bars, notes=(*bars.notes, *told))
    if data.universe is not None:
        bars = _with_universe(data, bars)
    else:
        bars = replace(bars, notes=(*bars.notes, *survivors_note(bars)))
    return _with_tables(
        data, bars, {name: others.get(name, source) for name in data.tables}, request
    )


def _with_universe(data: DataConfig, bars: Bars) -> Bars:
    assert data.universe is not None
    memberships = read_memberships(data.universe)
    renamed = {
        symbol: data.symbols[name]
        for name, symbols in data.earlier.items()
        for symbol in symbols
    }
    memberships = memberships.assign(ticker=memberships["ticker"].replace(renamed))
    mask = members(memberships, data.symbols, bars)
    never = [asset for i, asset in enumerate(bars.assets) if not mask[:, i].any()]
    if len(never) == len(bars.assets):
        raise ConfigError(
            f"data.universe: no asset of the run is ever a member between {data.start} and "
            f"{data.end}; "
            f"{data.universe.file} lists tickers such as "
            f"{', '.join(memberships['ticker'].unique()[:5])}"
        )
    notes = [
        coverage(memberships, data.universe, mask, bars),
        *unread_columns(data.universe),
    ]
    if never:
        notes.append(
            f"{data.universe.name}: never a member in this run, so never held: {', '.join(never)}"
        )
    return replace(bars, members=mask, notes=(*bars.notes, *notes))


def _with_tables(
    data: DataConfig, bars: Bars, sources: Mapping[str, Any], request: LoadRequest
) -> Bars:
    if not data.tables:
        return bars
    tables: dict[str, Table] = {}
    notes = list(bars.notes)
    for name, config in data.tables.items():
        if config.symbol is not None:
            tables[name], said = _from_source(
                name, config, sources[name], request, bars
            )
            notes += said
        else:
            tables[name], said = file_table(name, config, data.symbols, bars)
            notes += said
        if config.revised:
            notes.append(
                f"{name} holds later revisions: results that use it are optimistic"
            )
        if not tables[name].rows[bars.start :].any():
            notes.append(f"{name} has no value that is known during the run")
    return replace(bars, tables=MappingProxyType(tables), notes=tuple(notes))


def _from_source(
    name: str, config: TableConfig, source: Any, request: LoadRequest, bars: Bars
) -> tuple[Table, tuple[str, ...]]:
    where = f"data.tables.{name}: source {type(source).__name__}"
    if not isinstance(source, TellsSeries):
        raise ConfigError(
            f"{where} offers no series; give a `file`, or a `source` that does, such as sample or "
            "yahoo"
        )
    times, values = guarded(where, source.series, config.symbol, request)
    times, values = (
        np.asarray(times, dtype="datetime64[ns]"),
        np.asarray(values, dtype=np.float64),
    )
    if times.shape != values.shape or times.ndim != 1:
        raise PluginError(
            f"{where}: series() returned shapes {times.shape} and {values.shape}; expected (n,) "
            "twice"
        )
    known = times[np.isfinite(values)]
    return series_table(name, times, values, config, bars), old_rows(
        name, known, config, bars
    )
