"""The top and the foot of a page: what was run in two sentences, headline numbers, data notes,
provenance.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from bt_run import DEFINITIONS, BacktestResult
from bt_run.results.description import CURRENCIES, describe_run
from bt_run.results.metric_definitions import COLUMNS
from bt_run.studies.judging import purpose_of
from bt_run.text import listed
from bt_run_plugins.analyzers import asset_prices, sectors
from bt_run_plugins.page.parts import Cell, PageTable, Section

if TYPE_CHECKING:
    import pandas as pd

CARD_COUNT = 6
# the metrics of the cards, most wanted first: the first six that are defined are shown
CARDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "earn": (
            *("cagr", "sharpe", "max_drawdown", "volatility", "average_gross"),
            *("costs_bps", "total_return", "costs", "best_day", "worst_day"),
            *("fills", "sessions"),
        ),
        "track": (
            *("tracking_error", "cagr", "correlation", "average_gross", "max_drawdown"),
            *("costs_bps", "total_return", "costs", "fills", "sessions"),
        ),
    }
)
ALONE = frozenset({"tracking_error", "correlation", "costs_bps", "costs", "fills"})
EXPOSURE = "average_gross"
# the rows that come first in the long table, the others in the order of their definitions
FIRST = (
    *("total_return", "cagr", "volatility", "sharpe", "sortino", "max_drawdown"),
    *("calmar", "beta", "average_gross", "turnover_one_way"),
)
FLOWS_ONLY = "money_weighted"  # no row of a run to which no money came from outside
HINDSIGHT = "constant_mix"  # the baseline that knows the whole run
FLAT = 5e-5  # reads as the same per cent
BASELINES = tuple(name for name in COLUMNS if name != "run")
# metrics of which more is better
HIGHER = frozenset(
    {
        "total_return",
        "cagr",
        "sharpe",
        "sortino",
        "max_drawdown",
        "calmar",
    }
)
# of which what is below zero says nothing: more risk makes a negative ratio look better
RATIOS = frozenset({"sharpe", "sortino", "calmar"})
# unit of a metric -> unit of a cell
UNITS: Mapping[str, str] = MappingProxyType(
    {
        "fraction": "pct",
        "ratio": "ratio",
        "money": "money",
        "bps": "bps",
        "count": "count",
    }
)
ELSEWHERE = frozenset(
    {asset_prices.NAME, sectors.NAME}
)  # tables of which other sections make more
IDLE = 0.2  # mean share of cash from which a reader is told that it earns nothing
NO_ANALYZER = (
    "The run names no analyzer. `analyzers: [costs, factors]` adds the run at other costs, how "
    "much money its markets would take, and what of its returns factors explain."
)
LARGE = 1e4  # of an analyzer's number: from here on thousands are parted
MOST_ROWS = 50  # of an analyzer's table
HEADLINE_COLUMNS = (
    ("Metric", "text"),
    *((name.replace("_", " "), "ratio") for name in COLUMNS),
)
PROVENANCE_COLUMNS = (
    ("What", "text"),
    ("Value", "text"),
)


@dataclass(frozen=True)
class Card:
    """One headline number, and what stands beside it: whose number, and the number."""

    label: str
    hint: str
    run: Cell
    whose: str = ""
    beside: Cell | None = None


def sentences(result: BacktestResult) -> tuple[str, str]:
    """Say in two sentences what was run."""
    description = describe_run(result.manifest["config"])
    cash = float(result.nav["nav"].iloc[0])
    return description.decisions(f"from {result.period}"), description.orders(cash)


def currency_of(result: BacktestResult) -> str:
    """Return the currency of a run's money; nothing where it is not known."""
    data = result.manifest["config"]["data"]
    return CURRENCIES.get(data.get("calendar", ""), "")


def cards(result: BacktestResult, most: int = CARD_COUNT) -> list[Card]:
    """Return the few numbers that matter most for what a run is for, all of them defined, ``most``
    of them.
    """
    wanted = CARDS[purpose_of(result)]
    known = [metric for metric in wanted if result.metrics[metric]["run"] is not None]
    # what comes last in the list stands in for what is not defined
    return [_card(result, metric) for metric in known[:most]]


