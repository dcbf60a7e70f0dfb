"""Plain files read by columns give what the table read in full gives; others are left to that."""

import numpy as np
import pandas as pd
import pytest

from bt_run.data.csv_files import csv_table
from bt_run.data.plain_tables import PlainReader
from bt_run.data.price_frames import TableForm, price_table, rows_of_table
from bt_run.errors import DataError

DAYS = pd.to_datetime(["2020-01-02", "2020-01-03", "2020-01-06"])


def frame(**changes):
    columns = {
        "date": DAYS,
        "open": [1.1, 2.123456789012345, 3.0],
        "Close": [1.5, 2.5, 0.1 + 0.2],
        "Volume": [100, 2**53 + 1, 300],
        "sector": ["a", "b", "c"],
    }
    return pd.DataFrame(
        {
            name: value
            for name, value in (columns | changes).items()
            if value is not None
        }
    )


def in_full(path, form):
    """Return the rows by way of pandas."""
    if path.suffix == ".csv":
        table = csv_table(path, dtype={"date": str}, missing=("", "nan"))
    else:
        table = pd.read_parquet(path)
        table = table if table.index.name is None else table.reset_index()
    read = price_table(str(path), table, form)
    return read, rows_of_table(read, form)


def assert_alike(path, form=None):
    form = form or TableForm()
    reader = PlainReader(form)
    table = getattr(reader, path.suffix[1:])(path)
    assert table is not None
    read, expected = in_full(path, form)
    found = reader.rows(table)
    assert found.columns == expected.columns
    for name in expected.columns:
        ours, theirs = getattr(found, name), getattr(expected, name)
        assert ours.dtype == theirs.dtype
        assert ours.tobytes() == theirs.tobytes()
    assert (table.found, table.names.ours) == (read.found, read.ours)
    assert table.names.unread == read.unread


def write(path, table, **keys):
    if path.suffix == ".csv":
        table.to_csv(path, index=keys.get("index", False))
    else:
        table.to_parquet(path, index=keys.get("index", False))
    return path


@pytest.mark.parametrize("ending", ["parquet", "csv"])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"open": [1.0, np.nan, 3.0]},
        {"Volume": None, "dividend": [0.0, 0.25, np.nan], "split": [1, 2, 1]},
        {"date": DAYS[::-1]},
    ],
    ids=["as it is", "with a gap", "with actions", "newest first"],
)
def test_a_plain_file_gives_what_its_whole_table_gives(tmp_path, ending, changes):
    assert_alike(write(tmp_path / f"A.{ending}", frame(**changes)))


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_times_of_parquet_may_have_any_unit(tmp_path, unit):
    dates = DAYS.astype(f"datetime64[{unit}]")
    assert_alike(write(tmp_path / "A.parquet", frame(date=dates)))


def test_dates_of_parquet_may_be_days(tmp_path):
    assert_alike(write(tmp_path / "A.parquet", frame(date=DAYS.date)))


@pytest.mark.parametrize("name", ["Date", None])
def test_an_index_with_a_name_is_a_column_and_one_without_is_not(tmp_path, name):
    table = frame().set_index("date").rename_axis(name)
    if name is None:
        table = table.assign(date=DAYS)
    assert_alike(write(tmp_path / "A.parquet", table, index=True))


def test_times_of_day_are_read_in_the_zone_of_the_form(tmp_path):
    times = DAYS + pd.Timedelta(hours=10)
    path = write(tmp_path / "A.parquet", frame(date=times))
    assert_alike(path, TableForm(timezone="America/New_York", bar_minutes=5))
    reader = PlainReader(TableForm())
    table = reader.parquet(path)
    with pytest.raises(
        DataError, match=r"A.parquet: timestamps such as .* carry no time zone"
    ):
        reader.rows(table)


def test_files_with_the_same_dates_share_one_array_of_times(tmp_path):
    reader = PlainReader(TableForm())
    found = [reader.csv(write(tmp_path / f"{name}.csv", frame())) for name in "AB"]
    assert found[0].clock is found[1].clock
    later = write(tmp_path / "C.csv", frame(date=DAYS + pd.Timedelta(days=7)))
    assert reader.csv(later).clock is not found[0].clock


@pytest.mark.parametrize("ending", ["parquet", "csv"])
@pytest.mark.parametrize(
    "changes",
    [
        {"Close": ["1.5", "n/a", "2"]},
        {"date": ["02.01.2020", "03.01.2020", "06.01.2020"]},
        {"date": [DAYS[0], pd.NaT, DAYS[2]]},
        {"date": None},
        {"ticker": ["A", "A", "A"]},
        {"date": DAYS.tz_localize("America/New_York")},
    ],
    ids=["no number", "other dates", "no date", "no dates", "tickers", "a zone"],
)
def test_what_is_not_plain_is_left_to_who_reads_it_in_full(tmp_path, ending, changes):
    path = write(tmp_path / f"A.{ending}", frame(**changes))
    assert getattr(PlainReader(TableForm()), ending)(path) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        '"date",close\n2020-01-02,1\n',
        "date,close\n2020-01-02,1,2\n",
        "date,close\n9999-01-02,1\n",
        "date,close\n",
        "date,close,close\n2020-01-02,1,1\n",
        "dáte,close\n2020-01-02,1\n",
    ],
)
def test_a_csv_file_with_anything_odd_is_not_plain(tmp_path, text):
    path = tmp_path / "A.csv"
    path.write_text(text, encoding="utf-8")
    assert PlainReader(TableForm()).csv(path) is None


def test_a_damaged_or_missing_file_is_not_plain(tmp_path):
    path = write(tmp_path / "A.parquet", frame())
    path.write_bytes(path.read_bytes()[:-50])
    reader = PlainReader(TableForm())
    assert reader.parquet(path) is None
    assert reader.parquet(tmp_path / "B.parquet") is None


@pytest.mark.parametrize("form", [TableForm(dates="epoch_s"), TableForm(dates="%d")])
def test_declared_dates_are_read_in_full(tmp_path, form):
    path = write(tmp_path / "A.csv", frame())
    assert PlainReader(form).csv(path) is None


def test_an_adjustment_that_nobody_reads_is_refused_as_ever(tmp_path):
    path = write(tmp_path / "A.csv", frame(adj_factor=[1.0, 1.0, 1.0]))
    with pytest.raises(DataError, match="look like adjustments"):
        PlainReader(TableForm()).csv(path)
