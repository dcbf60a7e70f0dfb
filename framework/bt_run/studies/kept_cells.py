"""Outcomes of cells on disk: what was found once is not played again."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from bt_run.errors import DataError
from bt_run.studies.cells import CellResult

__all__ = ["KeptCells", "open_kept"]

TABLE = """CREATE TABLE IF NOT EXISTS cells (
    key TEXT PRIMARY KEY, metrics TEXT NOT NULL, warnings TEXT NOT NULL,
    sessions BLOB NOT NULL, returns BLOB NOT NULL)"""


class KeptCells:
    """Results of cells by their key, which is the hash of all that they follow from."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def get(self, key: str) -> CellResult | None:
        """Return the result of the cell ``key``; None where it was not played yet."""
        row = self._connection.execute(
            "SELECT metrics, warnings, sessions, returns FROM cells WHERE key = ?",
            (key,),
        ).fetchone()
        if row is None:
            return None
        metrics, warnings, sessions, returns = row
        return CellResult(
            metrics=json.loads(metrics),
            warnings=tuple(json.loads(warnings)),
            sessions=np.frombuffer(sessions, dtype="<i8").astype("datetime64[D]"),
            returns=np.frombuffer(returns, dtype="<f8"),
        )

    def put(self, key: str, result: CellResult) -> None:
        """Keep the ``result`` of the cell ``key``; it is on the disk when this returns."""
        days = result.sessions.astype("datetime64[D]").astype("<i8")
        row = (
            key,
            json.dumps(dict(result.metrics)),
            json.dumps(result.warnings),
            days.tobytes(),
            np.ascontiguousarray(result.returns, dtype="<f8").tobytes(),
        )
        with self._connection:
            self._connection.execute(
                "INSERT OR REPLACE INTO cells VALUES (?, ?, ?, ?, ?)", row
            )


@contextmanager
def open_kept(path: Path) -> Iterator[KeptCells]:
    """Open the file of cells at ``path``, and make it where there is none.

    Raises:
        DataError: it cannot be read or written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path, timeout=60.0)
    try:
        connection.execute(TABLE)
        yield KeptCells(connection)
    except sqlite3.DatabaseError as error:
        raise DataError(
            f"{path}: cannot be used: {error}; it holds nothing but cells that were played "
            "already, so it may be removed"
        ) from error
    finally:
        connection.close()
