"""Tables and sections of a page, and how a value reads with its unit."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from bt_run.results.metric_definitions import growth_text
from bt_run_plugins.page.chart_data import ChartData
from bt_run_plugins.page.svg import Chart

MISSING = "n/a"
MONEY = ", money"  # how a label of money ends
FOLDED = 10  # rows that a folded table shows; the style says so too
SHORT = 24  # characters that stay on one line
LONG = (
    45  # rows above which a table scrolls in itself, days from which a range is chosen
)

Row = Sequence[Any]  # of a table: values or cells

# unit -> how a number reads
FORMATS: Mapping[str, Callable[[float], str]] = MappingProxyType(
    {
        "pct": "{:z.2%}".format,
        "growth": growth_text,
        "ratio": "{:z.2f}".format,
        "money": "{:z,.2f}".format,
        "count": "{:,.0f}".format,
        "years": "{:,.1f}".format,
        "bps": "{:z,.1f} bp".format,
        "shares": "{:z,.6g}".format,
        "price": "{:z,.6g}".format,
    }
)


@dataclass(frozen=True)
class Cell:
    """A value of a table, its unit ("text" for words) and how it looks.

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
        if not self.raw:
            return MISSING
        return FORMATS[self.unit](self.value)

    @property
    def classes(self) -> str:
        """Return the CSS classes of a table cell."""
        if self.number:
            kind = "n"
        elif len(self.text) <= SHORT:
            kind = "w"
        else:
            kind = "long-text"
        return f"{kind} {self.look}".strip()

    @property
    def raw(self) -> str:
        """Return all digits of a number; nothing when it is not defined."""
        if not self.number or self.value is None:
            return ""
        if not math.isfinite(self.value):
            return ""
        if isinstance(self.value, float):
            return repr(float(self.value))  # numpy's floats would say so
        return str(self.value)


@dataclass(frozen=True)
class PageTable:
    """A table: its columns as (head, unit), rows of values or cells, and a line about what was left
    out; a ``folded`` one shows its first rows until it is opened, a ``printed``
    one is for paper, and has no digits that do not show.
    """

    id: str
    caption: str
    columns: tuple[tuple[str, str], ...]
    rows: Sequence[Row]
    note: str = ""
    search: bool = False
    kind: str = ""
    folded: bool = False
    printed: bool = False

    @property
    def hidden(self) -> int:
        """Return how many rows do not show before the table is opened."""
        return max(0, len(self.rows) - FOLDED) if self.folded else 0

    @property
    def long(self) -> bool:
        return len(self.rows) > LONG

    @property
    def cells(self) -> list[list[Cell]]:
        """Return the rows as cells."""
        return [self._cells_of(row) for row in self.rows]

    def _cells_of(self, row: Row) -> list[Cell]:
        cells = []
        for value, (_, unit) in zip(row, self.columns, strict=True):
            cell = value if isinstance(value, Cell) else Cell(value, unit)
            cells.append(cell)
        return cells


@dataclass(frozen=True)
class Choice:
    """Charts of the same thing, one of which is shown at a time."""

    id: str
    legend: str
    charts: Mapping[str, Chart]


@dataclass(frozen=True)
class Picture:
    """A PNG picture, base64, with its title and what it shows in words."""

    title: str
    text: str
    data: str


@dataclass(frozen=True)
class Section:
    """A part of the page; ``missing`` says in one line why it does not apply."""

    id: str
    title: str
    lead: str = ""
    parts: tuple[Chart | Choice | PageTable | Picture, ...] = field(
        default_factory=tuple
    )
    missing: str = ""

    @property
    def dated(self) -> bool:
        """Return whether a picture has days enough for a reader to choose a range of them."""
        for _, data in charts_of([self]):
            if data.days is not None and len(data.days) >= LONG:
                return True
        return False


def charts_of(sections: Sequence[Section]) -> Iterator[tuple[str, ChartData]]:
    """Yield the numbers behind each picture that has them, with the id that the page gives it."""
    for section in sections:
        for place, part in enumerate(section.parts, start=1):
            if isinstance(part, Choice):
                named = enumerate(part.charts.values(), start=1)
                found = [(f"{part.id}-chart-{number}", one) for number, one in named]
            elif isinstance(part, Chart):
                found = [(f"{section.id}-chart-{place}", part)]
            else:
                found = []
            for name, chart in found:
                if chart.data is not None:
                    yield name, chart.data


def shown(
    rows: Sequence[Any],
    most: int,
    name: str,
    where: str,
) -> tuple[Sequence[Any], str]:
    """Return the first rows, and a line that says how many there are when some are left out."""
    if len(rows) <= most:
        return rows, ""
    note = f"{most:,} of {len(rows):,} {name} are shown; all are in {where}."
    return rows[:most], note


def in_currency(section: Section, currency: str) -> Section:
    """Return the section with the name of the ``currency`` in every label of money; as it is where
    the currency is not known.
    """
    if not currency:
        return section
    parts = [
        _table_in(part, currency) if isinstance(part, PageTable) else part
        for part in section.parts
    ]
    return replace(section, parts=tuple(parts))


def _table_in(table: PageTable, currency: str) -> PageTable:
    def named(text: str) -> str:
        return text.replace(MONEY, f", {currency}")

    columns = tuple((named(head), unit) for head, unit in table.columns)
    rows = []
    for first, *others in table.rows:
        known = isinstance(first, str) and first.endswith(MONEY)
        rows.append([named(first) if known else first, *others])
    return replace(table, columns=columns, rows=rows)
