"""Growth and drawdowns in one block: bands, ranks, and values at the ends of lines."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bt_run_plugins.page.svg import Band, End, Scale, band, spread_ends
from bt_run_plugins.reports.html.curves import Curve, line_ends
from bt_run_plugins.reports.html.growth import (
    _fall_chart,
    drawdown_section,
    growth_section,
)
from bt_run_plugins.reports.numbers import drawdowns

# a fall of 10 % from row 1 to 3, recovered at 4, and one of 20 % at the end
NAV = np.array([100.0, 110.0, 99.0, 105.0, 110.0, 120.0, 96.0, 108.0, 108.0])
DATES = pd.date_range("2020-01-01", periods=len(NAV), tz="UTC")


class Sessions:
    """What the sections read of a book."""

    dates = DATES


def closes(nav: np.ndarray = NAV) -> pd.DataFrame:
    nothing = np.nan
    columns = {"benchmark": nothing, "equal_weight": nothing, "constant_mix": nothing}
    return pd.DataFrame({"nav": nav, **columns}, index=DATES)


def test_the_worst_falls_are_shaded_from_peak_to_recovery_and_numbered() -> None:
    worst = drawdowns(NAV)
    chart = _fall_chart(Sessions(), {"nav": NAV}, worst)
    # eight steps over a grid of 1600: the deepest from row 5 to the end, the other from 1 to 4
    assert chart.bands == (Band(1000, 1600), Band(200, 800))
    assert [(mark.text, mark.at) for mark in chart.marks] == [("1", 75.0), ("2", 25.0)]
    # -20 % and -10 % on an axis down to the next round label, -25 %
    assert [mark.down for mark in chart.marks] == [80.0, 40.0]
    assert chart.ends == (End(40.0, "-10.0%", "run"),)


def test_both_pictures_of_the_block_have_the_same_bands() -> None:
    section = growth_section(Sessions(), closes())
    choice, fall = section.parts
    for chart in choice.charts.values():
        assert chart.bands == fall.bands
    assert "Shaded: the 2 worst falls, by rank, from peak to recovery." in section.lead


def test_a_nav_that_only_rises_shades_nothing() -> None:
    rising = closes(np.linspace(100.0, 120.0, len(NAV)))
    section = growth_section(Sessions(), rising)
    assert section.parts[1].bands == ()
    assert "Shaded" not in section.lead
    missing = drawdown_section(rising).missing
    assert missing == "The NAV never fell below an earlier close."


def test_the_worst_falls_are_a_table_of_their_own() -> None:
    (table,) = drawdown_section(closes()).parts
    assert [row[1] for row in table.rows] == pytest.approx([-0.2, -0.1])
    assert [row[4] for row in table.rows] == ["not yet", "2020-01-05"]


def test_a_band_is_never_too_narrow_to_see() -> None:
    assert band(3, 3, 9) == Band(600, 601)
    assert band(0, 0, 1) == Band(0, 1)


def test_labels_at_the_ends_do_not_cover_each_other() -> None:
    ends = [End(50.0, "a", "run"), End(51.0, "b", "mix"), End(20.0, "c", "bench")]
    placed = spread_ends(ends, 7.0)
    assert [(end.text, end.at) for end in placed] == [
        ("c", 20.0),
        ("a", 50.0),
        ("b", 57.0),
    ]
    low = [End(99.0, "a", "run"), End(98.0, "b", "mix")]
    assert [end.at for end in spread_ends(low, 7.0)] == [93.0, 100.0]


def test_a_line_ends_at_its_last_value() -> None:
    curves = [
        Curve("run", "run", np.array([1.0, 2.0, np.nan])),
        Curve("none", "mix", np.array([np.nan, np.nan, np.nan])),
    ]
    ends = line_ends(curves, Scale(0.0, 4.0), "{:.1f}".format)
    assert ends == (End(50.0, "2.0", "run"),)
