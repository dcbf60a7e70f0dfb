"""The numbers behind a picture, written so that the page's script can read them: for a crosshair, a
zoom and a table of what is shown.

Numbers are whole multiples of a decimal step, and of these the differences, as digits of base 41 in
printable characters: a day of a curve takes one or two. Days are the weekdays between the first and
the last, less those that are missing, with those of weekends that are there: nineteen years take a
few hundred characters.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any, Literal

import numpy as np

from bt_run import Array
from bt_run.arrays import Times

__all__ = ["ChartData", "Series", "encoded_days", "encoded_numbers", "page_data"]

# no character that HTML, JSON or an address knows; the first half ends a number
DIGITS = (
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%*+,-.;=?@[]^_{|}"
)
MISSING = "~"
RADIX = len(DIGITS) // 2
LEVELS = 4  # decimal digits of the range of a curve
FINEST = 1e-9
# hundredths of a per cent, thousandths of a ratio: what the page's tables show, and a digit more
COARSEST: Mapping[str, int] = MappingProxyType({"pct": -4, "ratio": -3})
Way = Literal["line", "under", "stack", "bars"]


@dataclass(frozen=True)
class Series:
    """The values (n,) of one curve, with its label and the class of its colour; a dot each, where
    they are ``dots``.
    """

    label: str
    color: str
    values: Array
    dots: bool = False


@dataclass(frozen=True)
class ChartData:
    """What a picture shows, in numbers.

    Attributes:
        series: the curves, in the order of the legend.
        unit: how their values read: pct, ratio or count.
        days: (n,) datetime64[D], one for each value; None where groups are told by ``labels``.
        labels: names of the n groups of bars.
        way: how it is drawn: the first as an area ``under`` its line, all on a ``stack``.
        zero: whether zero is always in the picture.
        log: whether its scale is logarithmic.
    """

    series: tuple[Series, ...]
    unit: str
    days: Times | None = None
    labels: tuple[str, ...] = ()
    way: Way = "line"
    zero: bool = False
    log: bool = False

    def plain(self) -> dict[str, Any]:
        """Return all of it as JSON's own types."""
        step = _step(self.series, self.unit)
        found: dict[str, Any] = {
            "unit": self.unit,
            "way": self.way,
            "zero": self.zero,
            "log": self.log,
            "step": step,
            "series": [
                [
                    one.label,
                    one.color,
                    encoded_numbers(one.values, step),
                    *[1] * one.dots,
                ]
                for one in self.series
            ],
        }
        if self.days is None:
            return found | {"labels": list(self.labels)}
        return found | {"days": encoded_days(self.days)}


def page_data(charts: Iterable[tuple[str, ChartData]]) -> str:
    """Return the numbers of all pictures of a page, by their ids, as JSON that may stand inside a
    page; what two of them share is written once.
    """
    texts: dict[str, int] = {}
    found: dict[str, Any] = {}
    for name, data in charts:
        plain = data.plain()
        for one in plain["series"]:
            one[2] = texts.setdefault(one[2], len(texts))
        if "days" in plain:
            plain["days"] = texts.setdefault(plain["days"], len(texts))
        found[name] = plain
    if not found:
        return ""
    text = json.dumps(
        {"texts": list(texts), "charts": found},
        ensure_ascii=False,
        separators=(",", ":"),
    )
    # names of assets are anybody's
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def encoded_numbers(values: Array, step: float) -> str:
    """Return ``values`` (n,) as multiples of ``step``: each the difference to the one before; a
    missing one is a character of its own.
    """
    known = np.isfinite(values)
    whole = np.zeros(len(values), dtype=np.int64)
    whole[known] = np.rint(values[known] / step).astype(np.int64)
    steps = np.zeros(len(values), dtype=np.int64)
    steps[known] = np.diff(whole[known], prepend=0)
    short = _short_digits()
    pieces = [
        short[number] if number < len(short) else _digits(number)
        for number in _unsigned(steps).tolist()
    ]
    for row in np.flatnonzero(~known).tolist():
        pieces[row] = MISSING
    return "".join(pieces)


def encoded_days(days: Times) -> str:
    """Return ``days`` (n,), ascending: the first as days since 1970 and how many days later the
    last is; then which weekdays between are missing and which days of weekends are there, or, where
    that is shorter, how many days lie between them.
    """
    numbers = days.astype("datetime64[D]").astype(np.int64)
    every = np.arange(numbers[0], numbers[-1] + 1)
    weekday = (every + 3) % 7 < 5  # the first of January 1970 was a Thursday
    there = np.isin(every, numbers)
    other = np.flatnonzero(there != weekday)
    head = [int(numbers[0]), int(numbers[-1] - numbers[0])]
    by_exception = _joined([*head, 0, *np.diff(other, prepend=0).tolist()])
    one_by_one = _joined([*head, 1, *np.diff(numbers).tolist()])
    return min(by_exception, one_by_one, key=len)


def _joined(numbers: Sequence[int]) -> str:
    return "".join(map(_digits, numbers))


def _unsigned(steps: Any) -> Any:
    """Return 0, 1, 2, 3, 4 for 0, -1, 1, -2, 2."""
    return np.where(steps < 0, -2 * steps - 1, 2 * steps)


@cache
def _short_digits() -> tuple[str, ...]:
    """Return the digits of the numbers that take one or two, which most do."""
    return tuple(_digits(number) for number in range(RADIX**2))


def _digits(number: int) -> str:
    """Write a number from 0 up, the smallest digit first; the last is of the first half."""
    text = ""
    while number >= RADIX:
        number, digit = divmod(number, RADIX)
        text += DIGITS[RADIX + digit]
    return text + DIGITS[number]


def _step(series: Sequence[Series], unit: str) -> float:
    """Return a power of ten that shows what a reader sees, and is small beside the range."""
    known = [one.values[np.isfinite(one.values)] for one in series]
    every = np.concatenate([np.zeros(0), *known])
    if unit == "count" or not len(every):
        return 1.0
    span = max(float(np.ptp(every)), float(np.abs(every).max()) * 1e-3, FINEST)
    power = math.ceil(math.log10(span)) - LEVELS
    return float(f"1e{min(power, COARSEST.get(unit, -3))}")
