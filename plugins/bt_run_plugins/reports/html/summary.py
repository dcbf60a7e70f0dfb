"""The top and the foot of a page: what was run in two sentences, headline numbers, data notes,
provenance.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath
from types import MappingProxyType
from typing import Any

from bt_run import DEFINITIONS, BacktestResult
from bt_run_plugins.page.parts import Cell, Section, Table

COLUMNS = ("run", "benchmark", "equal_weight", "constant_mix")
CARDS = ("cagr", "volatility", "sharpe", "max_drawdown", "turnover_one_way", "costs_bps")
HEADLINE = (
    *(
        "total_return",
        "cagr",
        "volatility",
        "sharpe",
        "sortino",
        "max_drawdown",
        "calmar",
        "best_day",
        "worst_day",
    ),
    *(
        "skew",
        "beta",
        "alpha",
        "correlation",
        "tracking_error",
        "information_ratio",
        "average_gross",
        "average_net",
    ),
    *(
        "turnover_one_way",
        "turnover_two_way",
        "commission",
        "slippage",
        "costs",
        "costs_bps",
        "fills",
    ),
    *("sessions", "years"),
)
HIGHER = frozenset({"total_return", "cagr", "sharpe", "sortino", "max_drawdown", "calmar"})
UNITS: Mapping[str, str] = MappingProxyType(
    {"fraction": "pct", "ratio": "ratio", "money": "money", "bps": "bps", "count": "count"}
)
SCHEDULES: Mapping[str, str] = MappingProxyType(
    {
        "once": "once, at the start",
        "bar": "at every bar",
        "session": "every session",
        "week": "at the first bar of each week",
        "month": "at the first bar of each month",
        "quarter": "at the first bar of each quarter",
        "week_end": "at the last session of each week",
        "month_end": "at the last session of each month",
        "quarter_end": "at the last session of each quarter",
    }
)
FILLS: Mapping[str, str] = MappingProxyType(
    {"next_open": "the next bar's open", "next_close": "the next bar's close"}
)


@dataclass(frozen=True)
class Card:
    """Hold one headline number and the benchmark's."""

    label: str
    hint: str
    run: Cell
    benchmark: Cell


def sentences(result: BacktestResult) -> tuple[str, str]:
    """Say in two sentences what was run."""
    config: Mapping[str, Any] = result.manifest["config"]
    data, broker = config["data"], config["broker"]
    names = list(data["assets"])
    assets = (
        ", ".join(names)
        if len(names) <= 6
        else f"{len(names)} assets ({', '.join(names[:4])} and others)"
    )
    first, last = result.nav.index[0], result.nav.index[-1]
    period = f"from {first:%Y-%m-%d} to {last:%Y-%m-%d}"
    strategy = _component(config["strategy"])
    if config.get("sizer") is None:
        what = (
            f"The Backtrader strategy {strategy} traded {assets} {period}, placing its own orders."
        )
    else:
        stages = [f"{_component(config['sizer'])} turns into weights"]
        if config["overlays"]:
            stages.append(" and ".join(map(_component, config["overlays"])) + " adjusts")
        when = SCHEDULES.get(str(config["schedule"]), str(config["schedule"]))
        if config["triggers"]:
            when += ", traded when " + " or ".join(map(_component, config["triggers"])) + " says so"
        what = f"On {assets} {period}, {strategy} gives signals that {', '.join(stages)}, {when}."
    costs = [f"{_cost(broker.get(name))} {name}" for name in ("commission", "slippage")]
    traded = "total-return units" if data["adjust"] == "total_return" else "shares as traded"
    how = (
        f"Orders for {traded} fill at {FILLS.get(str(broker.get('fill')), 'the next bar')} with "
        f"{' and '.join(costs)}, "
        f"starting with {float(result.nav['nav'].iloc[0]):,.0f} in cash; the benchmark is "
        f"{data['benchmark']}, "
        f"the risk-free rate {config.get('risk_free', 0.0):.2%} a year."
    )
    return what, how


def verdict(result: BacktestResult) -> str:
    """Say how the run compares with its yardsticks, from the metrics alone."""
    metrics = result.metrics

    def value(name: str, column: str) -> float | None:
        return metrics.get(name, {}).get(column)

    words = []
    for name, label in (
        ("cagr", "return per year"),
        ("sharpe", "Sharpe ratio"),
        ("max_drawdown", "worst drawdown"),
    ):
        own = value(name, "run")
        others = {c: value(name, c) for c in COLUMNS[1:]}
        known = {c: v for c, v in others.items() if v is not None}
        if own is None or not known:
            continue
        beaten = [c.replace("_", " ") for c, v in known.items() if own > v]
        if len(beaten) == len(known):
            words.append(f"{label}: better than all {len(known)} yardsticks")
        else:
            words.append(
                f"{label}: "
                + (f"better than {' and '.join(beaten)}" if beaten else "better than none")
            )
    if not words:
        return "The run has too few returns, or none that vary, for a verdict."
    return f"Against benchmark, equal weight and constant mix, {'; '.join(words)}."


def cards(result: BacktestResult) -> list[Card]:
    """Return the few numbers that a reader looks for first."""
    return [
        Card(
            DEFINITIONS[name].label,
            DEFINITIONS[name].text,
            Cell(result.metrics[name]["run"], unit_of(name)),
            Cell(result.metrics[name]["benchmark"], unit_of(name)),
        )
        for name in CARDS
    ]


