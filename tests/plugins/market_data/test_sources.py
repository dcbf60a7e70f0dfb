"""The sources yahoo, store and pack: the same rows reach the bars, or one clear error says what is
missing.
"""

import datetime as dt
import os
from pathlib import Path

import numpy as np
import pytest

from bt_run import DataError, LoadRequest
from bt_run.plugins import catalogue, get_plugin_manager
from bt_run_plugins.market_data.cleaning import CleanConfig
from bt_run_plugins.market_data.fetching.importing import bring
from bt_run_plugins.market_data.fetching.job import Outside
from bt_run_plugins.market_data.fetching.yahoo import Trouble, YahooAnswer
from bt_run_plugins.market_data.processing import process
from bt_run_plugins.market_data.rules.validation import ValidateConfig
from bt_run_plugins.market_data.sources import (
    PackConfig,
    PackSource,
    StoreConfig,
    StoreSource,
    YahooConfig,
    YahooSource,
)
from bt_run_plugins.market_data.store.frames import symbol_frame
from bt_run_plugins.market_data.store.manifest import Key
from bt_run_plugins.market_data.store.packs import create
from bt_run_plugins.market_data.store.records import Extent, KnownDays, RawFacts
from bt_run_plugins.market_data.store.store import Store
from bt_run_plugins.sources.files import Files, FilesConfig

NOW = dt.datetime(2020, 3, 6, 23, 0, tzinfo=dt.UTC)
FACTS = RawFacts(
    fetched_at="2020-03-07",
    prices="split_adjusted",
    whole=True,
    covers=KnownDays(),
    series=Extent(rows=46, first="2020-01-02", last="2020-03-06"),
)


def sessions(first="2020-01-02", last="2020-03-06"):
    import pandas as pd

    holidays = pd.to_datetime(["2020-01-20", "2020-02-17"])
    return pd.bdate_range(first, last).difference(holidays)


def frame(base=100.0, **columns):
    dates = sessions()
    close = base + np.arange(len(dates))
    return symbol_frame(
        {"date": dates, "close": close, "adj_close": close, "dividend": 0 * close}
        | columns
    )


def request(*names, benchmark="SPY", **changes):
    told = {
        "assets": {name: name for name in names},
        "benchmark": (benchmark, benchmark),
        "start": dt.date(2020, 2, 3),
        "end": dt.date(2020, 3, 6),
    }
    return LoadRequest(**told | changes)


class Yahoo:
    def __init__(self, **frames):
        self.frames, self.asked = frames, []

    def ask(self, question):
        self.asked.append(question)
        have = {
            symbol: self.frames[symbol]
            for symbol in question.symbols
            if symbol in self.frames
        }
        lost = {
            symbol: Trouble("unknown", "404")
            for symbol in question.symbols
            if symbol not in have
        }
        return YahooAnswer(have, lost, "1.7.0")

    def source(self, folder):
        outside = Outside(ask=self.ask, now=lambda: NOW, sleep=lambda seconds: None)
        return YahooSource(YahooConfig(store=folder), outside)


def filled(folder, frames, source="import", prices="split_adjusted"):
    store = Store(folder)
    with store.writing() as writer:
        for symbol, table in frames.items():
            writer.add_raw(
                Key(source, symbol), table, FACTS.model_copy(update={"prices": prices})
            )
    process(
        store,
        [Key(source, symbol) for symbol in frames],
        CleanConfig(),
        ValidateConfig(),
    )
    return store


def test_the_sources_can_be_named_in_a_file():
    offers = catalogue(get_plugin_manager()).offers["source"]
    assert {"yahoo", "store", "pack"} <= offers.keys()


# -- yahoo -----------------------------------------------------------------------------------------


def test_yahoo_fetches_what_is_missing_once_and_then_reads_the_store(tmp_path):
    yahoo = Yahoo(SPY=frame(), QQQ=frame(50.0))
    bars = yahoo.source(tmp_path).load(request("SPY", "qqq"))
    again = yahoo.source(tmp_path).load(request("SPY", "qqq"))
    assert [(question.symbols, question.first) for question in yahoo.asked] == [
        (("QQQ", "SPY"), None)
    ]
    assert bars.assets == ("SPY", "qqq")
    np.testing.assert_array_equal(
        bars.traded.close[:, 1], 50.0 + np.arange(len(sessions()))
    )
    assert bars.fingerprint == again.fingerprint
    assert "prices by Yahoo, fetched 2020-03-06, for personal use" in bars.notes


