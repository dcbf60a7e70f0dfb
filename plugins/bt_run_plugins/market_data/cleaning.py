"""Clean symbol frames: named steps, each logged with the rows before and after; nothing happens in
silence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field

from bt_run import Config, ConfigError, DataError
from bt_run.arrays import Times
from bt_run_plugins.market_data.cleaning_steps import (
    FRAME_STEPS,
    Done,
    cut_before,
    drop_extra_sessions,
    joined,
    keep_rows,
)

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "DEFAULT_STEPS",
    "LOG_COLUMNS",
    "CleanConfig",
    "Cleaned",
    "StepName",
    "clean",
]

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
    steps: tuple[StepName, ...] = Field(
        DEFAULT_STEPS, description="the steps, in their order"
    )
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


_ALIGNMENTS = ("none", "union", "intersection")  # or a symbol
Dates = Times
Frames = Mapping[str, "pd.DataFrame"]
# a row of the log, as LOG_COLUMNS names its parts
LogRow = tuple[str, str, int, int, int, str]


def clean(frames: Frames, config: CleanConfig) -> Cleaned:
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

    _check_alignment(frames, config.alignment)
    _check_cuts(frames, config)
    _check_columns(frames)
    log: list[LogRow] = []
    cleaned = {}
    for symbol in sorted(frames):
        cleaned[symbol] = _take_steps(symbol, frames[symbol], config, log)
    cleaned = _align(cleaned, config.alignment, log)
    table = pd.DataFrame(log, columns=list(LOG_COLUMNS))
    return Cleaned(MappingProxyType(cleaned), table)


def _take_steps(
    symbol: str, frame: pd.DataFrame, config: CleanConfig, log: list[LogRow]
) -> pd.DataFrame:
    """Return a symbol's frame after all steps; a row for each is added to the ``log``."""
    frame = frame.copy()
    for name in config.steps:
        done = _apply(name, frame, symbol, config)
        log.append(_log_row(symbol, name, frame, done))
        frame = done.frame
    return frame.reset_index(drop=True)


def _apply(
    name: StepName,
    frame: pd.DataFrame,
    symbol: str,
    config: CleanConfig,
) -> Done:
    """Return what a step leaves of a frame."""
    if name == "drop_extra_sessions":
        return drop_extra_sessions(frame, config.calendar)
    if name != "cut_before":
        return FRAME_STEPS[name](frame)
    first = config.cut_before.get(symbol)
    if first is None:
        return Done(frame)
    return cut_before(frame, first)


def _log_row(
    symbol: str,
    name: str,
    before: pd.DataFrame,
    done: Done,
) -> LogRow:
    return symbol, name, len(before), len(done.frame), done.changed, done.text


def _align(
    frames: dict[str, pd.DataFrame], alignment: str, log: list[LogRow]
) -> dict[str, pd.DataFrame]:
    """Return the frames on the common dates; rows are added to the ``log``."""
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
        done = _on_dates(frame, common)
        log.append(_log_row(symbol, f"align {alignment}", frame, done))
        aligned[symbol] = done.frame.reset_index(drop=True)
    return aligned


def _on_dates(frame: pd.DataFrame, common: Dates) -> Done:
    """Return the rows on the common dates, and say how many of those dates have none."""
    dates = frame["date"].to_numpy()
    done = keep_rows(frame, np.isin(dates, common), "outside the common sessions")
    absent = int((~np.isin(common, dates)).sum())
    if not absent:
        return done
    lacks = f"{absent} of the {len(common)} common sessions have no row"
    return done._replace(text=joined(done.text, lacks))


def _common_dates(frames: Frames, alignment: str) -> Dates:
    dates = {}
    for symbol, frame in frames.items():
        dates[symbol] = np.unique(frame["date"].to_numpy())
    if alignment == "union":
        return np.unique(np.concatenate(list(dates.values())))
    if alignment != "intersection":
        return dates[alignment]
    return _in_all(list(dates.values()))


def _in_all(dates: Sequence[Dates]) -> Dates:
    common = dates[0]
    for own in dates[1:]:
        common = common[np.isin(common, own)]
    return common


def _check_alignment(frames: Frames, alignment: str) -> None:
    if alignment in _ALIGNMENTS or alignment in frames:
        return
    some = ", ".join(sorted(frames)[:3]) or "none, there are no symbols"
    raise ConfigError(
        f"alignment: was {alignment!r}; expected none, union, intersection or one of "
        f"the symbols, such as {some}"
    )


def _check_cuts(frames: Frames, config: CleanConfig) -> None:
    _check_cut_symbols(frames, config.cut_before)
    if config.cut_before and "cut_before" not in config.steps:
        raise ConfigError(
            "cut_before: dates are given, but steps has no cut_before; add it where it should "
            "happen"
        )


def _check_cut_symbols(frames: Frames, cuts: Mapping[str, date]) -> None:
    unknown = sorted(cuts.keys() - frames.keys())
    if unknown:
        some = ", ".join(sorted(frames)[:5])
        raise ConfigError(f"cut_before: no symbol {unknown[0]!r}; found {some}")


def _check_columns(frames: Frames) -> None:
    for symbol, frame in frames.items():
        missing = {"date", "close"} - set(frame.columns)
        if missing:
            found = ", ".join(map(str, frame.columns))
            expected = " and ".join(sorted(missing))
            raise DataError(f"{symbol}: found columns {found}; expected {expected} too")
