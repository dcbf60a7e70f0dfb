"""Contributions and withdrawals: money that comes from outside of the account or leaves it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import Field

from bt_run import (
    Array,
    Config,
    DataError,
    DateForm,
    Flows,
    csv_table,
    whole_days,
    written_times,
)
from bt_run.arrays import Times
from bt_run.text import counted, listed

__all__ = ["FlowFile", "FlowSource", "flow_source", "flows_of_sessions"]


class FlowFile(Config):
    """A csv file of contributions and withdrawals with columns date and amount."""

    file: Path = Field(
        description="csv with columns date and amount: money above 0 comes, below 0 it leaves"
    )
    dates: DateForm = None


@dataclass(frozen=True)
class FlowSource:
    """Amounts (n,) of money and their days (n,), rising; ``unread`` names the columns of the file
    that nobody reads.
    """

    name: str
    days: Times
    amounts: Array
    fingerprint: str
    unread: tuple[str, ...]


def flow_source(config: FlowFile) -> FlowSource:
    """Read a file of contributions and withdrawals.

    Raises:
        DataError: the file is missing, or a row is no date or no amount.
    """
    file = config.file
    if not file.exists():
        raise DataError(f"{file}: no such file of contributions and withdrawals")
    table = csv_table(file, missing=("", "nan", "NaN", "null", "NA"))
    if lacking := {"date", "amount"} - set(table.columns):
        raise DataError(
            f"{file}: found columns {', '.join(table.columns)}; expected "
            f"{' and '.join(sorted(lacking))}"
        )
    where = f"{file}: column date"
    days = whole_days(where, written_times(where, table["date"], config.dates))
    try:
        amounts = table["amount"].to_numpy(dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(
            f"{file}: column amount holds something that is not a number: {error}"
        ) from error
    odd = np.flatnonzero(~np.isfinite(amounts))
    if len(odd):
        raise DataError(f"{file}: row {odd[0] + 1} has no amount; expected money")
    order = np.argsort(days, kind="stable")
    content = days[order].astype(np.int64).tobytes() + amounts[order].tobytes()
    return FlowSource(
        name=file.name,
        days=days[order],
        amounts=amounts[order],
        fingerprint=hashlib.sha256(content).hexdigest(),
        unread=tuple(name for name in table.columns if name not in ("date", "amount")),
    )


def flows_of_sessions(source: FlowSource, sessions: Times) -> Flows:
    """Return what comes and leaves before each bar, (T,): at the first bar of its session, or of
    the next one where its day is none.
    """
    bar = np.searchsorted(sessions, source.days, side="left")
    inside = bar < len(sessions)
    amount = np.zeros(len(sessions))
    np.add.at(amount, bar[inside], source.amounts[inside])
    notes = []
    if source.unread:
        columns = listed(source.unread, most=8)
        notes.append(f"{source.name}: columns that are not read: {columns}")
    late = int((~inside).sum())
    if late:
        rows = counted(late, "row")
        notes.append(
            f"{source.name}: not read: {rows} after {sessions[-1]}, the last session"
        )
    money = source.amounts[inside]
    coming, leaving = money[money > 0.0].sum(), np.abs(money[money < 0.0].sum())
    notes.append(
        f"contributions of {coming:,.0f} and withdrawals of {leaving:,.0f}: growth, returns and "
        "drawdowns are time-weighted, without them"
    )
    return Flows(amount, tuple(notes))
