"""The store: raw prices as received, what was made of them, and a manifest that is the only commit
point.

A file that the manifest does not name is not there; a file that it names is checked against its
hash whenever it is read. So a writer may die at any moment: the store is as it was, or as it was to
become.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bt_run import DataError
from bt_run.atomic import TEMPORARY, forget, locked, make_folder, replace_file, sync_folder
from bt_run_plugins.market_data.store.manifest import (
    MANIFEST,
    Contents,
    Entry,
    Key,
    Series,
    read_manifest,
    written,
)

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Entry", "Key", "Store", "Writer"]

_DATA = ("raw", "processed", "findings")
_GRACE = timedelta(
    hours=1
)  # how long a superseded file stays for readers that hold an older manifest


class Store:
    """Read the prices in a folder; ``writing()`` lets one writer at a time add to them.

    ``tell`` hears what a user should know, such as that the lock of a dead writer was taken over.
    """

    def __init__(self, folder: Path, tell: Callable[[str], None] | None = None) -> None:
        self.folder = folder
        self.tell = tell
        self._known: tuple[tuple[int, ...], Contents] | None = None

    @classmethod
    def at(cls, folder: Path | None, tell: Callable[[str], None] | None = None) -> Store:
        """Return the store in ``folder``; without one, in $BT_RUN_STORE, else in ~/.bt-run/store."""
        if folder is None:
            told = os.environ.get("BT_RUN_STORE")
            folder = Path(told).expanduser() if told else Path.home() / ".bt-run" / "store"
        return cls(folder, tell)

    @property
    def contents(self) -> Contents:
        """Return what the manifest says now."""
        path = self.folder / MANIFEST
        try:
            found = path.stat()
        except OSError:
            _refuse_lost(self.folder)
            return Contents()
        state = (found.st_mtime_ns, found.st_size, found.st_ino)
        if self._known is None or self._known[0] != state:
            self._known = (state, read_manifest(path))
        return self._known[1]

    def keys(self) -> tuple[Key, ...]:
        """Return every series with raw data, sorted."""
        return tuple(sorted(key for key, one in self.contents.series.items() if one.raw))

    def raw(self, key: Key) -> tuple[Entry, ...]:
        """Return the raw files of a series, oldest first."""
        return self.contents.series.get(key, Series()).raw

    def processed(self, key: Key) -> Entry | None:
        """Return the processed file of a series, if there is one."""
        return self.contents.series.get(key, Series()).processed

    def findings(self) -> Entry | None:
        """Return the table of the newest validation, if there is one."""
        return self.contents.findings

    def read(self, entry: Entry) -> pd.DataFrame:
        """Return the table in a file.

        Raises:
            DataError: the file is missing, or is not the one that was written.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        table = pq.ParquetFile(pa.BufferReader(self.content(entry))).read(use_threads=False)
        found: pd.DataFrame = table.to_pandas()
        return found

    def read_columns(self, entry: Entry) -> dict[str, NDArray[Any]]:
        """Return the columns in a file, each (n,), without building a pandas table.

        Raises:
            DataError: the file is missing, or is not the one that was written.
        """
        return columns_of(self.content(entry))

    def content(self, entry: Entry) -> bytes:
        """Return the bytes of a file, checked."""
        path = self.folder / entry.file
        try:
            content = path.read_bytes()
        except OSError as error:
            raise DataError(
                f"{path}: the file cannot be read: {error.strerror or error}; {self._cure(entry)}"
            ) from error
        found = hashlib.sha256(content).hexdigest()
        if found != entry.sha256:
            raise DataError(
                f"{path}: the file has changed since it was written: found the sha256 {found}, "
                f"expected {entry.sha256}; {self._cure(entry)}"
            )
        return content

    def _cure(self, entry: Entry) -> str:
        """Say how to make a lost file again."""
        key, kind = self.contents.key_of(entry), entry.file.split("/")[0]
        if kind == "raw" and key is not None and key.source == "yahoo":
            return f"fetch it again: `bt-run data fetch {key.symbol} --whole`"
        if kind == "raw" and key is not None:
            return f"import {key.symbol} again with `bt-run data import`"
        made = f"clean {key.symbol}" if key is not None and kind == "processed" else "validate"
        return f"make it again: `bt-run data {made}`"

    @contextmanager
    def writing(self) -> Iterator[Writer]:
        """Let the block write; the manifest takes it all up at once, at a clean end or at
        ``commit()``.

        Raises:
            DataError: another writer is at work, the disk is full, or the manifest is damaged or
                lost.
        """
        try:
            make_folder(self.folder)
        except OSError as error:
            raise DataError(
                f"{self.folder}: the store cannot be made there: {error.strerror or error}"
            ) from error
        with locked(self.folder / ".lock") as taken_over:
            if taken_over and self.tell:
                self.tell(f"{self.folder}: {taken_over}")
            writer = Writer(self.folder, read_manifest(self.folder / MANIFEST))
            try:
                writer.begin()
                yield writer
                writer.commit()
            finally:
                writer.forget_uncommitted()


