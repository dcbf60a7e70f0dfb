"""Packs: processed prices frozen at a day. A pack's id is a hash of what is in it, the same on any
machine.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from bt_run import DataError
from bt_run.atomic import TEMPORARY, make_folder, replace_file, sync_folder
from bt_run_plugins.market_data.processing import read_processed, stale
from bt_run_plugins.market_data.store.frames import COLUMNS, symbol_frame
from bt_run_plugins.market_data.store.manifest import Key, escaped
from bt_run_plugins.market_data.store.records import ProcessedEntry, Record, first_fault
from bt_run_plugins.market_data.store.store import Store
from bt_run_plugins.market_data.store.tables import columns_of, parquet, span
from bt_run_plugins.sources.sample import PriceConvention

__all__ = ["Pack", "Part", "create", "open_pack", "packs_in", "read_part", "verify"]

PACK_FILE = "pack.json"
_FORMAT = 1
_SHORT = 16  # letters of the hash that name a pack
_LAG = np.timedelta64(7, "D")  # how long before the day of the pack prices may end
_REMEDY = "copy the pack again, or make it again with `bt-run data pack create`"

Columns = Mapping[str, NDArray[Any]]
Tables = Mapping[Key, Columns]


class Part(Record):
    """One symbol of a pack; ``content`` is the hash of its values, ``sha256`` that of its file."""

    symbol: str
    prices: PriceConvention | None
    rows: int
    first: str | None
    last: str | None
    content: str
    file: str
    sha256: str


class _StoredPack(Record):
    """A pack as its pack.json writes it; ``id`` is the whole hash."""

    format: int
    id: str
    as_of: date
    source: str
    interval: str
    calendar: str
    made_at: str
    parts: tuple[Part, ...]


@dataclass(frozen=True, kw_only=True)
class Pack:
    """A pack in its folder."""

    id: str
    folder: Path
    as_of: date
    source: str
    interval: str
    calendar: str
    made_at: str
    parts: tuple[Part, ...]


def create(
    store: Store,
    keys: Sequence[Key],
    as_of: date,
) -> tuple[Pack, bool]:
    """Freeze processed prices up to ``as_of``; return the pack, and whether it was there already.

    Raises:
        DataError: the series are of several sources or calendars, are not cleaned, or end long
            before ``as_of``.
    """
    entries = _packable(store, keys)
    columns = _columns_until(store, entries, as_of)
    parts = []
    contents = {}
    for key in sorted(keys):
        part, content = _part(key, entries[key], columns[key])
        parts.append(part)
        contents[part.file] = content
    stored = _stored(keys[0], entries[keys[0]].facts.calendar, as_of, parts)
    name = stored.id[:_SHORT]
    there = _is_sound(store, name)
    if not there:
        _write(store, name, stored, contents)
    return open_pack(store, name), there


def _stored(
    key: Key,
    calendar: str,
    as_of: date,
    parts: Sequence[Part],
) -> _StoredPack:
    return _StoredPack(
        format=_FORMAT,
        id=_full_id(as_of, key.interval, calendar, parts),
        as_of=as_of,
        source=key.source,
        interval=key.interval,
        calendar=calendar,
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        parts=tuple(parts),
    )


def packs_in(store: Store) -> tuple[Pack, ...]:
    """Return the packs of a store, oldest first.

    Raises:
        DataError: a pack's pack.json is damaged.
    """
    packs = [open_pack(store, name) for name in _names(store)]
    return tuple(sorted(packs, key=lambda pack: (pack.made_at, pack.id)))


def open_pack(store: Store, name: str) -> Pack:
    """Return a pack by its id, after checking that its pack.json is the one that the id was made
    of.

    Raises:
        DataError: there is no such pack, or it was altered.
    """
    folder = store.folder / "packs" / name
    path = folder / PACK_FILE
    if Path(name).name != name or not path.is_file():
        known = ", ".join(sorted(_names(store))) or "none"
        raise DataError(
            f"{store.folder}: no pack {name!r}; it has {known}; make one with "
            "`bt-run data pack create --as-of DAY`"
        )
    stored = _read_stored(path)
    found = _full_id(stored.as_of, stored.interval, stored.calendar, stored.parts)
    if found != stored.id or found[:_SHORT] != name:
        raise DataError(
            f"{path}: the pack was altered: what it says has the id {found[:_SHORT]}, expected "
            f"{name}; {_REMEDY}"
        )
    return Pack(
        id=name,
        folder=folder,
        as_of=stored.as_of,
        source=stored.source,
        interval=stored.interval,
        calendar=stored.calendar,
        made_at=stored.made_at,
        parts=stored.parts,
    )


def read_part(pack: Pack, part: Part) -> dict[str, NDArray[Any]]:
    """Return the columns of one symbol, each (n,), checked against the pack's id.

    Raises:
        DataError: the file is missing, or its values are not those of the pack.
    """
    path = pack.folder / Path(part.file).name
    columns = columns_of(_checked_content(path, part))
    found = content_hash(part.symbol, part.prices, columns)
    if found != part.content:
        raise DataError(
            f"{path}: the prices of {part.symbol} were altered: found the hash {found}, "
            f"expected {part.content}; {_REMEDY}"
        )
    return columns


def _checked_content(path: Path, part: Part) -> bytes:
    """Return the bytes of one symbol's file, if it is the one that was written."""
    try:
        content = path.read_bytes()
    except OSError as error:
        reason = error.strerror or error
        raise DataError(
            f"{path}: {part.symbol} cannot be read: {reason}; {_REMEDY}"
        ) from error
    found = hashlib.sha256(content).hexdigest()
    if found != part.sha256:
        raise DataError(
            f"{path}: the file of {part.symbol} was altered: found the sha256 {found}, expected "
            f"{part.sha256}; {_REMEDY}"
        )
    return content


