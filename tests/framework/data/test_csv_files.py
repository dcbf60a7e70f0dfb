"""csv files that are not what their header says: prices, tables, universes and rates alike."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from kit.configured import folder_of_files

from bt_run import DataError, csv_header, csv_table
from bt_run.cli.entry import main
from bt_run.data.csv_files import refuse_doubled

FILES = ("prices/A.csv", "scores.csv", "members.csv", "rates.csv")


def changed(folder: Path, file: str, change: object) -> None:
    path = folder / file
    path.write_text(change(path.read_text()))  # type: ignore[operator]


def code_and_words(folder: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    code = main(["validate", str(folder / "run.yaml")])
    return code, capsys.readouterr().err


def doubled(text: str) -> str:
    """Name the last column again, and give it other values."""
    head, *lines = text.splitlines()
    name = head.split(",")[-1]
    return "\n".join([f"{head},{name}", *(f"{line},1" for line in lines)]) + "\n"


def short(text: str) -> str:
    """Leave the last name out of the header."""
    head, *lines = text.splitlines()
    return "\n".join([head.rpartition(",")[0], *lines]) + "\n"


def very_short(text: str) -> str:
    """Give every row two cells that the header does not name."""
    head, *lines = text.splitlines()
    return "\n".join([head, *(f"{line},1,2" for line in lines)]) + "\n"


def ragged(text: str) -> str:
    """Give the last row a cell too many."""
    return text.rstrip("\n") + ",7\n"


def test_the_files_are_read_as_they_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert code_and_words(folder_of_files(tmp_path), capsys)[0] == 0


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize(
    ("change", "words"),
    [
        (doubled, "stands there 2 times; expected every column once"),
        (short, "expected a name for every cell"),
        (very_short, "expected a name for every cell"),
        (ragged, "cannot be read as csv"),
        (lambda text: "", "the file is empty; expected a header and rows"),
        (lambda text: "\n\n", "the file is empty; expected a header and rows"),
    ],
    ids=["doubled", "short", "very short", "ragged", "empty", "blank"],
)
def test_a_file_that_is_not_what_its_header_says_is_the_files_fault(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    file: str,
    change: object,
    words: str,
) -> None:
    folder = folder_of_files(tmp_path)
    changed(folder, file, change)
    code, text = code_and_words(folder, capsys)
    assert (code, words in text, Path(file).name in text) == (3, True, True), text
    assert text.count("\n") == 1


@pytest.mark.parametrize("file", FILES)
def test_a_file_that_is_no_text_is_the_files_fault(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], file: str
) -> None:
    folder = folder_of_files(tmp_path)
    (folder / file).write_bytes(b"\xff\xfe\x00date,\xc3\x28\n\x00")
    code, text = code_and_words(folder, capsys)
    assert code == 3, text
    assert Path(file).name in text


@pytest.mark.parametrize("file", ["scores.parquet", "members.parquet"])
def test_a_parquet_file_that_names_a_column_twice_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], file: str
) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder = folder_of_files(tmp_path)
    text = (folder / "run.yaml").read_text()
    plain = file.replace(".parquet", ".csv")
    (folder / "run.yaml").write_text(text.replace(plain, file))
    frame = pd.read_csv(folder / plain)
    arrays = [pa.array(frame[name]) for name in frame.columns]
    names = [*frame.columns, frame.columns[0]]
    pq.write_table(pa.Table.from_arrays([*arrays, arrays[0]], names), folder / file)
    code, told = code_and_words(folder, capsys)
    assert code == 3, told
    assert file in told


def test_a_date_under_two_names_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = folder_of_files(tmp_path)
    changed(
        folder, "scores.csv", lambda text: text.replace("A,B", "observation_date,B")
    )
    code, text = code_and_words(folder, capsys)
    assert code == 3
    assert "column date stands there 2 times" in text


def test_names_that_differ_in_spaces_only_are_the_same(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"x\.csv: column a stands there 2 times"):
        refuse_doubled(tmp_path / "x.csv", ["a", "b", " a "])


def test_blank_names_may_repeat(tmp_path: Path) -> None:
    refuse_doubled(tmp_path / "x.csv", ["a", "", ""])


def test_cells_are_missing_where_the_reader_says_so(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("a,b\nNA,1\n,2\n")
    assert csv_header(path) == ("a", "b")
    table = csv_table(path, dtype={"a": str}, missing=[""])
    assert table["a"].tolist()[0] == "NA"
    assert pd.isna(table["a"].iloc[1])
    assert np.array_equal(table["b"], [1, 2])
    assert csv_table(path, dtype=str)["a"].tolist() == ["NA", ""]


def test_a_folder_is_no_csv_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cannot be read as csv: .*directory"):
        csv_table(tmp_path)
