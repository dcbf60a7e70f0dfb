"""Sections about returns: growth, drawdowns, months and years, distribution, rolling numbers,
crises.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from bt_run import Array
from bt_run_plugins.page.parts import Cell, Choice, Section, Table
from bt_run_plugins.page.svg import (
    Chart,
    Scale,
    Shape,
    Tick,
    bars,
    date_ticks,
    group_ticks,
    line,
    scale_of,
    under,
)
from bt_run_plugins.reports.html.book import Book
from bt_run_plugins.reports.html.numbers import (
    STATISTICS,
    drawdown,
    drawdowns,
    period_returns,
    rolling,
    statistics,
)

if TYPE_CHECKING:
    import pandas as pd

# column of the NAV table -> label, colour
LINES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "nav": ("run", "run"),
        "benchmark": ("benchmark", "bench"),
        "equal_weight": ("equal weight", "equal"),
        "constant_mix": ("constant mix", "mix"),
    }
)
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
WINDOW = 126  # sessions: half a year
WORST = 10
BINS = 41
# from a high of the S&P 500 at a close to the following low
CRISES = (
    ("Crash of 1987", "1987-08-25", "1987-12-04"),
    ("Gulf crisis, 1990", "1990-07-16", "1990-10-11"),
    ("Russia and LTCM, 1998", "1998-07-17", "1998-08-31"),
    ("End of the dot-com boom", "2000-03-24", "2002-10-09"),
    ("Financial crisis", "2007-10-09", "2009-03-09"),
    ("Euro crisis, 2010", "2010-04-23", "2010-07-02"),
    ("US downgrade, 2011", "2011-04-29", "2011-10-03"),
    ("China and oil, 2015", "2015-05-21", "2016-02-11"),
    ("End of 2018", "2018-09-20", "2018-12-24"),
    ("Pandemic, 2020", "2020-02-19", "2020-03-23"),
    ("Rising rates, 2022", "2022-01-03", "2022-10-12"),
    ("Tariffs, 2025", "2025-02-19", "2025-04-08"),
)


def returns_sections(book: Book) -> Iterator[Section]:
    """Yield the sections in the order of the page."""
    closes = book.result.closes
    if len(closes) < 2:
        why = "The run has one session, and a return needs two."
        for name, title in (
            ("growth", "Growth"),
            ("drawdown", "Drawdowns"),
            ("months", "Months and years"),
        ):
            yield Section(name, title, missing=why)
        return
    yield _growth(book, closes)
    yield _drawdown(book, closes)
    yield _months(closes)
    yield _distribution(closes)
    yield _rolling(book, closes)
    yield _crises(book, closes)


def _navs(closes: pd.DataFrame) -> dict[str, Array]:
    """Return NAVs by column, those without any value left out."""
    found = {name: closes[name].to_numpy(dtype=np.float64) for name in LINES}
    return {name: values for name, values in found.items() if np.isfinite(values).any()}


def _returns(values: Array) -> Array:
    with np.errstate(all="ignore"):
        return np.asarray(values[1:] / values[:-1] - 1.0)


def _growth(book: Book, closes: pd.DataFrame) -> Section:
    growth = {
        name: values / values[np.isfinite(values)][0] for name, values in _navs(closes).items()
    }
    order = [
        name for name in reversed(list(LINES)) if name in growth
    ]  # the run is drawn last, on top
    lowest = min(float(np.nanmin(values)) for values in growth.values())
    kinds = {"Linear": scale_of(list(growth.values()))}
    if lowest > 0.0:
        kinds["Logarithmic"] = scale_of(list(growth.values()), log=True)
    ends = ", ".join(f"{LINES[name][0]} {growth[name][-1]:.2f}" for name in growth)
    charts = {
        kind: Chart(
            title=f"Growth of 1, {kind.lower()} scale",
            text=f"Lines from {closes.index[0]:%Y-%m-%d} to {closes.index[-1]:%Y-%m-%d}; at the "
            f"end: {ends}.",
            shapes=tuple(Shape(*LINES[name], line(growth[name], scale)) for name in order),
            across=date_ticks(book.dates),
            up=scale.ticks("ratio"),
        )
        for kind, scale in kinds.items()
    }
    lead = "What 1 became, at each session's close; each line starts at the close of the start."
    if lowest <= 0.0:
        lead += " A logarithmic scale does not apply: a NAV fell to 0 or below."
    return Section("growth", "Growth", lead, (Choice("growth-scale", "Scale", charts),))


def _drawdown(book: Book, closes: pd.DataFrame) -> Section:
    navs = _navs(closes)
    falls = {
        name: drawdown(values) for name, values in navs.items() if name in ("nav", "benchmark")
    }
    scale = scale_of([*falls.values()], zero=True)
    shapes = [
        Shape(*LINES[name], line(values, scale)) for name, values in falls.items() if name != "nav"
    ]
    shapes += [
        Shape(*LINES["nav"], draw(falls["nav"], scale), kind)
        for draw, kind in ((under, "area"), (line, "line"))
    ]
    worst = drawdowns(navs["nav"])
    chart = Chart(
        title="Fall from the highest NAV so far",
        text=f"The deepest fall of the run is {falls['nav'].min():.2%}.",
        shapes=tuple(shapes),
        across=date_ticks(book.dates),
        up=scale.ticks("pct"),
    )
    lead = (
        "At closes. Length counts sessions from the peak to the recovery, or to the end of the run."
    )
    if not worst:
        return Section(
            "drawdown", "Drawdowns", f"{lead} The NAV never fell below an earlier close.", (chart,)
        )
    rows = []
    for place, item in enumerate(worst[:WORST], start=1):
        back = "not yet" if item.recovery is None else f"{closes.index[item.recovery]:%Y-%m-%d}"
        end = len(closes) - 1 if item.recovery is None else item.recovery
        peak, low = closes.index[item.peak], closes.index[item.trough]
        rows.append(
            (
                place,
                item.depth,
                f"{peak:%Y-%m-%d}",
                f"{low:%Y-%m-%d}",
                back,
                item.trough - item.peak,
                end - item.peak,
            )
        )
    columns = (
        ("Rank", "count"),
        ("Depth", "pct"),
        ("Peak", "text"),
        ("Lowest close", "text"),
        ("Recovered", "text"),
        ("Sessions down", "count"),
        ("Sessions in all", "count"),
    )
    caption = (
        f"The worst {len(rows)} of {len(worst)} drawdowns"
        if len(rows) < len(worst)
        else "All drawdowns"
    )
    return Section(
        "drawdown", "Drawdowns", lead, (chart, Table("drawdowns", caption, columns, rows))
    )


def _months(closes: pd.DataFrame) -> Section:
    nav = closes["nav"].astype(float)
    months, years = period_returns(nav, "M"), period_returns(nav, "Y")
    market = period_returns(closes["benchmark"].astype(float), "Y")
    rows = []
    known = {str(month): value for month, value in zip(months.index, months.tolist(), strict=True)}
    for year, total, other in zip(years.index, years.tolist(), market.tolist(), strict=True):
        found = [known.get(f"{year}-{number:02}") for number in range(1, 13)]
        row = [Cell("") if value is None else Cell(value, "pct", _shade(value)) for value in found]
        rows.append([str(year), *row, Cell(total, "pct", "sum"), other])
    columns = (
        ("Year", "text"),
        *((name, "pct") for name in MONTHS),
        ("Run", "pct"),
        ("Benchmark", "pct"),
    )
    table = Table("monthly", "Returns by month and year", columns, rows, kind="heat")
    parts: tuple[Chart | Table, ...] = (table,)
    if len(years) > 1:
        values = [np.asarray(series, dtype=np.float64) for series in (years, market)]
        scale = scale_of(values, zero=True)
        chart = Chart(
            title="Returns by year",
            text=f"Bars of the run and of the benchmark for {len(years)} years, {years.index[0]} "
            f"to {years.index[-1]}.",
            shapes=tuple(
                Shape(*LINES[name], bars(v, scale, place, 2), "bars")
                for name, v, place in (("benchmark", values[1], 1), ("nav", values[0], 0))
            ),
            across=group_ticks([str(year) for year in years.index]),
            up=scale.ticks("pct"),
            zero=scale.zero,
        )
        parts = (chart, table)
    lead = "The first and the last month and year hold only the sessions of the run. Blue is a gain, orange a loss."
    return Section("months", "Months and years", lead, parts)


def _shade(value: float) -> str:
    """Return the class of a cell's colour: five steps of 2% each way."""
    steps = min(5, int(abs(value) / 0.02) + 1) if abs(value) >= 5e-5 else 0
    return f"{'p' if value > 0 else 'n'}{steps}" if steps else ""