def test_yahoo_fetches_from_the_day_on_that_the_run_needs(tmp_path):
    yahoo = Yahoo(SPY=frame())
    yahoo.source(tmp_path).load(request("SPY", history_from=dt.date(2020, 1, 2)))
    assert yahoo.asked[0].first == dt.date(2020, 1, 2)


def test_yahoo_offline_reads_the_store_or_says_how_to_fill_it(tmp_path):
    yahoo = Yahoo(SPY=frame())
    source = yahoo.source(tmp_path)
    with pytest.raises(
        DataError,
        match=r"has not all prices of QQQ, SPY from 1900-01-01 to 2020-03-06, and the network is "
        r"not to be used; "
        r"fetch them with `bt-run data fetch QQQ SPY --start 1900-01-01 --end 2020-03-06 --store "
        rf"{tmp_path}`",
    ):
        source.load(request("SPY", "QQQ", offline=True))
    assert yahoo.asked == []
    source.load(request("SPY"))
    assert len(source.load(request("SPY", offline=True))) == len(sessions())
    assert len(yahoo.asked) == 1


def test_yahoo_says_which_symbols_it_does_not_have(tmp_path):
    source = Yahoo(SPY=frame()).source(tmp_path)
    with pytest.raises(
        DataError,
        match="Yahoo gave no prices of 1 symbols: NOPE: Yahoo knows no such symbol",
    ):
        source.load(request("SPY", "NOPE"))
    assert source.symbols() == ("SPY",)


def test_yahoo_tells_of_errors_that_validation_found(tmp_path):
    wrong = frame()
    wrong.loc[10:, "adj_close"] *= 2
    bars = Yahoo(SPY=wrong).source(tmp_path).load(request("SPY"))
    (note,) = [note for note in bars.notes if "severity" in note]
    assert note.startswith(
        "findings of severity error when the prices were validated: SPY ("
    )


def test_yahoo_cleans_again_what_was_cleaned_otherwise(tmp_path):
    source = Yahoo(SPY=frame(), QQQ=frame()).source(tmp_path)
    source.load(request("SPY"))
    store = Store(tmp_path)
    process(
        store,
        [Key("yahoo", "SPY")],
        CleanConfig(steps=("cut_before",)),
        ValidateConfig(profile="strict"),
    )
    source.load(request("SPY"))
    assert store.processed(Key("yahoo", "SPY")).facts.profile == "standard"


def test_yahoo_gives_a_series_of_closes(tmp_path):
    source = Yahoo(SPY=frame()).source(tmp_path)
    times, values = source.series("SPY", request("SPY", end=dt.date(2020, 1, 6)))
    assert [str(time)[:10] for time in times] == [
        "2020-01-02",
        "2020-01-03",
        "2020-01-06",
    ]
    np.testing.assert_array_equal(values, [100, 101, 102])


# -- store -----------------------------------------------------------------------------------------


def test_the_store_gives_what_was_cleaned_and_nothing_later(tmp_path):
    store = filled(tmp_path, {"SPY": frame(), "QQQ": frame(50.0)})
    source = StoreSource(StoreConfig(store=tmp_path))
    bars = source.load(request("SPY", "QQQ"))
    assert source.symbols() == ("QQQ", "SPY")
    with store.writing() as writer:
        writer.add_raw(Key("import", "QQQ"), frame(1.0), FACTS)
    later = source.load(request("SPY", "QQQ"))
    assert later.fingerprint == bars.fingerprint
    assert (
        "prices of QQQ came after the rest was cleaned and are not used" in later.notes
    )
    assert len(source.series("QQQ", request("SPY"))[1]) == len(sessions())


@pytest.mark.parametrize(
    ("source", "how"),
    [
        ("import", "clean them with `bt-run data clean RAW --source import --store "),
        ("mine", "bring them with `bt-run data import PATH --source mine --store "),
        ("yahoo", "fetch them with `bt-run data fetch RAW --start DAY --store "),
    ],
)
def test_the_store_says_what_it_lacks_and_how_to_make_it(tmp_path, source, how):
    store = filled(tmp_path, {"SPY": frame()})
    filled(tmp_path, {"SPY": frame()}, source="mine")
    filled(tmp_path, {"SPY": frame()}, source="yahoo")
    with store.writing() as writer:
        writer.add_raw(Key("import", "RAW"), frame(), FACTS)
    with pytest.raises(
        DataError, match=f"no cleaned prices of RAW from {source} at 1d; {how}"
    ):
        StoreSource(StoreConfig(store=tmp_path, source=source)).load(
            request("SPY", "RAW")
        )


