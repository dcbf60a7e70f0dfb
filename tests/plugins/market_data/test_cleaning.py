"""Cleaning: each step does what it says, logs rows before and after, and invents nothing."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bt_run import ConfigError, DataError
from bt_run_plugins.market_data.cleaning import (
    DEFAULT_STEPS,
    LOG_COLUMNS,
    CleanConfig,
    clean,
)

DAYS = pd.DatetimeIndex(
    ["2019-12-23", "2019-12-24", "2019-12-25", "2019-12-26", "2019-12-27"]
).as_unit("ns")


def frame(days=DAYS, **columns):
    rows = {
        "date": days,
        "open": 10.0,
        "high": 11.0,
        "low": 9.0,
        "close": np.arange(len(days)) + 10.0,
        "volume": 5.0,
    }
    return pd.DataFrame(rows | {"dividend": 0.0, "split": 1.0} | columns)


def step(name, table, **config):
    """Return the frame after one step, and (rows_before, rows_after, changed, text) of the log."""
    out = clean({"A": table}, CleanConfig(steps=(name,), **config))
    (row,) = out.log.drop(columns=["symbol", "step"]).itertuples(index=False, name=None)
    return out.frames["A"], row


def test_good_rows_pass_through_every_default_step_unchanged_and_logged():
    table = frame()
    out = clean({"A": table}, CleanConfig())
    pd.testing.assert_frame_equal(out.frames["A"], table)
    assert tuple(out.log.columns) == LOG_COLUMNS
    assert out.log["step"].tolist() == list(DEFAULT_STEPS)
    assert out.log["changed"].tolist() == [0] * len(DEFAULT_STEPS)
    assert set(out.log["rows_before"]) == set(out.log["rows_after"]) == {5}


def test_dates_are_put_in_order():
    out, row = step("sort_dates", frame(days=DAYS[[0, 2, 1, 3, 4]]))
    assert out["date"].tolist() == list(DAYS)
    assert out["close"].tolist() == [10, 12, 11, 13, 14]
    assert row == (5, 5, 1, "1 row earlier than the one before")


def test_equal_rows_are_dropped_and_conflicting_ones_kept():
    out, row = step(
        "drop_duplicate_rows",
        frame(days=DAYS[[0, 1, 1, 3, 4]], close=[1.0, 2, 2, 4, 5]),
    )
    assert out["close"].tolist() == [1, 2, 4, 5]
    assert row == (
        5,
        4,
        1,
        "dropped 1 row equal to an earlier row, the first at 2019-12-24",
    )
    out, row = step(
        "drop_duplicate_rows",
        frame(days=DAYS[[0, 1, 1, 3, 4]], close=[1.0, 2, 3, 4, 5]),
    )
    assert len(out) == 5
    assert row == (
        5,
        5,
        0,
        "2 rows share a date and differ: kept, an error for validation",
    )


def test_rows_without_a_close_go_and_a_lost_dividend_is_told():
    closes = [1.0, np.nan, 3, np.nan, 5]
    out, row = step(
        "drop_rows_without_close", frame(close=closes, dividend=[0.0, 0.5, 0, 0, 0])
    )
    assert out["close"].tolist() == [1, 3, 5]
    assert row[:3] == (5, 3, 2)
    assert row[3] == (
        "dropped 2 rows without close or date, the first at 2019-12-24; "
        "1 of them had a dividend or split, which is lost"
    )


def test_empty_columns_go():
    out, row = step("drop_empty_columns", frame(open=np.nan, volume=np.nan))
    assert "open" not in out
    assert row == (5, 5, 2, "dropped the empty columns open, volume")


def test_no_action_is_written_one_way():
    out, row = step(
        "normalise_actions",
        frame(dividend=[np.nan, 0, 1, 0, 0], split=[1, 0.0, np.nan, 2, 1]),
    )
    assert out["dividend"].tolist() == [0, 0, 1, 0, 0]
    assert out["split"].tolist() == [1, 1, 1, 2, 1]
    assert row == (5, 5, 3, "3 empty actions written as dividend 0 or split 1")
    closes = frame()[["date", "close"]]
    assert step("normalise_actions", closes)[1] == (5, 5, 0, "")


def test_rows_on_no_session_go():
    out, row = step("drop_extra_sessions", frame())
    assert out["date"].tolist() == list(DAYS[[0, 1, 3, 4]])
    assert row == (
        5,
        4,
        1,
        "dropped 1 row on no session of XNYS, the first at 2019-12-25",
    )
    assert step("drop_extra_sessions", frame().iloc[:0])[1] == (0, 0, 0, "")


def test_untraded_rows_go_but_keep_actions_and_indices():
    volume = [5.0, 0, 5, 0, 5]
    out, row = step(
        "drop_untraded_rows", frame(volume=volume, dividend=[0, 0, 0, 0.3, 0])
    )
    assert out["date"].tolist() == list(DAYS[[0, 2, 3, 4]])
    assert row[:3] == (5, 4, 1)
    assert step("drop_untraded_rows", frame(volume=0.0))[1] == (5, 5, 0, "")
    assert step("drop_untraded_rows", frame()[["date", "close"]])[1] == (5, 5, 0, "")


def test_copies_of_the_row_before_go():
    out, row = step(
        "drop_repeated_rows", frame(close=[1.0, 1, 3, 3, 5], volume=[5.0, 5, 6, 7, 8])
    )
    assert out["date"].tolist() == list(DAYS[[0, 2, 3, 4]])
    assert row == (
        5,
        4,
        1,
        "dropped 1 row equal to the row before in prices and volume, the first at 2019-12-24",
    )
    assert step("drop_repeated_rows", frame()[["date", "close"]])[1] == (5, 5, 0, "")


def test_high_and_low_are_swapped_or_widened():
    high, low = [11.0, 9, 11, 11, 11], [9.0, 11, 9, 9, 9]
    out, row = step("order_high_low", frame(high=high, low=low))
    assert (out["high"].tolist(), out["low"].tolist()) == ([11.0] * 5, [9.0] * 5)
    assert row == (5, 5, 1, "swapped high and low in 1 row, the first at 2019-12-24")
    out, row = step(
        "widen_high_low",
        frame(close=[10.0, 12, 8, 10, 10], high=[11, 11, 11, np.nan, 11]),
    )
    assert out["high"].tolist()[:3] == [11, 12, 11]
    assert np.isnan(out["high"][3])
    assert out["low"].tolist() == [9, 9, 8, 9, 9]
    assert row[:3] == (5, 5, 2)
    for name in ("order_high_low", "widen_high_low"):
        assert step(name, frame()[["date", "close"]])[1] == (5, 5, 0, "")


def test_the_history_of_another_company_is_cut():
    out, row = step("cut_before", frame(), cut_before={"A": dt.date(2019, 12, 26)})
    assert out["date"].tolist() == list(DAYS[3:])
    assert row == (5, 2, 3, "dropped 3 rows before 2019-12-26, the first at 2019-12-23")
    assert step("cut_before", frame())[1] == (5, 5, 0, "")


@pytest.mark.parametrize(
    ("alignment", "left", "text"),
    [
        ("none", {"A": 5, "B": 3}, None),
        ("union", {"A": 5, "B": 3}, "2 of the 5 common sessions have no row"),
        ("intersection", {"A": 3, "B": 3}, ""),
        ("B", {"A": 3, "B": 3}, ""),
        ("A", {"A": 5, "B": 3}, "2 of the 5 common sessions have no row"),
    ],
)
def test_alignment_drops_rows_and_fills_none(alignment, left, text):
    out = clean(
        {"A": frame(), "B": frame(days=DAYS[[0, 3, 4]])},
        CleanConfig(steps=(), alignment=alignment),
    )
    assert {name: len(table) for name, table in out.frames.items()} == left
    if text is not None:
        told = out.log.set_index("symbol")
        assert told.loc["B", "text"] == text
        assert told.loc["A", "changed"] == 5 - left["A"]
        assert set(told["step"]) == {f"align {alignment}"}


def test_what_does_not_fit_is_refused():
    frames = {"A": frame(), "B": frame()}
    with pytest.raises(
        ConfigError,
        match="alignment: was 'SPY'; expected none, union, intersection or one of the",
    ):
        clean(frames, CleanConfig(alignment="SPY"))
    with pytest.raises(ConfigError, match="cut_before: no symbol 'C'; found A, B"):
        clean(
            frames,
            CleanConfig(steps=("cut_before",), cut_before={"C": dt.date(2020, 1, 1)}),
        )
    with pytest.raises(
        ConfigError, match="dates are given, but steps has no cut_before"
    ):
        clean(frames, CleanConfig(cut_before={"A": dt.date(2020, 1, 1)}))
    apart = {"A": frame(days=DAYS[:2]), "B": frame(days=DAYS[3:])}
    with pytest.raises(
        DataError,
        match="alignment: was 'intersection', but the 2 symbols have no session in common",
    ):
        clean(apart, CleanConfig(alignment="intersection"))
    with pytest.raises(DataError, match="A: found columns date; expected close too"):
        clean({"A": frame()[["date"]]}, CleanConfig())
    with pytest.raises(ConfigError, match="was 'NOWHERE'"):
        clean(frames, CleanConfig(steps=("drop_extra_sessions",), calendar="NOWHERE"))


def test_the_frames_given_are_not_changed():
    table = frame(high=[9.0] * 5, low=[11.0] * 5, dividend=np.nan)
    before = table.copy()
    clean(
        {"A": table},
        CleanConfig(steps=(*DEFAULT_STEPS, "order_high_low", "widen_high_low")),
    )
    pd.testing.assert_frame_equal(table, before)


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(st.integers(0, 30), st.sampled_from([np.nan, 1.0, 2.0, 3.0])),
        min_size=1,
        max_size=40,
    ),
    st.sampled_from(["none", "union", "intersection", "A"]),
)
def test_cleaning_only_ever_leaves_rows_out_and_the_log_adds_up(rows, alignment):
    days = pd.bdate_range("2020-01-01", periods=31).as_unit("ns")
    table = pd.DataFrame(
        {"date": days[[day for day, _ in rows]], "close": [close for _, close in rows]}
    )
    out = clean(
        {"A": table, "B": table[::2]},
        CleanConfig(alignment=alignment if table["close"].notna()[0] else "none"),
    )
    given_rows = set(table.itertuples(index=False, name=None))
    for symbol, cleaned in out.frames.items():
        assert set(cleaned.itertuples(index=False, name=None)) <= given_rows
        assert cleaned["date"].is_monotonic_increasing
        log = out.log[out.log["symbol"] == symbol]
        assert (
            log["rows_before"].iloc[1:].to_numpy()
            == log["rows_after"].iloc[:-1].to_numpy()
        ).all()
        assert log["rows_after"].iloc[-1] == len(cleaned)
        assert ((log["rows_before"] == log["rows_after"]) | (log["text"] != "")).all()
