"""Fetching: only what is missing, with patience, batch by batch, and whole again when history was
rewritten.
"""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from bt_run import DataError
from bt_run_plugins.market_data.fetching.ingestion import fetch, missing
from bt_run_plugins.market_data.fetching.job import FetchConfig, Outside
from bt_run_plugins.market_data.fetching.yahoo import Trouble, YahooAnswer
from bt_run_plugins.market_data.store.frames import join_raw
from bt_run_plugins.market_data.store.manifest import Key
from bt_run_plugins.market_data.store.records import (
    Extent,
    KnownDays,
    RawFacts,
    Request,
)
from bt_run_plugins.market_data.store.store import Store

# a Friday evening in New York, after the close
NOW = dt.datetime(2020, 3, 6, 23, 0, tzinfo=dt.UTC)
END = dt.date(2020, 3, 6)
START = dt.date(2020, 1, 2)


def history(first="2020-01-02", last="2020-03-31", base=100.0):
    """Return a symbol's bars at Yahoo: its close rises by 1 at each weekday."""
    days = pd.bdate_range(first, last)
    close = base + np.arange(len(days), dtype=float)
    one, none = np.ones(len(days)), np.zeros(len(days))
    return pd.DataFrame(
        {
            "date": days.to_numpy().astype("datetime64[ns]"),
            "open": close,
            "high": close + 1,
            "low": close - 1,
            "close": close,
            "adj_close": close * 0.5,
            "volume": 1000 * one,
            "dividend": none,
            "split": none,
        }
    )


class Yahoo:
    """Stand for Yahoo: histories by symbol, and troubles to give first."""

    def __init__(self, **histories):
        self.histories, self.troubles, self.asked, self.slept = histories, [], [], []
        self.now, self.done = NOW, []

    def ask(self, question):
        self.asked.append(question)
        trouble = self.troubles.pop(0) if self.troubles else {}
        if isinstance(trouble, Exception):
            raise trouble
        frames, troubles = {}, {}
        for symbol in question.symbols:
            if symbol in trouble:
                troubles[symbol] = trouble[symbol]
                continue
            if symbol not in self.histories:
                troubles[symbol] = Trouble("unknown", "possibly delisted")
                continue
            all_ = self.histories[symbol]
            cut = all_[all_["date"] <= np.datetime64(question.last)]
            cut = (
                cut
                if question.first is None
                else cut[cut["date"] >= np.datetime64(question.first)]
            )
            frames[symbol] = cut.reset_index(drop=True)
        return YahooAnswer(frames, troubles, "1.7.0")

    @property
    def outside(self):
        return Outside(
            ask=self.ask,
            now=lambda: self.now,
            sleep=self.slept.append,
            done=self.done.append,
        )


def get(store, yahoo, *symbols, first=START, last=END, again=False, **config):
    return fetch(
        store, symbols, (first, last), FetchConfig(**config), yahoo.outside, again=again
    )


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


def closes(store, symbol="SPY"):
    return join_raw(store, Key("yahoo", symbol)).frame.set_index("date")["close"]


def test_all_of_a_symbol_is_fetched_the_first_time(store):
    yahoo = Yahoo(SPY=history())
    (outcome,) = get(store, yahoo, "spy")
    assert (outcome.symbol, outcome.state, outcome.rows) == ("SPY", "fetched", 47)
    assert (outcome.first, outcome.last, outcome.text) == (
        "2020-01-02",
        "2020-03-06",
        "all of it",
    )
    assert (yahoo.asked[0].first, yahoo.asked[0].last) == (START, END)
    (entry,) = store.raw(Key("yahoo", "SPY"))
    pd.testing.assert_frame_equal(store.read(entry), history(last="2020-03-06"))
    assert entry.facts == RawFacts(
        fetched_at="2020-03-06T23:00:00+00:00",
        prices="split_adjusted",
        whole=True,
        covers=KnownDays(START, dt.date(2020, 3, 8)),
        series=Extent(rows=47, first="2020-01-02", last="2020-03-06"),
        calendar="XNYS",
        request=Request(start=START, end=END, interval="1d"),
        yfinance="1.7.0",
    )
    assert yahoo.done == ["SPY"]


def test_nothing_is_asked_for_when_nothing_is_missing(store):
    yahoo = Yahoo(SPY=history())
    get(store, yahoo, "SPY")
    for last in (dt.date(2020, 2, 3), END, dt.date(2020, 3, 8), dt.date(2021, 1, 1)):
        (outcome,) = get(store, yahoo, "SPY", last=last)
        assert (outcome.state, outcome.rows, outcome.text) == (
            "up to date",
            47,
            "nothing is missing",
        )
    yahoo.now = dt.datetime(2021, 1, 1, tzinfo=dt.UTC)
    get(store, yahoo, "SPY", last=dt.date(2020, 3, 8))  # a Sunday, long ago
    assert len(yahoo.asked) == 1


