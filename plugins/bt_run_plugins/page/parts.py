"""Tables and sections of a page, and how a value reads with its unit."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from bt_run_plugins.page.svg import Chart

MISSING = "n/a"
SHORT = 24  # characters that stay on one line
LONG = 45  # rows above which a table scrolls in itself


# unit -> how a number reads
FORMATS: Mapping[str, Callable[[float], str]] = MappingProxyType(
    {
        "pct": lambda v: f"{v:z.2%}",
        "ratio": lambda v: f"{v:z.2f}",
        "money": lambda v: f"{v:z,.2f}",
        "count": lambda v: f"{v:,.0f}",
        "years": lambda v: f"{v:,.1f}",
        "bps": lambda v: f"{v:z,.1f} bp",
        "shares": lambda v: f"{v:z,.6g}",
    }
)


@dataclass(frozen=True)
class Cell:
    """Hold a value of a table, its unit ("text" for words) and how it looks.

    ``look`` is a CSS class; ``bar`` in [-1, 1] draws a bar behind it; ``hint`` defines a row's
    head.
    """

    value: Any
    unit: str = "text"
    look: str = ""
    bar: float | None = None
    hint: str = ""

    @property
    def number(self) -> bool:
        return self.unit != "text"

    @property
    def text(self) -> str:
        """Return the value as it reads."""
        if not self.number:
            return str(self.value)
        return FORMATS[self.unit](self.value) if self.raw else MISSING

    @property
    def classes(self) -> str:
        """Return the CSS classes of a table cell."""
        kind = "n" if self.number else "w" if len(self.text) <= SHORT else "long-text"
        return f"{kind} {self.look}".strip()

    @property
    def raw(self) -> str:
        """Return all digits of a number; nothing when it is not defined."""
        if not self.number or self.value is None or not math.isfinite(self.value):
            return ""
        return repr(float(self.value)) if isinstance(self.value, float) else str(self.value)


@dataclass(frozen=True)
class Table:
    """Hold a table: its columns as (head, unit), rows of values or cells, and a line about what was
    left out.
    """

    id: str
    caption: str
    columns: tuple[tuple[str, str], ...]
    rows: Sequence[Sequence[Any]]
    note: str = ""
    search: bool = False
    kind: str = ""

    @property
    def long(self) -> bool:
        return len(self.rows) > LONG

    @property
    def cells(self) -> list[list[Cell]]:
        """Return the rows as cells."""
        return [
            [
                v if isinstance(v, Cell) else Cell(v, unit)
                for v, (_, unit) in zip(row, self.columns, strict=True)
            ]
            for row in self.rows
        ]


@dataclass(frozen=True)
class Choice:
    """Hold charts of the same thing, one of which is shown at a time."""

    id: str
    legend: str
    charts: Mapping[str, Chart]


@dataclass(frozen=True)
class Picture:
    """Hold a PNG picture, base64, with its title and what it shows in words."""

    title: str
    text: str
    data: str


@dataclass(frozen=True)
class Section:
    """Hold a part of the page; ``missing`` says in one line why it does not apply."""

    id: str
    title: str
    lead: str = ""
    parts: tuple[Chart | Choice | Table | Picture, ...] = field(default_factory=tuple)
    missing: str = ""


def shown(rows: Sequence[Any], most: int, name: str, where: str) -> tuple[Sequence[Any], str]:
    """Return the first rows, and a line that says how many there are when some are left out."""
    if len(rows) <= most:
        return rows, ""
    return rows[:most], f"{most:,} of {len(rows):,} {name} are shown; all are in {where}."
