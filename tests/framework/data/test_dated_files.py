"""Files whose rows carry dates."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bt_run import DataError
from bt_run.data.dated_files import numbers_or_text, read_dated


def test_other_names_of_our_words_are_known(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("Observation_Date,SYMBOL,value\n2020-01-31,A,1\n")
    assert list(read_dated(file).columns) == ["date", "ticker", "value"]


def test_a_date_of_eight_digits_is_a_date(tmp_path: Path) -> None:
    file = tmp_path / "a.parquet"
    pd.DataFrame({"date": [20100104], "value": [1.0]}).to_parquet(file)
    assert read_dated(file)["date"][0] == pd.Timestamp("2010-01-04")


def test_an_end_may_be_open(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("ticker,start,end\nA,2020-01-01,\n")
    assert read_dated(file)["end"].isna().all()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "day,value\n2020-01-31,1\n",
            "found columns day, value; expected date, or ticker, start",
        ),
        (
            "date,value\n2020-01-31,1\n,2\n",
            "row 2 has no date; expected a date such as 2000-01-31",
        ),
        ("date,value\nsoon,1\n", "column date holds something that is not a date"),
    ],
)
def test_a_file_without_dates_is_reported(
    tmp_path: Path, text: str, message: str
) -> None:
    file = tmp_path / "a.csv"
    file.write_text(text)
    with pytest.raises(DataError, match=message):
        read_dated(file)


def test_a_missing_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"gone\.csv: no such file; expected a table with dates"
    ):
        read_dated(tmp_path / "gone.csv")


def test_numbers_are_numbers_and_the_rest_stays_text() -> None:
    numbers = numbers_or_text(pd.Series(["1.5", ".", "", "1e3"]))
    assert numbers[[0, 3]].tolist() == [1.5, 1000.0]
    assert np.isnan(numbers[[1, 2]]).all()
    assert numbers_or_text(pd.Series(["up", "NA", "3"])).tolist() == ["up", None, "3"]
