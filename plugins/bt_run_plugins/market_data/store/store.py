"""The store: raw prices as received, what was made of them, and a manifest that is the only commit
point.

A file that the manifest does not name is not there; a file that it names is checked against its
hash whenever it is read. So a writer may die at any moment: the store is as it was, or as it was to
become.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from bt_run import DataError
from bt_run.atomic import (
    TEMPORARY,
    forget,
    locked,
    make_folder,
    replace_file,
    sync_folder,
)
from bt_run_plugins.market_data.store.manifest import (
    MANIFEST,
    Contents,
    Key,
    SeriesFiles,
    read_manifest,
    written,
)
from bt_run_plugins.market_data.store.records import (
    Entry,
    FindingsEntry,
    ProcessedEntry,
    ProcessedFacts,
    RawEntry,
    RawFacts,
)
from bt_run_plugins.market_data.store.tables import columns_of, parquet, span, table_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Key", "Store", "Writer"]

Notify = Callable[[str], None]

_DATA = ("raw", "processed", "findings")
# how long a superseded file stays for readers that hold an older manifest
_GRACE = timedelta(hours=1)


class Store:
    """The prices in a folder; ``writing()`` lets one writer at a time add to them.

    ``notify`` hears what a user should know, such as that the lock of a dead writer was taken over.
    """

    def __init__(self, folder: Path, notify: Notify | None = None) -> None:
        self.folder = folder
        self.notify = notify
        self._known: tuple[tuple[int, ...], Contents] | None = None

    @classmethod
    def at(cls, folder: Path | None, notify: Notify | None = None) -> Store:
        """Return the store in ``folder``; without one, in $BT_RUN_STORE, else ~/.bt-run/store."""
        if folder is not None:
            return cls(folder, notify)
        named = os.environ.get("BT_RUN_STORE")
        if named:
            return cls(Path(named).expanduser(), notify)
        return cls(Path.home() / ".bt-run" / "store", notify)

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
        known = self.contents.series
        return tuple(sorted(key for key, files in known.items() if files.raw))

    def raw(self, key: Key) -> tuple[RawEntry, ...]:
        """Return the raw files of a series, oldest first."""
        return self.contents.files_of(key).raw

    def processed(self, key: Key) -> ProcessedEntry | None:
        """Return the processed file of a series, if there is one."""
        return self.contents.files_of(key).processed

    def findings(self) -> FindingsEntry | None:
        """Return the table of the newest validation, if there is one."""
        return self.contents.findings

    def read(self, entry: Entry) -> pd.DataFrame:
        """Return the table in a file.

        Raises:
            DataError: the file is missing, or is not the one that was written.
        """
        return table_of(self.content(entry))

    def read_columns(self, entry: Entry) -> dict[str, NDArray[Any]]:
        """Return the columns in a file, each (n,), without building a pandas table.

        Raises:
            DataError: the file is missing, or is not the one that was written.
        """
        return columns_of(self.content(entry))

    def content(self, entry: Entry) -> bytes:
        """Return the bytes of a file, checked.

        Raises:
            DataError: the file is missing, or is not the one that was written.
        """
        path = self.folder / entry.file
        try:
            content = path.read_bytes()
        except OSError as error:
            reason = error.strerror or error
            raise DataError(
                f"{path}: the file cannot be read: {reason}; {self._remedy(entry)}"
            ) from error
        found = hashlib.sha256(content).hexdigest()
        if found != entry.sha256:
            raise DataError(
                f"{path}: the file has changed since it was written: found the sha256 {found}, "
                f"expected {entry.sha256}; {self._remedy(entry)}"
            )
        return content

    def _remedy(self, entry: Entry) -> str:
        """Say how to make a lost file again."""
        key = self.contents.key_of(entry)
        if key is None:
            return "make it again: `bt-run data validate`"
        if not isinstance(entry, RawEntry):
            return f"make it again: `bt-run data clean {key.symbol}`"
        if key.source == "yahoo":
            return f"fetch it again: `bt-run data fetch {key.symbol} --whole`"
        return f"import {key.symbol} again with `bt-run data import`"

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
            if taken_over and self.notify:
                self.notify(f"{self.folder}: {taken_over}")
            writer = Writer(self.folder, read_manifest(self.folder / MANIFEST))
            try:
                writer.begin()
                yield writer
                writer.commit()
            finally:
                writer.forget_uncommitted()


class Writer:
    """The one who adds files to a store."""

    def __init__(self, folder: Path, contents: Contents) -> None:
        self.folder = folder
        self.contents = contents
        self._uncommitted: list[Path] = []
        self._folders: set[Path] = set()

    def add_raw(
        self,
        key: Key,
        frame: pd.DataFrame,
        facts: RawFacts,
    ) -> RawEntry:
        """Add what was received for a series, beside what was received before.

        Raises:
            DataError: the file cannot be written.
        """
        added = self._add(f"raw/{key.folder}", "fetched=", frame)
        entry = RawEntry(**dict(added), facts=facts)
        before = self.contents.files_of(key)
        self._put(key, replace(before, raw=(*before.raw, entry)))
        return entry

    def put_processed(
        self,
        key: Key,
        frame: pd.DataFrame,
        facts: ProcessedFacts,
    ) -> ProcessedEntry:
        """Put what was made of a series' raw data in the place of what was made before.

        Raises:
            DataError: the file cannot be written.
        """
        added = self._add(f"processed/{key.folder}", "", frame)
        entry = ProcessedEntry(**dict(added), facts=facts)
        before = self.contents.files_of(key)
        self._retire(before.processed)
        self._put(key, replace(before, processed=entry))
        return entry

    def put_findings(self, frame: pd.DataFrame) -> FindingsEntry:
        """Put the findings of a validation in the place of those before.

        Raises:
            DataError: the file cannot be written.
        """
        entry = FindingsEntry(**dict(self._add("findings", "", frame)))
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
        self._let_go()
        self._remove_unnamed()
        for path in self.folder.glob(f"{TEMPORARY}*"):
            forget(path)
        for path in self.folder.glob(f"packs/{TEMPORARY}*"):
            shutil.rmtree(path, ignore_errors=True)

    def _remove_unnamed(self) -> None:
        """Remove the files that no commit has ever named, or names any more."""
        named = self.contents.named()
        for path in _files(self.folder):
            if path.relative_to(self.folder).as_posix() not in named:
                forget(path)

    def _let_go(self) -> None:
        """Name superseded files no longer, once every reader has had the time to finish."""
        due = (datetime.now(UTC) - _GRACE).isoformat()
        superseded = self.contents.superseded
        kept = {file: since for file, since in superseded.items() if since > due}
        self.contents = replace(self.contents, superseded=kept)

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

    def _put(self, key: Key, files: SeriesFiles) -> None:
        series = {**self.contents.series, key: files}
        self.contents = replace(self.contents, series=series)

    def _retire(self, entry: Entry | None) -> None:
        if entry is None:
            return
        now = datetime.now(UTC).isoformat()
        superseded = {**self.contents.superseded, entry.file: now}
        self.contents = replace(self.contents, superseded=superseded)

    def _add(self, folder: str, prefix: str, frame: pd.DataFrame) -> Entry:
        content = parquet(frame)
        made = datetime.now(UTC)
        path = self._put_file(folder, f"{prefix}{made:%Y%m%dT%H%M%SZ}", content)
        first, last = span(frame)
        return Entry(
            file=f"{folder}/{path.name}",
            sha256=hashlib.sha256(content).hexdigest(),
            rows=len(frame),
            first=first,
            last=last,
            made_at=made.isoformat(timespec="seconds"),
        )

    def _put_file(self, folder: str, name: str, content: bytes) -> Path:
        """Write a file that nobody knows of before the next commit."""
        place = self.folder / folder
        try:
            if not place.is_dir():
                make_folder(place)
            path = _unused(place, name)
            self._uncommitted.append(path)
            self._folders.add(place)
            replace_file(path, content)
        except OSError as error:
            raise _not_written(self.folder, error) from error
        return path


def _files(folder: Path) -> Iterator[Path]:
    """Yield the data files below a store's folder, temporary ones too."""
    for kind in _DATA:
        yield from (folder / kind).rglob("*.parquet")


def _refuse_lost(folder: Path) -> None:
    lost = next(_files(folder), None)
    if lost is not None:
        raise DataError(
            f"{folder / MANIFEST}: the manifest is missing, but files such as "
            f"{lost.relative_to(folder)} are there; "
            f"bring it back from a backup, or move {folder} away and fetch or import again"
        )


def _unused(folder: Path, name: str) -> Path:
    """Return a file name that is free: several files may be made within a second."""
    path = folder / f"{name}.parquet"
    for number in count(1):
        if not path.exists():
            break
        path = folder / f"{name}-{number}.parquet"
    return path


def _not_written(folder: Path, error: OSError) -> DataError:
    where = error.filename or folder
    return DataError(
        f"{where}: cannot be written: {error.strerror or error}; the store is as it was after its "
        "last commit; "
        "make room or choose another store, then repeat the command"
    )