def _card(result: BacktestResult, metric: str) -> Card:
    definition, values = DEFINITIONS[metric], result.metrics[metric]
    unit = unit_of(metric)
    whose, beside = "benchmark", values["benchmark"]
    if metric == EXPOSURE:
        # the benchmark's is 100 % by its nature; a net exposure of its own says more
        net = result.metrics["average_net"]["run"]
        same = net is None or values["run"] is None or abs(net - values["run"]) < FLAT
        whose, beside = ("net", None if same else net)
    elif metric in ALONE:
        beside = None
    label = definition.label
    if unit == "money" and currency_of(result):
        label = f"{label}, {currency_of(result)}"
    return Card(
        label=label,
        hint=definition.text,
        run=Cell(values["run"], unit),
        whose=whose,
        beside=None if beside is None else Cell(beside, unit),
    )


def metrics_section(result: BacktestResult) -> Section:
    """Return the section with every metric beside the baselines'."""
    return Section("metrics", "All numbers", parts=(headline(result),))


def headline(result: BacktestResult) -> PageTable:
    """Return every metric beside the baselines'; where more is better, the best of a row is
    marked, but never the constant mix, which knows the whole run, nor a zero.
    """
    metrics = result.metrics
    ordered = (*FIRST, *(one for one in DEFINITIONS if one not in FIRST))
    shown = [one for one in ordered if one != FLOWS_ONLY or any(metrics[one].values())]
    rows = [_headline_row(metric, metrics[metric]) for metric in shown]
    return PageTable(
        "headline",
        "The run beside its baselines",
        HEADLINE_COLUMNS,
        rows,
        f"{_baseline_words(result)} A star marks the best of a row, the constant mix aside. "
        "n/a: not defined, because too short or without variance.",
        folded=True,
    )


def _baseline_words(result: BacktestResult) -> str:
    """Say what each baseline is, with its gross and net exposure."""
    held = {
        name: f"gross {_percent(result, 'average_gross', name)}, net "
        f"{_percent(result, 'average_net', name)}"
        for name in BASELINES
    }
    benchmark = result.manifest["config"]["data"]["benchmark"]
    words = (
        f"Benchmark: {benchmark} bought at the start and held, without costs",
        "Equal weight: the same money in every asset that trades, "
        f"{_traded_when(result, 'equal_weight')}, with the run's costs",
        f"Constant mix: the run's own mean weights, {_traded_when(result, 'constant_mix')}, with "
        "its costs; it knows the whole run",
    )
    pairs = zip(words, held.values(), strict=True)
    return " ".join(f"{text} ({exposure})." for text, exposure in pairs)


def _traded_when(result: BacktestResult, name: str) -> str:
    """Say when a baseline trades, and which of the run's triggers it does not ask."""
    facts = result.manifest.get("baselines", {}).get(name, {})
    asked, left_out = facts.get("triggers", []), facts.get("left_out", {})
    words = "at each scheduled decision"
    if asked:
        words += f" for which {' or '.join(asked)} fires, asked with its own account"
    without = "; ".join(f"without {one}: {why}" for one, why in left_out.items())
    return f"{words} ({without})" if without else words


def _percent(result: BacktestResult, metric: str, name: str) -> str:
    value = result.metrics[metric][name]
    return "n/a" if value is None else f"{value:.0%}"


def _headline_row(metric: str, values: Mapping[str, float | None]) -> list[Cell]:
    unit = unit_of(metric)
    best = _best(metric, values) if metric in HIGHER else None
    row = [metric_head(metric)]
    for name in COLUMNS:
        value = values[name]
        if value is not None and value == best and name != HINDSIGHT:
            row.append(Cell(value, unit, "best"))
        else:
            row.append(Cell(value, unit))
    return row


def _best(metric: str, values: Mapping[str, float | None]) -> float | None:
    """Return the largest of several values; None where there is at most one, or it says nothing."""
    known = [
        value
        for name, value in values.items()
        if value is not None and name != HINDSIGHT
    ]
    if len(known) < 2 or max(known) == 0.0:
        return None
    best = max(known)
    return None if metric in RATIOS and best < 0.0 else best


def metric_head(metric: str) -> Cell:
    """Return the head of a metric's row, with its definition."""
    definition = DEFINITIONS[metric]
    return Cell(definition.label, look="head", hint=definition.text)


def unit_of(metric: str) -> str:
    """Return the unit in which a metric is shown."""
    if metric == "years":
        return "years"
    if metric == "total_return":
        return "growth"
    return UNITS[DEFINITIONS[metric].unit]