def verify(store: Store, name: str) -> tuple[str, ...]:
    """Compute every hash of a pack again; return a sentence for each symbol that differs.

    Raises:
        DataError: there is no such pack, or its pack.json was altered.
    """
    pack = open_pack(store, name)

    def complaint(part: Part) -> str | None:
        try:
            read_part(pack, part)
        except DataError as error:
            return str(error)
        return None

    with ThreadPoolExecutor() as pool:
        complaints = list(pool.map(complaint, pack.parts))
    return tuple(text for text in complaints if text is not None)


def _is_sound(store: Store, name: str) -> bool:
    try:
        return not verify(store, name)
    except DataError:
        return False


def _names(store: Store) -> list[str]:
    """Return the packs of a store by name; one that a writer is still making is not there."""
    found = (store.folder / "packs").glob(f"[!.]*/{PACK_FILE}")
    return [path.parent.name for path in found]


def _read_stored(path: Path) -> _StoredPack:
    try:
        return _StoredPack.model_validate_json(path.read_bytes())
    except ValidationError as error:
        reason: object = first_fault(error)
    except OSError as error:
        reason = error
    raise DataError(f"{path}: cannot be read as a pack: {reason}; {_REMEDY}")


def content_hash(symbol: str, prices: str | None, columns: Columns) -> str:
    """Return the sha256 of a symbol's values: dates as int64 nanoseconds, numbers as float64,
    little-endian.
    """
    names = [name for name in COLUMNS if name in columns]
    total = hashlib.sha256(json.dumps([symbol, prices, names]).encode())
    for block in _blocks(columns, names):
        total.update(block)
    return total.hexdigest()


def _blocks(columns: Columns, names: Sequence[str]) -> Iterator[bytes]:
    for name in names:
        if name == "date":
            yield columns[name].astype("datetime64[ns]").astype("<i8").tobytes()
            continue
        values = np.asarray(columns[name], dtype="<f8") + 0.0  # one zero only
        yield np.where(np.isnan(values), np.nan, values).astype("<f8").tobytes()


def _full_id(
    as_of: date,
    interval: str,
    calendar: str,
    parts: Sequence[Part],
) -> str:
    """Return the hash of what a pack says: not of its files, its time or its source."""
    said = []
    for part in sorted(parts, key=lambda part: part.symbol):
        said.append([part.symbol, part.prices, part.content])
    text = json.dumps([_FORMAT, as_of.isoformat(), interval, calendar, said])
    return hashlib.sha256(text.encode()).hexdigest()


