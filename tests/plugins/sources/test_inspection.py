"""What the file sources would read, before anything runs."""

import pytest

from bt_run import ConfigError, DataError
from bt_run_plugins.sources.inspection import inspect_prices, other_keys

PLAIN = "date,close\n2023-01-03,1\n2023-01-04,2\n2023-01-06,3\n2023-01-07,4\n"


def written(folder, **texts):
    for name, text in texts.items():
        (folder / f"{name}.csv").write_text(text)
    return folder


def test_a_folder_is_read_as_its_source_would(tmp_path):
    found = inspect_prices(written(tmp_path, AAA=PLAIN, BBB=PLAIN), {}, "XNYS")
    assert (found.kind, found.symbols) == ("csv", ("AAA", "BBB"))
    assert found.read.columns == {"date": "date", "close": "close"}
    assert found.read.rows["AAA"].close.tolist() == [1, 2, 3, 4]


def test_what_does_not_fit_the_calendar_is_counted(tmp_path):
    found = inspect_prices(written(tmp_path, AAA=PLAIN), {}, "XNYS")
    assert found.strange == (
        "AAA: 1 days are no session of XNYS: 2023-01-07",
        "AAA: 1 sessions of XNYS have no row: 2023-01-05",
    )
    (unknown,) = inspect_prices(tmp_path, {}, "XXXX").strange
    assert "XXXX" in unknown


def test_what_a_run_lacks_is_said(tmp_path):
    (opens, dividends) = inspect_prices(
        written(tmp_path, AAA=PLAIN), {}, "XNYS"
    ).missing
    assert opens.startswith("opens: AAA has none; write `broker: {fill: next_close}`")
    assert dividends.startswith("dividends: there are none")
    adjusted = "date,open,close,adj_close\n2023-01-03,1,1,1\n"
    (prices,) = inspect_prices(written(tmp_path, AAA=adjusted), {}, "XNYS").missing
    assert prices.startswith(
        "what the prices are: AAA has corporate actions or adj_close"
    )
    told = inspect_prices(tmp_path, {"prices": "as_traded"}, "XNYS")
    assert told.missing == ()


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        (
            "date,close,high,low,open,volume,adjClose,divCash,splitFactor\n"
            "2020-08-26,400,401,399,400,1,100,0,1\n",
            [{"vendor": "tiingo"}],
        ),
        (
            "date,close\n03/01/2023,1\n04/01/2023,2\n",
            [{"dates": "dayfirst"}, {"dates": "monthfirst"}],
        ),
        ("date;close\n2023-01-03;1\n", [{"separator": ";"}]),
        ("date,close\n1672704000,1\n", [{"dates": "epoch_s"}]),
        (
            '"Date","Price","Open","High","Low","Vol.","Change %"\n'
            '"13/01/2023","1,002.50","1,000.50","1,003.00","999.50","1.20M","0.10%"\n',
            [{"vendor": "investing"}],
        ),
        ("x,y\n1,2\n", []),
    ],
)
def test_keys_that_would_read_a_file_are_found(tmp_path, text, keys):
    path = written(tmp_path, AAA=text)
    with pytest.raises(DataError):
        inspect_prices(path, {}, "XNYS")
    assert other_keys(path, {}, "XNYS") == keys


def test_keys_that_are_given_are_kept(tmp_path):
    path = written(tmp_path, AAA="date;close\n03/01/2023;1\n")
    assert other_keys(path, {"separator": ";"}, "XNYS") == [
        {"dates": "dayfirst"},
        {"dates": "monthfirst"},
    ]


def test_what_is_no_file_of_prices_is_refused(tmp_path):
    with pytest.raises(DataError, match="no such file or folder"):
        inspect_prices(tmp_path / "none", {}, "XNYS")
    with pytest.raises(
        DataError, match="found no csv or parquet file; expected prices"
    ):
        inspect_prices(tmp_path, {}, "XNYS")
    (tmp_path / "x.txt").write_text("x")
    with pytest.raises(DataError, match="has no csv file of prices"):
        inspect_prices(tmp_path, {}, "XNYS")
    with pytest.raises(ConfigError, match=r"vendor: .*; found 'x'"):
        inspect_prices(tmp_path, {"vendor": "x"}, "XNYS")
