"""The store's table of contents: what a series is, which files it has, and how that is written
down.
"""

from __future__ import annotations

import hashlib
import json
import re
import string
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bt_run import DataError

MANIFEST = "manifest.json"
_FORMAT = 1
# upper case only: file systems that ignore case would put brk and BRK into one folder
_PLAIN = frozenset(string.ascii_uppercase + string.digits + "-_^=")
_WORD = re.compile(r"[a-z][a-z0-9_-]{0,40}")
_INTERVAL = re.compile(r"[1-9][0-9]{0,3}[a-z]{1,3}")


@dataclass(frozen=True, order=True)
class Key:
    """Name a series: its source ("yahoo", "import"), its symbol there, and the length of its bars.

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
        if (
            not 0 < len(self.symbol) <= 60
            or not self.symbol.isprintable()
            or self.symbol != self.symbol.strip()
        ):
            raise DataError(
                f"symbol was {self.symbol!r}; expected 1 to 60 printable characters without space "
                "around them"
            )

    @property
    def folder(self) -> str:
        """Return the series' folder below raw/ or processed/."""
        return f"source={self.source}/interval={self.interval}/symbol={escaped(self.symbol)}"


def escaped(symbol: str) -> str:
    """Write a symbol as part of a file name that is safe and distinct on every system.

    All but A-Z, 0-9, -, _, ^ and = become %XX, a byte of their UTF-8 in hexadecimal; a dot stays
    inside.
    """
    inside = range(1, len(symbol) - 1)
    return "".join(
        c
        if c in _PLAIN or (c == "." and i in inside)
        else "".join(f"%{byte:02X}" for byte in c.encode())
        for i, c in enumerate(symbol)
    )


@dataclass(frozen=True, kw_only=True)
class Entry:
    """Describe one file of the store, as the manifest has it."""

    file: str
    sha256: str
    rows: int
    first: str | None
    last: str | None
    made_at: str
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class Series:
    """Hold the files of one series: raw ones, oldest first, and what was made of them."""

    raw: tuple[Entry, ...] = ()
    processed: Entry | None = None


@dataclass(frozen=True)
class Contents:
    """Hold what the manifest says. ``superseded`` are files kept a while for readers that are still
    at them.
    """

    series: Mapping[Key, Series] = field(default_factory=dict)
    findings: Entry | None = None
    superseded: Mapping[str, str] = field(default_factory=dict)

    def named(self) -> set[str]:
        """Return every file that the manifest names."""
        entries = [entry for one in self.series.values() for entry in (*one.raw, one.processed)]
        return {entry.file for entry in (*entries, self.findings) if entry} | set(self.superseded)

    def key_of(self, entry: Entry) -> Key | None:
        """Return the series that a file belongs to; None for the table of findings."""
        for key, one in self.series.items():
            if any(known and known.file == entry.file for known in (*one.raw, one.processed)):
                return key
        return None


def written(contents: Contents) -> bytes:
    """Return the manifest's bytes; they carry a hash of themselves."""
    body = {
        "findings": asdict(contents.findings) if contents.findings else None,
        "series": [
            {
                **asdict(key),
                "raw": [asdict(entry) for entry in one.raw],
                "processed": _plain(one.processed),
            }
            for key, one in sorted(contents.series.items())
        ],
        "superseded": dict(contents.superseded),
    }
    text = json.dumps(body, sort_keys=True, allow_nan=False)
    return f'{{"format": {_FORMAT}, "sha256": "{_hash(text)}", "contents":\n{text}\n}}\n'.encode()


def read_manifest(path: Path) -> Contents:
    """Read the manifest; a store without one is empty.

    Raises:
        DataError: the file is damaged, or of another format.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Contents()
    except (OSError, UnicodeDecodeError) as error:
        raise _damaged(path, f"cannot be read: {error}") from error
    try:
        found = json.loads(text)
        told = found["sha256"], found["format"]
        body = text.split("\n")[1]
    except (ValueError, LookupError, TypeError) as error:
        raise _damaged(path, f"is not what bt-run wrote: {error}") from error
    if told[1] != _FORMAT:
        raise DataError(f"{path}: found format {told[1]!r}; this bt-run reads format {_FORMAT}")
    if _hash(body) != told[0]:
        raise _damaged(path, f"has the sha256 {_hash(body)}; expected {told[0]}")
    parts = found["contents"]
    return Contents(
        series={
            Key(item["source"], item["symbol"], item["interval"]): Series(
                tuple(Entry(**entry) for entry in item["raw"]), _entry(item["processed"])
            )
            for item in parts["series"]
        },
        findings=_entry(parts["findings"]),
        superseded=parts["superseded"],
    )


def _damaged(path: Path, what: str) -> DataError:
    return DataError(
        f"{path}: the store's manifest {what}; bring the file back from a backup, or move "
        f"{path.parent} away and "
        "fetch or import again"
    )


def _plain(entry: Entry | None) -> dict[str, Any] | None:
    return asdict(entry) if entry else None


def _entry(found: Mapping[str, Any] | None) -> Entry | None:
    return Entry(**found) if found else None


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
