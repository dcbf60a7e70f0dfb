"""Sections for a decision: the run against its benchmark over time, over periods that end today, in
markets of each kind, and on its worst days.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from bt_run import SESSIONS, Array, sessions_per_year
from bt_run.arrays import Mask
from bt_run.results.metrics import Metrics
from bt_run.text import counted
from bt_run_plugins.page.parts import Cell, PageTable, Row, Section
from bt_run_plugins.page.svg import Chart, Shape, area, line, scale_of
from bt_run_plugins.page.ticks import date_ticks
from bt_run_plugins.reports.book import Book
from bt_run_plugins.reports.html.curves import (
    LOW_ROOM,
    Curve,
    chart_data,
    line_ends,
    returns_of,
)
from bt_run_plugins.reports.numbers import (
    FLAT,
    drawdown,
    period_returns,
    rolling_relation,
)

if TYPE_CHECKING:
    import pandas as pd

YEAR = SESSIONS
SPANS = (1, 3, 5)  # years
WORST_DAYS = 10
HELD = 5  # assets named beside a day
TREND = 200  # sessions of the average that parts rising from falling markets
NOISE = 63  # sessions over which volatility is measured
SURE = 1.96
POINTS = 150  # of a band
PIXELS = 300  # as wide as a low picture is drawn
PERIOD_COLUMNS = (
    ("Period", "text"),
    ("Run, per year", "pct"),
    ("Benchmark, per year", "pct"),
    ("Difference", "pct"),
    ("Worst such period, run", "pct"),
    ("Median", "pct"),
    ("Best", "pct"),
    ("Share ahead of the benchmark", "pct"),
)
REGIME_COLUMNS = (
    ("Market", "text"),
    ("Sessions", "count"),
    ("Run, mean per year", "pct"),
    ("Benchmark, mean per year", "pct"),
    ("Run, volatility", "pct"),
    ("Benchmark, volatility", "pct"),
    ("Run, Sharpe", "ratio"),
    ("Benchmark, Sharpe", "ratio"),
    ("Mean gross exposure", "pct"),
)
DAY_COLUMNS = (
    ("Day", "text"),
    ("Run", "pct"),
    ("Benchmark", "pct"),
    ("Held at the close before", "text"),
)
NO_BENCHMARK = (
    "The benchmark has no value at some sessions, so nothing stands beside it."
)


def decision_sections(book: Book) -> Iterator[Section]:
    """Yield the sections in the order of the page."""
    closes = book.closes
    if len(closes) < 2:
        return
    yield against_section(book, closes)
    yield periods_section(closes, book.result.metrics)
    yield regimes_section(book, closes)
    yield worst_days_section(book, closes)


# -- against the benchmark -------------------------------------------------------------------------


def against_section(book: Book, closes: pd.DataFrame) -> Section:
    """Return the run over its benchmark, its falls behind it, and how it moves with it."""
    title = "Against the benchmark"
    nav, market = _both(closes)
    if market is None:
        return Section("against", title, missing=NO_BENCHMARK)
    ratio = (nav / nav[0]) / (market / market[0])
    name = book.result.config.data.benchmark
    behind = drawdown(ratio)
    charts = [
        _one_chart(f"Growth of 1 over that of {name}", "ratio", ratio, book.dates),
        _one_chart(
            f"Fall behind {name} since it was furthest ahead", "pct", behind, book.dates
        ),
    ]
    charts += _moving_charts(nav, market, book.dates)
    ahead = period_returns(closes["nav"].astype(float), "M") > period_returns(
        closes["benchmark"].astype(float), "M"
    )
    lead = (
        f"The run was ahead of {name} in {ahead.mean():.0%} of {len(ahead)} months. Bands are 95% "
        "intervals of a regression on the sessions of a year, as if they were independent."
    )
    return Section("against", title, lead, tuple(charts))


def _both(closes: pd.DataFrame) -> tuple[Array, Array | None]:
    nav = closes["nav"].to_numpy(dtype=np.float64)
    market = closes["benchmark"].to_numpy(dtype=np.float64)
    known = bool(np.isfinite(market).all() and (market > 0.0).all())
    return nav, market if known and bool((nav[:-1] > 0.0).all()) else None


def _one_chart(title: str, unit: str, values: Array, dates: pd.DatetimeIndex) -> Chart:
    curve = Curve("run", "run", values)
    scale = scale_of([values], zero=unit == "pct")
    write = "{:.1%}".format if unit == "pct" else "{:.2f}".format
    return Chart(
        title=title,
        text=f"At the end {write(float(values[-1]))}.",
        shapes=(Shape("run", "run", line(values, scale, PIXELS)),),
        across=date_ticks(dates),
        up=scale.ticks(unit),
        zero=scale.zero,
        ends=line_ends([curve], scale, write, LOW_ROOM),
        low=True,
        data=replace(chart_data([curve], dates, unit), zero=unit == "pct"),
    )


def _moving_charts(
    nav: Array, market: Array, dates: pd.DatetimeIndex
) -> Iterator[Chart]:
    """Yield alpha, beta and tracking error over the last year, with their bands."""
    own, other = returns_of(nav), returns_of(market)
    if len(own) <= YEAR:
        return
    per_year = sessions_per_year(dates.tz_localize(None).to_numpy())
    found = rolling_relation(own, other, YEAR, per_year)
    days = dates[YEAR:]
    for key, label, unit in (
        ("alpha", "Alpha per year, over the last year", "pct"),
        ("beta", "Beta over the last year", "ratio"),
        ("tracking_error", "Tracking error per year, over the last year", "pct"),
    ):
        values, error = found[key]
        if not np.isfinite(values).any():
            continue
        yield _moving_chart(label, unit, (values, SURE * error), days)


def _moving_chart(
    label: str, unit: str, found: tuple[Array, Array], days: pd.DatetimeIndex
) -> Chart:
    """Draw a value with its band, which a few points show well enough."""
    values, reach = found
    rows = np.unique(np.linspace(0, len(values) - 1, POINTS).astype(int))
    middle, half = np.nan_to_num(values[rows]), np.nan_to_num(reach[rows])
    upper, lower = middle + half, middle - half
    scale = scale_of([values, upper, lower], zero=unit == "pct")
    curve = Curve("run", "run", values)
    write = "{:.1%}".format if unit == "pct" else "{:.2f}".format
    return Chart(
        title=label,
        text=f"{label}, with its 95% interval.",
        shapes=(
            Shape("95% interval", "haze", area(upper, lower, scale), "area"),
            Shape("run", "run", line(values, scale, PIXELS)),
        ),
        across=date_ticks(days),
        up=scale.ticks(unit),
        zero=scale.zero,
        ends=line_ends([curve], scale, write, LOW_ROOM),
        low=True,
        data=replace(chart_data([curve], days, unit), zero=unit == "pct"),
    )


# -- periods ---------------------------------------------------------------------------------------


def periods_section(closes: pd.DataFrame, metrics: Metrics) -> Section:
    """Return returns over the last years, and over all periods as long."""
    nav, market = _both(closes)
    title = "Trailing and rolling periods"
    spans = [years for years in SPANS if len(nav) > years * YEAR]
    under = float((drawdown(nav)[1:] < 0.0).mean())
    months = period_returns(closes["nav"].astype(float), "M")
    lead = (
        f"The run was below an earlier close on {under:.0%} of its sessions, and "
        f"{(months > 0.0).mean():.0%} of its {counted(len(months), 'month')} brought a gain."
    )
    if not spans:
        return Section("periods", title, f"{lead} It is shorter than a year.")
    rows = [_period_row(years, nav, market) for years in spans]
    rows.append(_whole_row(metrics["cagr"]))
    table = PageTable("periods", "Compound returns per year", PERIOD_COLUMNS, rows)
    lead += f" A year is {YEAR} sessions here; rolling periods end at every session."
    return Section("periods", title, lead, (table,))


def _period_row(years: int, nav: Array, market: Array | None) -> Row:
    own = _rolling_growth(nav, years)
    if market is None:
        other, share = None, None
    else:
        others = _rolling_growth(market, years)
        other, share = float(others[-1]), float((own > others).mean())
    last = float(own[-1])
    label = "Last year" if years == 1 else f"Last {years} years"
    return [
        label,
        last,
        other,
        None if other is None else last - other,
        float(own.min()),
        float(np.median(own)),
        float(own.max()),
        share,
    ]


def _whole_row(growth: Mapping[str, float | None]) -> Row:
    own, other = growth["run"], growth["benchmark"]
    gap = None if own is None or other is None else own - other
    return [Cell("All", look="sum"), own, other, gap, *[Cell("")] * 4]


def _rolling_growth(nav: Array, years: int) -> Array:
    """Return the compound return per year of every period of ``years``, (n,)."""
    span = years * YEAR
    with np.errstate(all="ignore"):
        return np.asarray((nav[span:] / nav[:-span]) ** (1.0 / years) - 1.0)


# -- regimes ---------------------------------------------------------------------------------------


def regimes_section(book: Book, closes: pd.DataFrame) -> Section:
    """Return the run in rising and falling, calm and restless markets, as known the day before."""
    title = "Markets"
    nav, market = _both(closes)
    if market is None:
        return Section("regimes", title, missing=NO_BENCHMARK)
    if len(nav) <= TREND + 1:
        text = (
            f"Rising and falling markets are told by {TREND} sessions, and the run has "
            f"{len(nav) - 1} returns."
        )
        return Section("regimes", title, missing=text)
    own, other = returns_of(nav), returns_of(market)
    gross = closes["gross"].to_numpy(dtype=np.float64)[:-1]
    per_year = sessions_per_year(book.dates.tz_localize(None).to_numpy())
    rows = [
        _regime_row(label, inside, (own, other, gross), per_year)
        for label, inside in _regimes(market, other)
    ]
    lead = (
        f"A market rises where the benchmark is above its average of {TREND} sessions, and is calm "
        f"or restless by thirds of its volatility over {NOISE}; both as known at the close before. "
        "The thirds are those of the whole run."
    )
    table = PageTable("regimes", "The run by kinds of market", REGIME_COLUMNS, rows)
    return Section("regimes", title, lead, (table,))


def _regimes(market: Array, returns: Array) -> Iterator[tuple[str, Mask]]:
    """Yield kinds of market with the returns (n,) that were earned in each."""
    import pandas as pd

    # the last value before each return
    average = pd.Series(market).rolling(TREND).mean().to_numpy()[:-1]
    level = market[:-1]
    yield "Rising", level > average
    yield "Falling", level <= average
    noise = pd.Series(returns).rolling(NOISE).std().shift().to_numpy()
    low, high = np.nanquantile(noise, [1 / 3, 2 / 3])
    yield "Calm third", noise <= low
    yield "Middle third", (noise > low) & (noise <= high)
    yield "Restless third", noise > high


def _regime_row(
    label: str, inside: Mask, series: tuple[Array, Array, Array], per_year: int
) -> Row:
    own, other, gross = (values[inside] for values in series)
    count = int(inside.sum())
    if count < 2:
        return [label, count, *[None] * 7]
    root = math.sqrt(per_year)
    means = [per_year * float(values.mean()) for values in (own, other)]
    noise = [root * float(values.std(ddof=1)) for values in (own, other)]
    sharpes = [
        mean / deviation if deviation > FLAT else None
        for mean, deviation in zip(means, noise, strict=True)
    ]
    return [label, count, *means, *noise, *sharpes, float(gross.mean())]


# -- worst days ------------------------------------------------------------------------------------


def worst_days_section(book: Book, closes: pd.DataFrame) -> Section:
    """Return the days of the largest losses, with what was held before each."""
    title = "Worst days"
    nav = closes["nav"].to_numpy(dtype=np.float64)
    own = returns_of(nav)
    other = returns_of(closes["benchmark"].to_numpy(dtype=np.float64))
    losses = np.flatnonzero(own < 0.0)
    if not len(losses):
        return Section("worst", title, missing="No session brought a loss.")
    worst = losses[np.argsort(own[losses], kind="stable")][:WORST_DAYS]
    rows = []
    for row in worst.tolist():
        day = f"{closes.index[row + 1]:%Y-%m-%d}"
        held = _held_text(book, int(book.closing[row]))
        rows.append([day, float(own[row]), float(other[row]), held])
    share = float(own[worst].sum()) / float(own[losses].sum())
    lead = (
        f"These {len(rows)} of {len(losses):,} sessions with a loss made up {share:.0%} of the sum "
        "of all losses."
    )
    table = PageTable(
        "worst-days", "The largest losses of a session", DAY_COLUMNS, rows
    )
    return Section("worst", title, lead, (table,))


def _held_text(book: Book, row: int) -> str:
    """Say what was held at the close of a bar, the largest first."""
    weights = book.value[row] / book.nav[row]
    order = np.argsort(-np.abs(weights), kind="stable")
    held = [column for column in order.tolist() if weights[column] != 0.0]
    if not held:
        return "nothing"
    words = [f"{book.assets[column]} {weights[column]:.0%}" for column in held[:HELD]]
    return _with_others(words, len(held) - HELD)


def _with_others(words: Sequence[str], more: int) -> str:
    text = ", ".join(words)
    return f"{text} and {more} others" if more > 0 else text
