"""Clean symbol frames: named steps, each logged with the rows before and after; nothing happens in
silence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from bt_run import Config, ConfigError, DataError, exchange_sessions

if TYPE_CHECKING:
    import pandas as pd

LOG_COLUMNS = ("symbol", "step", "rows_before", "rows_after", "changed", "text")

StepName = Literal[
    "sort_dates",
    "drop_duplicate_rows",
    "drop_rows_without_close",
    "drop_empty_columns",
    "normalise_actions",
    "drop_extra_sessions",
    "drop_untraded_rows",
    "drop_repeated_rows",
    "order_high_low",
    "widen_high_low",
    "cut_before",
]
# what cannot hurt: no row with a close that differs from another is touched
DEFAULT_STEPS: tuple[StepName, ...] = (
    "drop_rows_without_close",
    "sort_dates",
    "drop_duplicate_rows",
    "drop_empty_columns",
    "normalise_actions",
)


class CleanConfig(Config):
    """Configuration of the cleaning: the steps, in their order, and how symbols are aligned."""

    calendar: str = Field(
        "XNYS", description="the exchange's calendar, a name of exchange_calendars"
    )
    alignment: str = Field(
        "none",
        description="none; union: sessions that any symbol has; intersection: sessions that all "
        "have; or a symbol: its "
        "sessions. Rows outside are dropped; missing sessions stay absent, nothing is filled",
    )
    steps: tuple[StepName, ...] = Field(DEFAULT_STEPS, description="the steps, in their order")
    cut_before: dict[str, date] = Field(
        {},
        description="symbol -> first date to keep, for the step cut_before: another company had "
        "the ticker earlier",
    )


@dataclass(frozen=True)
class Cleaned:
    """The cleaned frames and the log: one row per symbol and step, LOG_COLUMNS."""

    frames: Mapping[str, pd.DataFrame]
    log: pd.DataFrame


class Done(NamedTuple):
    """What a step leaves: the frame, how many rows or values it changed, and a sentence on them,
    empty when there are none.
    """

    frame: pd.DataFrame
    changed: int
    text: str


Step = Callable[["pd.DataFrame", str, CleanConfig], Done]
# a row of the log, as LOG_COLUMNS names its parts
LogRow = tuple[str, str, int, int, int, str]


def clean(frames: Mapping[str, pd.DataFrame], config: CleanConfig) -> Cleaned:
    """Apply the steps to each symbol, then align the symbols.

    The frames given are not changed. Two rows of one date that differ are kept: validation calls
    them an error.

    Raises:
        ConfigError: no such calendar or alignment, or cut_before names an unknown symbol or lacks
            its step.
        DataError: the intersection of the symbols' sessions is empty, or a frame lacks date or
            close.
    """
    import pandas as pd

    _check_config(frames, config)
    _check_columns(frames)
    rows: list[LogRow] = []
    cleaned = {}
    for symbol in sorted(frames):
        frame = frames[symbol].copy()
        for name in config.steps:
            done = _STEPS[name](frame, symbol, config)
            rows.append((symbol, name, len(frame), len(done.frame), done.changed, done.text))
            frame = done.frame
        cleaned[symbol] = frame.reset_index(drop=True)
    cleaned = _align(cleaned, config.alignment, rows)
    log = pd.DataFrame(rows, columns=list(LOG_COLUMNS))
    return Cleaned(MappingProxyType(cleaned), log)


def sort_dates(frame: pd.DataFrame, symbol: str, config: CleanConfig) -> Done:
    """Put rows in the order of their dates; rows of one date keep their order."""
    dates = frame["date"].to_numpy()
    late = int((dates[1:] < dates[:-1]).sum())
    text = f"{_rows(late)} earlier than the one before" if late else ""
    return Done(frame.sort_values("date", kind="stable"), late, text)


def drop_duplicate_rows(frame: pd.DataFrame, symbol: str, config: CleanConfig) -> Done:
    """Drop rows that are equal to an earlier one in every column; rows of one date that differ
    stay.
    """
    done = _keep(frame, ~frame.duplicated(), "equal to an earlier row", copies=True)
    conflicts = int(done.frame["date"].duplicated(keep=False).sum())
    if not conflicts:
        return done
    kept = f"{conflicts} rows share a date and differ: kept, an error for validation"
    return done._replace(text=_joined(done.text, kept))


def drop_rows_without_close(frame: pd.DataFrame, symbol: str, config: CleanConfig) -> Done:
    """Drop rows without a close or a date: vendors write them for days not traded, or not over yet."""
    known = frame["close"].notna() & frame["date"].notna()
    return _keep(frame, known, "without close or date")


def drop_empty_columns(frame: pd.DataFrame, symbol: str, config: CleanConfig) -> Done:
    """Drop columns that hold nothing in any row, such as the open of a source that has closes only."""
    empty = []
    for name in frame.columns:
        if name not in ("date", "close") and frame[name].isna().all():
            empty.append(str(name))
    text = f"dropped the empty columns {', '.join(empty)}" if empty else ""
    return Done(frame.drop(columns=empty), len(empty), text)


def normalise_actions(frame: pd.DataFrame, symbol: str, config: CleanConfig) -> Done:
    """Write "none" one way: a missing dividend as 0, a missing or zero split as 1."""
    out = frame.copy()
    count = 0
    if "dividend" in out:
        none = out["dividend"].isna()
        out["dividend"] = out["dividend"].mask(none, 0.0)
        count += int(none.sum())
    if "split" in out:
        none = out["split"].isna() | (out["split"] == 0.0)
        out["split"] = out["split"].mask(none, 1.0)
        count += int(none.sum())
    text = f"{count} empty actions written as dividend 0 or split 1" if count else ""
    return Done(out, count, text)


def drop_extra_sessions(frame: pd.DataFrame, symbol: str, config: CleanConfig) -> Done:
    """Drop rows on days that are no session of the calendar."""
    if not len(frame):
        return Done(frame, 0, "")
    days = frame["date"].to_numpy().astype("datetime64[D]")
    sessions = exchange_sessions(config.calendar, days.min(), days.max())
    return _keep(frame, np.isin(days, sessions), f"on no session of {config.calendar}")


def drop_untraded_rows(frame: pd.DataFrame, symbol: str, config: CleanConfig) -> Done:
    """Drop rows with volume 0, in which nothing traded; rows with an action stay, and so do sources
    without volume.
    """
    if "volume" not in frame or (frame["volume"] == 0).all():
        return Done(frame, 0, "")
    traded = frame["volume"] != 0
    return _keep(frame, _has_action(frame) | traded, "with volume 0")


def drop_repeated_rows(frame: pd.DataFrame, symbol: str, config: CleanConfig) -> Done:
    """Drop rows with a range whose prices and volume are those of the row before; rows with an
    action stay.
    """
    names = ["open", "high", "low", "close", "volume"]
    if not set(names) <= set(frame.columns):
        return Done(frame, 0, "")
    same = (frame[names] == frame[names].shift()).all(axis=1)
    ranges = frame["high"] > frame["low"]
    copied = same & ranges & (frame["volume"] > 0)
    kept = _has_action(frame) | ~copied
    return _keep(frame, kept, "equal to the row before in prices and volume")


def order_high_low(frame: pd.DataFrame, symbol: str, config: CleanConfig) -> Done:
    """Swap high and low where the high is below the low."""
    if not {"high", "low"} <= set(frame.columns):
        return Done(frame, 0, "")
    out = frame.copy()
    wrong = frame["high"] < frame["low"]
    out.loc[wrong, ["high", "low"]] = frame.loc[wrong, ["low", "high"]].to_numpy()
    return _changed(out, frame, wrong, "swapped high and low")


def widen_high_low(frame: pd.DataFrame, symbol: str, config: CleanConfig) -> Done:
    """Raise the high and lower the low to enclose open and close."""
    if not {"high", "low"} <= set(frame.columns):
        return Done(frame, 0, "")
    body = frame[[name for name in ("open", "close") if name in frame]]
    most, least = body.max(axis=1), body.min(axis=1)
    out = frame.copy()
    # a missing high or low stays missing: widening is no filling
    out["high"] = frame["high"].where(~(frame["high"] < most), most)
    out["low"] = frame["low"].where(~(frame["low"] > least), least)
    raised = (out["high"] != frame["high"]) & frame["high"].notna()
    lowered = (out["low"] != frame["low"]) & frame["low"].notna()
    return _changed(out, frame, raised | lowered, "widened high or low")


def cut_before(frame: pd.DataFrame, symbol: str, config: CleanConfig) -> Done:
    """Drop the rows before the symbol's date in ``cut_before``, for a ticker that another company
    had earlier.
    """
    first = config.cut_before.get(symbol)
    if first is None:
        return Done(frame, 0, "")
    return _keep(frame, frame["date"].to_numpy() >= np.datetime64(first, "ns"), f"before {first}")


_STEPS: Mapping[str, Step] = MappingProxyType(
    {
        step.__name__: step
        for step in (
            sort_dates,
            drop_duplicate_rows,
            drop_rows_without_close,
            drop_empty_columns,
            normalise_actions,
            drop_extra_sessions,
            drop_untraded_rows,
            drop_repeated_rows,
            order_high_low,
            widen_high_low,
            cut_before,
        )
    }
)


def _align(
    frames: dict[str, pd.DataFrame], alignment: str, rows: list[LogRow]
) -> dict[str, pd.DataFrame]:
    """Return the frames on the common dates; ``rows`` of the log are added to."""
    if alignment == "none" or not frames:
        return frames
    common = _common_dates(frames, alignment)
    if not len(common):
        raise DataError(
            f"alignment: was {alignment!r}, but the {len(frames)} symbols have no session "
            "in common; "
            "expected some: align to one symbol, or leave out those that start after others end"
        )
    aligned = {}
    for symbol, frame in frames.items():
        dates = frame["date"].to_numpy()
        done = _keep(frame, np.isin(dates, common), "outside the common sessions")
        aligned[symbol] = done.frame.reset_index(drop=True)
        absent = int((~np.isin(common, dates)).sum())
        lacks = f"{absent} of the {len(common)} common sessions have no row" if absent else ""
        text = _joined(done.text, lacks)
        step = f"align {alignment}"
        rows.append((symbol, step, len(frame), len(done.frame), done.changed, text))
    return aligned


def _common_dates(frames: Mapping[str, pd.DataFrame], alignment: str) -> NDArray[np.datetime64]:
    dates = {symbol: np.unique(frame["date"].to_numpy()) for symbol, frame in frames.items()}
    if alignment == "union":
        return np.unique(np.concatenate(list(dates.values())))
    if alignment != "intersection":
        return dates[alignment]
    common = dates[next(iter(dates))]
    for own in dates.values():
        common = common[np.isin(common, own)]
    return common


def _check_config(frames: Mapping[str, pd.DataFrame], config: CleanConfig) -> None:
    if config.alignment not in ("none", "union", "intersection", *frames):
        some = ", ".join(sorted(frames)[:3]) or "none, there are no symbols"
        raise ConfigError(
            f"alignment: was {config.alignment!r}; expected none, union, intersection or one of "
            f"the symbols, such as {some}"
        )
    unknown = sorted(config.cut_before.keys() - frames.keys())
    if unknown:
        raise ConfigError(
            f"cut_before: no symbol {unknown[0]!r}; found {', '.join(sorted(frames)[:5])}"
        )
    if config.cut_before and "cut_before" not in config.steps:
        raise ConfigError(
            "cut_before: dates are given, but steps has no cut_before; add it where it should "
            "happen"
        )


def _check_columns(frames: Mapping[str, pd.DataFrame]) -> None:
    for symbol, frame in frames.items():
        missing = {"date", "close"} - set(frame.columns)
        if missing:
            raise DataError(
                f"{symbol}: found columns {', '.join(map(str, frame.columns))}; "
                f"expected {' and '.join(sorted(missing))} too"
            )


def _keep(frame: pd.DataFrame, keep: Any, what: str, copies: bool = False) -> Done:
    """Keep some rows; ``copies`` says that the others are there twice, so that nothing is lost."""
    gone = ~np.asarray(keep, dtype=bool)
    count = int(gone.sum())
    if not count:
        return Done(frame, 0, "")
    text = f"dropped {_rows(count)} {what}{_first(frame, gone)}"
    lost = 0 if copies else int((gone & _has_action(frame)).sum())
    if lost:
        text = f"{text}; {lost} of them had a dividend or split, which is lost"
    return Done(frame[~gone], count, text)


def _changed(out: pd.DataFrame, frame: pd.DataFrame, rows: Any, how: str) -> Done:
    """Say of a frame how some of its rows were changed."""
    count = int(rows.sum())
    text = f"{how} in {_rows(count)}{_first(frame, rows)}" if count else ""
    return Done(out, count, text)


def _first(frame: pd.DataFrame, rows: Any) -> str:
    dates = frame["date"].to_numpy()[np.asarray(rows, dtype=bool)]
    known = dates[~np.isnat(dates)]
    return f", the first at {str(known.min())[:10]}" if len(known) else ""


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count} rows"


def _joined(*sentences: str) -> str:
    return "; ".join(sentence for sentence in sentences if sentence)


def _has_action(frame: pd.DataFrame) -> NDArray[np.bool_]:
    """Return the rows (n,) that carry a dividend or a split: without the row the action would be
    lost.
    """
    out = np.zeros(len(frame), dtype=bool)
    if "dividend" in frame:
        out |= (frame["dividend"].fillna(0.0) != 0.0).to_numpy()
    if "split" in frame:
        out |= (~frame["split"].fillna(1.0).isin((0.0, 1.0))).to_numpy()
    return out
