"""The page that lays runs side by side: growth and drawdown in one picture each, metrics,
differences.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bt_run import DEFINITIONS, Array, Comparison
from bt_run_plugins.page.parts import Cell, Choice, Section, Table
from bt_run_plugins.page.svg import Chart, Shape, date_ticks, line, scale_of
from bt_run_plugins.reports.html.numbers import drawdown
from bt_run_plugins.reports.html.summary import HEADLINE, unit_of

if TYPE_CHECKING:
    import pandas as pd

COLORS = ("run", "bench", "equal", "mix", "a2", "a1", "a7", "rest")


def comparison_sections(comparison: Comparison) -> list[Section]:
    """Return the sections of the page."""
    return [_metrics(comparison), *_pictures(comparison), _differences(comparison)]


def _metrics(comparison: Comparison) -> Section:
    rows = []
    for name in HEADLINE:
        values = [result.metrics[name]["run"] for result in comparison.results]
        values.append(comparison.results[0].metrics[name]["benchmark"])
        head = Cell(DEFINITIONS[name].label, look="head", hint=DEFINITIONS[name].text)
        rows.append([head, *(Cell(value, unit_of(name)) for value in values)])
    heads = (*comparison.labels, "benchmark of the first")
    periods = [
        f"{r.nav.index[0]:%Y-%m-%d} to {r.nav.index[-1]:%Y-%m-%d}" for r in comparison.results
    ]
    table = Table(
        "headline", "Metrics", (("Metric", "text"), *((head, "ratio") for head in heads)), rows
    )
    pairs = zip(comparison.labels, periods, strict=True)
    lead = (
        "Each over its own period: "
        + "; ".join(f"{label} {period}" for label, period in pairs)
        + "."
    )
    return Section("metrics", "Metrics", lead, (table,))


def _pictures(comparison: Comparison) -> list[Section]:
    """Return growth and drawdown on the sessions of all runs together."""
    import pandas as pd

    closes = [result.closes["nav"].astype(float) for result in comparison.results]
    dated = [pd.DatetimeIndex(own.index) for own in closes]
    index = pd.DatetimeIndex(
        np.unique(np.concatenate([own.tz_localize(None).to_numpy() for own in dated])), tz="UTC"
    )
    navs = [np.asarray(own, dtype=np.float64) for own in closes]
    growth = [_spread(nav / nav[0], own, index) for nav, own in zip(navs, dated, strict=True)]
    falls = [_spread(drawdown(nav), own, index) for nav, own in zip(navs, dated, strict=True)]
    kinds = {"Linear": scale_of(growth)}
    if min(float(np.nanmin(values)) for values in growth) > 0.0:
        kinds["Logarithmic"] = scale_of(growth, log=True)
    charts = {
        kind: Chart(
            title=f"Growth of 1, {kind.lower()} scale",
            text="; ".join(
                f"{n} ends at {g[np.isfinite(g)][-1]:.2f}"
                for n, g in zip(comparison.labels, growth, strict=True)
            ),
            shapes=_shapes(comparison, [line(values, scale) for values in growth]),
            across=date_ticks(index),
            up=scale.ticks("ratio"),
        )
        for kind, scale in kinds.items()
    }
    scale = scale_of(falls, zero=True)
    fall = Chart(
        title="Fall from the highest NAV so far",
        text="; ".join(
            f"{n} fell by {np.nanmin(f):.2%}" for n, f in zip(comparison.labels, falls, strict=True)
        ),
        shapes=_shapes(comparison, [line(values, scale) for values in falls]),
        across=date_ticks(index),
        up=scale.ticks("pct"),
    )
    lead = "What 1 became, each line from the start of its own run."
    return [
        Section("growth", "Growth", lead, (Choice("growth-scale", "Scale", charts),)),
        Section("drawdown", "Drawdowns", "At closes.", (fall,)),
    ]


def _spread(values: Array, own: pd.DatetimeIndex, index: pd.DatetimeIndex) -> Array:
    """Put values (n,) on a longer index (m,); NaN where there is none."""
    out = np.full(len(index), np.nan)
    out[index.get_indexer(own)] = values
    return out


def _shapes(comparison: Comparison, paths: list[str]) -> tuple[Shape, ...]:
    """Return lines in different colours, the first run on top."""
    colors = [COLORS[number % len(COLORS)] for number in range(len(paths))]
    found = [Shape(*parts) for parts in zip(comparison.labels, colors, paths, strict=True)]
    return tuple(found[::-1])


def _differences(comparison: Comparison) -> Section:
    rows = [(label, text) for label, found in comparison.differences.items() for text in found]
    title = "What differs"
    if not rows:
        return Section(
            "differences", title, missing="Configuration, data, sources and versions are the same."
        )
    lead = f"Beside {comparison.labels[0]}: was there, is here."
    table = Table("differences", "Differences", (("Run", "text"), ("Difference", "text")), rows)
    return Section("differences", title, lead, (table,))
