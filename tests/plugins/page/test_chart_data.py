"""The numbers behind a picture: read back by a second reader, small, and safe inside a page."""

from __future__ import annotations

import json

import numpy as np
import pytest

from bt_run_plugins.page.chart_data import (
    DIGITS,
    ChartData,
    Series,
    encoded_days,
    encoded_numbers,
    page_data,
)
from bt_run_plugins.page.parts import LONG, Choice, PageTable, Section, charts_of
from bt_run_plugins.page.svg import Chart

DAYS = np.array(["2020-01-02", "2020-01-03", "2020-01-06"], dtype="datetime64[D]")


def unpacked(text: str) -> list[float]:
    """Read the plain numbers of a text: base 41, the smallest digit first; NaN: a missing one."""
    out, value, power = [], 0, 1
    for sign in text:
        if sign == "~":
            out.append(float("nan"))
            continue
        digit = DIGITS.index(sign)
        value += (digit % 41) * power
        power *= 41
        if digit < 41:
            out.append(float(value))
            value, power = 0, 1
    return out


def numbers_in(text: str, step: float) -> np.ndarray:
    whole, out = 0.0, []
    for number in unpacked(text):
        if np.isfinite(number):
            whole += -(number + 1) / 2 if number % 2 else number / 2
        out.append(whole * step if np.isfinite(number) else number)
    return np.array(out)


def days_in(text: str) -> list[int]:
    first, span, one_by_one, *rest = map(int, unpacked(text))
    gaps = np.cumsum(rest).tolist()
    if one_by_one:
        return [first, *(first + gap for gap in gaps)]
    every = range(span + 1)
    return [first + n for n in every if ((first + n + 3) % 7 < 5) != (n in set(gaps))]


def test_there_are_two_halves_of_digits_and_none_that_a_page_reads() -> None:
    assert len(DIGITS) == len(set(DIGITS)) == 82
    assert not set(DIGITS) & set("<>&\"'\\/:()`~ ")


def test_numbers_are_read_back_to_half_a_step() -> None:
    values = 1.0 + np.cumsum(0.01 * np.random.default_rng(1).standard_normal(500))
    values[[0, 7, 8, 499]] = np.nan
    found = numbers_in(encoded_numbers(values, 1e-3), 1e-3)
    np.testing.assert_allclose(found, values, atol=0.5e-3 + 1e-12, rtol=0)


def test_a_large_number_takes_several_digits() -> None:
    values = np.array([123456789.0, -5.0, 0.0])
    np.testing.assert_array_equal(numbers_in(encoded_numbers(values, 1.0), 1.0), values)


@pytest.mark.parametrize(
    "days",
    [
        DAYS,
        DAYS[:1],
        np.array(["2019-12-28", "2020-01-01", "2020-06-01"], dtype="datetime64[D]"),
        np.arange("2020-01-01", "2020-03-01", dtype="datetime64[D]"),
        np.arange("1970-01-01", "1970-01-03", dtype="datetime64[D]"),
    ],
)
def test_days_are_read_back(days: np.ndarray) -> None:
    assert days_in(encoded_days(days)) == days.astype(int).tolist()


def test_nineteen_years_of_sessions_take_a_few_hundred_characters() -> None:
    every = np.arange("2000-01-03", "2019-01-01", dtype="datetime64[D]")
    weekdays = every[np.is_busday(every)]
    sessions = np.delete(weekdays, np.arange(20, len(weekdays), 26))
    text = encoded_days(sessions)
    assert days_in(text) == sessions.astype(int).tolist()
    assert len(text) < 500


@pytest.mark.parametrize(
    ("unit", "values", "step"),
    [
        ("pct", [0.0, -0.56], 1e-4),
        ("pct", [0.0, 0.004], 1e-6),
        ("ratio", [1.0, 122.0], 1e-3),
        ("ratio", [1.0, 1.01], 1e-5),
        ("count", [0.0, 900.0], 1.0),
        ("ratio", [5.0, 5.0], 1e-6),
        ("ratio", [np.nan, np.nan], 1.0),
    ],
)
def test_a_step_shows_what_the_page_shows_and_small_ranges_too(
    unit: str, values: list[float], step: float
) -> None:
    data = ChartData((Series("run", "run", np.array(values)),), unit, DAYS[:2])
    assert data.plain()["step"] == step


def test_what_pictures_share_is_written_once_and_names_cannot_end_the_script() -> None:
    values = np.array([1.0, 1.5, 2.0])
    series = (Series("</script><b>", "run", values), Series("b", "mix", values))
    one = ChartData(series, "ratio", DAYS)
    text = page_data([("first", one), ("second", one)])
    assert "<" not in text
    found = json.loads(text)
    assert len(found["texts"]) == 2
    assert found["charts"]["first"]["series"][0][:2] == ["</script><b>", "run"]
    assert found["charts"]["first"] == found["charts"]["second"]


def test_a_page_without_pictures_has_no_numbers() -> None:
    assert page_data([]) == ""


def test_each_picture_is_found_by_the_id_that_the_page_gives_it() -> None:
    data = ChartData((Series("run", "run", np.ones(3)),), "ratio", DAYS)
    bars = ChartData((Series("run", "run", np.ones(1)),), "pct", labels=("2020",))
    chart = Chart("t", "x", (), (), (), data=data)
    plain = Chart("t", "x", (), (), ())
    choice = Choice("scale", "Scale", {"Linear": chart, "Log": plain})
    table = PageTable("t", "T", (), ())
    section = Section("growth", "Growth", parts=(choice, table, chart))
    names = [name for name, _ in charts_of([section])]
    assert names == ["scale-chart-1", "growth-chart-3"]
    assert not section.dated  # three days are no range to choose from
    days = np.datetime64("2020-01-02") + np.arange(LONG)
    many = ChartData((Series("run", "run", np.ones(LONG)),), "ratio", days)
    long = Chart("t", "x", (), (), (), data=many)
    assert Section("growth", "Growth", parts=(long,)).dated
    years = Chart("t", "x", (), (), (), data=bars)
    assert not Section("years", "Years", parts=(years, table)).dated
