"""What the commands show: tables in columns, and a bar on a terminal only."""

import sys

import pandas as pd

from bt_run_plugins.market_data.terminal import progress, show_rows, span_text, table


def test_tables_are_aligned():
    assert (
        table(("a", "long"), [("x", 1), ("yy", 100)]) == "a   long\nx      1\nyy   100"
    )
    assert table(("a",), []) == "a"


def test_a_span_without_days_is_a_dash():
    assert span_text("2020-01-02", "2020-01-03") == "2020-01-02 to 2020-01-03"
    assert span_text(None, None) == "-"


def test_rows_without_a_date_show_a_dash(capsys):
    rows = pd.DataFrame(
        {"date": pd.to_datetime(["2020-01-02", None]), "n": [1, 2], "more": [0, 0]}
    )
    show_rows(rows, ("date", "n"))
    assert capsys.readouterr().out == "date        n\n2020-01-02  1\n-           2\n"
    show_rows(rows[:0], ("date", "n"))
    assert capsys.readouterr().out == ""


def test_a_bar_is_shown_on_a_terminal_only(capsys, monkeypatch):
    with progress("fetch", 1) as done:
        done("SPY")
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    with progress("fetch", 1) as done:
        done("SPY")
    assert "SPY" in capsys.readouterr().err
