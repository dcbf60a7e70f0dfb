"""What History hands out: rows up to now, as copies with nothing behind them."""

import inspect
from dataclasses import fields

import numpy as np
import pytest

from bt_run.account.market import AtBar
from bt_run.data.bars import FIELDS, Bars, Prices
from bt_run.data.history import History
from bt_run.data.known import Table
from bt_run.data.slices import from_bar, until
from bt_run.testing import make_bars

NAN = np.nan
NOW = 5


@pytest.fixture(scope="module")
def bars() -> Bars:
    closes = {"A": np.arange(1.0, 41.0), "B": np.arange(2.0, 42.0)}
    closes["B"][3] = NAN
    made = make_bars(closes)
    quality = np.arange(6.0).reshape(3, 2)
    tables = {
        "quality": Table(quality, np.minimum(np.arange(40), 2)),
        "rate": Table(np.arange(3.0), np.minimum(np.arange(40), 2)),
    }
    given = {item.name: getattr(made, item.name) for item in fields(made)}
    return Bars(**given | {"tables": tables, "members": made.present.copy()})


def behind(array: np.ndarray) -> int:
    """Return how many bytes can be reached through an array, itself included."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array.nbytes


def handed_out(history: History) -> dict[str, np.ndarray]:
    """Return what every public method and property gives that is an array."""
    found = {}
    for name, member in inspect.getmembers(type(history)):
        if name.startswith("_"):
            continue
        if isinstance(member, property):
            found[name] = getattr(history, name)
        elif name == "table":
            found[name] = history.table("quality")
        elif name == "table_rows":
            found[name] = history.table_rows("quality", 3)
        elif name == "series":
            found[name] = history.series("rate", 3)
        elif name == "signals":
            found[name] = history.signals("strategy", 3)
        elif name == "resampled":
            weeks = history.resampled("week")
            found |= {f"weekly {one}": getattr(weeks, one)(3) for one in FIELDS}
        else:
            found[name] = member(history, 3)
            if "asset_bars" in inspect.signature(member).parameters:
                found[f"{name}, own bars"] = member(history, 3, asset_bars=True)
    return {name: one for name, one in found.items() if isinstance(one, np.ndarray)}


def test_nothing_lies_behind_what_is_handed_out(bars: Bars) -> None:
    signals = {"strategy": np.zeros(bars.close.shape)}
    found = handed_out(History(bars, NOW, signals))
    assert len(found) > 14
    for name, array in found.items():
        assert behind(array) <= array.nbytes, name
        assert not array.flags.writeable, name


def test_the_volume_that_costs_see_is_of_its_bar_alone(bars: Bars) -> None:
    volume = AtBar(bars, NOW).volume
    assert behind(volume) == volume.nbytes


@pytest.mark.parametrize(
    "cut", [lambda bars: until(bars, NOW), lambda bars: from_bar(bars, 0)]
)
def test_nothing_lies_behind_bars_that_were_cut(bars: Bars, cut) -> None:
    found = cut(bars)
    arrays = [getattr(found, item.name) for item in fields(found)]
    arrays += [getattr(found.adjusted, item.name) for item in fields(Prices)]
    for table in found.tables.values():
        arrays += [table.values, table.rows]
    for array in arrays:
        if isinstance(array, np.ndarray):
            assert behind(array) <= array.nbytes


def test_own_bars_are_counted_up_to_now() -> None:
    gaps = make_bars({"A": [1, 2, 3, 4], "B": [NAN, 5, NAN, 6]})
    assert History(gaps, 2).counts.tolist() == [3, 1]
    assert History(gaps, 3).counts.tolist() == [4, 2]


def test_times_and_tables_of_the_past_are_the_last_rows(bars: Bars) -> None:
    history = History(bars, NOW)
    np.testing.assert_array_equal(history.times(2), bars.times[NOW - 1 : NOW + 1])
    np.testing.assert_array_equal(history.sessions(99), bars.sessions[: NOW + 1])
    np.testing.assert_array_equal(
        history.table_rows("quality", 3), bars.table("quality")[NOW - 2 : NOW + 1]
    )
    with pytest.raises(ValueError, match="asked for n = 0 rows"):
        history.sessions(0)
