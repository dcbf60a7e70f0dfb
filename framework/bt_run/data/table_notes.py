"""What a reader must know about a table beside the prices: what it leaves out, and what is old."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from bt_run.arrays import Times
from bt_run.data.bars import Bars
from bt_run.data.data_config import TableConfig
from bt_run.data.dated_files import MISSING, WORDS
from bt_run.data.staleness import overdue, usual_step
from bt_run.text import counted, listed

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["left_out", "old_rows"]


def left_out(
    name: str, frame: pd.DataFrame, columns: Iterable[str], config: TableConfig
) -> tuple[str, ...]:
    """Return what of a file's rows is not read: other tickers, other columns, blank values.

    ``columns`` are the names that a file may use for the assets of the run.
    """
    known, found = set(columns), []
    values = [column for column in frame.columns if column not in WORDS]
    if "ticker" in frame:
        others = frame["ticker"][~frame["ticker"].isin(known)]
        if len(others):
            found.append(
                f"{counted(len(others), 'row')} of {counted(others.nunique(), 'ticker')} that no "
                "asset of the run has"
            )
        frame = frame.drop(others.index)
        if "start" in frame:
            found += [f"columns {listed(values, most=8)}"] if values else []
            values = []
    elif any(column in known for column in values):
        strange = [str(column) for column in values if column not in known]
        if strange and config.column is None:
            found.append(
                f"columns that are no assets of the run: {listed(strange, most=8)}"
            )
        values = [column for column in values if column in known]
    if config.column is not None:
        values = [config.column]
    cells = frame[[column for column in values if column in frame]]
    blank = int((cells.isna() | cells.isin(MISSING)).to_numpy().sum())
    if blank and not config.snapshots:  # where blank cells say that nothing is there
        found.append(f"{counted(blank, 'cell')} without a value")
    return (f"{name}: not read: {'; '.join(found)}",) if found else ()


def old_rows(
    name: str, dates: Times, config: TableConfig, bars: Bars
) -> tuple[str, ...]:
    """Return a note where the newest of rows dated ``dates`` (n,) is older than their step.

    A table that says how old is too old (``max_age``) needs none.
    """
    days = np.unique(dates.astype("datetime64[D]"))
    if config.max_age is not None or not len(days):
        return ()
    sessions = bars.sessions[bars.start :]
    old = overdue(days, sessions, config.lag or 0) & (sessions >= days[0])
    if not old.any():
        return ()
    first = sessions[old][0]
    newest = days[days <= first][-1]
    return (
        f"{name}: from {first} on its newest row, of {newest}, is older than the "
        f"{usual_step(days)} days between its rows, at {len(np.unique(sessions[old]))} sessions; "
        "`max_age` makes it unknown there",
    )
