"""Labels beside a picture: where they stand, and how a date or a value reads there."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

# periods between two labels of dates
YEARS = (1, 2, 5, 10, 20, 50, 100)
MONTHS = (1, 2, 3, 6)
MOST_DATES = 11
MOST_GROUPS = 24
SHOWN_ON_A_PHONE = 8
ROUND = (1, 2, 2.5, 5, 10)
# digits of the labels of a logarithmic scale, from few labels to many
LOG_DIGITS = (
    (1,),
    (1, 3),
    (1, 2, 5),
    (1, 1.5, 2, 3, 5, 7),
)
MONEY = (
    (1e9, "bn"),
    (1e6, "m"),
    (1e3, "k"),
)
MOST_DECIMALS = 4


@dataclass(frozen=True)
class Tick:
    """A label at ``at``, percent from the left or from the top; ``spare`` ones are left out on a
    phone.
    """

    at: float
    text: str
    spare: bool = False


def date_ticks(index: pd.DatetimeIndex) -> tuple[Tick, ...]:
    """Return labels of dates along points spread evenly from left to right."""
    last = len(index) - 1
    if last < 1:
        return tuple(Tick(0.0, f"{day:%Y-%m-%d}") for day in index)
    ticks = []
    labelled = _labelled(index)
    # a phone shows every other label, those of a new year among them
    januaries = [n for n, (row, _) in enumerate(labelled) if index[row].month == 1]
    shown = januaries[0] % 2 if januaries else 0
    for number, (row, text) in enumerate(labelled):
        tick = Tick(
            at=round(100.0 * row / last, 2),
            text=text,
            spare=number % 2 != shown,
        )
        ticks.append(tick)
    return tuple(ticks)


def _labelled(index: pd.DatetimeIndex) -> list[tuple[int, str]]:
    """Return the rows whose dates are labelled, and how: by year, by month or by day."""
    days = (index[-1] - index[0]).days
    years = days / 365.25
    if years > 2.5:
        year = np.asarray(index.year)
        rows = _starts(year, years, YEARS)
        return [(row, f"{index[row]:%Y}") for row in rows]
    if years > 0.4:
        month = np.asarray(index.year * 12 + index.month - 1)
        rows = _starts(month, 12 * years, MONTHS)
        years_known = any(index[row].month == 1 for row in rows)
        return [(row, _month_text(index[row], years_known)) for row in rows]
    every = max(1, len(index) // 6)
    return [(row, f"{index[row]:%d %b}") for row in range(0, len(index), every)]


def _month_text(day: pd.Timestamp, years_known: bool) -> str:
    """Write a month, with its year at the start of one, or where no other label tells it."""
    return f"{day:%b}" if years_known and day.month != 1 else f"{day:%b %Y}"


def _starts(
    numbers: NDArray[np.int_],
    count: float,
    steps: Sequence[int],
) -> list[int]:
    """Return the rows at which a numbered period begins, every so many periods."""
    step = next(step for step in steps if count / step <= MOST_DATES)
    begins = np.flatnonzero(np.diff(numbers)) + 1
    labelled = begins[numbers[begins] % step == 0]
    rows: list[int] = labelled.tolist()
    return rows


def group_ticks(labels: Sequence[str], most: int = MOST_GROUPS) -> tuple[Tick, ...]:
    """Return labels in the middle of groups of bars, as many as there is room for."""
    count = len(labels)
    step = max(1, math.ceil(count / most))
    rows = range(0, count, step)
    thin = max(1, math.ceil(len(rows) / SHOWN_ON_A_PHONE))
    ticks = []
    for number, row in enumerate(rows):
        tick = Tick(
            at=round(100.0 * (row + 0.5) / count, 2),
            text=labels[row],
            spare=number % thin != 0,
        )
        ticks.append(tick)
    return tuple(ticks)


def round_values(low: float, high: float) -> list[float]:
    """Return four to eight round values inside [low, high]."""
    raw = (high - low) / 5
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(digit * power for digit in ROUND if digit * power >= raw)
    # a value that rounding puts a hair outside is inside
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(number * step, 12) for number in range(first, last + 1)]


def round_log_values(low: float, high: float) -> list[float]:
    """Return at least four round values inside [low, high] for a logarithmic scale."""
    first = math.floor(math.log10(low))
    last = math.ceil(math.log10(high))
    powers = range(first, last + 1)
    for digits in LOG_DIGITS:
        values = [digit * 10.0**power for power in powers for digit in digits]
        inside = [value for value in values if low <= value <= high]
        if len(inside) >= 4:
            return inside
    return round_values(low, high)


def tick_text(
    value: float,
    unit: str,
    step: float,
) -> str:
    """Write a value beside a scale whose labels are ``step`` apart."""
    if unit == "pct":
        decimals = _decimals(100 * step)
        return f"{value:z.{decimals}%}"
    if unit == "money":
        for size, name in MONEY:
            if abs(value) >= size:
                decimals = _decimals(step / size)
                return f"{value / size:,.{decimals}f}{name}"
    decimals = _decimals(step)
    return f"{value:z,.{decimals}f}"


def _decimals(step: float) -> int:
    """Return how many decimals tell values apart that are ``step`` apart."""
    for count in range(MOST_DECIMALS):
        scaled = step * 10**count
        if abs(scaled - round(scaled)) < 1e-6:
            return count
    return MOST_DECIMALS
