"""The store's table of contents: what a series is, which files it has, and how that is written
down.
"""

from __future__ import annotations

import hashlib
import json
import re
import string
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from bt_run import DataError
from bt_run_plugins.market_data.store.records import (
    Entry,
    FindingsEntry,
    ProcessedEntry,
    RawEntry,
    Record,
    first_fault,
)

__all__ = [
    "MANIFEST",
    "Contents",
    "Key",
    "Keys",
    "SeriesFiles",
    "escaped",
    "read_manifest",
    "written",
]

MANIFEST = "manifest.json"
_FORMAT = 1
# upper case only: file systems that ignore case would put brk and BRK into one folder
_KEPT = frozenset(string.ascii_uppercase + string.digits + "-_^=")
_WORD = re.compile(r"[a-z][a-z0-9_-]{0,40}")
_INTERVAL = re.compile(r"[1-9][0-9]{0,3}[a-z]{1,3}")
_LONGEST = 60  # characters of a symbol


@dataclass(frozen=True, order=True)
class Key:
    """The name of a series: its source ("yahoo", "import"), its symbol there, and the length of its
    bars.

    Raises:
        DataError: a part is not a word that a folder can carry.
    """

    source: str
    symbol: str
    interval: str = "1d"

    def __post_init__(self) -> None:
        if not _WORD.fullmatch(self.source):
            raise DataError(
                f"source was {self.source!r}; expected a word of small letters, digits, _ and -, "
                "such as yahoo"
            )
        if not _INTERVAL.fullmatch(self.interval):
            raise DataError(
                f"interval was {self.interval!r}; expected a number and a unit, such as 1d or 5m"
            )
        fits = 0 < len(self.symbol) <= _LONGEST
        plain = self.symbol.isprintable() and self.symbol == self.symbol.strip()
        if not (fits and plain):
            raise DataError(
                f"symbol was {self.symbol!r}; expected 1 to {_LONGEST} printable characters "
                "without space around them"
            )

    @property
    def folder(self) -> str:
        """Return the series' folder below raw/ or processed/."""
        return f"source={self.source}/interval={self.interval}/symbol={escaped(self.symbol)}"


Keys = Sequence[Key]


def escaped(symbol: str) -> str:
    """Write a symbol as part of a file name that is safe and distinct on every system.

    All but A-Z, 0-9, -, _, ^ and = become %XX, a byte of their UTF-8 in hexadecimal; a dot stays
    inside.
    """
    parts = []
    for place, letter in enumerate(symbol):
        inside = 0 < place < len(symbol) - 1
        if letter in _KEPT or (letter == "." and inside):
            parts.append(letter)
            continue
        for byte in letter.encode():
            parts.append(f"%{byte:02X}")
    return "".join(parts)


@dataclass(frozen=True)
class SeriesFiles:
    """The files of one series: raw ones, oldest first, and what was made of them."""

    raw: tuple[RawEntry, ...] = ()
    processed: ProcessedEntry | None = None

    @property
    def every(self) -> tuple[Entry, ...]:
        """Return all files, raw or processed."""
        if self.processed is None:
            return self.raw
        return (*self.raw, self.processed)


@dataclass(frozen=True)
class Contents:
    """What the manifest says. ``superseded`` are files kept a while for readers that are still at
    them.
    """

    series: Mapping[Key, SeriesFiles] = field(default_factory=dict)
    findings: FindingsEntry | None = None
    superseded: Mapping[str, str] = field(default_factory=dict)

    def files_of(self, key: Key) -> SeriesFiles:
        """Return the files of a series; none for one that is not there."""
        return self.series.get(key, SeriesFiles())

    def entries(self) -> Iterator[Entry]:
        """Yield every file that counts."""
        for files in self.series.values():
            yield from files.every
        if self.findings is not None:
            yield self.findings

    def named(self) -> set[str]:
        """Return every file that the manifest names."""
        return {entry.file for entry in self.entries()} | set(self.superseded)

    def key_of(self, entry: Entry) -> Key | None:
        """Return the series that a file belongs to; None for the table of findings."""
        for key, files in self.series.items():
            if entry.file in [known.file for known in files.every]:
                return key
        return None


class _StoredSeries(Record):
    """One series as the manifest writes it."""

    source: str
    symbol: str
    interval: str
    raw: tuple[RawEntry, ...]
    processed: ProcessedEntry | None


class _StoredContents(Record):
    """The contents as the manifest writes them."""

    findings: FindingsEntry | None
    series: tuple[_StoredSeries, ...]
    superseded: Mapping[str, str]


def written(contents: Contents) -> bytes:
    """Return the manifest's bytes; they carry a hash of themselves."""
    stored = _StoredContents(
        findings=contents.findings,
        series=tuple(
            _stored(key, contents.series[key]) for key in sorted(contents.series)
        ),
        superseded=contents.superseded,
    )
    text = json.dumps(
        stored.model_dump(mode="json"),
        sort_keys=True,
        allow_nan=False,
    )
    return f'{{"format": {_FORMAT}, "sha256": "{_hash(text)}", "contents":\n{text}\n}}\n'.encode()


def _stored(key: Key, files: SeriesFiles) -> _StoredSeries:
    return _StoredSeries(
        source=key.source,
        symbol=key.symbol,
        interval=key.interval,
        raw=files.raw,
        processed=files.processed,
    )


def read_manifest(path: Path) -> Contents:
    """Read the manifest; a store without one is empty.

    Raises:
        DataError: the file is damaged, of another format, or holds what no record knows.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Contents()
    except (OSError, UnicodeDecodeError) as error:
        raise _damaged(path, f"cannot be read: {error}") from error
    body = _checked_body(path, text)
    try:
        stored = _StoredContents.model_validate_json(body)
    except ValidationError as error:
        raise _damaged(
            path, f"holds what bt-run did not write: {first_fault(error)}"
        ) from error
    series = {}
    for one in stored.series:
        key = Key(one.source, one.symbol, one.interval)
        series[key] = SeriesFiles(one.raw, one.processed)
    return Contents(series, stored.findings, stored.superseded)


def _checked_body(path: Path, text: str) -> str:
    """Return the contents' JSON, the manifest's second line, after comparing it with its hash."""
    try:
        head: Any = json.loads(text)
        expected, found_format = head["sha256"], head["format"]
        body = text.split("\n")[1]
    except (ValueError, LookupError, TypeError) as error:
        raise _damaged(path, f"is not what bt-run wrote: {error}") from error
    if found_format != _FORMAT:
        raise DataError(
            f"{path}: found format {found_format!r}; this bt-run reads format {_FORMAT}"
        )
    if _hash(body) != expected:
        raise _damaged(path, f"has the sha256 {_hash(body)}; expected {expected}")
    return body


def _damaged(path: Path, what: str) -> DataError:
    return DataError(
        f"{path}: the store's manifest {what}; bring the file back from a backup, or move "
        f"{path.parent} away and fetch or import again"
    )


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
