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

from bt_run import DataError
from bt_run.atomic import TEMPORARY, make_folder, replace_file, sync_folder
from bt_run_plugins.market_data.processing import read_processed, stale
from bt_run_plugins.market_data.store.frames import COLUMNS, symbol_frame
from bt_run_plugins.market_data.store.manifest import Key, escaped
from bt_run_plugins.market_data.store.store import Store, columns_of, parquet, span

__all__ = ["Pack", "Part", "create", "open_pack", "packs_in", "read_part", "verify"]

PACK_FILE = "pack.json"
_FORMAT = 1
_SHORT = 16  # letters of the hash that name a pack
_LAG = 7  # days that prices may end before the day of the pack
_CURE = "copy the pack again, or make it again with `bt-run data pack create`"

Columns = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, kw_only=True)
class Part:
    """Describe one symbol of a pack; ``content`` is the hash of its values, ``sha256`` that of its
    file.
    """

    symbol: str
    prices: str | None
    rows: int
    first: str | None
    last: str | None
    content: str
    file: str
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Pack:
    """Describe a pack, as its pack.json does."""

    id: str
    folder: Path
    as_of: date
    source: str
    interval: str
    calendar: str
    made_at: str
    parts: tuple[Part, ...]


def create(store: Store, keys: Sequence[Key], as_of: date) -> tuple[Pack, bool]:
    """Freeze processed prices up to ``as_of``; return the pack, and whether it was there already.

    Raises:
        DataError: the series are of several sources or calendars, are not cleaned, or end long
            before ``as_of``.
    """
    calendar, columns = _checked(store, keys, as_of)
    frames = {key: symbol_frame(columns[key]) for key in keys}
    parts = []
    contents = {}
    for key in sorted(keys):
        file = f"symbol={escaped(key.symbol)}.parquet"
        contents[file] = parquet(frames[key])
        first, last = span(frames[key])
        prices = read_processed(store, key).facts["prices"]
        parts.append(
            Part(
                symbol=key.symbol,
                prices=prices,
                rows=len(frames[key]),
                first=first,
                last=last,
                content=content_hash(key.symbol, prices, columns[key]),
                file=file,
                sha256=hashlib.sha256(contents[file]).hexdigest(),
            )
        )
    facts = {
        "as_of": as_of.isoformat(),
        "source": keys[0].source,
        "interval": keys[0].interval,
        "calendar": calendar,
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "parts": [vars(part) for part in parts],
    }
    name = _id(facts)[:_SHORT]
    there = _is_sound(store, name)
    if not there:
        _write(store, name, facts, contents)
    return open_pack(store, name), there


def packs_in(store: Store) -> tuple[Pack, ...]:
    """Return the packs of a store, oldest first.

    Raises:
        DataError: a pack's pack.json is damaged.
    """
    names = [path.parent.name for path in (store.folder / "packs").glob(f"[!.]*/{PACK_FILE}")]
    return tuple(
        sorted((open_pack(store, name) for name in names), key=lambda pack: (pack.made_at, pack.id))
    )


def open_pack(store: Store, name: str) -> Pack:
    """Return a pack by its id, after checking that its pack.json is the one that the id was made
    of.

    Raises:
        DataError: there is no such pack, or it was altered.
    """
    folder = store.folder / "packs" / name
    path = folder / PACK_FILE
    if Path(name).name != name or not path.is_file():
        known = sorted(
            found.parent.name for found in (store.folder / "packs").glob(f"[!.]*/{PACK_FILE}")
        )
        raise DataError(
            f"{store.folder}: no pack {name!r}; it has {', '.join(known) or 'none'}; make one with "
            "`bt-run data pack create --as-of DAY`"
        )
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        found = _id(facts)
        pack = Pack(
            id=name,
            folder=folder,
            as_of=date.fromisoformat(facts["as_of"]),
            parts=tuple(Part(**part) for part in facts["parts"]),
            **{word: facts[word] for word in ("source", "interval", "calendar", "made_at")},
        )
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise DataError(f"{path}: cannot be read as a pack: {error}; {_CURE}") from error
    if found != facts["id"] or found[:_SHORT] != name:
        raise DataError(
            f"{path}: the pack was altered: what it says has the id {found[:_SHORT]}, expected "
            f"{name}; {_CURE}"
        )
    return pack