def headline(result: BacktestResult) -> Table:
    """Return every metric beside the yardsticks'; the best of a row is marked where more is better."""
    rows = []
    for name in HEADLINE:
        values = [result.metrics[name][column] for column in COLUMNS]
        known = [v for v in values if v is not None]
        best = max(known) if name in HIGHER and len(known) > 1 else None
        unit = unit_of(name)
        cells = [Cell(v, unit, "best" if best is not None and v == best else "") for v in values]
        rows.append(
            [Cell(DEFINITIONS[name].label, look="head", hint=DEFINITIONS[name].text), *cells]
        )
    columns = (("Metric", "text"), *((column.replace("_", " "), "ratio") for column in COLUMNS))
    note = (
        "A star marks the best of a row. n/a: not defined, because too short or without variance."
    )
    return Table("headline", "The run beside its yardsticks", columns, rows, note)


def alerts(result: BacktestResult) -> list[str]:
    """Return what a reader must know before any number: notes on the data, stale marks, warnings."""
    out = [*result.notes, *result.warnings]
    stale = (
        result.positions[result.positions["stale"]] if len(result.positions) else result.positions
    )
    if len(stale):
        names = sorted(stale["asset"].astype(str).unique())
        shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
        out.append(f"{len(stale):,} marks are at stale prices, because {shown} had no bar then")
    return out


def provenance(result: BacktestResult) -> tuple[Section, str, str]:
    """Return what the result follows from, the command that repeats it, and the configuration as
    text.
    """
    manifest = result.manifest
    rows = [
        ("Run", result.run_id),
        ("Data, sha256", manifest.get("data")),
        ("Orders, sha256", manifest.get("orders")),
    ]
    rows += [("Look-ahead", result.look_ahead or None)]
    rows += [("Seed", manifest.get("seed")), ("Python", manifest.get("python"))]
    rows += [
        (f"Source of {name}, sha256", text) for name, text in manifest.get("sources", {}).items()
    ]
    rows += [(f"Version of {name}", text) for name, text in manifest.get("versions", {}).items()]
    told = [(label, Cell(str(text), look="code")) for label, text in rows if text is not None]
    table = Table(
        "provenance", "What the result follows from", (("What", "text"), ("Value", "text")), told
    )
    lead = (
        "Who has the run's folder can repeat it; the command says identical, or what differs. It "
        "is typed where "
        "the folder runs lies."
    )
    command = f"bt-run reproduce runs/{result.config.name}/{result.run_id}"
    text = json.dumps(
        _short_paths(manifest["config"]), indent=2, sort_keys=True, ensure_ascii=False, default=str
    )
    return Section("provenance", "Provenance", lead, (table,)), command, text


def analyses(result: BacktestResult) -> Section:
    """Return the tables of the run's analyzers."""
    if not result.analyses:
        return Section("analyses", "Analyzers", missing="The run names no analyzer.")
    parts = []
    for number, (name, table) in enumerate(sorted(result.analyses.items())):
        frame = table.reset_index() if table.index.name else table
        rows = [
            [_plain_cell(value) for value in row] for row in frame.head(50).itertuples(index=False)
        ]
        note = "" if len(frame) <= 50 else f"50 of {len(frame):,} rows are shown."
        columns = tuple((str(column), "text") for column in frame.columns)
        parts.append(Table(f"analysis-{number}", name, columns, rows, note))
    return Section("analyses", "Analyzers", "", tuple(parts))


def _plain_cell(value: Any) -> Cell:
    return Cell(float(value), "ratio") if isinstance(value, float) else Cell(str(value))


def unit_of(name: str) -> str:
    """Return the unit in which a metric is shown."""
    return "years" if name == "years" else UNITS[DEFINITIONS[name].unit]


def _component(item: Mapping[str, Any]) -> str:
    """Write a component as its name and options."""
    options = [
        f"{key} {_words(value)}" for key, value in item.items() if key != "use" and _said(value)
    ]
    return f"{item['use']} ({', '.join(options)})" if options else str(item["use"])


def _cost(value: Any) -> str:
    """Write a cost model by the numbers in it that are not 0."""
    if not isinstance(value, Mapping):
        return _words(value) if value else "no"
    parts = {key: item for key, item in value.items() if _said(item)}
    if not parts.get("impact"):
        parts.pop("lookback", None)
    words = [
        f"{item:g} bp" if key == "bps" else f"{key.replace('_', ' ')} {_words(item)}"
        for key, item in parts.items()
    ]
    return " + ".join(words) or "no"


def _said(value: Any) -> bool:
    """Tell whether an option is worth a word: what is off, empty or nothing is not."""
    return bool(value)


def _words(value: Any) -> str:
    if isinstance(value, Mapping):
        return " ".join(f"{key} {_words(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_words, value)) + "]"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _short_paths(value: Any) -> Any:
    """Leave out where on the author's machine files lie; the manifest has the whole paths."""
    if isinstance(value, Mapping):
        return {key: _short_paths(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_short_paths(item) for item in value]
    if isinstance(value, str) and PurePath(value).is_absolute():
        return f".../{PurePath(value).name}"
    return value
