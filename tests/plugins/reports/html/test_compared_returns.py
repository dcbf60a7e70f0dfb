"""Runs side by side: differences with intervals, years, correlations."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from bt_run import Comparison
from bt_run_plugins.reports.html.compared_returns import (
    correlation_section,
    difference_section,
    years_section,
)

DAYS = pd.bdate_range("2019-07-01", periods=300, tz="UTC")
FIRST = 0.01 * np.random.default_rng(1).standard_normal(299)
OTHER = FIRST + 0.001 + 0.002 * np.random.default_rng(2).standard_normal(299)


def navs(returns: np.ndarray) -> pd.DataFrame:
    nav = 100.0 * np.cumprod(np.append(1.0, 1.0 + returns))
    return pd.DataFrame({"nav": nav, "benchmark": nav}, index=DAYS[: len(nav)])


def compared(*returns: np.ndarray) -> Comparison:
    config = SimpleNamespace(seed=3, risk_free=0.0)
    results = tuple(SimpleNamespace(closes=navs(own), config=config) for own in returns)
    labels = tuple("abc"[: len(returns)])
    return Comparison(labels=labels, results=results, differences={})


def test_the_difference_is_what_more_1_became() -> None:
    chart, table = difference_section(compared(FIRST, OTHER)).parts
    grown = np.prod(1.0 + OTHER) / np.prod(1.0 + FIRST) - 1.0
    assert chart.data.series[0].values[-1] == pytest.approx(grown)
    assert chart.text == f"At the end {grown:+.2%}."
    assert chart.shapes[0].label == "by luck"
    ((label, *cells),) = table.cells
    assert label.text == "b"
    excess, low, high = (cell.value for cell in cells[3:])
    assert low < excess < high
    assert excess == pytest.approx(252 * (OTHER - FIRST).mean(), rel=0.02)


def test_equal_runs_draw_no_difference() -> None:
    parts = difference_section(compared(FIRST, FIRST)).parts
    (table,) = parts
    assert [cell.value for cell in table.cells[0][1:]] == [0.0] * 6


def test_too_few_common_returns_are_told() -> None:
    section = difference_section(compared(FIRST[:5], OTHER))
    text = "The runs have 5 returns in common, and 20 are needed."
    assert section.missing == text
    assert correlation_section(compared(FIRST[:5], OTHER)).missing == text


def test_years_stand_side_by_side() -> None:
    _, table = years_section(compared(FIRST, OTHER)).parts
    assert [row[0] for row in table.rows] == ["2019", "2020"]
    own = navs(OTHER)["nav"]
    last_of_2019 = own[own.index.year == 2019].iloc[-1]
    assert table.rows[0][2] == pytest.approx(last_of_2019 / 100.0 - 1.0)


def test_correlations_are_those_of_daily_returns() -> None:
    (table,) = correlation_section(compared(FIRST, OTHER)).parts
    expected = np.corrcoef(FIRST, OTHER)[0, 1]
    assert table.rows[0] == ["a", 1.0, pytest.approx(expected)]
