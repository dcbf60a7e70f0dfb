"""The trial ledger: every run that somebody looked at, in a file to which rows are only added.

Each row carries the hash of the one before, so that a row that was changed or taken out shows. The
driver writes, workers never do.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bt_run.arrays import Times
from bt_run.errors import DataError
from bt_run.studies.file_systems import refuse_network_disk

__all__ = ["Trial", "TrialLedger", "open_ledger", "row_hash"]

TABLE = """CREATE TABLE IF NOT EXISTS trials (
    number INTEGER PRIMARY KEY, hash TEXT NOT NULL UNIQUE, previous TEXT NOT NULL,
    time TEXT NOT NULL, family TEXT NOT NULL, assets TEXT NOT NULL, components TEXT NOT NULL,
    data TEXT NOT NULL, first TEXT NOT NULL, last TEXT NOT NULL, cell TEXT NOT NULL,
    score TEXT NOT NULL, value REAL, sharpe REAL, parent TEXT NOT NULL, origin TEXT NOT NULL,
    sessions BLOB NOT NULL, returns BLOB NOT NULL, UNIQUE (family, cell))"""
ONLY_ADDED = tuple(
    f"""CREATE TRIGGER IF NOT EXISTS no_{word} BEFORE {word.upper()} ON trials
    BEGIN SELECT RAISE(ABORT, 'rows of a trial ledger are only added'); END"""
    for word in ("update", "delete")
)
Returns = NDArray[np.floating[Any]]
# the columns of what is said of a trial, in the order in which they are hashed
SAID = (
    "time",
    "family",
    "assets",
    "components",
    "data",
    "first",
    "last",
    "cell",
    "score",
    "value",
    "sharpe",
    "parent",
    "origin",
)
COLUMNS = ("number", "hash", "previous", *SAID, "sessions", "returns")
BEGINNING = "0" * 64
LARGEST = 1 << 28  # bytes of the returns of a trial
PATIENCE = 60.0  # seconds that a writer waits for another one


@dataclass(frozen=True, kw_only=True, eq=False)
class Trial:
    """One trial.

    Attributes:
        time: when it was made, ISO, UTC.
        family: the research's name, or else ``assets``.
        assets: the assets and the benchmark.
        components: the names of the components, JSON by path.
        data: the fingerprint of the data.
        first, last: the days of its period, ISO.
        cell: the run id of its configuration.
        score: the name of what it was judged by.
        value: that score; None where it is not defined.
        sharpe: Sharpe ratio per session, not per year.
        parent: the sweep that it is a cell of, or nothing.
        origin: the hash that its row had in the ledger from which it was merged, or nothing.
        sessions: (n,) datetime64[D].
        returns: (n,) daily returns, float32.
        number, hash, previous: given by the ledger.
    """

    time: str
    family: str
    assets: str
    components: str
    data: str
    first: str
    last: str
    cell: str
    score: str
    value: float | None
    sharpe: float | None
    sessions: Times
    returns: Returns
    parent: str = ""
    origin: str = ""
    number: int = 0
    hash: str = field(default="")
    previous: str = field(default=BEGINNING)


class TrialLedger:
    """An open ledger."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path, self._connection = path, connection

    def add(self, trials: Sequence[Trial]) -> list[Trial]:
        """Add ``trials`` in their order, and return them as they stand in the ledger; one whose
        cell is there already, in its family, is the one that is there.
        """
        with self._writing():
            return [self._added(trial) for trial in trials]

    def count_of_others(self, trial: Trial) -> int:
        """Return how many trials on the assets of ``trial`` have another family."""
        found = self._connection.execute(
            "SELECT COUNT(*) FROM trials WHERE assets = ? AND family <> ?",
            (trial.assets, trial.family),
        ).fetchone()
        return int(found[0])

    def cells(self) -> set[str]:
        """Return the run ids of all trials."""
        return {row[0] for row in self._connection.execute("SELECT cell FROM trials")}

    def trials(self, family: str | None = None) -> list[Trial]:
        """Return the trials by number, only those of one ``family`` where it is given.

        Raises:
            DataError: the returns of a row cannot be read: it was changed.
        """
        where, given = ("", ()) if family is None else ("WHERE family = ?", (family,))
        rows = self._connection.execute(
            f"SELECT {', '.join(COLUMNS)} FROM trials {where} ORDER BY number", given
        )
        return [self._read(row) for row in rows]

    def _read(self, row: Sequence[Any]) -> Trial:
        try:
            return _trial_of(row)
        except (OSError, ValueError, AssertionError) as error:
            raise DataError(
                f"{self.path}: row {row[0]} cannot be read, so it was changed: {error}"
            ) from error

    @contextmanager
    def _writing(self) -> Iterator[None]:
        # numbers and hashes follow from the last row, so nobody may write in between
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def _added(self, trial: Trial) -> Trial:
        columns = ", ".join(COLUMNS)
        known = self._connection.execute(
            f"SELECT {columns} FROM trials WHERE family = ? AND cell = ?",
            (trial.family, trial.cell),
        ).fetchone()
        if known is not None:
            return self._read(known)
        last = self._connection.execute(
            "SELECT number, hash FROM trials ORDER BY number DESC LIMIT 1"
        ).fetchone()
        number, previous = last or (0, BEGINNING)
        # what is said of it now is what will be said when it is read back
        kept = _small(trial.returns)
        new = replace(trial, number=number + 1, previous=previous, returns=kept)
        new = replace(new, hash=row_hash(new))
        marks = ", ".join("?" * len(COLUMNS))
        self._connection.execute(
            f"INSERT INTO trials ({columns}) VALUES ({marks})", _row_of(new)
        )
        return new