def test_symbols_of_two_conventions_do_not_mix(tmp_path):
    filled(tmp_path, {"SPY": frame()})
    filled(tmp_path, {"QQQ": frame()}, prices="as_traded")
    source = StoreSource(StoreConfig(store=tmp_path))
    with pytest.raises(
        DataError,
        match="QQQ is as_traded and SPY is split_adjusted; expected one convention",
    ):
        source.load(request("SPY", "QQQ"))
    assert source.load(request("SPY")).assets == ("SPY",)


def test_long_lists_are_cut(tmp_path):
    names = [f"S{i:02d}" for i in range(13)]
    with pytest.raises(DataError, match=r"S00, S01, .*, S09 and 4 more from import"):
        StoreSource(StoreConfig(store=tmp_path)).load(request(*names))


@pytest.mark.skipif("BT_RUN_SHARED_DATA" not in os.environ, reason="needs real prices")
def test_real_stocks_from_the_store_are_those_from_the_file(tmp_path):
    path = Path(os.environ["BT_RUN_SHARED_DATA"]) / "us_stocks_1999_2012.parquet"
    names = ("AAPL", "KO", "XOM")
    bring(Store(tmp_path), str(path), names, prices="as_traded")
    process(Store(tmp_path), Store(tmp_path).keys(), CleanConfig(), ValidateConfig())
    asked = request(
        *names,
        benchmark="KO",
        start=dt.date(2001, 1, 2),
        end=dt.date(2012, 12, 31),
        adjust="none",
    )
    bars = StoreSource(StoreConfig(store=tmp_path)).load(asked)
    expected = Files(FilesConfig(path=path, prices="as_traded"), "parquet").load(asked)
    assert bars.fingerprint == expected.fingerprint


# -- pack ------------------------------------------------------------------------------------------


@pytest.fixture
def packed(tmp_path):
    store = filled(tmp_path, {"SPY": frame(), "QQQ": frame(50.0)})
    pack, _ = create(store, store.keys(), dt.date(2020, 3, 6))
    return tmp_path, pack


def test_a_pack_gives_what_the_store_gave(packed):
    folder, pack = packed
    source = PackSource(PackConfig(id=pack.id, store=folder))
    bars = source.load(request("SPY", "QQQ"))
    assert (
        bars.fingerprint
        == StoreSource(StoreConfig(store=folder))
        .load(request("SPY", "QQQ"))
        .fingerprint
    )
    assert f"prices from the pack {pack.id}, frozen as of 2020-03-06" in bars.notes
    assert source.symbols() == ("QQQ", "SPY")
    assert source.series("QQQ", request("SPY"))[1][0] == 50


def test_a_stale_pack_is_refused_unless_it_may_be_that_old(packed):
    folder, pack = packed
    later = request("SPY", end=dt.date(2020, 3, 13))
    with pytest.raises(
        DataError,
        match=f"pack {pack.id} is stale: it is as of 2020-03-06, 7 days before .* expected at "
        "most 0",
    ):
        PackSource(PackConfig(id=pack.id, store=folder)).load(later)
    with pytest.raises(
        DataError, match="7 days before the run's end 2020-03-13; expected at most 6"
    ):
        PackSource(PackConfig(id=pack.id, store=folder, max_age_days=6)).load(later)
    assert len(
        PackSource(PackConfig(id=pack.id, store=folder, max_age_days=7)).load(later)
    ) == len(sessions())


def test_a_pack_without_the_symbol_or_that_was_altered_is_refused(packed):
    folder, pack = packed
    source = PackSource(PackConfig(id=pack.id, store=folder))
    with pytest.raises(DataError, match=f"pack {pack.id} has no IWM; it has QQQ, SPY"):
        source.load(request("SPY", "IWM"))
    (pack.folder / "symbol=SPY.parquet").write_bytes(b"other")
    with pytest.raises(DataError, match="the file of SPY was altered"):
        source.load(request("SPY"))
    with pytest.raises(DataError, match="no pack 'other'"):
        PackSource(PackConfig(id="other", store=folder)).symbols()
