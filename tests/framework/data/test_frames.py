"""Prices in memory are read by the rules by which files are."""

import numpy as np
import pandas as pd
import pytest

from bt_run import (
    ConfigError,
    DataError,
    RunConfig,
    bars_from,
    load_config,
    run,
    run_prices,
)
from bt_run.checks.reproduction import reproduce

DAYS = pd.DatetimeIndex(
    ["2020-01-02", "2020-01-03", "2020-01-06", "2020-01-07", "2020-01-08"], name="Date"
)
CLOSES = {"SPY": [10.0, 11.0, 12.0, 11.0, 12.0], "TLT": [20.0, 20.5, 21.0, 20.0, 21.5]}
WIDE = pd.DataFrame(CLOSES, index=DAYS)


def full(name):
    close = WIDE[name]
    columns = {"Open": close, "High": close + 1, "Low": close - 1, "Close": close}
    return pd.DataFrame(columns | {"Volume": 1000.0})


BY_SYMBOL = {name: full(name) for name in CLOSES}
FIELDS_ABOVE = pd.concat(BY_SYMBOL, axis="columns", sort=True).swaplevel(axis="columns")
LONG = pd.concat([frame.assign(Ticker=name) for name, frame in BY_SYMBOL.items()])


@pytest.mark.parametrize(
    "frames",
    [
        BY_SYMBOL,
        FIELDS_ABOVE,
        FIELDS_ABOVE.rename_axis(["Price", "Ticker"], axis="columns"),
        pd.concat(BY_SYMBOL, axis="columns", sort=True),
        LONG,
        LONG.reset_index(),
        LONG.set_index("Ticker", append=True),
        {name: frame.reset_index() for name, frame in BY_SYMBOL.items()},
        {name: frame[::-1] for name, frame in BY_SYMBOL.items()},
        {
            name: frame.tz_localize("America/New_York")
            for name, frame in BY_SYMBOL.items()
        },
    ],
    ids=lambda frames: type(frames).__name__,
)
def test_every_shape_gives_the_same_bars(frames):
    bars = bars_from(frames, benchmark="SPY")
    assert bars.fingerprint == bars_from(BY_SYMBOL, benchmark="SPY").fingerprint
    assert bars.assets == ("SPY", "TLT")
    assert bars.times.tolist() == DAYS.to_numpy().astype("datetime64[ns]").tolist()
    np.testing.assert_array_equal(bars.close, WIDE)
    np.testing.assert_array_equal(bars.high, WIDE + 1)


def test_closes_by_symbol_have_a_row_where_there_is_a_value():
    holes = WIDE.copy()
    holes.iloc[2, 1] = np.nan
    bars = bars_from(holes, benchmark="SPY")
    assert bars.present[:, 1].tolist() == [True, True, False, True, True]
    assert (
        bars_from(holes.reset_index(), benchmark="SPY").fingerprint == bars.fingerprint
    )


def test_a_series_is_a_symbol_and_its_own_benchmark():
    bars = bars_from(WIDE["SPY"])
    assert bars.assets == ("SPY",)
    np.testing.assert_array_equal(bars.benchmark, CLOSES["SPY"])


def test_what_is_said_of_files_is_said_of_frames():
    paid = BY_SYMBOL["SPY"].assign(Dividends=[0, 0, 0.5, 0, 0])
    with pytest.raises(
        DataError, match="nothing says what open, high, low and close are"
    ):
        bars_from({"SPY": paid})
    bars = bars_from({"SPY": paid}, prices="as_traded", adjust="none")
    assert bars.dividends[:, 0].tolist() == [0, 0, 0.5, 0, 0]
    named = paid.rename(columns={"Dividends": "divCash"})
    with pytest.raises(
        DataError, match="SPY: found columns divCash, which look like adjustments"
    ):
        bars_from({"SPY": named})
    again = bars_from(
        {"SPY": named},
        prices="as_traded",
        adjust="none",
        columns={"dividend": "divCash"},
    )
    assert again.fingerprint == bars.fingerprint


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        (
            3,
            "found a int; expected a DataFrame of closes with a column for each symbol",
        ),
        (
            BY_SYMBOL["SPY"],
            r"those of one symbol without its name; expected \{'SPY': frame\}",
        ),
        ({"SPY": [1, 2]}, "SPY: found a list; expected a DataFrame or a Series"),
        ({}, "the frames hold no symbol"),
        (WIDE["SPY"].rename(None), "found None where a symbol stands; expected a name"),
        (WIDE.set_axis([1, 2], axis="columns"), "found 1 where a symbol stands"),
        (
            WIDE.reset_index(drop=True),
            "and no dates; expected them in the index, or in a column",
        ),
        (
            pd.concat({"x": FIELDS_ABOVE}, axis="columns", sort=True),
            "found 3 levels of columns; expected",
        ),
        (
            FIELDS_ABOVE.rename(columns=str.upper).rename(columns={"CLOSE": "X"})["X"],
            "found the columns|which is not|no dates|SPY",
        ),
        ({"SPY": full("SPY").iloc[:0]}, "SPY: has no rows"),
        (
            WIDE[["SPY", "SPY"]],
            "column SPY stands there 2 times",
        ),
    ],
)
def test_other_shapes_are_refused(frames, message):
    if isinstance(frames, pd.DataFrame) and list(frames.columns) == ["SPY", "TLT"]:
        return  # closes under another name are closes
    with pytest.raises(DataError, match=message):
        bars_from(frames)


