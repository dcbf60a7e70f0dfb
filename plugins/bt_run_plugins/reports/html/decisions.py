"""The section about decisions: what each asked for and why, the newest asset by asset."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from bt_run import Array
from bt_run.text import day_text
from bt_run_plugins.page.parts import PageTable, Section, shown
from bt_run_plugins.reports.html.book import Book

if TYPE_CHECKING:
    import pandas as pd

Rows = npt.NDArray[np.intp]

CLASSIC = "A Backtrader strategy placed its own orders (classic mode), so the run has no decisions."
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
    import pandas as pd

    table = book.result.decisions
    if not len(table):
        return Section("decisions", "Decisions", missing=CLASSIC)
    times = pd.DatetimeIndex(table["time"])
    starts = np.flatnonzero(~times.duplicated())
    asked = _asked(table, starts)
    reasons = _reasons(table, starts)
    rows = []
    for number, time in enumerate(times[starts]):
        count = int(asked.names[number])
        row = (
            day_text(time),
            "traded" if count else "kept",
            count,
            float(asked.before[number]),
            float(asked.after[number]),
            float(asked.one_way[number]),
            reasons[number],
        )
        rows.append(row)
    kept, note = shown(rows[::-1], DECISIONS, "decisions, the newest,", "decisions.parquet")
    every = PageTable(
        "decisions",
        "Decisions, newest first",
        COLUMNS,
        kept,
        note,
        search=True,
    )
    traded = int((asked.names > 0).sum())
    lead = (
        f"{len(rows):,} decisions, {traded:,} of them traded. The command bt-run explain takes "
        "one apart, from the signal to the fill."
    )
    return Section("decisions", "Decisions", lead, (every, _newest(table)))


def _asked(table: pd.DataFrame, starts: Rows) -> _Asked:
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


def _reasons(table: pd.DataFrame, starts: Rows) -> list[str]:
    """Return the reasons of each decision, the most frequent first, with the number of assets."""
    import pandas as pd

    codes, words = pd.factorize(table["reason"])
    ends = np.append(starts[1:], len(codes))
    out = []
    for first, end in zip(starts.tolist(), ends.tolist(), strict=True):
        found, counts = np.unique(codes[first:end], return_counts=True)
        order = np.argsort(-counts, kind="stable")
        texts = []
        for place in order[:REASONS]:
            text = str(words[found[place]])
            texts.append(f"{text} ({counts[place]})" if len(found) > 1 else text)
        if len(found) > REASONS:
            texts.append(f"{len(found) - REASONS} more")
        out.append("; ".join(texts))
    return out


def _newest(table: pd.DataFrame) -> PageTable:
    """Show the newest decision asset by asset, each stage in its column."""
    time = table["time"].iloc[-1]
    last = table[table["time"] == time]
    names = list(table.columns)
    stages = [str(name) for name in names[3 : names.index("target")]]
    size = last["target"].abs()
    order = size.sort_values(ascending=False, kind="stable").index
    rows = []
    for _, row in last.reindex(order).head(ASSETS).iterrows():
        weights = [float(row[name]) for name in ("signal", *stages, "target", "drifted")]
        rows.append((str(row["asset"]), *weights, str(row["reason"])))
    note = ""
    if len(rows) < len(last):
        note = f"{len(rows)} of {len(last)} assets are shown; all are in decisions.parquet."
    stage_columns = tuple((name.replace("_", " "), "pct") for name in stages)
    columns = (
        ("Asset", "text"),
        ("Signal", "ratio"),
        *stage_columns,
        ("Target", "pct"),
        ("Weight before", "pct"),
        ("Reason", "text"),
    )
    caption = f"The decision of {day_text(time)} by asset"
    return PageTable("last-decision", caption, columns, rows, note)
