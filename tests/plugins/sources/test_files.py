"""Prices from files: what is read, and what is refused."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from bt_run import ConfigError, DataError, RunConfig, load_config
from bt_run.backtest.preparing import prepare
from bt_run.data.bars import LoadRequest
from bt_run_plugins.sources.files import Files, FilesConfig

DATES = pd.bdate_range("2020-01-01", periods=4)


def frame(**columns):
    return pd.DataFrame({"date": DATES, "close": [1.0, 2.0, 3.0, 4.0]} | columns)


def load(path, kind="csv", assets=("A",), **config):
    request = LoadRequest(
        assets={name: name for name in assets},
        benchmark=("A", "A"),
        start=dt.date(2020, 1, 1),
        end=dt.date(2020, 12, 31),
    )
    return Files(FilesConfig(path=path, **config), kind).load(request)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_folder_holds_one_file_per_symbol(tmp_path, kind):
    for name in "AB":
        table = frame(volume=[1, 2, 3, 4])
        table.to_csv(
            tmp_path / f"{name}.csv", index=False
        ) if kind == "csv" else table.to_parquet(tmp_path / f"{name}.parquet")
    bars = load(tmp_path, kind, "AB")
    np.testing.assert_array_equal(bars.close, [[1, 1], [2, 2], [3, 3], [4, 4]])
    assert bars.fields == {"close", "volume"}


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_one_long_table_has_a_ticker_column(tmp_path, kind):
    table = pd.concat(
        [frame(ticker="A"), frame(ticker="B", close=[5.0, 6.0, 7.0, 8.0])]
    )
    path = tmp_path / f"all.{kind}"
    table.to_csv(path, index=False) if kind == "csv" else table.to_parquet(path)
    np.testing.assert_array_equal(load(path, kind, "AB").close[0], [1, 5])


def test_tickers_that_look_like_something_else_stay_tickers(tmp_path):
    pd.concat([frame(ticker="A"), frame(ticker="TRUE"), frame(ticker="007")]).to_csv(
        tmp_path / "all.csv", index=False
    )
    assert load(tmp_path / "all.csv", assets=("A", "TRUE", "007")).assets == (
        "007",
        "A",
        "TRUE",
    )


def test_column_names_may_be_written_otherwise(tmp_path):
    table = (
        frame()
        .rename(columns={"date": "Date", "close": "Close"})
        .assign(**{"Adj Close": [1.0, 2.0, 3.0, 8.0]})
    )
    table.to_csv(tmp_path / "A.csv", index=False)
    assert load(tmp_path, prices="split_adjusted").close[-1, 0] == pytest.approx(8.0)


def test_dividends_and_splits_are_read(tmp_path):
    frame(Dividends=[0, 0, 0.5, 0], **{"Stock Splits": [0, 0, 0, 2.0]}).to_csv(
        tmp_path / "A.csv", index=False
    )
    bars = load(tmp_path, prices="as_traded")
    assert bars.close[-1, 0] == pytest.approx(4 * 2 * 2 / 1.5)


def test_a_declared_delisting_reaches_the_bars(tmp_path):
    frame().to_csv(tmp_path / "A.csv", index=False)
    bars = load(tmp_path, last_session={"A": "2020-01-06"})
    assert str(bars.last_session[0]) == "2020-01-06"


def test_intraday_timestamps_without_a_zone_need_one(tmp_path):
    stamps = pd.date_range("2020-01-02 09:35", periods=4, freq="5min")
    frame(date=stamps).to_csv(tmp_path / "A.csv", index=False)
    with pytest.raises(
        DataError, match=r"2020-01-02 09:35:00 carry no time zone; set `timezone`"
    ):
        load(tmp_path)
    bars = load(tmp_path, timezone="America/New_York")
    assert str(bars.index[0]) == "2020-01-02 14:35:00+00:00"


def test_daily_rows_stamped_at_local_midnight_are_sessions(tmp_path):
    frame(date=DATES.tz_localize("America/New_York")).to_parquet(tmp_path / "A.parquet")
    bars = load(tmp_path, "parquet")
    assert bars.daily
    assert str(bars.sessions[0]) == "2020-01-01"


def test_an_unknown_symbol_is_told_with_the_nearest(tmp_path):
    frame().to_csv(tmp_path / "AAPL.csv", index=False)
    with pytest.raises(DataError, match=r"has no file A.csv; it has 1, such as AAPL"):
        load(tmp_path)
    frame().to_csv(tmp_path / "A.csv", index=False)
    with pytest.raises(
        DataError, match=r"has no file AAPLE.csv; did you mean 'AAPL'\?"
    ):
        load(tmp_path, assets=("A", "AAPLE"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "A.csv: the file is empty; expected a header and rows"),
        ("date,open\n2020-01-01,1\n", "found columns date, open; expected close too"),
        (
            "date,close\n2020-01-01,abc\n",
            "column close holds something that is not a number",
        ),
        ("date,close\nsoon,1\n", "column date holds something that is not a date"),
        ("date,close\n2020-01-01,1\n,2\n", "row 2 has no date"),
        ("date,close\n", "the source has no rows for symbol 'A'"),
    ],
)
def test_a_file_that_cannot_be_read_is_told(tmp_path, text, message):
    (tmp_path / "A.csv").write_text(text)
    with pytest.raises(DataError, match=message):
        load(tmp_path)


def test_a_missing_path_is_told(tmp_path):
    with pytest.raises(DataError, match="nowhere: no such file or folder"):
        load(tmp_path / "nowhere")


def test_a_table_without_tickers_is_told(tmp_path):
    frame().to_csv(tmp_path / "all.csv", index=False)
    with pytest.raises(
        DataError, match="expected a ticker column in a single table, or a folder"
    ):
        load(tmp_path / "all.csv")


def test_a_corrupt_parquet_file_is_told(tmp_path):
    (tmp_path / "A.parquet").write_bytes(b"nonsense")
    with pytest.raises(DataError, match="cannot be read as parquet"):
        load(tmp_path, "parquet")


def test_na_is_a_ticker(tmp_path):
    pd.concat([frame(ticker="A"), frame(ticker="NA")]).to_csv(
        tmp_path / "all.csv", index=False
    )
    assert load(tmp_path / "all.csv", assets=("A", "NA")).assets == ("A", "NA")


def test_dates_written_as_numbers_are_dates(tmp_path):
    frame(date=[20200102, 20200103, 20200106, 20200107]).to_csv(
        tmp_path / "A.csv", index=False
    )
    assert str(load(tmp_path).sessions[0]) == "2020-01-02"


def test_a_column_under_two_names_is_refused(tmp_path):
    frame(dividend=[0] * 4, dividends=[0] * 4).to_csv(tmp_path / "A.csv", index=False)
    with pytest.raises(
        DataError, match="column dividend stands there twice, under one name or two"
    ):
        load(tmp_path, prices="as_traded")


def test_an_unknown_time_zone_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no such time zone: 'Mars/X'"):
        FilesConfig(path=tmp_path, timezone="Mars/X")


def test_daily_rows_at_new_yorks_midnight_in_utc_keep_their_date(tmp_path):
    frame(date=DATES.tz_localize("America/New_York").tz_convert("UTC")).to_parquet(
        tmp_path / "A.parquet"
    )
    bars = load(tmp_path, "parquet")
    assert bars.daily
    assert str(bars.sessions[0]) == "2020-01-01"


def test_a_delisting_of_nobody_is_refused(tmp_path):
    frame().to_csv(tmp_path / "A.csv", index=False)
    with pytest.raises(
        DataError, match="last_session: no asset of the run has the symbol 'TYPO'"
    ):
        load(tmp_path, last_session={"TYPO": "2020-01-06"})


def test_the_symbols_of_files_are_listed_and_their_closes_are_series(tmp_path):
    long = pd.concat([frame(ticker="B"), frame(ticker="A", close=[5.0, 6.0, 7.0, 8.0])])
    long.to_parquet(tmp_path / "all.parquet")
    (tmp_path / "folder").mkdir()
    for name in "BA":
        frame().to_csv(tmp_path / "folder" / f"{name}.csv", index=False)
    table = Files(FilesConfig(path=tmp_path / "all.parquet"), "parquet")
    assert table.symbols() == ("A", "B")
    assert Files(FilesConfig(path=tmp_path / "folder"), "csv").symbols() == ("A", "B")
    request = LoadRequest(
        assets={},
        benchmark=("A", "A"),
        start=dt.date(2020, 1, 1),
        end=dt.date(2020, 1, 3),
    )
    times, closes = table.series("A", request)
    assert times.astype("datetime64[D]").astype(str).tolist() == [
        "2020-01-01",
        "2020-01-02",
        "2020-01-03",
    ]
    assert closes.tolist() == [5.0, 6.0, 7.0]
    with pytest.raises(DataError, match=r"all\.parquet has no ticker C"):
        table.series("C", request)


# -- what is not read ------------------------------------------------------------------------------


def test_columns_that_are_not_read_are_told(tmp_path):
    frame(vwap=1.0, trades=[1, 2, 3, 4]).to_csv(tmp_path / "A.csv", index=False)
    assert "columns that are not read: vwap, trades (of A.csv)" in load(tmp_path).notes
    ignored = load(tmp_path, ignore=["vwap", "Trades"])
    assert not [note for note in ignored.notes if "not read" in note]


@pytest.mark.parametrize(
    ("column", "ours"),
    [
        ("adjClose", "adj_close"),
        ("Adj. Close", "adj_close"),
        ("closeadj", "adj_close"),
        ("5. adjusted close", "adj_close"),
        ("divCash", "dividend"),
        ("ex-dividend", "dividend"),
        ("Div", "dividend"),
        ("splitFactor", "split"),
        ("8. split coefficient", "split"),
    ],
)
def test_a_column_that_adjusts_is_never_left_in_silence(tmp_path, column, ours):
    frame(**{column: [0.5, 0.5, 0.5, 0.5]}).to_csv(tmp_path / "A.csv", index=False)
    with pytest.raises(DataError) as caught:
        load(tmp_path)
    assert str(caught.value).endswith(
        f"A.csv: found columns {column}, which look like adjustments and are not read; name what "
        f"they are, such as `columns: {{{ours}: {column}}}`, or say that they do not matter: "
        f"`ignore: [{column}]`"
    )
    assert load(tmp_path, ignore=[column]).assets == ("A",)
    load(tmp_path, columns={ours: column}, prices="as_traded")


def test_a_vendors_adjusted_columns_count_once_they_are_named(tmp_path):
    """A share of 100 splits 4:1: its holder has what he had."""
    frame(
        close=[100.0, 25.0, 25.0, 25.0],
        divCash=[0.0, 0.0, 0.0, 0.0],
        splitFactor=[1.0, 4.0, 1.0, 1.0],
    ).to_csv(tmp_path / "A.csv", index=False)
    columns = {"dividend": "divCash", "split": "splitFactor"}
    bars = load(tmp_path, columns=columns, prices="as_traded")
    np.testing.assert_allclose(bars.close[:, 0], 100.0)


def test_a_named_column_stands_in_the_place_of_the_usual_one(tmp_path):
    frame(Price=[5.0, 6.0, 7.0, 8.0]).to_csv(tmp_path / "A.csv", index=False)
    bars = load(tmp_path, columns={"close": "Price"})
    np.testing.assert_array_equal(bars.close[:, 0], [5, 6, 7, 8])
    assert "columns that are not read: close (of A.csv)" in bars.notes
    with pytest.raises(
        DataError, match=r"expected 'Prise', which `columns` calls close \(did you"
    ):
        load(tmp_path, columns={"close": "Prise"})


@pytest.mark.parametrize("column", ["ticker", "symbol", "Ticker", "SYMBOL"])
def test_a_ticker_of_digits_keeps_its_zeros_under_every_name(tmp_path, column):
    pd.concat([frame(**{column: "000001"}), frame(**{column: "600519"})]).to_csv(
        tmp_path / "all.csv", index=False
    )
    assert Files(FilesConfig(path=tmp_path / "all.csv"), "csv").symbols() == (
        "000001",
        "600519",
    )


def test_a_row_without_a_ticker_is_told(tmp_path):
    frame(ticker=["A", "A", None, "A"]).to_csv(tmp_path / "all.csv", index=False)
    with pytest.raises(
        DataError, match=r"all.csv: row 3 has no ticker; expected one in every row"
    ):
        load(tmp_path / "all.csv")


# -- what a date means -----------------------------------------------------------------------------


def test_days_and_months_that_could_be_either_are_declared(tmp_path):
    written = ["03/01/2020", "06/01/2020", "07/01/2020", "08/01/2020"]
    frame(date=written).to_csv(tmp_path / "A.csv", index=False)
    with pytest.raises(
        DataError, match="write `dates: dayfirst` or `dates: monthfirst`"
    ):
        load(tmp_path)
    assert str(load(tmp_path, dates="dayfirst").sessions[-1]) == "2020-01-08"
    assert str(load(tmp_path, dates="%d/%m/%Y").sessions[-1]) == "2020-01-08"


def test_offsets_across_a_change_of_clocks_are_midnights_of_sessions(tmp_path):
    written = [
        "2020-03-05 00:00:00-05:00",
        "2020-03-06 00:00:00-05:00",
        "2020-03-09 00:00:00-04:00",
        "2020-03-10 00:00:00-04:00",
    ]
    frame(date=written).to_csv(tmp_path / "A.csv", index=False)
    bars = load(tmp_path)
    assert bars.daily
    assert str(bars.sessions[2]) == "2020-03-09"


@pytest.mark.parametrize(
    ("calendar", "hour"), [("XETR", "22:00"), ("XTKS", "15:00"), ("XNYS", "04:00")]
)
def test_midnights_of_the_exchange_in_utc_are_its_sessions(tmp_path, calendar, hour):
    eve = 0 if calendar == "XNYS" else 1  # west of Greenwich midnight comes later
    written = [f"2020-08-{day - eve:02d}T{hour}:00Z" for day in (4, 5, 6, 7)]
    frame(date=written).to_csv(tmp_path / "A.csv", index=False)
    request = LoadRequest(
        assets={"A": "A"},
        benchmark=("A", "A"),
        start=dt.date(2020, 1, 1),
        end=dt.date(2020, 12, 31),
        calendar=calendar,
    )
    bars = Files(FilesConfig(path=tmp_path), "csv").load(request)
    assert bars.sessions.astype(str).tolist() == [
        f"2020-08-0{day}" for day in (4, 5, 6, 7)
    ]


@pytest.mark.parametrize(
    ("hour", "row"), [("2020-11-01 01:30", 2), ("2020-03-08 02:30", 2)]
)
def test_an_hour_that_is_no_one_time_is_told_with_its_row(tmp_path, hour, row):
    written = [
        f"{hour[:8]}01 00:30",
        hour,
        f"{hour[:7]}-20 10:00",
        f"{hour[:7]}-21 10:00",
    ]
    frame(date=written).to_csv(tmp_path / "A.csv", index=False)
    with pytest.raises(DataError) as caught:
        load(tmp_path, timezone="America/New_York")
    assert (
        f"A.csv: row {row}, {hour}:00, is no one time in America/New_York, whose clocks change in "
        "that hour; write its offset from UTC in every row"
    ) in str(caught.value)


# -- an asset that changed its symbol --------------------------------------------------------------


def renamed(tmp_path, late="2020-01-07", **columns):
    """Write OLD to 2020-01-03 and NEW from ``late`` on; NEW splits 2:1 on its first day."""
    old = {
        "date": ["2020-01-02", "2020-01-03"],
        "close": [100.0, 110.0],
        "split": [1, 1],
    }
    new = {"date": [late, "2020-01-08"], "close": [56.0, 57.0], "split": [2, 1]}
    pd.DataFrame(old).to_csv(tmp_path / "OLD.csv", index=False)
    pd.DataFrame(new | columns).to_csv(tmp_path / "NEW.csv", index=False)
    request = LoadRequest(
        assets={"META": "NEW"},
        earlier={"META": ("OLD",)},
        benchmark=("META", "NEW"),
        start=dt.date(2020, 1, 1),
        end=dt.date(2020, 12, 31),
    )
    source = Files(FilesConfig(path=tmp_path, prices="as_traded"), "csv")
    return source.load(request)


def test_an_asset_that_changed_its_symbol_goes_on(tmp_path):
    """The split of the day on which the symbol changed counts: 110 become 2 x 56."""
    bars = renamed(tmp_path)
    assert bars.close[:, 0].tolist() == [100.0, 110.0, 112.0, 114.0]
    assert bars.benchmark.tolist() == [100.0, 110.0, 112.0, 114.0]
    assert "META is joined from OLD to 2020-01-03, then NEW to 2020-01-08" in bars.notes


def test_symbols_whose_days_overlap_are_no_one_asset(tmp_path):
    with pytest.raises(
        DataError, match="META: NEW begins at 2020-01-03, but OLD goes on to 2020-"
    ):
        renamed(tmp_path, late="2020-01-03")


def test_symbols_with_other_columns_are_no_one_asset(tmp_path):
    with pytest.raises(
        DataError, match="META: OLD has the columns close, split, times, and NEW"
    ):
        renamed(tmp_path, volume=[1.0, 2.0])


def test_a_source_that_joins_none_is_refused_with_what_does():
    config = RunConfig.model_validate(
        {
            "name": "t",
            "data": {
                "source": {"use": "sample", "set": "stocks"},
                "assets": {"META": ["FB", "MSFT"]},
                "benchmark": "AAPL",
                "start": "2012-06-01",
                "end": "2012-12-31",
            },
            "strategy": "buy_and_hold",
            "sizer": "equal_weight",
        }
    )
    with pytest.raises(ConfigError) as caught:
        prepare(config)
    assert str(caught.value) == (
        "data.assets.META: found 2 symbols, and source 'sample' joins none; give one symbol, or "
        "files by csv or parquet"
    )


def test_a_list_of_symbols_is_written_as_such(tmp_path):
    file = tmp_path / "r.yaml"
    file.write_text(
        "name: t\ndata:\n  source: {use: csv, path: p}\n  assets: {META: [FB, META], B: B}\n"
        "  benchmark: B\n  start: 2012-06-01\n  end: 2012-12-31\nstrategy: buy_and_hold\n"
        "sizer: equal_weight\n"
    )
    data = load_config(file).data
    assert (data.symbols, data.earlier) == (
        {"META": "META", "B": "B"},
        {"META": ("FB",)},
    )