def _distribution(closes: pd.DataFrame) -> Section:
    navs = _navs(closes)
    daily = {name: _returns(values) for name, values in navs.items()}
    market = daily.get("benchmark", np.zeros(0))
    rows = []
    numbers = {name: statistics(closes[name].astype(float), market) for name in LINES}
    for key, (label, unit, text) in STATISTICS.items():
        values = [Cell(numbers[name][key], unit) for name in LINES]
        rows.append([Cell(label, look="head", hint=text), *values])
    columns = (("Statistic", "text"), *((label, "ratio") for label, _ in LINES.values()))
    table = Table("statistics", "More statistics of daily returns", columns, rows)
    own = daily["nav"]
    if not np.isfinite(own).all() or not np.ptp(own) > 0.0:
        lead = "A distribution does not apply: the daily returns are all the same."
        return Section("distribution", "Distribution of returns", lead, (table,))
    return Section("distribution", "Distribution of returns", "", (_histogram(own, market), table))


def _histogram(own: Array, market: Array) -> Chart:
    """Draw how often each daily return came, the run's beside the benchmark's."""
    both = np.concatenate([own, market[np.isfinite(market)]])
    reach = max(float(np.abs(np.percentile(both, [0.5, 99.5])).max()), 1e-6)
    edges = np.linspace(-reach, reach, BINS + 1)
    counts = [
        np.histogram(np.clip(v[np.isfinite(v)], -reach, reach), edges)[0] for v in (own, market)
    ]
    scale = scale_of([c.astype(float) for c in counts], zero=True)
    places = Scale(-reach, reach).ticks("pct")
    across = tuple(Tick(round(100.0 - t.at, 2), t.text, n % 2 == 1) for n, t in enumerate(places))
    x = np.asarray(counts, dtype=np.float64)
    stairs = np.repeat(x[1], 2) if len(market) else np.zeros(0)
    return Chart(
        title="Daily returns, number of sessions",
        text=f"Bars count the run's {len(own)} sessions by return, an outline those of the "
        "benchmark; what lies "
        f"beyond {reach:.2%} on either side is in the last bar.",
        shapes=(
            Shape(*LINES["nav"], bars(x[0], scale), "bars"),
            Shape(*LINES["benchmark"], line(stairs, scale)),
        ),
        across=across,
        up=scale.ticks("count"),
    )


