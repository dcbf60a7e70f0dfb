"""What the command line shows, as plain text: the installed components and the result of a run."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from bt_run.backtest.building import missing_for
from bt_run.catalogue import Catalogue, Offer
from bt_run.config.binding import Bound
from bt_run.config.fields import field_rows
from bt_run.libraries import install_command
from bt_run.model import ComponentSpec
from bt_run.results.metric_definitions import COLUMNS, DEFINITIONS, format_metric
from bt_run.results.result import BacktestResult
from bt_run.text import aligned, listed

__all__ = [
    "components_json",
    "components_text",
    "headline",
    "metrics_table",
    "report_table",
    "shortened",
    "timings_text",
]

SHOWN = (
    "total_return",
    "cagr",
    "volatility",
    "sharpe",
    "max_drawdown",
    "turnover_one_way",
    "costs",
)


def headline(result: BacktestResult) -> str:
    """Say in one line what runs: name, period, assets and the data."""
    data = result.config.data
    given = data.source if isinstance(data.source, tuple) else (data.source,)
    sources = "; ".join(map(_source_words, given))
    return (
        f"{result.config.name}: {result.period}, {listed(data.assets)}; data: {sources}"
    )


def _source_words(source: ComponentSpec) -> str:
    options = ", ".join(f"{key}: {value}" for key, value in source.options.items())
    return f"{source.use} ({options})" if options else source.use


def shortened(note: str, width: int = 200) -> str:
    """Cut a note that lists many assets, and say where it stands whole."""
    if len(note) <= width:
        return note
    return f"{note[:width].rsplit(', ', 1)[0]}, ... (whole in manifest.json)"


def metrics_table(result: BacktestResult) -> str:
    """Return the main numbers of a run beside those of its baselines, in aligned columns."""
    rows = [("", *(column.replace("_", " ") for column in COLUMNS))]
    for metric in SHOWN:
        values = [
            format_metric(metric, result.metrics[metric][column]) for column in COLUMNS
        ]
        rows.append((DEFINITIONS[metric].label, *values))
    return "\n".join(aligned(rows))


def report_table(path: Path) -> str:
    """Return a report's CSV in aligned columns, a metric a line with its label and unit; a name is
    a column.
    """
    with path.open(newline="", encoding="utf-8") as file:
        columns = list(zip(*csv.reader(file), strict=True))
    rows = (
        [("", *(name.replace("_", " ") for name in columns[0][1:]))] if columns else []
    )
    for key, *values in columns[1:]:
        if key in DEFINITIONS:
            texts = [
                format_metric(key, float(value) if value else None) for value in values
            ]
            rows.append((DEFINITIONS[key].label, *texts))
        else:
            rows.append((key, *values))
    return "\n".join(aligned(rows))


def timings_text(result: BacktestResult) -> str:
    """Return the seconds that each phase took."""
    return "\n".join(
        f"{phase:<24} {seconds:8.3f} s" for phase, seconds in result.timings.items()
    )


def components_text(catalogue: Catalogue) -> str:
    """List every component by role, with its keys and where it comes from."""
    return "\n".join(_component_lines(catalogue))


def components_json(catalogue: Catalogue) -> dict[str, Any]:
    """Return every component by role: name -> summary, origin and fields."""
    return {
        role: {name: _component_json(offer) for name, offer in sorted(offers.items())}
        for role, offers in catalogue.offers.items()
    }


def _component_json(offer: Offer) -> dict[str, Any]:
    return {
        "summary": offer.component.summary,
        "origin": offer.origin,
        "install": _install_for(offer),
        "fields": [
            {
                "name": row.name,
                "type": row.type,
                "default": row.default,
                "required": row.default is None,
                "description": row.description,
            }
            for row in field_rows(offer.component.config)
        ],
    }


def _install_for(offer: Offer) -> str:
    """Return the command that installs what a component needs, with the keys of its example, and
    is missing here; nothing where none is.
    """
    component = offer.component
    if component.libraries is None:
        return ""
    try:
        options = component.config.model_validate(dict(component.example))
    except ValidationError:
        # an example that cannot be is for the kit to report
        return ""
    bound = Bound(offer.role, component.name, options, offer, {})
    missing = missing_for(bound, component.name)
    return install_command(missing.values()) if missing else ""


def _component_lines(catalogue: Catalogue) -> Iterator[str]:
    for role, offers in catalogue.offers.items():
        if not offers:
            continue
        yield f"{role}"
        for name, offer in sorted(offers.items()):
            yield f"  {name}: {offer.component.summary}  [{offer.origin}]"
            install = _install_for(offer)
            if install:
                yield f"      needs more: {install}"
            yield from _field_lines(offer)
        yield ""


def _field_lines(offer: Offer) -> Iterator[str]:
    rows = field_rows(offer.component.config)
    heads = [
        f"{row.name}: {row.type}" + (f" = {row.default}" if row.default else "")
        for row in rows
    ]
    width = _width(heads)
    for head, row in zip(heads, rows, strict=True):
        yield f"      {head:<{width}}  {row.description}".rstrip()


def _width(words: Sequence[str]) -> int:
    return min(44, max(map(len, words), default=0))
