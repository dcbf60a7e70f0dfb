"""bt-run data inspect: one screen, and YAML that runs when it is pasted."""

import pandas as pd
import pytest
from ruamel.yaml import YAML

import bt_run
from bt_run.cli.entry import main

REST = """strategy: buy_and_hold
sizer: equal_weight
schedule: week
broker: {use: simulated, fill: next_close}
"""


@pytest.fixture
def prices(tmp_path, monkeypatch):
    folder = tmp_path / "prices"
    folder.mkdir()
    monkeypatch.chdir(tmp_path)
    days = pd.bdate_range("2021-02-01", "2021-03-31")
    for place in range(10):
        frame = pd.DataFrame({"date": days, "close": 10.0 + place, "note": "x"})
        frame.to_csv(folder / f"S{place}.csv", index=False)
    return folder


def said(capsys, *words):
    code = main(["data", "inspect", *words])
    told = capsys.readouterr()
    return code, told.out + told.err


def test_the_yaml_on_the_screen_runs(prices, capsys):
    code, text = said(capsys, "prices")
    assert code == 0
    assert "prices: a folder of 10 symbols, read by `csv`" in text
    assert "note    not read" in text
    assert "and 2 more" in text
    data = text[text.index("data:\n") :]
    run_file = prices.parent / "run.yaml"
    run_file.write_text(f"name: pasted\n{data}{REST}")
    result = bt_run.run(bt_run.load_config(run_file))
    assert len(result.config.data.assets) == 10


def test_what_would_read_it_is_shown_with_its_first_lines(prices, capsys):
    for path in prices.iterdir():
        path.write_text("date;close\n2021-02-01;1\n2021-02-02;2\n")
    code, text = said(capsys, "prices")
    assert code == 6
    assert 'say what stands between them, `separator: ";"`' in text
    assert "S0.csv begins with\n  date;close\n" in text
    assert '--set separator=";"' in text
    code, text = said(capsys, "prices", "--set", 'separator=";"')
    assert code == 0
    data = YAML(typ="safe").load(text[text.index("data:\n") :])
    assert data["data"]["source"]["separator"] == ";"


def test_two_readings_are_left_to_the_user(prices, capsys):
    for path in prices.iterdir():
        path.write_text("date,close\n03/02/2021,1\n04/02/2021,2\n")
    code, text = said(capsys, "prices")
    assert code == 6
    assert "they may read it differently: choose the one that is true" in text


def test_what_no_key_reads_is_said(prices, capsys):
    for path in prices.iterdir():
        path.write_text("when,what\n1,2\n")
    code, text = said(capsys, "prices")
    assert code == 6
    assert (
        "expected close and date too; `columns` tells what the file calls them" in text
    )
    assert "no key alone" not in text  # the error has named one
    code, text = said(capsys, "prices", "--set", "columns={date: when, close: what}")
    assert code == 6


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (["none"], 3, "none: no such file or folder"),
        (["prices", "--set", "dates"], 2, "--set dates: expected KEY=VALUE"),
        (["prices", "--set", "dates={"], 2, "--set dates={: the value is not YAML"),
        (["prices", "--set", "x=1"], 2, "x: Extra inputs are not permitted; found 1"),
    ],
)
def test_what_cannot_be_asked_is_refused(prices, capsys, words, code, text):
    found = said(capsys, *words)
    assert found[0] == code
    assert text in found[1]


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (
            "2021-02-02,1\n2021-02-01,2\n2021-02-03,3\n",
            "expected rising, unique timestamps",
        ),
        ("2021-02-01,1\n2021-02-01,2\n", "stands twice"),
        ("2021-02-01,-1\n2021-02-02,2\n", "close was -1.0 at 2021-02-01"),
        ("", "has no rows"),
    ],
)
def test_what_a_run_would_refuse_is_told(prices, capsys, rows, told):
    for path in prices.iterdir():
        path.write_text(f"date,close\n{rows}")
    code, text = said(capsys, "prices")
    assert code == 6
    assert "refused: S0: " in text
    assert told in text


def test_symbols_that_yaml_reads_otherwise_are_quoted(prices, capsys):
    for place, name in enumerate(("TRUE", "007", "A,B", "NA", "BRK.B")):
        (prices / f"S{place}.csv").rename(prices / f"{name}.csv")
    for path in prices.glob("S?.csv"):
        path.unlink()
    code, text = said(capsys, "prices")
    assert code == 0
    data = YAML(typ="safe").load(text[text.index("data:\n") :])["data"]
    assert data["assets"] == ["007", "A,B", "BRK.B", "NA", "TRUE"]


@pytest.mark.parametrize("name", ["S0.csv.zip", "S0.csv.gz"])
def test_a_damaged_packed_file_is_the_files_fault(prices, capsys, name):
    (prices / "S0.csv").unlink()
    (prices / name).write_bytes(
        b"PK broken" if name.endswith("zip") else b"\x1f\x8b\x08\x00"
    )
    code, text = said(capsys, "prices")
    assert code == 6
    assert f"{name}: cannot be read as csv" in text


def test_a_parquet_folder_and_one_table_are_inspected(prices, capsys):
    table = pd.concat(
        pd.read_csv(path).assign(ticker=path.stem) for path in sorted(prices.iterdir())
    )
    table["date"] = pd.to_datetime(table["date"])
    table.to_parquet("all.parquet")
    code, text = said(capsys, "all.parquet")
    assert code == 0
    assert "all.parquet: a file of 10 symbols, read by `parquet`" in text