class Writer:
    """Add files to a store."""

    def __init__(self, folder: Path, contents: Contents) -> None:
        self.folder = folder
        self.contents = contents
        self._uncommitted: list[Path] = []
        self._folders: set[Path] = set()

    def add_raw(self, key: Key, frame: pd.DataFrame, facts: Mapping[str, Any]) -> Entry:
        """Add what was received for a series, beside what was received before.

        Raises:
            DataError: the file cannot be written.
        """
        entry = self._add(f"raw/{key.folder}", "fetched=", frame, facts)
        before = self.contents.series.get(key, Series())
        self._put(key, replace(before, raw=(*before.raw, entry)))
        return entry

    def put_processed(self, key: Key, frame: pd.DataFrame, facts: Mapping[str, Any]) -> Entry:
        """Put what was made of a series' raw data in the place of what was made before.

        Raises:
            DataError: the file cannot be written.
        """
        entry = self._add(f"processed/{key.folder}", "", frame, facts)
        before = self.contents.series.get(key, Series())
        self._retire(before.processed)
        self._put(key, replace(before, processed=entry))
        return entry

    def put_findings(self, frame: pd.DataFrame, facts: Mapping[str, Any]) -> Entry:
        """Put the findings of a validation in the place of those before.

        Raises:
            DataError: the file cannot be written.
        """
        entry = self._add("findings", "", frame, facts)
        self._retire(self.contents.findings)
        self.contents = replace(self.contents, findings=entry)
        return entry

    def begin(self) -> None:
        """Make the manifest if there is none, and remove what dead writers left behind.

        Raises:
            DataError: there are files but no manifest.
        """
        if not (self.folder / MANIFEST).exists():
            _refuse_lost(self.folder)
            self.commit()
        due = (datetime.now(UTC) - _GRACE).isoformat()
        kept = {file: since for file, since in self.contents.superseded.items() if since > due}
        self.contents = replace(self.contents, superseded=kept)
        named = self.contents.named()
        for path in _files(self.folder):
            if path.relative_to(self.folder).as_posix() not in named:
                forget(path)
        for path in self.folder.glob(f"{TEMPORARY}*"):
            forget(path)
        for path in self.folder.glob(f"packs/{TEMPORARY}*"):
            shutil.rmtree(path, ignore_errors=True)

    def commit(self) -> None:
        """Let the manifest name all that was written so far; from here on it is in the store.

        Raises:
            DataError: the manifest cannot be written.
        """
        try:
            for folder in sorted(self._folders):
                sync_folder(folder)
            replace_file(self.folder / MANIFEST, written(self.contents))
        except OSError as error:
            raise _not_written(self.folder, error) from error
        self._uncommitted.clear()
        self._folders.clear()
        try:
            sync_folder(self.folder)
        except OSError as error:
            raise DataError(
                f"{self.folder}: all is written, but the disk did not confirm it "
                f"({error.strerror or error}); "
                "look at the disk, then at `bt-run data list`"
            ) from error

    def forget_uncommitted(self) -> None:
        """Remove what was written and not committed."""
        for path in self._uncommitted:
            forget(path)
        self._uncommitted.clear()

    def _put(self, key: Key, one: Series) -> None:
        self.contents = replace(self.contents, series={**self.contents.series, key: one})

    def _retire(self, entry: Entry | None) -> None:
        if entry is not None:
            self.contents = replace(
                self.contents,
                superseded={**self.contents.superseded, entry.file: datetime.now(UTC).isoformat()},
            )

    def _add(
        self, folder: str, prefix: str, frame: pd.DataFrame, facts: Mapping[str, Any]
    ) -> Entry:
        content = parquet(frame)
        made = datetime.now(UTC)
        try:
            if not (self.folder / folder).is_dir():
                make_folder(self.folder / folder)
            path = _unused(self.folder / folder, f"{prefix}{made:%Y%m%dT%H%M%SZ}")
            self._uncommitted.append(path)
            self._folders.add(path.parent)
            replace_file(path, content)
        except OSError as error:
            raise _not_written(self.folder, error) from error
        first, last = span(frame)
        return Entry(
            file=f"{folder}/{path.name}",
            sha256=hashlib.sha256(content).hexdigest(),
            rows=len(frame),
            first=first,
            last=last,
            made_at=made.isoformat(timespec="seconds"),
            facts=json.loads(json.dumps(dict(facts), allow_nan=False)),
        )


