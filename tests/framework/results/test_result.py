"""The result: closes, returns, and how it shows itself."""

from dataclasses import replace

import pandas as pd
import pytest
from kit.made_results import make_result

from bt_run.results.run_folder import read_run, write_run


def test_returns_begin_at_the_session_after_the_start():
    returns = make_result().returns
    assert returns.tolist() == pytest.approx([0.0, 0.02, 101 / 102 - 1])
    assert str(returns.index[0]) == "2020-01-03 00:00:00"


def test_closes_keep_the_time_of_each_sessions_last_bar():
    result = make_result()
    sessions = result.nav.index[:2].repeat(2)
    intraday = result.nav.set_axis(sessions + pd.to_timedelta([15, 21, 15, 21], "h"))
    closes = replace(result, nav=intraday.assign(session=sessions)).closes
    assert closes["nav"].iloc[1:].tolist() == [100.0, 101.0]
    dates = [str(day.date()) for day in closes.index]
    assert dates == ["2020-01-01", "2020-01-02", "2020-01-03"]
    times = intraday.index[[0, 1, 3]].tz_localize("UTC").tolist()
    assert closes["time"].tolist() == times


def test_tables_of_daily_bars_hold_plain_dates_and_files_utc(tmp_path):
    result = make_result()
    for name, table in result.tables.items():
        times = [table.index, *(table[column] for column in table)]
        zones = {str(time.dtype) for time in times if "datetime" in str(time.dtype)}
        assert all("UTC" in zone for zone in zones), name
    assert result.nav.index.tz is None
    assert result.fills["time"].dtype.kind == "M"
    written = write_run(result, tmp_path)
    found = read_run(written.folder)
    assert str(found["nav"].index.tz) == "UTC"
    read = replace(result, **{name: found[name] for name in result.tables})
    for name in ("nav", "positions", "fills", "decisions"):
        pd.testing.assert_frame_equal(getattr(read, name), getattr(result, name))


def test_summary_puts_the_run_beside_its_baselines():
    table = make_result().summary()
    assert list(table.columns) == ["run", "benchmark", "equal weight", "constant mix"]
    assert table.loc["Total return"].tolist() == ["1.00%"] * 4
    assert table.loc["Beta", "run"] == "1.00"
    assert table.loc["Fills"].tolist() == ["1", "n/a", "n/a", "n/a"]


def test_notebook_view_is_escaped_and_shows_values_with_units():
    html = make_result(name="<b>", warnings=("a < b",))._repr_html_()
    assert "<b><b>" not in html
    assert "&lt;b&gt; · 2020-01-02 to 2020-01-07 · run 0123456789ab" in html
    assert "<li>price return only</li><li>a &lt; b</li>" in html
    assert "<td>1.00%</td>" in html
    assert "<td>n/a</td>" in html


def test_a_printed_result_is_its_headline():
    lines = str(make_result(name="mine")).splitlines()
    assert lines[0] == "mine · 2020-01-02 to 2020-01-07 · run 0123456789ab"
    assert "Total return" in lines[2]
    assert "1.00%" in lines[2]