def alerts(result: BacktestResult) -> list[str]:
    """Return what a reader must know before any number: data notes, warnings, stale marks."""
    out = [*result.notes, *result.warnings]
    held = result.positions
    stale = held[held["stale"]] if len(held) else held
    if len(stale):
        names = stale["asset"].astype(str).unique()
        shown = listed(sorted(names))
        out.append(
            f"{len(stale):,} marks are at stale prices, because {shown} had no bar then"
        )
    return [*out, *_idle_cash(result)]


def _idle_cash(result: BacktestResult) -> Iterator[str]:
    """Yield a line where much of the account was cash that earns nothing."""
    interest = result.manifest["config"]["broker"].get("interest") or {}
    closes = result.closes
    share = float((closes["cash"] / closes["nav"]).mean())
    if share >= IDLE and not (isinstance(interest, Mapping) and interest.get("cash")):
        yield (
            f"cash was {share:.0%} of the NAV in the mean and earns nothing here; "
            "`broker.interest.cash` gives it a rate, and `risk_free: cash` takes that off the "
            "Sharpe ratio"
        )


def provenance(result: BacktestResult) -> Section:
    """Return what the result follows from."""
    rows = []
    for label, text in _provenance_rows(result):
        if text is not None:
            cell = Cell(str(text), look="code")
            rows.append((label, cell))
    table = PageTable(
        "provenance",
        "What the result follows from",
        PROVENANCE_COLUMNS,
        rows,
    )
    lead = (
        "Who has the run's folder can repeat it; the command says identical, or what differs. "
        "It is typed where the folder runs lies."
    )
    return Section("provenance", "Provenance", lead, (table,))


def _provenance_rows(result: BacktestResult) -> Iterator[tuple[str, Any]]:
    manifest = result.manifest
    yield "Run", result.run_id
    yield "Data, sha256", manifest.get("data")
    yield "Orders, sha256", manifest.get("orders")
    yield "Look-ahead", result.look_ahead or None
    yield "Seed", manifest.get("seed")
    yield "Python", manifest.get("python")
    for name, digest in manifest.get("sources", {}).items():
        yield f"Source of {name}, sha256", digest
    for name, version in manifest.get("versions", {}).items():
        yield f"Version of {name}", version


def repeat_command(result: BacktestResult) -> str:
    """Return the command that plays the run again and compares."""
    return f"bt-run reproduce runs/{result.config.name}/{result.run_id}"


def config_text(result: BacktestResult) -> str:
    """Return the resolved configuration as JSON."""
    config = _short_paths(result.manifest["config"])
    return json.dumps(config, indent=2, sort_keys=True, ensure_ascii=False, default=str)


def _short_paths(value: Any) -> Any:
    """Leave out where on the author's machine files lie, which earlier manifests tell."""
    if isinstance(value, Mapping):
        return {key: _short_paths(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_short_paths(item) for item in value]
    if isinstance(value, str) and PurePath(value).is_absolute():
        return f".../{PurePath(value).name}"
    return value


def analyses(result: BacktestResult) -> Section:
    """Return the tables of the run's analyzers."""
    if not result.analyses:
        return Section("analyses", "Analyzers", missing=NO_ANALYZER)
    parts = []
    drawn = {one.use for one in result.config.analyzers} & ELSEWHERE
    shown = [
        (name, table) for name, table in result.analyses.items() if name not in drawn
    ]
    for number, (name, table) in enumerate(sorted(shown)):
        frame = table.reset_index() if table.index.name else table
        parts.append(_analysis_table(f"analysis-{number}", name, frame))
    return Section("analyses", "Analyzers", "", tuple(parts))


def _analysis_table(
    id_: str,
    name: str,
    frame: pd.DataFrame,
) -> PageTable:
    columns = tuple((str(column), "text") for column in frame.columns)
    rows = []
    for row in frame.head(MOST_ROWS).itertuples(index=False):
        rows.append([_analysis_cell(value) for value in row])
    note = ""
    if len(rows) < len(frame):
        note = f"{len(rows)} of {len(frame):,} rows are shown."
    return PageTable(id_, name, columns, rows, note)


def _analysis_cell(value: Any) -> Cell:
    if isinstance(value, float):
        return Cell(float(value), "money" if abs(value) >= LARGE else "ratio")
    return Cell(str(value))
