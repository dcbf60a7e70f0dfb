"""Tables of a run for other programs: what is written is what is kept, and no cell is a formula."""

import errno

import numpy as np
import openpyxl
import pandas as pd
import pytest
from kit.made_results import make_result

from bt_run import ConfigError, DataError, libraries
from bt_run.results import export
from bt_run.results.export import FORMATS, export_tables
from bt_run.results.result import TABLES

EVIL = ("=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1")


@pytest.fixture
def found():
    """Return the tables of a run, an analyzer's beside them."""
    result = make_result()
    ranks = pd.DataFrame({"bar": [1, 2], "note": ["plain", "=1+1"]})
    return {**result.tables, "analyses": {"ranks": ranks}}


def test_csv_holds_every_number_to_the_last_digit(found, tmp_path):
    paths = export_tables(found, tmp_path, "csv", ["fills", "nav"])
    assert [path.name for path in paths] == ["fills.csv", "nav.csv"]
    fills = pd.read_csv(paths[0])
    assert (
        fills["asked"].tolist() == found["fills"]["asked"].tolist()
    )  # -1/3 among them
    assert fills["time"].tolist() == ["2020-01-03", "2020-01-06"]
    assert pd.isna(fills["decided_at"][1])
    nav = pd.read_csv(paths[1])
    assert nav["time"].tolist()[0] == "2020-01-02"


def test_times_of_day_are_written_in_utc(found, tmp_path):
    nav = found["nav"]
    found["nav"] = nav.set_axis(nav.index + pd.Timedelta("15:30:00"))
    (path,) = export_tables(found, tmp_path, "csv", ["nav"])
    assert pd.read_csv(path)["time"][0] == "2020-01-02T15:30:00.000000Z"


@pytest.mark.parametrize("text", EVIL)
def test_no_cell_becomes_a_formula(found, tmp_path, text):
    found["fills"] = found["fills"].assign(asset=["A", text])
    (path,) = export_tables(found, tmp_path, "csv", ["fills"])
    assert pd.read_csv(path)["asset"].tolist() == ["A", f"'{text}"]
    (path,) = export_tables(found, tmp_path, "xlsx", ["fills"])
    cells = [cell for row in openpyxl.load_workbook(path)["fills"] for cell in row]
    assert not [cell for cell in cells if cell.data_type == "f"]
    assert text.replace("\r", "_x000D_") in [
        str(cell.value).replace("\r", "_x000D_") for cell in cells
    ]


def test_a_workbook_has_a_sheet_for_each_table(found, tmp_path):
    (path,) = export_tables(found, tmp_path, "xlsx")
    book = openpyxl.load_workbook(path)
    assert book.sheetnames == [*TABLES, "ranks"]
    sheet = pd.read_excel(path, sheet_name="nav")
    np.testing.assert_array_equal(sheet["nav"], found["nav"]["nav"])
    before = path.read_bytes()
    export_tables(found, tmp_path, "xlsx")
    assert path.read_bytes() == before


def test_parquet_holds_the_tables(found, tmp_path):
    paths = export_tables(found, tmp_path / "new", "parquet")
    assert len(paths) == len(TABLES) + 1
    frame = pd.read_parquet(tmp_path / "new" / "positions.parquet")
    assert frame["shares"].tolist() == found["positions"]["shares"].tolist()


def test_a_table_of_another_name_is_refused(found, tmp_path):
    with pytest.raises(
        ConfigError, match=r"no table 'fils'; found .*did you mean 'fills'"
    ):
        export_tables(found, tmp_path, "csv", ["fils"])


def test_more_rows_than_a_sheet_has_are_refused(found, tmp_path, monkeypatch):
    monkeypatch.setattr(export, "MOST_ROWS", 1)
    with pytest.raises(
        DataError, match="nav: has 4 rows, and a sheet holds 1; export it with"
    ):
        export_tables(found, tmp_path, "xlsx", ["nav"])


def test_a_missing_package_is_named_with_its_extra(found, tmp_path, monkeypatch):
    monkeypatch.setattr(libraries, "find_spec", lambda name: None)
    with pytest.raises(
        ConfigError, match=r"--to xlsx needs xlsxwriter, .*'bt-run\[excel\]'"
    ):
        export_tables(found, tmp_path, "xlsx", ["nav"])


@pytest.mark.parametrize("kind", FORMATS)
def test_a_full_disk_is_named(found, tmp_path, monkeypatch, kind):
    def full(path, content):
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(export, "replace_file", full)
    with pytest.raises(
        DataError, match="cannot be written: No space left on device; make room"
    ):
        export_tables(found, tmp_path, kind, ["nav"])


def test_another_error_of_the_disk_is_not_ours(found, tmp_path, monkeypatch):
    def broken(path, content):
        raise OSError(errno.EIO, "broken")

    monkeypatch.setattr(export, "replace_file", broken)
    with pytest.raises(OSError, match="broken"):
        export_tables(found, tmp_path, "csv", ["nav"])


def test_csv_ends_lines_alike_everywhere(found, tmp_path):
    (path,) = export_tables(found, tmp_path, "csv", ["nav"])
    lines = path.read_bytes().split(b"\r\n")
    assert len(lines) == 6  # a head, four rows, and nothing after the last
    assert lines[0].startswith(b"time,nav,cash")
    assert b"\n" not in b"".join(lines)
