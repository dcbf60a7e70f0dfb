"""The section about decisions: what each asked for and why, the newest asset by asset."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from bt_run import Array
from bt_run.arrays import Indices
from bt_run.text import day_text
from bt_run_plugins.page.parts import PageTable, Row, Section, shown
from bt_run_plugins.reports.book import Book

if TYPE_CHECKING:
    import pandas as pd

CLASSIC = "A Backtrader strategy placed its own orders (classic mode), so the run has no decisions."
TRADED = "traded"
DECISIONS = 600
ASSETS = 40
REASONS = 3
COLUMNS = (
    ("Decided", "text"),
    ("Result", "text"),
    ("Assets traded", "count"),
    ("Gross before", "pct"),
    ("Gross asked", "pct"),
    ("Turnover asked, one way", "pct"),
    ("Reason", "text"),
)


@dataclass(frozen=True)
class _Asked:
    """What each decision asked for, sums over the assets; arrays (decisions,).

    ``before`` and ``after`` are gross exposures, ``one_way`` is turnover, ``names`` counts the
    assets traded.
    """

    before: Array
    after: Array
    one_way: Array
    names: npt.NDArray[np.int_]


def decisions_section(book: Book) -> Section:
    """Return every decision, newest first."""
    table = book.result.decisions
    if not len(table):
        return Section("decisions", "Decisions", missing=CLASSIC)
    rows = _decision_rows(table)
    kept, note = shown(
        rows[::-1], DECISIONS, "decisions, the newest,", "decisions.parquet"
    )
    every = PageTable(
        "decisions",
        "Decisions, newest first",
        COLUMNS,
        kept,
        note,
        search=True,
    )
    traded = sum(row[1] == TRADED for row in rows)
    lead = (
        f"{len(rows):,} decisions, {traded:,} of them traded. The command bt-run explain takes "
        "one apart, from the signal to the fill."
    )
    return Section("decisions", "Decisions", lead, (every, _newest(table)))


def _decision_rows(table: pd.DataFrame) -> list[Row]:
    import pandas as pd

    times = pd.DatetimeIndex(table["time"])
    starts = np.flatnonzero(~times.duplicated())
    asked = _asked(table, starts)
    reasons = _reasons(table, starts)
    rows: list[Row] = []
    for number, time in enumerate(times[starts]):
        count = int(asked.names[number])
        row = (
            day_text(time),
            TRADED if count else "kept",
            count,
            float(asked.before[number]),
            float(asked.after[number]),
            float(asked.one_way[number]),
            reasons[number],
        )
        rows.append(row)
    return rows


def _asked(table: pd.DataFrame, starts: Indices) -> _Asked:
    drifted = table["drifted"].to_numpy(dtype=np.float64)
    target = table["target"].to_numpy(dtype=np.float64)
    fired = table["fired"].to_numpy(dtype=bool)
    wanted = np.where(fired, target, drifted)
    change = np.where(fired, target - drifted, 0.0)
    turnover = np.add.reduceat(np.abs(change), starts)
    names = np.add.reduceat(change != 0.0, starts, dtype=np.int_)
    return _Asked(
        before=np.add.reduceat(np.abs(drifted), starts),
        after=np.add.reduceat(np.abs(wanted), starts),
        one_way=turnover / 2,
        names=names,
    )


def _reasons(table: pd.DataFrame, starts: Indices) -> list[str]:
    """Return the reasons of each decision in words."""
    import pandas as pd

    codes, words = pd.factorize(table["reason"])
    ends = [*starts[1:].tolist(), len(codes)]
    out = []
    for first, end in zip(starts.tolist(), ends, strict=True):
        out.append(_reason_text(codes[first:end], words))
    return out


def _reason_text(codes: Indices, words: pd.Index[Any]) -> str:
    """Write the most frequent reasons of one decision first, with the number of assets."""
    found, counts = np.unique(codes, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    texts = []
    for place in order[:REASONS]:
        text = str(words[found[place]])
        texts.append(f"{text} ({counts[place]})" if len(found) > 1 else text)
    if len(found) > REASONS:
        texts.append(f"{len(found) - REASONS} more")
    return "; ".join(texts)


def _newest(table: pd.DataFrame) -> PageTable:
    """Show the newest decision asset by asset, each stage in its column."""
    whole = table[table["asset"] != ""]
    table = whole if len(whole) else table
    time = table["time"].iloc[-1]
    last = table[table["time"] == time]
    size = last["target"].abs()
    order = size.sort_values(ascending=False, kind="stable").index
    kept = last.reindex(order).head(ASSETS)
    note = ""
    if len(kept) < len(last):
        note = f"{len(kept)} of {len(last)} assets are shown; all are in decisions.parquet."
    stages = _stages(table)
    columns = (
        ("Asset", "text"),
        ("Signal", "ratio"),
        *((name.replace("_", " "), "pct") for name in stages),
        ("Target", "pct"),
        ("Weight before", "pct"),
        ("Reason", "text"),
    )
    names = ["signal", *stages, "target", "drifted"]
    caption = f"The decision of {day_text(time)} by asset"
    return PageTable("last-decision", caption, columns, _newest_rows(kept, names), note)


def _stages(table: pd.DataFrame) -> list[str]:
    """Return the columns of the stages between signal and target."""
    names = [str(name) for name in table.columns]
    return names[names.index("signal") + 1 : names.index("target")]


def _newest_rows(kept: pd.DataFrame, names: list[str]) -> list[Row]:
    weights = kept[names].to_numpy(dtype=np.float64).tolist()
    rows: list[Row] = []
    for asset, reason, own in zip(kept["asset"], kept["reason"], weights, strict=True):
        rows.append([str(asset), *own, str(reason)])
    return rows