def test_two_levels_without_fields_are_refused():
    strange = WIDE.set_axis(
        pd.MultiIndex.from_tuples([("a", "b"), ("c", "d")]), axis="columns"
    )
    with pytest.raises(
        DataError, match="expected fields such as Close on one level and symbols"
    ):
        bars_from(strange)


def test_of_several_symbols_one_is_named_the_benchmark():
    with pytest.raises(
        ConfigError, match="benchmark: missing; expected one of SPY, TLT"
    ):
        bars_from(WIDE)
    with pytest.raises(
        DataError, match="the prices that were given have no symbol 'X'; they have"
    ):
        bars_from(WIDE, benchmark="X")
    with pytest.raises(
        ConfigError, match=r"found '3\.1\.2020'; expected a date such as"
    ):
        bars_from(WIDE, benchmark="SPY", start="3.1.2020")


# -- runs ------------------------------------------------------------------------------------------

SETTINGS = {
    "data.benchmark": "SPY",
    "schedule": "session",
    "broker.fill": "next_close",
    "broker.cash": 1000,
}


def test_a_run_in_one_call_buys_at_the_second_close():
    weights = {"use": "fixed_weights", "weights": {"SPY": 0.5}}
    result = run_prices(
        WIDE,
        strategy="buy_and_hold",
        sizer=weights,
        settings=SETTINGS | {"schedule": "once"},
    )
    # 500 / 10 shares are asked for, bought at 11
    assert result.nav["nav"].tolist() == [1000, 1000, 1050, 1000, 1050]
    assert any("handed over in memory" in note for note in result.notes)
    assert result.manifest["config"]["data"]["source"]["use"] == "frames"
    assert len(result.manifest["config"]["data"]["source"]["fingerprint"]) == 64


def test_bars_bring_what_they_were_made_with():
    made = bars_from(WIDE, benchmark="TLT", start="2020-01-03", end="2020-01-07")
    settings = {"broker.fill": "next_close"}
    result = run_prices(
        made, strategy="buy_and_hold", sizer="equal_weight", settings=settings
    )
    data = result.manifest["config"]["data"]
    assert (data["benchmark"], data["start"], data["end"]) == (
        "TLT",
        "2020-01-03",
        "2020-01-07",
    )
    assert len(result.nav) == 3


def test_two_written_runs_keep_their_prices_and_files_are_found_from_elsewhere(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "w.csv").write_text("date,SPY,TLT\n2020-01-02,0.5,0.5\n")
    settings = SETTINGS | {"data.tables": {"weights": {"file": "w.csv", "lag": 0}}}
    results = {}
    for name, frames in (("one", WIDE), ("two", WIDE * 2 + 1)):
        results[name] = run_prices(
            frames,
            strategy="buy_and_hold",
            sizer="weights_table",
            settings=settings | {"name": name},
        )
        results[name].config.to_yaml("kept")
    monkeypatch.chdir("/")
    for name, result in results.items():
        again = run(load_config(tmp_path / "kept" / f"{name}.yaml"))
        assert again.nav["nav"].equals(result.nav["nav"])


def test_a_long_symbol_has_a_file_of_a_shorter_name(tmp_path):
    name = "X" * 250
    result = run_prices(
        {name: full("SPY")}, strategy="buy_and_hold", sizer="equal_weight"
    )
    again = run(load_config(result.config.to_yaml(tmp_path)))
    assert again.nav["nav"].equals(result.nav["nav"])


def test_a_written_config_repeats_the_run_from_files(tmp_path):
    frames = {
        "BRK/B": full("SPY").assign(Dividends=[0, 0, 0.5, 0, 0]),
        "A B": full("TLT"),
    }
    result = run_prices(
        bars_from(frames, benchmark="BRK/B", prices="as_traded", adjust="none"),
        strategy="buy_and_hold",
        sizer="equal_weight",
        settings={**SETTINGS, "data.benchmark": "BRK/B"},
    )
    path = result.config.to_yaml(tmp_path / "written")
    assert path.name == "notebook.yaml"
    again = run(load_config(path))
    assert again.manifest["data"] == result.manifest["data"]
    assert again.nav["nav"].equals(result.nav["nav"])
    assert again.fills.equals(result.fills)


