"""parquet files that cannot be read are the file's fault."""

from pathlib import Path

import pandas as pd
import pytest

from bt_run import DataError, parquet_table


def test_a_table_is_read_as_it_stands(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": [1, 2]})
    frame.to_parquet(tmp_path / "a.parquet")
    pd.testing.assert_frame_equal(parquet_table(tmp_path / "a.parquet"), frame)


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1" + b"x" * 40 + b"PAR1"])
def test_what_is_no_parquet_file_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.parquet"
    path.write_bytes(content)
    with pytest.raises(
        DataError, match=r"a\.parquet: cannot be read as parquet: Arrow"
    ):
        parquet_table(path)


def test_any_error_of_the_reader_is_the_files_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A byte changed in the metadata is a KeyError inside pyarrow."""

    def broken(path: Path) -> pd.DataFrame:
        raise KeyError("pandas_type")

    monkeypatch.setattr(pd, "read_parquet", broken)
    with pytest.raises(
        DataError, match="cannot be read as parquet: KeyError: 'pandas_type'"
    ):
        parquet_table(tmp_path / "a.parquet")
