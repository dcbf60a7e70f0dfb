"""The steps of cleaning: each gives back a frame, how much it changed, and a sentence on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from bt_run import exchange_sessions
from bt_run.arrays import Mask, Times

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "FRAME_STEPS",
    "Done",
    "cut_before",
    "drop_extra_sessions",
    "joined",
    "keep_rows",
]


class Done(NamedTuple):
    """What a step leaves: the frame, how many rows or values it changed, and a sentence on them,
    empty when there are none.
    """

    frame: pd.DataFrame
    changed: int = 0
    text: str = ""


def sort_dates(frame: pd.DataFrame) -> Done:
    """Put rows in the order of their dates; rows of one date keep their order."""
    dates = _dates(frame)
    late = int((dates[1:] < dates[:-1]).sum())
    ordered = frame.sort_values("date", kind="stable")
    if not late:
        return Done(ordered)
    return Done(ordered, late, f"{_count_text(late)} earlier than the one before")


def drop_duplicate_rows(frame: pd.DataFrame) -> Done:
    """Drop rows that are equal to an earlier one in every column; rows of one date that differ
    stay.
    """
    first = ~frame.duplicated().to_numpy()
    done = keep_rows(frame, first, "equal to an earlier row", copies=True)
    return done._replace(text=joined(done.text, _conflicts_text(done.frame)))


def _conflicts_text(frame: pd.DataFrame) -> str:
    """Say how many rows share a date, once none is equal to another."""
    count = int(frame["date"].duplicated(keep=False).sum())
    if not count:
        return ""
    return f"{count} rows share a date and differ: kept, an error for validation"


def drop_rows_without_close(frame: pd.DataFrame) -> Done:
    """Drop rows without a close or a date: vendors write them for days not traded, or not over
    yet.
    """
    known = frame["close"].notna() & frame["date"].notna()
    return keep_rows(frame, known.to_numpy(), "without close or date")


def drop_empty_columns(frame: pd.DataFrame) -> Done:
    """Drop columns that hold nothing in any row, such as the open of a source that has closes
    only.
    """
    empty = _empty_columns(frame)
    if not empty:
        return Done(frame)
    text = f"dropped the empty columns {', '.join(empty)}"
    return Done(frame.drop(columns=empty), len(empty), text)


def _empty_columns(frame: pd.DataFrame) -> list[str]:
    """Return the columns that hold nothing, but for those that a frame must have."""
    others = frame.columns.drop(["date", "close"])
    return [str(name) for name in others if frame[name].isna().all()]


def normalise_actions(frame: pd.DataFrame) -> Done:
    """Write "none" one way: a missing dividend as 0, a missing or zero split as 1."""
    out = frame.copy()
    count = _write_none(out, "dividend", 0.0) + _write_none(out, "split", 1.0)
    if not count:
        return Done(out)
    return Done(out, count, f"{count} empty actions written as dividend 0 or split 1")


def _write_none(frame: pd.DataFrame, name: str, none: float) -> int:
    """Write missing actions of a frame as ``none``, and zeros too; return how many were not so."""
    if name not in frame:
        return 0
    actions = frame[name]
    empty = actions.isna()
    if none:
        empty |= actions == 0.0
    frame[name] = actions.mask(empty, none)
    return int(empty.sum())


def drop_extra_sessions(frame: pd.DataFrame, calendar: str) -> Done:
    """Drop rows on days that are no session of the calendar.

    Raises:
        ConfigError: no such calendar.
    """
    if not len(frame):
        return Done(frame)
    days = _dates(frame).astype("datetime64[D]")
    sessions = exchange_sessions(calendar, days.min(), days.max())
    return keep_rows(frame, np.isin(days, sessions), f"on no session of {calendar}")


def drop_untraded_rows(frame: pd.DataFrame) -> Done:
    """Drop rows with volume 0, in which nothing traded; rows with an action stay, and so do sources
    without volume.
    """
    if "volume" not in frame:
        return Done(frame)
    traded = (frame["volume"] != 0).to_numpy()
    if not traded.any():
        return Done(frame)
    return keep_rows(frame, traded | _has_action(frame), "with volume 0")


def drop_repeated_rows(frame: pd.DataFrame) -> Done:
    """Drop rows with a range whose prices and volume are those of the row before; rows with an
    action stay.
    """
    names = ["open", "high", "low", "close", "volume"]
    if not set(names) <= set(frame.columns):
        return Done(frame)
    own = frame[names]
    copied = (own == own.shift()).all(axis=1)
    copied &= frame["high"] > frame["low"]
    copied &= frame["volume"] > 0
    kept = ~copied.to_numpy() | _has_action(frame)
    return keep_rows(frame, kept, "equal to the row before in prices and volume")


def order_high_low(frame: pd.DataFrame) -> Done:
    """Swap high and low where the high is below the low."""
    if not _has_range(frame):
        return Done(frame)
    wrong = frame["high"] < frame["low"]
    out = frame.copy()
    out.loc[wrong, "high"] = frame.loc[wrong, "low"]
    out.loc[wrong, "low"] = frame.loc[wrong, "high"]
    return _changed(out, wrong, "swapped high and low")


def widen_high_low(frame: pd.DataFrame) -> Done:
    """Raise the high and lower the low to enclose open and close."""
    if not _has_range(frame):
        return Done(frame)
    body = frame[[name for name in ("open", "close") if name in frame]]
    top = body.max(axis=1)
    bottom = body.min(axis=1)
    # a missing high or low stays missing: widening is no filling
    too_low = frame["high"] < top
    too_high = frame["low"] > bottom
    out = frame.copy()
    out["high"] = frame["high"].mask(too_low, top)
    out["low"] = frame["low"].mask(too_high, bottom)
    return _changed(out, too_low | too_high, "widened high or low")


def cut_before(frame: pd.DataFrame, first: date) -> Done:
    """Drop the rows before the symbol's first date, for a ticker that another company had
    earlier.
    """
    kept = _dates(frame) >= np.datetime64(first, "ns")
    return keep_rows(frame, kept, f"before {first}")


_FRAME_STEPS = (
    sort_dates,
    drop_duplicate_rows,
    drop_rows_without_close,
    drop_empty_columns,
    normalise_actions,
    drop_untraded_rows,
    drop_repeated_rows,
    order_high_low,
    widen_high_low,
)
# the steps that need nothing but a frame, by their names
FRAME_STEPS: Mapping[str, Callable[[pd.DataFrame], Done]] = MappingProxyType(
    {step.__name__: step for step in _FRAME_STEPS}
)


def keep_rows(
    frame: pd.DataFrame,
    keep: Mask,
    what: str,
    *,
    copies: bool = False,
) -> Done:
    """Keep some rows; ``copies`` says that the others are there twice, so that nothing is lost."""
    gone = ~keep
    count = int(gone.sum())
    if not count:
        return Done(frame)
    text = f"dropped {_count_text(count)} {what}{_first_text(frame, gone)}"
    if not copies:
        text = joined(text, _lost_text(frame, gone))
    return Done(frame[keep], count, text)


def _lost_text(frame: pd.DataFrame, gone: Mask) -> str:
    """Say how many actions go with rows that are dropped."""
    lost = int((gone & _has_action(frame)).sum())
    if not lost:
        return ""
    return f"{lost} of them had a dividend or split, which is lost"


def joined(*sentences: str) -> str:
    """Return the sentences that say something as one."""
    return "; ".join(sentence for sentence in sentences if sentence)


def _changed(out: pd.DataFrame, rows: pd.Series[bool], how: str) -> Done:
    """Say of a frame how some of its rows were changed."""
    count = int(rows.sum())
    if not count:
        return Done(out)
    first = _first_text(out, rows.to_numpy())
    return Done(out, count, f"{how} in {_count_text(count)}{first}")


def _first_text(frame: pd.DataFrame, rows: Mask) -> str:
    """Return the first date of some rows, as a sentence goes on."""
    dates = _dates(frame)[rows]
    known = dates[~np.isnat(dates)]
    if not len(known):
        return ""
    return f", the first at {str(known.min())[:10]}"


def _dates(frame: pd.DataFrame) -> Times:
    return frame["date"].to_numpy()


def _count_text(count: int) -> str:
    return "1 row" if count == 1 else f"{count} rows"


def _has_range(frame: pd.DataFrame) -> bool:
    return {"high", "low"} <= set(frame.columns)


def _has_action(frame: pd.DataFrame) -> Mask:
    """Return the rows (n,) that carry a dividend or a split: without the row the action would be
    lost.
    """
    return _is_set(frame, "dividend", 0.0) | _is_set(frame, "split", 1.0)


def _is_set(frame: pd.DataFrame, name: str, none: float) -> Mask:
    """Return the rows (n,) with an action that is not none."""
    if name not in frame:
        return np.zeros(len(frame), dtype=bool)
    actions = frame[name]
    return (actions.notna() & ~actions.isin((0.0, none))).to_numpy()