def _packable(store: Store, keys: Sequence[Key]) -> dict[Key, ProcessedEntry]:
    """Return the processed files of series that may stand in one pack."""
    if not keys:
        raise DataError(
            f"{store.folder}: no series to pack; `bt-run data list` shows what there is"
        )
    _check_kinds(keys)
    for key in keys:
        why = stale(store, key)
        if why is not None:
            command = f"bt-run data clean {key.symbol} --source {key.source}"
            raise DataError(f"{key.symbol}: {why}; run `{command}` first")
    entries = {key: read_processed(store, key) for key in keys}
    calendars = sorted({entry.facts.calendar for entry in entries.values()})
    if len(calendars) > 1:
        raise DataError(
            f"a pack has one calendar; found {', '.join(calendars)}; clean all with one"
        )
    return entries


def _check_kinds(keys: Sequence[Key]) -> None:
    kinds = sorted({f"{key.source} at {key.interval}" for key in keys})
    if len(kinds) > 1:
        source = min(key.source for key in keys)
        raise DataError(
            f"a pack holds one source at one interval; found {', '.join(kinds)}; say "
            f"`--source {source}`"
        )


def _columns_until(
    store: Store, entries: Mapping[Key, ProcessedEntry], as_of: date
) -> dict[Key, Columns]:
    """Return each symbol's columns up to ``as_of``."""
    end = np.datetime64(as_of) + np.timedelta64(1, "D")
    with ThreadPoolExecutor() as pool:
        tables = list(pool.map(store.read_columns, entries.values()))
    columns: dict[Key, Columns] = {}
    for key, table in zip(entries, tables, strict=True):
        inside = table["date"] < end
        if not inside.any():
            raise DataError(
                f"{key.symbol}: no prices up to {as_of}; expected some, or leave it out"
            )
        columns[key] = {name: values[inside] for name, values in table.items()}
    _check_end(columns, as_of)
    return columns


def _check_end(columns: Tables, as_of: date) -> None:
    """Refuse prices of which the newest is long before the day of the pack."""
    last = _last_day(columns)
    if np.datetime64(as_of) - last > _LAG:
        raise DataError(
            f"the prices end at {last}, long before {as_of}; fetch them, or say `--as-of {last}`"
        )


def _last_day(columns: Tables) -> np.datetime64:
    return max(own["date"][-1].astype("datetime64[D]") for own in columns.values())


def _part(
    key: Key,
    entry: ProcessedEntry,
    columns: Columns,
) -> tuple[Part, bytes]:
    """Return one symbol of a pack, and the content of its file."""
    frame = symbol_frame(columns)
    content = parquet(frame)
    first, last = span(frame)
    prices = entry.facts.prices
    part = Part(
        symbol=key.symbol,
        prices=prices,
        rows=len(frame),
        first=first,
        last=last,
        content=content_hash(key.symbol, prices, columns),
        file=f"symbol={escaped(key.symbol)}.parquet",
        sha256=hashlib.sha256(content).hexdigest(),
    )
    return part, content


def _write(
    store: Store,
    name: str,
    stored: _StoredPack,
    contents: Mapping[str, bytes],
) -> None:
    """Write a pack beside its place and move it there in one step, as the store's only writer."""
    final = store.folder / "packs" / name
    half = final.with_name(f"{TEMPORARY}{name}")
    text = json.dumps(stored.model_dump(mode="json"), indent=1)
    with store.writing():
        try:
            shutil.rmtree(half, ignore_errors=True)
            make_folder(half)
            for file, content in {**contents, PACK_FILE: text.encode()}.items():
                replace_file(half / file, content)
            sync_folder(half)
            if final.exists():
                shutil.rmtree(final)
            half.rename(final)
            sync_folder(final.parent)
        except OSError as error:
            shutil.rmtree(half, ignore_errors=True)
            reason = error.strerror or error
            raise DataError(f"{final}: the pack cannot be written: {reason}") from error