def _rolling(book: Book, closes: pd.DataFrame) -> Section:
    title = f"Rolling {WINDOW} sessions"
    navs = _navs(closes)
    own, market = (
        _returns(navs["nav"]),
        _returns(navs.get("benchmark", np.full(len(closes), np.nan))),
    )
    if len(own) <= WINDOW:
        text = f"The window is {WINDOW} sessions, half a year; the run has {len(own)} returns."
        return Section("rolling", title, missing=text)
    found = {"nav": rolling(own, market, WINDOW), "benchmark": rolling(market, market, WINDOW)}
    dates = book.dates[WINDOW:]
    charts = []
    for key, label, unit, names in (
        ("sharpe", "Sharpe ratio", "ratio", ("nav", "benchmark")),
        ("volatility", "Volatility per year", "pct", ("nav", "benchmark")),
        ("beta", "Beta to the benchmark", "ratio", ("nav",)),
    ):
        lines = {name: found[name][key] for name in names if np.isfinite(found[name][key]).any()}
        if not lines:
            continue
        scale = scale_of([*lines.values()], zero=key == "volatility")
        charts.append(
            Chart(
                title=label,
                text=f"{label} over the last {WINDOW} sessions, from {dates[0]:%Y-%m-%d} to "
                f"{dates[-1]:%Y-%m-%d}; "
                f"at the end: {', '.join(f'{LINES[n][0]} {v[-1]:.2f}' for n, v in lines.items())}.",
                shapes=tuple(
                    Shape(*LINES[name], line(lines[name], scale)) for name in reversed(lines)
                ),
                across=date_ticks(dates),
                up=scale.ticks(unit),
                zero=scale.zero,
            )
        )
    lead = "Over half a year up to each session, at a risk-free rate of 0; a line is missing where returns do not vary."
    if not charts:
        return Section(
            "rolling", title, missing="The daily returns never vary, so none of these is defined."
        )
    return Section("rolling", title, lead, tuple(charts))


def _crises(book: Book, closes: pd.DataFrame) -> Section:
    title, navs = "Crises", _navs(closes)
    first, last = book.dates[0], book.dates[-1]
    rows, partly = [], []
    for name, start, end in CRISES:
        begin, stop = (np.datetime64(day) for day in (start, end))
        days = book.dates.tz_localize(None).to_numpy()
        if days[-1] < begin or days[0] > stop:
            continue
        if days[0] > begin or days[-1] < stop:
            partly.append(name)
            continue
        inside = slice(
            int(np.searchsorted(days, begin, "right")) - 1,
            int(np.searchsorted(days, stop, "right")),
        )
        moves = [
            v[inside][-1] / v[inside][0] - 1.0
            for v in (navs.get(n, np.full(len(days), np.nan)) for n in LINES)
        ]
        rows.append(
            (name, start, end, *map(float, moves), float(drawdown(navs["nav"][inside]).min()))
        )
    more = f" Only partly inside the run, so not shown: {', '.join(partly)}." if partly else ""
    if not rows:
        text = f"No crisis window of the S&P 500 lies wholly between {first:%Y-%m-%d} and {last:%Y-%m-%d}.{more}"
        return Section("crises", title, missing=text)
    columns = (
        ("Window", "text"),
        ("From", "text"),
        ("To", "text"),
        *((n, "pct") for n, _ in LINES.values()),
    )
    table = Table(
        "crises",
        "Returns in crisis windows",
        (*columns, ("Worst drawdown of the run", "pct")),
        rows,
    )
    lead = f"Each window runs from a high of the S&P 500 at a close to the low that followed.{more}"
    return Section("crises", title, lead, (table,))
