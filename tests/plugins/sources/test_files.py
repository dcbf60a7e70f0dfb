"""Prices from files: what is read, and what is refused."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from bt_run import DataError
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
        ("", "A.csv: the file is empty; expected columns date and close at least"),
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
