"""Importing: what lies in files comes into the store as it stands there."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bt_run import DataError, TableForm
from bt_run_plugins.market_data.fetching.importing import bring
from bt_run_plugins.market_data.store.frames import join_raw
from bt_run_plugins.market_data.store.manifest import Key
from bt_run_plugins.market_data.store.records import Extent
from bt_run_plugins.market_data.store.store import Store
from bt_run_plugins.sources.price_tables import FilesForm
from bt_run_plugins.sources.sample import rows_of

DATES = pd.to_datetime(["2020-01-03", "2020-01-02", "2020-01-02"])


def long_table(path, **columns):
    one = pd.DataFrame({"date": DATES, "close": [2.0, 1.0, np.nan]} | columns)
    pd.concat(
        [one.assign(ticker="A"), one.assign(ticker="B", close=[4.0, 3.0, 3.0])]
    ).to_parquet(path)
    return str(path)


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


def test_a_long_table_comes_as_it_stands(store, tmp_path):
    found = bring(store, long_table(tmp_path / "all.parquet"))
    assert [(item.key, item.rows, item.text) for item in found] == [
        (Key("import", "A"), 3, "new"),
        (Key("import", "B"), 3, "new"),
    ]
    raw = store.read(store.raw(Key("import", "A"))[0])
    np.testing.assert_array_equal(raw["close"], [2.0, 1.0, np.nan])
    assert raw["date"].tolist() == DATES.tolist()
    facts = store.raw(Key("import", "A"))[0].facts
    assert facts.origin == str(tmp_path / "all.parquet")
    assert facts.series == Extent(rows=3, first="2020-01-02", last="2020-01-03")


def test_a_folder_and_chosen_symbols_come_under_a_word_of_choice(store, tmp_path):
    for name in "AB":
        pd.DataFrame({"Date": ["2020-01-02"], "Close": [1.0]}).to_csv(
            tmp_path / f"{name}.csv", index=False
        )
    bring(store, str(tmp_path), ["B"], source="mine")
    assert store.keys() == (Key("mine", "B"),)


def test_the_same_again_adds_nothing_and_other_prices_take_its_place(store, tmp_path):
    origin = long_table(tmp_path / "all.parquet")
    bring(store, origin)
    assert {item.text for item in bring(store, origin)} == {"the store has it already"}
    assert len(store.raw(Key("import", "A"))) == 1
    other = long_table(tmp_path / "new.parquet", open=[1.0, 1.0, 1.0])
    assert (
        bring(store, other, ["A"])[0].text == f"in the place of what came from {origin}"
    )
    assert len(store.raw(Key("import", "A"))) == 2
    assert list(join_raw(store, Key("import", "A")).frame) == ["date", "open", "close"]


def test_the_same_again_heals_a_damaged_file(store, tmp_path):
    origin = long_table(tmp_path / "all.parquet")
    bring(store, origin)
    (store.folder / store.raw(Key("import", "A"))[0].file).write_bytes(b"")
    bring(store, origin)
    assert len(join_raw(store, Key("import", "A")).frame) == 2


def test_what_the_prices_are_must_be_said_with_actions(store, tmp_path):
    origin = long_table(tmp_path / "all.parquet", dividend=[0.0, 0.0, 0.1])
    with pytest.raises(
        DataError,
        match=r"A has corporate actions or adj_close, and nothing says .* `--prices as_trad",
    ):
        bring(store, origin)
    bring(store, origin, prices="as_traded")
    assert store.raw(Key("import", "A"))[0].facts.prices == "as_traded"


def test_a_sample_set_comes_with_its_prices(store):
    bring(store, "sample:indices")
    assert store.keys() == (
        Key("sample_indices", "NASDAQ"),
        Key("sample_indices", "SP500"),
    )
    (entry,) = store.raw(Key("sample_indices", "SP500"))
    assert (entry.facts.origin, entry.facts.prices) == (
        "sample:indices",
        "as_traded",
    )
    np.testing.assert_array_equal(
        store.read(entry)["close"], rows_of("indices")["SP500"].close
    )


def test_intraday_rows_have_the_interval_of_their_step(store, tmp_path):
    ends = pd.date_range("2020-01-02 14:35", periods=3, freq="5min", tz="UTC")
    for name, times in {
        "A": ends,
        "B": pd.date_range("2020-01-02 15:30", periods=3, freq="1h", tz="UTC"),
    }.items():
        pd.DataFrame({"date": times, "close": [1.0, 2.0, 3.0]}).to_parquet(
            tmp_path / f"{name}.parquet"
        )
    bring(store, str(tmp_path))
    assert [key.interval for key in store.keys()] == ["5m", "1h"]  # noqa: SIM118
    naive = tmp_path / "naive"
    naive.mkdir()
    pd.DataFrame({"date": ends.tz_localize(None), "close": [1.0, 2.0, 3.0]}).to_parquet(
        naive / "C.parquet"
    )
    (found,) = bring(
        store, str(naive), form=FilesForm(TableForm(timezone="America/New_York"))
    )
    assert found.first == "2020-01-02T19:35:00Z"


@pytest.mark.parametrize(
    ("origin", "message"),
    [
        (
            "sample:nothing",
            "the sample has no set 'nothing'; expected sample:indices or sample:stocks",
        ),
        ("nowhere", "nowhere: no such file or folder; expected one, or sample:indices"),
        (
            "empty",
            "empty: found files that end in nothing; expected parquet files or csv files",
        ),
        ("both", "both: found both kinds; expected parquet files or csv files"),
        (
            "text",
            "text: found files that end in txt; expected parquet files or csv files",
        ),
        ("odd", "A: its rows carry times of day, but are 7 seconds apart"),
        ("none.csv", "found no prices; expected files such as SPY.parquet"),
    ],
)
def test_what_cannot_be_imported_is_told(store, tmp_path, monkeypatch, origin, message):
    monkeypatch.chdir(tmp_path)
    for name, files in {
        "empty": (),
        "both": ("A.csv", "A.parquet"),
        "text": ("A.txt",),
        "odd": ("A.csv",),
    }.items():
        Path(name).mkdir()
        for file in files:
            (Path(name) / file).write_text(
                "date,close\n2020-01-02 10:00:00+00:00,1\n2020-01-02 10:00:07+00:00,1\n"
            )
    Path("none.csv").write_text("ticker,date,close\n")
    with pytest.raises(DataError, match=message):
        bring(store, origin)
    assert store.keys() == ()


def test_a_symbol_that_the_sample_lacks_is_told(store):
    with pytest.raises(
        DataError, match="sample:indices has no symbol 'SPY'; it has NASDAQ, SP500"
    ):
        bring(store, "sample:indices", ["SPY"])


@pytest.mark.skipif("BT_RUN_SHARED_DATA" not in os.environ, reason="needs real prices")
def test_real_stocks_come_with_their_actions(store):
    origin = Path(os.environ["BT_RUN_SHARED_DATA"]) / "us_stocks_1999_2012.parquet"
    bring(store, str(origin), ["AAPL", "KO"], prices="as_traded")
    table = pd.read_parquet(origin)
    for symbol in ("AAPL", "KO"):
        raw = store.read(store.raw(Key("import", symbol))[0])
        own = table[table["ticker"] == symbol]
        for name in (
            "open",
            "high",
            "low",
            "close",
            "adj_close",
            "volume",
            "dividend",
            "split",
        ):
            np.testing.assert_array_equal(raw[name], own[name].astype(float))


def test_the_word_of_what_is_fetched_is_taken(store):
    with pytest.raises(
        DataError,
        match="the source 'yahoo' is for what `bt-run data fetch` brings; choose another",
    ):
        bring(store, "sample:indices", source="yahoo")