def test_only_what_is_missing_and_an_overlap_is_fetched_later(store):
    yahoo = Yahoo(SPY=history())
    get(store, yahoo, "SPY")
    yahoo.now = dt.datetime(2020, 3, 12, 22, 0, tzinfo=dt.UTC)
    (outcome,) = get(store, yahoo, "SPY", last=dt.date(2020, 3, 12))
    assert (yahoo.asked[1].first, yahoo.asked[1].last) == (
        dt.date(2020, 2, 24),
        dt.date(2020, 3, 12),
    )
    assert (outcome.rows, outcome.last, outcome.text) == (
        51,
        "2020-03-12",
        "14 rows, the overlap agrees",
    )
    np.testing.assert_array_equal(closes(store), 100 + np.arange(51))
    assert len(store.raw(Key("yahoo", "SPY"))) == 2


def test_a_session_that_is_not_over_is_not_asked_for(store):
    yahoo = Yahoo(SPY=history())
    yahoo.now = dt.datetime(2020, 3, 6, 18, 0, tzinfo=dt.UTC)
    (outcome,) = get(store, yahoo, "SPY", last=dt.date(2020, 12, 31))
    assert (yahoo.asked[0].last, outcome.last) == (dt.date(2020, 3, 5), "2020-03-05")


def test_a_bar_of_an_open_session_that_came_all_the_same_is_left_out(store):
    yahoo = Yahoo(SPY=history())
    yahoo.now = dt.datetime(2020, 3, 6, 18, 0, tzinfo=dt.UTC)
    honest = yahoo.ask
    yahoo.ask = lambda question: honest(
        type(question)(**{**vars(question), "last": END})
    )
    (outcome,) = get(store, yahoo, "SPY")
    joined = join_raw(store, Key("yahoo", "SPY"))
    assert (
        outcome.rows,
        len(joined.frame),
        len(store.read(store.raw(Key("yahoo", "SPY"))[0])),
    ) == (46, 46, 47)
    assert joined.notes == (
        "the bar of 2020-03-06T00:00:00 was not over when it was fetched; it is left out",
    )


def test_an_earlier_start_fetches_all_of_it_again(store):
    yahoo = Yahoo(SPY=history(first="2019-01-01"))
    get(store, yahoo, "SPY")
    get(store, yahoo, "SPY", first=dt.date(2019, 6, 3))
    get(store, yahoo, "SPY", first=None)
    get(store, yahoo, "SPY", first=dt.date(2018, 1, 1))
    assert [question.first for question in yahoo.asked] == [
        START,
        dt.date(2019, 6, 3),
        None,
    ]
    assert closes(store).index[0] == pd.Timestamp("2019-01-01")


def test_a_later_start_never_loses_what_is_there(store):
    yahoo = Yahoo(SPY=history())
    get(store, yahoo, "SPY")
    yahoo.now = dt.datetime(2020, 3, 31, 22, 0, tzinfo=dt.UTC)
    get(store, yahoo, "SPY", first=dt.date(2020, 3, 20), last=dt.date(2020, 3, 31))
    np.testing.assert_array_equal(closes(store), 100 + np.arange(64))


@pytest.mark.parametrize("change", ["split", "correction", "tiny"])
def test_history_that_was_rewritten_is_fetched_again_as_a_whole(store, change):
    yahoo = Yahoo(SPY=history())
    get(store, yahoo, "SPY")
    now = history()
    if change == "split":
        now["close"] /= 4
    else:
        now.loc[40, "close"] *= 1.5 if change == "correction" else 1 + 1e-7
    yahoo.histories["SPY"] = now
    yahoo.now = dt.datetime(2020, 3, 9, 22, 0, tzinfo=dt.UTC)
    (outcome,) = get(store, yahoo, "SPY", last=dt.date(2020, 3, 9))
    if change == "tiny":
        assert [question.first for question in yahoo.asked[1:]] == [
            dt.date(2020, 2, 24)
        ]
        return
    day, was, ratio = (
        ("2020-02-24", 137, 4) if change == "split" else ("2020-02-27", 140, 1 / 1.5)
    )
    assert outcome.text == (
        f"Yahoo rewrote the history: the close of {day} was {was} and is {was / ratio:.6g} now, "
        f"a ratio of {ratio:.6g}; all of it was fetched again, and the old file is kept"
    )
    assert [question.first for question in yahoo.asked[1:]] == [
        dt.date(2020, 2, 24),
        START,
    ]
    np.testing.assert_array_equal(closes(store), now["close"][:48])
    old, new = store.raw(Key("yahoo", "SPY"))
    np.testing.assert_array_equal(
        store.read(old)["close"], history(last="2020-03-06")["close"]
    )
    assert new.facts.notes == (outcome.text,)


