"""The page of a sweep, made of its tables on disk: the surface, luck, folds, every cell."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from bt_run import DEFINITIONS, Array, parquet_table
from bt_run.results.metric_definitions import format_metric
from bt_run.text import counted
from bt_run_plugins.page.parts import Cell, PageTable, Section, shown
from bt_run_plugins.page.render import SCRIPT, STYLE, file_text, template
from bt_run_plugins.page.svg import Chart, Scale, Shape, line, scale_of
from bt_run_plugins.page.ticks import Tick, date_ticks
from bt_run_plugins.studies.surface import HeatMap, heat_maps

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["PAGE", "page_of"]

PAGE = "sweep.html"
SHADES = 5  # of each colour
MOST_CELLS = 1000  # rows on the page; all are in cells.parquet
UNITS = MappingProxyType(
    {"fraction": "pct", "ratio": "ratio", "money": "money", "count": "count"}
)
METRICS = (
    "sharpe",
    "cagr",
    "volatility",
    "max_drawdown",
    "calmar",
    "turnover_one_way",
    "costs",
)
BEST_COLUMNS = (("What", "text"), ("Value", "text"))
FOLD_COLUMNS = (
    ("Train", "text"),
    ("Test", "text"),
    ("Chosen", "text"),
    ("In training", "ratio"),
    ("In the test", "ratio"),
    ("Rank there", "ratio"),
    ("Of", "count"),
)


@dataclass(frozen=True, eq=False)
class _Found:
    """A sweep as it lies on the disk."""

    facts: Mapping[str, Any]
    cells: pd.DataFrame
    best_so_far: pd.DataFrame
    folds: pd.DataFrame
    chained: pd.DataFrame

    @property
    def keys(self) -> list[str]:
        return list(self.facts["keys"])

    @property
    def unit(self) -> str:
        """Return the unit of the score."""
        known = DEFINITIONS.get(self.facts["score"].rpartition("_year_")[2])
        return "ratio" if known is None else UNITS.get(known.unit, "ratio")


def page_of(folder: Path) -> str:
    """Return the page of the sweep whose tables lie in ``folder``."""
    found = _Found(
        json.loads((folder / "sweep.json").read_text(encoding="utf-8")),
        *(
            parquet_table(folder / f"{name}.parquet")
            for name in ("cells", "best_so_far", "folds", "chained")
        ),
    )
    page = {
        "title": f"Sweep of {found.facts['name']}",
        "lead": _lead(found),
        "sentence": found.facts["sentence"],
        "sections": list(_sections(found)),
    }
    return template("studies/sweep.html.j2").render(
        page=page, style=file_text(STYLE), script=file_text(SCRIPT)
    )


def _lead(found: _Found) -> str:
    counts = found.facts["counts"]
    others = [f"{count} {status}" for status, count in counts.items() if status != "ok"]
    told = f"{counted(len(found.cells), 'cell')} by {found.facts['score']}"
    return "; ".join([told, *others])


def _sections(found: _Found) -> Iterator[Section]:
    yield _best_section(found)
    yield _surface_section(found)
    yield _luck_section(found)
    yield _folds_section(found)
    yield _cells_section(found)


def _best_section(found: _Found) -> Section:
    best = found.facts["best"]
    if best is None:
        return Section("best", "The best", missing="No cell has a score.")
    own = found.cells[found.cells["key"] == best["key"]].iloc[0]
    rows = [(key, Cell(str(value))) for key, value in best["values"].items()]
    rows += [
        (found.facts["score"], Cell(own["score"], found.unit)),
        ("Worst within one step", Cell(own["plateau"], found.unit)),
        ("Run id", Cell(best["key"])),
    ]
    table = PageTable("best", "The best cell", BEST_COLUMNS, rows)
    lead = "A peak whose neighbours are poor is luck more often than not: look at the worst "
    lead += "score within one step of each key."
    return Section("best", "The best", lead, (table,))


def _surface_section(found: _Found) -> Section:
    values = {key: found.cells[key].tolist() for key in found.keys}
    maps = heat_maps(
        values, found.cells["score"].to_numpy(dtype=float), found.facts["sign"]
    )
    if not maps:
        text = "No pair of keys has two to forty values each."
        return Section("surface", "Surface", missing=text)
    tables = tuple(_map_table(number, one, found) for number, one in enumerate(maps))
    lead = "For each pair of keys, the best score over all others."
    return Section("surface", "Surface", lead, tables)


def _map_table(number: int, one: HeatMap, found: _Found) -> PageTable:
    centre = float(np.nanmedian(one.best)) if np.isfinite(one.best).any() else 0.0
    reach = float(np.nanmax(np.abs(one.best - centre), initial=0.0)) or 1.0
    heads = tuple((str(value), found.unit) for value in one.columns)
    rows = [
        [
            Cell(str(value)),
            *(_map_cell(score, centre, reach, found) for score in row.tolist()),
        ]
        for value, row in zip(one.rows, one.best, strict=True)
    ]
    return PageTable(
        f"map-{number}",
        f"{one.down} down, {one.across} across",
        ((one.down, "text"), *heads),
        rows,
        note="Blue is better than the median of the map, orange worse.",
        kind="heat",
    )


def _map_cell(score: float, centre: float, reach: float, found: _Found) -> Cell:
    if not np.isfinite(score):
        return Cell(None, found.unit)
    distance = found.facts["sign"] * (score - centre) / reach
    level = round(SHADES * abs(distance))
    look = f"{'p' if distance > 0 else 'n'}{level}" if level else ""
    return Cell(score, found.unit, look)


def _luck_section(found: _Found) -> Section:
    table = found.best_so_far
    best = table["best"].to_numpy(dtype=float)
    noise = table["noise"].to_numpy(dtype=float)
    if np.isfinite(noise).sum() < 2:
        text = "Less than two cells have a Sharpe ratio."
        return Section("luck", "Luck", missing=text)
    last = f"the best of {len(table)} reached {np.nanmax(best):.2f}"
    lead = (
        "The best Sharpe ratio a year so far, beside what the best of as many strategies without "
        f"skill would reach that scatter as these do: {last}, without skill {noise[-1]:.2f} is to "
        "be expected."
    )
    scale = scale_of([best, noise], zero=True)
    chart = Chart(
        title="Best so far",
        text=last,
        shapes=(
            Shape("without skill", "bench", line(noise, scale)),
            Shape("best so far", "run", line(best, scale)),
        ),
        across=_count_ticks(len(table)),
        up=scale.ticks("ratio"),
    )
    return Section("luck", "Luck", lead, (chart,))


def _count_ticks(count: int) -> tuple[Tick, ...]:
    places = sorted({1, *(round(count * part / 4) for part in range(1, 5))} - {0})
    last = max(1, count - 1)
    return tuple(
        Tick(round(100.0 * (place - 1) / last, 2), f"{place:,}") for place in places
    )


def _folds_section(found: _Found) -> Section:
    title = "Chosen before, judged after"
    if found.folds.empty:
        text = "`sweep.folds` chooses the best of each training window and judges it in the next."
        return Section("folds", title, missing=text)
    rows = [_fold_row(row, found.unit) for _, row in found.folds.iterrows()]
    columns = tuple(
        (head, found.unit if head.startswith("In ") else unit)
        for head, unit in FOLD_COLUMNS
    )
    table = PageTable("folds", "Folds", columns, rows)
    lead = (
        "A screen: slices of accounts that each played the whole period, chained. What it costs "
        f"to change from one cell to another is not in it. {_ranks_text(found.folds)}"
    )
    return Section("folds", title, lead, (_chained_chart(found), table))


def _ranks_text(folds: pd.DataFrame) -> str:
    """Say where the chosen stood after they were chosen."""
    known = folds[folds["rank"].notna()]
    if known.empty:
        return ""
    middle = 0.5 * (float(known["of"].mean()) + 1.0)
    return (
        f"In the windows after, the chosen stood on rank {known['rank'].mean():.1f} on average; "
        f"chosen by chance they would on {middle:.1f}."
    )


def _fold_row(row: pd.Series[Any], unit: str) -> list[Any]:
    return [
        f"{row['train_first']} to {row['train_last']}",
        f"{row['test_first']} to {row['test_last']}",
        row["key"] or "none",
        Cell(row["train_score"], unit),
        Cell(row["test_score"], unit),
        row["rank"],
        row["of"],
    ]


def _chained_chart(found: _Found) -> Chart:
    import pandas as pd

    returns = np.asarray(found.chained["returns"], dtype=np.float64)
    grown: Array = np.asarray(np.cumprod(1.0 + returns))
    scale: Scale = scale_of([grown])
    end = f"1 became {grown[-1]:.2f}" if len(grown) else "nothing was chosen"
    return Chart(
        title="What was chosen, chained",
        text=end,
        shapes=(Shape("chained", "run", line(grown, scale)),),
        across=date_ticks(pd.DatetimeIndex(found.chained["session"])),
        up=scale.ticks("ratio"),
    )


def _cells_section(found: _Found) -> Section:
    order = np.argsort(
        -found.facts["sign"] * found.cells["score"].to_numpy(dtype=float),
        kind="stable",
    )
    ranked = found.cells.iloc[order]
    columns = [("Run id", "text"), *((key, "text") for key in found.keys)]
    columns += [(found.facts["score"], found.unit), ("Within one step", found.unit)]
    columns += [(DEFINITIONS[metric].label, "text") for metric in METRICS]
    columns += [("Became", "text")]
    rows, note = shown(
        [_cell_row(row, found) for _, row in ranked.iterrows()],
        MOST_CELLS,
        "cells",
        "cells.parquet",
    )
    table = PageTable(
        "cells", "Cells, the best first", tuple(columns), rows, note, search=True
    )
    return Section("cells", "Cells", parts=(table,))


def _cell_row(row: pd.Series[Any], found: _Found) -> list[Any]:
    metrics = [
        format_metric(metric, None if np.isnan(row[metric]) else row[metric])
        for metric in METRICS
    ]
    became = row["status"] if not row["text"] else f"{row['status']}: {row['text']}"
    return [
        row["key"],
        *(str(row[key]) for key in found.keys),
        Cell(row["score"], found.unit),
        Cell(row["plateau"], found.unit),
        *metrics,
        became,
    ]