def test_intraday_times_are_written_with_their_zone(tmp_path):
    ends = [
        f"{day} {hour}:00"
        for day in ("2020-01-02", "2020-01-03")
        for hour in (11, 13, 16)
    ]
    times = pd.DatetimeIndex(ends, tz="America/New_York")
    frame = pd.DataFrame({"Open": 1.0, "Close": [1.0, 2, 2, 3, 3, 4]}, index=times)
    result = run_prices(
        {"SPY": frame},
        strategy="buy_and_hold",
        sizer="equal_weight",
        settings={"schedule": "bar"},
    )
    again = run(load_config(result.config.to_yaml(tmp_path)))
    assert again.nav["nav"].tolist() == result.nav["nav"].tolist()


@pytest.mark.parametrize(("minutes", "noted"), [(0, True), (30, False), (60, False)])
def test_bars_that_end_at_the_opening_bell_are_noted(minutes, noted):
    days = ["2020-01-02", "2020-01-03", "2020-01-06"]
    begins = [pd.Timestamp(f"{day} 09:30", tz="America/New_York") for day in days]
    times = [
        start + pd.Timedelta(minutes=minutes + 30 * n)
        for start in begins
        for n in range(3)
    ]
    frame = pd.DataFrame({"Open": 1.0, "Close": 1.0}, index=pd.DatetimeIndex(times))
    result = run_prices(
        {"SPY": frame},
        strategy="buy_and_hold",
        sizer="equal_weight",
        settings={"schedule": "bar"},
    )
    assert any("ends at the opening bell" in note for note in result.notes) is noted


def test_a_config_that_was_not_run_cannot_be_written(tmp_path):
    config = config_of({"use": "frames"})
    with pytest.raises(ConfigError, match="mine: was neither run nor prepared"):
        config.to_yaml(tmp_path)


def config_of(source):
    return RunConfig(
        name="mine",
        data={
            "source": source,
            "assets": ["SPY", "TLT"],
            "benchmark": "SPY",
            "start": "2020-01-02",
            "end": "2020-01-08",
        },
        strategy="buy_and_hold",
        sizer="equal_weight",
        broker={"use": "simulated", "fill": "next_close"},
    )


def test_prices_are_given_to_a_config_that_takes_them(tmp_path):
    config = config_of("frames")
    result = run(config, tmp_path, bars=WIDE)
    own = bars_from(WIDE, benchmark="SPY")
    assert run(config, bars=own).run_id == result.run_id
    for key, made in (
        ("benchmark", bars_from(WIDE, benchmark="TLT")),
        ("start", bars_from(WIDE, benchmark="SPY", start="2020-01-03")),
        ("end", bars_from(WIDE, benchmark="SPY", end="2020-01-07")),
        ("calendar", bars_from(WIDE, benchmark="SPY", calendar="24/5")),
    ):
        with pytest.raises(
            ConfigError, match=rf"data\.{key}: was .*bars given were made with"
        ):
            run(config, bars=made)
    fingerprint = result.manifest["config"]["data"]["source"]["fingerprint"]
    named = config_of({"use": "frames", "fingerprint": fingerprint})
    assert run(named, bars=WIDE).run_id == result.run_id
    with pytest.raises(
        ConfigError, match=r"data\.source\.fingerprint: was .*; expected those"
    ):
        run(named, bars=WIDE * 2)
    with pytest.raises(
        DataError, match=r"are handed over in memory: run\(config, bars=\.\.\.\)"
    ):
        run(config)
    with pytest.raises(DataError, match="are handed over in memory"):
        reproduce(result.folder)


def test_prices_given_to_a_source_of_its_own_are_refused():
    with pytest.raises(
        ConfigError, match="bars: were given, and source 'csv' loads its own"
    ):
        run(config_of({"use": "csv", "path": "x"}), bars=WIDE)
    two = [{"use": "frames"}, {"use": "csv", "path": "x", "assets": ["SPY"]}]
    with pytest.raises(
        ConfigError, match=r"bars: were given, and data\.source lists several"
    ):
        run(config_of(two), bars=WIDE)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"data.benchmark": "SPY", "strategy.fats": 3}, "fats"),
        ({}, r"data\.benchmark: missing; write settings="),
        ({"data.benchmark": "SPY", "schedule": "month", "schedule.x": 3}, "schedule"),
    ],
)
def test_wrong_settings_are_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        run_prices(WIDE, strategy="trend", sizer="equal_weight", settings=settings)


def test_prices_without_rows_are_refused():
    with pytest.raises(
        DataError, match="the prices hold no rows; expected some of each symbol"
    ):
        run_prices(
            WIDE.iloc[:0], strategy="buy_and_hold", settings={"data.benchmark": "SPY"}
        )


def test_a_number_has_no_keys_below_it():
    with pytest.raises(
        ConfigError, match=r"seed\.x: seed is 3; expected keys below it"
    ):
        run_prices(WIDE, strategy="trend", settings={"seed": 3, "seed.x": 1})