def read_part(pack: Pack, part: Part) -> dict[str, NDArray[Any]]:
    """Return the columns of one symbol, each (n,), checked against the pack's id.

    Raises:
        DataError: the file is missing, or its values are not those of the pack.
    """
    path = pack.folder / Path(part.file).name
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(
            f"{path}: {part.symbol} cannot be read: {error.strerror or error}; {_CURE}"
        ) from error
    found = hashlib.sha256(content).hexdigest()
    if found != part.sha256:
        raise DataError(
            f"{path}: the file of {part.symbol} was altered: found the sha256 {found}, expected "
            f"{part.sha256}; {_CURE}"
        )
    columns = columns_of(content)
    values = content_hash(part.symbol, part.prices, columns)
    if values != part.content:
        raise DataError(
            f"{path}: the prices of {part.symbol} were altered: found the hash {values}, "
            f"expected {part.content}; {_CURE}"
        )
    return columns


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
        return tuple(text for text in pool.map(complaint, pack.parts) if text)


def _is_sound(store: Store, name: str) -> bool:
    try:
        return not verify(store, name)
    except DataError:
        return False


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
        else:
            values = np.asarray(columns[name], dtype="<f8") + 0.0  # one zero only
            yield np.where(np.isnan(values), np.nan, values).astype("<f8").tobytes()


def _id(facts: Mapping[str, Any]) -> str:
    """Return the hash of what a pack says: not of its files, its time or its source."""
    said = [
        [part["symbol"], part["prices"], part["content"]]
        for part in sorted(facts["parts"], key=lambda part: str(part["symbol"]))
    ]
    text = json.dumps([_FORMAT, facts["as_of"], facts["interval"], facts["calendar"], said])
    return hashlib.sha256(text.encode()).hexdigest()


def _checked(
    store: Store, keys: Sequence[Key], as_of: date
) -> tuple[str, dict[Key, dict[str, NDArray[Any]]]]:
    """Return the calendar and each symbol's columns up to ``as_of``."""
    if not keys:
        raise DataError(
            f"{store.folder}: no series to pack; `bt-run data list` shows what there is"
        )
    kinds = sorted({(key.source, key.interval) for key in keys})
    if len(kinds) > 1:
        found = ", ".join(f"{source} at {interval}" for source, interval in kinds)
        raise DataError(
            f"a pack holds one source at one interval; found {found}; say `--source {kinds[0][0]}`"
        )
    for key in keys:
        if (why := stale(store, key)) is not None:
            raise DataError(
                f"{key.symbol}: {why}; run `bt-run data clean {key.symbol} --source {key.source}` "
                "first"
            )
    entries = {key: read_processed(store, key) for key in keys}
    calendars = sorted({entry.facts["calendar"] for entry in entries.values()})
    if len(calendars) > 1:
        raise DataError(
            f"a pack has one calendar; found {', '.join(calendars)}; clean all with one"
        )
    with ThreadPoolExecutor() as pool:
        read = dict(zip(keys, pool.map(store.read_columns, entries.values()), strict=True))
    limit = np.datetime64(as_of) + np.timedelta64(1, "D")
    columns = {
        key: {n: v[table["date"] < limit] for n, v in table.items()} for key, table in read.items()
    }
    if empty := [key.symbol for key in keys if not len(columns[key]["date"])]:
        raise DataError(f"{empty[0]}: no prices up to {as_of}; expected some, or leave it out")
    last = max(table["date"][-1] for table in columns.values()).astype("datetime64[D]")
    if np.datetime64(as_of) - last > np.timedelta64(_LAG, "D"):
        raise DataError(
            f"the prices end at {last}, long before {as_of}; fetch them, or say `--as-of {last}`"
        )
    return calendars[0], columns


def _write(
    store: Store, name: str, facts: Mapping[str, Any], contents: Mapping[str, bytes]
) -> None:
    """Write a pack beside its place and move it there in one step, as the store's only writer."""
    final = store.folder / "packs" / name
    half = final.with_name(f"{TEMPORARY}{name}")
    with store.writing():
        try:
            shutil.rmtree(half, ignore_errors=True)
            make_folder(half)
            for file, content in contents.items():
                replace_file(half / file, content)
            text = json.dumps({"format": _FORMAT, "id": _id(facts), **facts}, indent=1)
            replace_file(half / PACK_FILE, text.encode())
            sync_folder(half)
            if final.exists():
                shutil.rmtree(final)
            half.rename(final)
            sync_folder(final.parent)
        except OSError as error:
            shutil.rmtree(half, ignore_errors=True)
            raise DataError(
                f"{final}: the pack cannot be written: {error.strerror or error}"
            ) from error
