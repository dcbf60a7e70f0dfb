"""What the file sources would read of a file or folder, before anything runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, get_args

import numpy as np
from pydantic import ValidationError

from bt_run import (
    BtRunError,
    ConfigError,
    DataError,
    LoadRequest,
    Rows,
    SourceRows,
    bars_of_rows,
    exchange_sessions,
)
from bt_run.arrays import Times
from bt_run_plugins.sources.files import FilesConfig
from bt_run_plugins.sources.price_tables import Kind, Read, read_rows
from bt_run_plugins.sources.vendors import Vendor

__all__ = ["Inspected", "inspect_prices", "other_keys"]

CSV_ENDINGS = (".csv", ".gz", ".zip", ".txt", ".tsv")
# what may be tried on a file that cannot be read as it is
DATES = (None, "dayfirst", "monthfirst", "epoch_s", "epoch_ms")
SEPARATORS = (None, ";", "\t", "|")
WIDTHS = (None, "close", "fields")
# between these lie the times that somebody counts
_EARLY, _LATE = np.datetime64("1971-01-01"), np.datetime64("2100-01-01")


@dataclass(frozen=True)
class Inspected:
    """What is read of a file or folder.

    Attributes:
        kind: the source that reads it.
        keys: with which keys.
        read: the rows of each symbol, and the columns.
        missing: what a run needs beside, a sentence each.
        strange: what does not fit the calendar, a sentence each.
        refused: what a run would refuse, a sentence each.
    """

    path: Path
    kind: Kind
    keys: Mapping[str, Any]
    read: Read
    missing: tuple[str, ...]
    strange: tuple[str, ...]
    refused: tuple[str, ...]

    @property
    def symbols(self) -> tuple[str, ...]:
        return tuple(sorted(self.read.rows))


def inspect_prices(path: Path, keys: Mapping[str, Any], calendar: str) -> Inspected:
    """Read a file or folder as a source with these keys would, and say what a run lacks.

    Raises:
        DataError: it cannot be read so.
        ConfigError: a key is unknown or cannot be.
    """
    kind = _kind(path)
    try:
        config = FilesConfig.model_validate({"path": path, **keys})
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"]))
        raise ConfigError(
            f"{name}: {first['msg']}; found {first['input']!r}"
        ) from error
    read = read_rows(path, kind, None, config.form(calendar))
    if not read.rows:
        raise DataError(f"{path}: has no {kind} file of prices")
    return Inspected(
        path=path,
        kind=kind,
        keys=keys,
        read=read,
        missing=tuple(_missing(config, read.rows)),
        strange=tuple(_strange(read.rows, calendar)),
        refused=tuple(_refused(config, read.rows, calendar)),
    )


def other_keys(
    path: Path, keys: Mapping[str, Any], calendar: str
) -> list[dict[str, Any]]:
    """Return keys with which a file can be read that cannot be read as it is: at most four, those
    that say the least.

    They are for the user to choose from: two of them may read it differently.
    """
    found: list[dict[str, Any]] = []
    for more in sorted(_combinations(), key=len):
        if more.keys() & keys.keys() or any(
            one.items() <= more.items() for one in found
        ):
            continue
        try:
            read = inspect_prices(path, {**keys, **more}, calendar).read
        except BtRunError:
            continue
        counted = str(more.get("dates", "")).startswith("epoch")
        if counted and not _are_recent(read.rows):
            continue  # seconds read as milliseconds are days of January 1970
        found.append(more)
        if len(found) == 4:
            break
    return found


def _are_recent(rows: Mapping[str, Rows]) -> bool:
    return all(
        (item.times > _EARLY).all() and (item.times < _LATE).all()
        for item in rows.values()
    )


def _combinations() -> Iterator[dict[str, Any]]:
    vendors = (None, *get_args(Vendor))
    for vendor, dates, separator, wide in product(vendors, DATES, SEPARATORS, WIDTHS):
        given = {"vendor": vendor, "dates": dates, "separator": separator, "wide": wide}
        more = {name: value for name, value in given.items() if value is not None}
        if len(more) <= 2 and more and not (vendor and wide):
            yield more


def _kind(path: Path) -> Kind:
    """Return the source that reads a path, by the endings of its names.

    Raises:
        DataError: there is nothing there, or nothing that is read.
    """
    if not path.exists():
        raise DataError(f"{path}: no such file or folder")
    names = [path.name]
    if path.is_dir():
        names = sorted(file.name for file in path.iterdir() if file.is_file())
    if any(name.endswith(".parquet") for name in names):
        return "parquet"
    if any(name.lower().endswith(CSV_ENDINGS) for name in names):
        return "csv"
    raise DataError(f"{path}: found no csv or parquet file; expected prices")


def _missing(config: FilesConfig, rows: Mapping[str, Rows]) -> Iterator[str]:
    """Yield what a run needs to be told beside the files."""
    acting = sorted(
        name
        for name, item in rows.items()
        if item.has_actions or item.adj_close is not None
    )
    if acting and config.prices is None:
        yield (
            f"what the prices are: {acting[0]} has corporate actions or adj_close; write `prices: "
            "as_traded` or `prices: split_adjusted`"
        )
    closes_only = sorted(name for name, item in rows.items() if item.open is None)
    if closes_only:
        yield f"opens: {closes_only[0]} has none; write `broker: {{fill: next_close}}`"
    if not acting:
        yield "dividends: there are none, so that every report says: price return only"


def _refused(
    config: FilesConfig, rows: Mapping[str, Rows], calendar: str
) -> Iterator[str]:
    """Yield what a run would refuse of the rows of each symbol."""
    for name, item in sorted(rows.items()):
        if not len(item.times):
            yield f"{name}: has no rows"
            continue
        days = item.times.astype("datetime64[D]")
        if days.max() < _EARLY:
            yield f"{name}: its last day is {days.max()}; are its dates counts of another unit?"
        request = LoadRequest(
            assets={name: name},
            benchmark=(name, name),
            start=days.min().item(),
            end=days.max().item(),
            calendar=calendar,
        )
        try:
            bars_of_rows(
                request, [SourceRows({name: item}, config.prices or "as_traded")]
            )
        except BtRunError as error:
            yield str(error)


def _strange(rows: Mapping[str, Rows], calendar: str) -> Iterator[str]:
    """Yield how many rows of each symbol are no session of the calendar, and which it lacks."""
    for name, item in sorted(rows.items()):
        days = np.unique(item.times.astype("datetime64[D]"))
        if not len(days):
            continue
        try:
            sessions = exchange_sessions(calendar, days[0], days[-1])
        except ConfigError as error:
            yield f"{name}: {error}"
            continue
        inside = sessions[(sessions >= days[0]) & (sessions <= days[-1])]
        odd, lacking = np.setdiff1d(days, inside), np.setdiff1d(inside, days)
        if len(odd):
            yield f"{name}: {len(odd)} days are no session of {calendar}: {_some(odd)}"
        if len(lacking):
            yield f"{name}: {len(lacking)} sessions of {calendar} have no row: {_some(lacking)}"


def _some(days: Times) -> str:
    shown = ", ".join(str(day) for day in days[:3])
    return f"{shown}, ..." if len(days) > 3 else shown