def parquet(frame: pd.DataFrame) -> bytes:
    """Return a table as the bytes of a parquet file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    out = BytesIO()
    table = pa.Table.from_pandas(frame, preserve_index=False)
    pq.write_table(table, out, compression="lz4", use_dictionary=False, write_statistics=False)
    return out.getvalue()


def columns_of(content: bytes) -> dict[str, NDArray[Any]]:
    """Return the columns in the bytes of a parquet file, each (n,)."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    # read_table, made for sets of files, would take twice as long
    table = pq.ParquetFile(pa.BufferReader(content)).read(use_threads=False)
    return {name: np.asarray(table.column(name).to_numpy()) for name in table.column_names}


def span(frame: pd.DataFrame) -> tuple[str | None, str | None]:
    """Return the first and the last time in a table's column date: a date, or for intraday bars a
    time in UTC.
    """
    if "date" not in frame.columns or frame["date"].dropna().empty:
        return None, None
    times = np.array([frame["date"].min(), frame["date"].max()], dtype="datetime64[s]")
    if (times == times.astype("datetime64[D]")).all():
        times = times.astype("datetime64[D]")
        return str(times[0]), str(times[1])
    return f"{times[0]}Z", f"{times[1]}Z"


def _files(folder: Path) -> Iterator[Path]:
    """Yield the data files below a store's folder, temporary ones too."""
    for kind in _DATA:
        yield from (folder / kind).rglob("*.parquet")


def _refuse_lost(folder: Path) -> None:
    if lost := next(_files(folder), None):
        raise DataError(
            f"{folder / MANIFEST}: the manifest is missing, but files such as "
            f"{lost.relative_to(folder)} are there; "
            f"bring it back from a backup, or move {folder} away and fetch or import again"
        )


def _unused(folder: Path, name: str) -> Path:
    names: Iterable[str] = (
        f"{name}-{n}.parquet" if n else f"{name}.parquet" for n in range(100_000)
    )
    return next(folder / candidate for candidate in names if not (folder / candidate).exists())


def _not_written(folder: Path, error: OSError) -> DataError:
    where = error.filename or folder
    return DataError(
        f"{where}: cannot be written: {error.strerror or error}; the store is as it was after its "
        "last commit; "
        "make room or choose another store, then repeat the command"
    )