def test_history_that_vanished_is_fetched_again_as_a_whole(store):
    yahoo = Yahoo(SPY=history())
    get(store, yahoo, "SPY")
    yahoo.histories["SPY"] = history()[
        lambda table: table["date"] >= "2020-03-09"
    ].reset_index(drop=True)
    yahoo.now = dt.datetime(2020, 3, 9, 22, 0, tzinfo=dt.UTC)
    (outcome,) = get(store, yahoo, "SPY", last=dt.date(2020, 3, 9))
    assert (
        outcome.text == "no bar that is stored came again; all of it was fetched again"
    )


def test_a_dividend_since_puts_adj_close_on_one_level(store):
    yahoo = Yahoo(SPY=history())
    get(store, yahoo, "SPY")
    yahoo.histories["SPY"]["adj_close"] *= 0.98
    yahoo.now = dt.datetime(2020, 3, 9, 22, 0, tzinfo=dt.UTC)
    get(store, yahoo, "SPY", last=dt.date(2020, 3, 9))
    joined = join_raw(store, Key("yahoo", "SPY"))
    np.testing.assert_allclose(
        joined.frame["adj_close"], joined.frame["close"] * 0.5 * 0.98, rtol=1e-12
    )
    assert joined.notes == (
        "adj_close before 2020-02-24 is multiplied by 0.98, as dividends since did",
    )


def test_a_lost_file_is_healed_by_the_next_fetch(store):
    yahoo = Yahoo(SPY=history())
    get(store, yahoo, "SPY")
    (store.folder / store.raw(Key("yahoo", "SPY"))[0].file).unlink()
    yahoo.now = dt.datetime(2020, 3, 9, 22, 0, tzinfo=dt.UTC)
    (outcome,) = get(store, yahoo, "SPY", last=dt.date(2020, 3, 9))
    assert outcome.text.startswith(
        "all of it was fetched again, because what was stored is lost"
    )
    assert len(closes(store)) == 48


def test_all_of_it_comes_again_when_asked_for(store):
    yahoo = Yahoo(SPY=history())
    get(store, yahoo, "SPY")
    get(store, yahoo, "SPY", again=True, first=dt.date(2020, 2, 3))
    assert [question.first for question in yahoo.asked] == [START, START]


def test_days_that_have_no_close_yet_are_asked_for_again(store):
    late = history()
    late.loc[late["date"] == "2020-03-06", "close"] = np.nan
    yahoo = Yahoo(SPY=late)
    (outcome,) = get(store, yahoo, "SPY")
    assert (outcome.rows, outcome.last) == (46, "2020-03-05")
    assert join_raw(store, Key("yahoo", "SPY")).notes == (
        "1 rows without a close are left out: 2020-03-06",
    )
    assert len(store.read(store.raw(Key("yahoo", "SPY"))[0])) == 47
    assert missing(store, ("SPY",), (START, END), FetchConfig(), NOW) == ("SPY",)
    yahoo.histories["SPY"] = history()
    assert get(store, yahoo, "SPY")[0].last == "2020-03-06"


def test_a_symbol_that_ended_long_ago_is_not_asked_for_for_ever(store):
    yahoo = Yahoo(OLD=history(last="2020-02-03"))
    get(store, yahoo, "OLD")
    get(store, yahoo, "OLD")
    assert len(yahoo.asked) == 1


def test_a_symbol_without_any_close_has_failed(store):
    yahoo = Yahoo(SPY=history().assign(close=np.nan))
    (outcome,) = get(store, yahoo, "SPY")
    assert (outcome.state, outcome.text) == (
        "failed",
        "Yahoo has 47 rows from 2020-01-02, none with a close",
    )
    assert store.keys() == ()


# -- troubles --------------------------------------------------------------------------------------


def test_an_unknown_symbol_fails_alone_and_at_once(store):
    yahoo = Yahoo(SPY=history())
    spy, nope = get(store, yahoo, "SPY", "NOPE")
    assert (spy.state, nope.state) == ("fetched", "failed")
    assert (
        nope.text
        == "Yahoo knows no such symbol, or has no prices of it in this span: possibly delisted"
    )
    assert (yahoo.slept, len(yahoo.asked)) == ([], 1)


def test_a_symbol_that_fails_later_keeps_what_it_has(store):
    yahoo = Yahoo(SPY=history())
    get(store, yahoo, "SPY")
    yahoo.histories.clear()
    yahoo.now = dt.datetime(2020, 3, 9, 22, 0, tzinfo=dt.UTC)
    (outcome,) = get(store, yahoo, "SPY", last=dt.date(2020, 3, 9))
    assert (outcome.state, outcome.rows, outcome.last) == ("failed", 47, "2020-03-06")