@contextmanager
def open_ledger(path: Path) -> Iterator[TrialLedger]:
    """Open the ledger at ``path``, and make it where there is none.

    Raises:
        DataError: it lies on a network disk, or cannot be read or written.
    """
    refuse_network_disk(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path, timeout=PATIENCE, isolation_level=None)
    except (OSError, sqlite3.Error) as error:
        raise _unusable(path, error) from error
    try:
        for statement in (TABLE, *ONLY_ADDED):
            connection.execute(statement)
        yield TrialLedger(path, connection)
    except sqlite3.Error as error:
        raise _unusable(path, error) from error
    finally:
        connection.close()


def row_hash(trial: Trial) -> str:
    """Return the sha256 of what a row of ``trial`` says, with the hash of the row before it."""
    said = [getattr(trial, name) for name in SAID]
    digest = hashlib.sha256(json.dumps([trial.previous, *said]).encode())
    digest.update(_days(trial.sessions).tobytes())
    digest.update(_small(trial.returns).tobytes())
    return digest.hexdigest()


def _unusable(path: Path, error: Exception) -> DataError:
    return DataError(
        f"{path}: the trial ledger cannot be used: {error}; name another by --ledger, or run with "
        "--no-ledger, and every report will say that nobody counted"
    )


def _row_of(trial: Trial) -> tuple[object, ...]:
    said = (getattr(trial, name) for name in ("number", "hash", "previous", *SAID))
    days = np.diff(_days(trial.sessions), prepend=np.int32(0)).astype("<i4")
    return (*said, _packed(days.tobytes()), _packed(_small(trial.returns).tobytes()))


def _trial_of(row: Sequence[object]) -> Trial:
    *said, sessions, returns = row
    values = dict(zip(COLUMNS[:-2], said, strict=True))
    steps = np.frombuffer(_unpacked(sessions), dtype="<i4")
    days = np.cumsum(steps, dtype=np.int64).astype("datetime64[D]")
    found = np.frombuffer(_unpacked(returns), dtype="<f4")
    known = {item.name for item in fields(Trial)}
    return Trial(
        **{name: value for name, value in values.items() if name in known},  # type: ignore[arg-type]
        sessions=days,
        returns=found,
    )


def _days(sessions: Times) -> NDArray[np.int32]:
    return sessions.astype("datetime64[D]").astype(np.int64).astype("<i4")


def _small(returns: Returns) -> NDArray[np.float32]:
    return np.ascontiguousarray(returns, dtype="<f4")


def _packed(data: bytes) -> bytes:
    """Compress by zstd, the length before it."""
    import pyarrow as pa

    packed: bytes = pa.compress(data, codec="zstd", asbytes=True)
    return len(data).to_bytes(8, "little") + packed


def _unpacked(data: object) -> bytes:
    import pyarrow as pa

    assert isinstance(data, bytes)
    size = int.from_bytes(data[:8], "little")
    if size > LARGEST:
        raise ValueError(f"found a length of {size:,} bytes")
    packed = data[8:]
    found = pa.decompress(packed, decompressed_size=size, codec="zstd", asbytes=True)
    return bytes(found)