def test_a_passing_trouble_is_waited_out_longer_each_time(store):
    yahoo = Yahoo(SPY=history(), QQQ=history())
    yahoo.troubles = [{"SPY": Trouble("other", "oops")}] * 3
    outcomes = get(store, yahoo, "SPY", "QQQ")
    assert [outcome.state for outcome in outcomes] == ["fetched", "fetched"]
    assert yahoo.slept == [2, 4, 8]
    assert [question.symbols for question in yahoo.asked] == [
        ("SPY", "QQQ"),
        ("SPY",),
        ("SPY",),
        ("SPY",),
    ]


def test_patience_ends(store):
    yahoo = Yahoo(SPY=history())
    yahoo.troubles = [{"SPY": Trouble("other", "oops")}] * 9
    (outcome,) = get(store, yahoo, "SPY")
    assert (outcome.state, outcome.text) == (
        "failed",
        "Yahoo gave no usable answer: oops",
    )
    assert len(yahoo.asked) == 4


def test_a_rate_limit_is_waited_out_and_then_told_for_all_that_is_left(store):
    yahoo = Yahoo(A=history(), B=history(), C=history(), D=history())
    limited = Trouble("rate_limited", "Too Many Requests")
    yahoo.troubles = [{"B": limited}] * 9
    outcomes = get(store, yahoo, "A", "B", "C", "D", batch=2)
    assert yahoo.slept == [30, 60, 120]
    assert [outcome.state for outcome in outcomes] == [
        "fetched",
        "failed",
        "failed",
        "failed",
    ]
    assert outcomes[1].text == "Yahoo's rate limit is reached: Too Many Requests"
    assert outcomes[3].text == (
        "not asked for: Yahoo's rate limit is reached; what came is kept, so repeat the command "
        "in an hour"
    )
    assert store.keys() == (Key("yahoo", "A"),)


def test_a_lost_network_is_told_after_one_more_try_with_a_way_out(store):
    yahoo = Yahoo(A=history(), B=history())
    gone = Trouble("unreachable", "Could not resolve host")
    yahoo.troubles = [{}, *[{"B": gone}] * 9]
    with pytest.raises(
        DataError,
        match=r"the network is not reachable: Could not resolve host; 1 symbols were fetched "
        r"before and are kept. "
        r"Without a network, `bt-run data import sample:indices` .* `bt-run init`",
    ):
        get(store, yahoo, "A", "B", batch=1)
    assert len(yahoo.asked) == 3
    assert store.keys() == (Key("yahoo", "A"),)


def test_a_network_that_fails_for_one_symbol_fails_that_symbol(store):
    yahoo = Yahoo(A=history(), B=history())
    yahoo.troubles = [{"B": Trouble("unreachable", "timed out")}] * 9
    one, other = get(store, yahoo, "A", "B")
    assert (one.state, other.state, other.text) == (
        "fetched",
        "failed",
        "the network failed: timed out",
    )
    assert len(yahoo.asked) == 2


def test_batches_are_committed_one_by_one(store):
    yahoo = Yahoo(A=history(), B=history(), C=history())
    yahoo.troubles = [{}, RuntimeError("killed")]
    with pytest.raises(RuntimeError):
        get(store, yahoo, "A", "B", "C", batch=2)
    assert [key.symbol for key in Store(store.folder).keys()] == ["A", "B"]  # noqa: SIM118


def test_a_strange_interval_is_refused(store):
    with pytest.raises(
        DataError, match="interval was '1wk'; expected 1d, or minutes or hours"
    ):
        get(store, Yahoo(), "SPY", interval="1wk")


def test_a_window_that_has_not_begun_is_refused(store):
    with pytest.raises(
        DataError, match="no session between 2021-01-04 and 2021-02-01 is over yet"
    ):
        get(store, Yahoo(), "SPY", first=dt.date(2021, 1, 4), last=dt.date(2021, 2, 1))


def test_intraday_bars_are_kept_by_their_end(store):
    ends = pd.date_range("2020-03-06 14:35", periods=78, freq="5min")
    table = (
        history()
        .head(78)
        .iloc[np.arange(78) % 47]
        .assign(date=ends.to_numpy().astype("datetime64[ns]"))
    )
    yahoo = Yahoo(SPY=table)
    honest = yahoo.ask
    yahoo.ask = lambda question: honest(
        type(question)(**{**vars(question), "last": dt.date(2020, 3, 7)})
    )
    (outcome,) = get(store, yahoo, "SPY", interval="5m", first=dt.date(2020, 3, 6))
    assert (outcome.first, outcome.last) == (
        "2020-03-06T14:35:00Z",
        "2020-03-06T21:00:00Z",
    )
    assert store.raw(Key("yahoo", "SPY", "5m"))[0].facts.covers == (
        dt.date(2020, 3, 6),
        dt.date(2020, 3, 8),
    )
