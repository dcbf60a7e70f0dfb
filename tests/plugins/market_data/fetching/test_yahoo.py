"""The boundary to Yahoo: the library's real reshaping over a fake transport, and shapes that it
must not have.
"""

import datetime as dt
import json
import logging
import sys
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from bt_run import DataError
from bt_run_plugins.market_data.fetching.ingestion import fetch
from bt_run_plugins.market_data.fetching.job import Outside
from bt_run_plugins.market_data.fetching.yahoo import Question, ask
from bt_run_plugins.market_data.store.frames import join_raw
from bt_run_plugins.market_data.store.manifest import Key
from bt_run_plugins.market_data.store.store import Store

yfinance = pytest.importorskip("yfinance")

NEW_YORK = ZoneInfo("America/New_York")
LAST = dt.date(2020, 1, 10)


def stamp(text):
    return int(dt.datetime.fromisoformat(text).replace(tzinfo=NEW_YORK).timestamp())


def chart(times, closes, *, kind="EQUITY", events=None, adjust=1.0, regular=()):
    """Return a chart as Yahoo's site sends it: a NaN is null there."""
    values = [None if np.isnan(close) else float(close) for close in closes]
    quote = {
        "open": values,
        "high": [v and v + 1 for v in values],
        "low": [v and v - 1 for v in values],
        "close": values,
        "volume": [v and 1000 for v in values],
    }
    meta = {
        "currency": "USD",
        "instrumentType": kind,
        "exchangeTimezoneName": "America/New_York",
        "timezone": "EST",
        "gmtoffset": -18000,
        "priceHint": 2,
        "regularMarketTime": times[-1],
        "regularMarketPrice": values[-1],
        "firstTradeDate": times[0],
        "dataGranularity": "1d",
        "validRanges": ["1d", "5d", "1mo", "max"],
        "currentTradingPeriod": {
            name: {
                "timezone": "EST",
                "start": times[-1],
                "end": times[-1] + 23400,
                "gmtoffset": -18000,
            }
            for name in ("pre", "regular", "post")
        },
    }
    if regular:
        zone = {"timezone": "EST", "gmtoffset": -18000}
        meta["tradingPeriods"] = [
            [{"start": start, "end": end} | zone] for start, end in regular
        ]
    indicators = {
        "quote": [quote],
        "adjclose": [{"adjclose": [v and v * adjust for v in values]}],
    }
    if regular:
        del indicators["adjclose"]
    result = {"meta": meta, "timestamp": times, "indicators": indicators}
    return {
        "chart": {
            "result": [result | ({"events": events} if events else {})],
            "error": None,
        }
    }


class Response:
    def __init__(self, url, status, body):
        self.url, self.status_code = url, status
        self.text = body if isinstance(body, str) else json.dumps(body)
        self.content = self.text.encode()

    def json(self):
        return json.loads(self.text)

    def raise_for_status(self):
        from curl_cffi.requests.exceptions import HTTPError

        if self.status_code >= 400:
            raise HTTPError(f"HTTP Error {self.status_code}: ", 0, self)


@pytest.fixture
def site(monkeypatch, tmp_path):
    """Put a dictionary in the place of Yahoo's site: symbol -> chart, (status, body) or an
    exception.
    """
    from yfinance.data import YfData
    from yfinance.scrapers import history

    pages, asked = {}, []

    def request(self, method, url, params=None, **_):
        if "/quoteSummary/" in url:
            return Response(
                url,
                404,
                {"quoteSummary": error("Not Found", "Quote not found")["chart"]},
            )
        if "/v8/finance/chart/" not in url:
            return Response(url, 200, "crumb")
        symbol = url.rsplit("/", 1)[1]
        asked.append((symbol, dict(params)))
        page = pages.get(
            symbol, (404, error("Not Found", "No data found, symbol may be delisted"))
        )
        if isinstance(page, Exception):
            raise page
        page = page(params) if callable(page) else page
        status, body = page if isinstance(page, tuple) else (200, page)
        return Response(url, status, body)

    monkeypatch.setattr("curl_cffi.requests.Session.request", request)
    monkeypatch.setattr(
        history.YfConfig.debug,
        "data",
        {"hide_exceptions": True, "logging": False},
        raising=False,
    )
    yfinance.set_tz_cache_location(str(tmp_path / "cache"))
    YfData.cache_get.cache_clear()
    pages["asked"] = asked
    return pages


def error(code, text):
    return {"chart": {"result": None, "error": {"code": code, "description": text}}}


def days(first, count):
    return [
        stamp(f"{day:%Y-%m-%d}T09:30") for day in pd.bdate_range(first, periods=count)
    ]


def question(*symbols, **changes):
    return Question(
        **{"symbols": symbols, "first": dt.date(2020, 1, 2), "last": LAST} | changes
    )


def test_daily_bars_come_as_symbol_frames(site):
    site["SPY"] = chart(days("2020-01-02", 7), range(100, 107), adjust=0.9)
    answer = ask(question("SPY"))
    frame = answer.frames["SPY"]
    assert list(frame) == [
        "date",
        "open",
        "high",
        "low",
        "close",
        "adj_close",
        "volume",
        "dividend",
        "split",
    ]
    assert frame["date"].dtype == "datetime64[ns]"
    assert (frame.drop(columns="date").dtypes == "float64").all()
    assert [f"{day:%m-%d}" for day in frame["date"]] == [
        "01-02",
        "01-03",
        "01-06",
        "01-07",
        "01-08",
        "01-09",
        "01-10",
    ]
    assert frame["close"].tolist() == list(range(100, 107))
    assert frame["adj_close"].iloc[0] == pytest.approx(90)
    assert not answer.troubles
    assert answer.version == yfinance.__version__


def test_the_last_day_is_asked_for_although_yahoos_end_is_excluded(site):
    site["SPY"] = chart(days("2020-01-02", 7), range(100, 107))
    ask(question("SPY"))
    params = site["asked"][-1][1]
    assert params["period1"] == stamp("2020-01-02T00:00")
    assert params["period2"] == stamp("2020-01-11T00:00")


def test_without_a_first_day_all_is_asked_for(site):
    site["SPY"] = chart(days("1993-01-29", 5), range(100, 105))
    assert len(ask(question("SPY", first=None)).frames["SPY"]) == 5
    assert site["asked"][-1][1]["period1"] < stamp("1930-01-01T00:00")


def test_dividends_splits_and_capital_gains_stand_on_their_days(site):
    times = days("2020-01-02", 5)
    site["FUND"] = chart(
        times,
        [10, 11, 12, 13, 14],
        kind="ETF",
        events={
            "dividends": {str(times[1]): {"amount": 0.25, "date": times[1]}},
            "splits": {
                str(times[3]): {
                    "date": times[3],
                    "numerator": 4,
                    "denominator": 1,
                    "splitRatio": "4:1",
                }
            },
            "capitalGains": {str(times[2]): {"amount": 0.5, "date": times[2]}},
        },
    )
    frame = ask(question("FUND")).frames["FUND"]
    assert frame["dividend"].tolist() == [0, 0.25, 0, 0, 0]
    assert frame["split"].tolist() == [0, 0, 0, 4, 0]
    assert frame["capital_gain"].tolist() == [0, 0, 0.5, 0, 0]


def test_each_symbol_has_its_own_rows_only_and_keeps_those_without_prices(site):
    site["OLD"] = chart(days("2020-01-02", 7), range(100, 107))
    site["NEW"] = chart(days("2020-01-08", 3), [5, 6, np.nan])
    frames = ask(question("OLD", "NEW")).frames
    assert len(frames["OLD"]) == 7
    assert [f"{day:%m-%d}" for day in frames["NEW"]["date"]] == [
        "01-08",
        "01-09",
        "01-10",
    ]
    assert np.isnan(frames["NEW"]["close"].iloc[2])


def test_an_unknown_symbol_is_told_and_the_others_come(site, caplog, capsys):
    site["SPY"] = chart(days("2020-01-02", 7), range(100, 107))
    answer = ask(question("SPY", "NOPE"))
    assert set(answer.frames) == {"SPY"}
    assert answer.troubles["NOPE"].kind == "unknown"
    assert "NOPE" not in answer.frames
    assert not caplog.records
    assert capsys.readouterr().err == ""


def test_an_unknown_symbol_alone_is_told(site):
    answer = ask(question("NOPE"))
    assert (dict(answer.frames), answer.troubles["NOPE"].kind) == ({}, "unknown")


def test_a_rate_limit_is_told_for_each_symbol(site):
    site["SPY"] = site["QQQ"] = (429, "Too Many Requests")
    answer = ask(question("SPY", "QQQ"))
    assert {symbol: trouble.kind for symbol, trouble in answer.troubles.items()} == {
        "SPY": "rate_limited",
        "QQQ": "rate_limited",
    }


def test_a_lost_network_is_no_delisted_symbol(site):
    from curl_cffi.requests.exceptions import ConnectionError, DNSError

    site["SPY"] = DNSError(
        "Failed to perform, curl: (6) Could not resolve host: query2.finance.yahoo.com"
    )
    site["QQQ"] = ConnectionError(
        "Failed to perform, curl: (7) Failed to connect to query2.finance.yahoo.com"
    )
    troubles = ask(question("SPY", "QQQ")).troubles
    assert [troubles[symbol].kind for symbol in ("SPY", "QQQ")] == [
        "unreachable",
        "unreachable",
    ]
    assert "Could not resolve host" in troubles["SPY"].text


def test_a_page_that_is_no_chart_is_another_trouble(site):
    site["SPY"] = (200, "<html>oops</html>")
    assert ask(question("SPY")).troubles["SPY"].kind == "other"


def test_the_librarys_settings_are_as_before(site):
    site["SPY"] = chart(days("2020-01-02", 7), range(100, 107))
    ask(question("SPY"))
    assert yfinance.config.debug.hide_exceptions is True
    assert logging.getLogger("yfinance").propagate


def test_intraday_bars_carry_their_end_in_utc_and_end_with_the_session(site):
    """2020-11-27 is an early close: 13:00 in New York, 18:00 in UTC; hourly bars start at half
    past.
    """
    opens = [
        stamp(f"2020-11-27T{clock}") for clock in ("09:30", "10:30", "11:30", "12:30")
    ]
    site["SPY"] = chart(
        opens,
        [1, 2, 3, 4],
        regular=[(stamp("2020-11-27T09:30"), stamp("2020-11-27T13:00"))],
    )
    frame = ask(
        question(
            "SPY",
            first=dt.date(2020, 11, 27),
            last=dt.date(2020, 11, 27),
            interval="1h",
        )
    ).frames["SPY"]
    assert [f"{time:%H:%M}" for time in frame["date"]] == [
        "15:30",
        "16:30",
        "17:30",
        "18:00",
    ]
    assert frame["date"].dtype == "datetime64[ns]"


def test_an_answer_that_was_bad_is_asked_for_again(site):
    site["SPY"] = (500, "oops")
    assert ask(question("SPY")).troubles["SPY"].kind == "other"
    site["SPY"] = chart(days("2020-01-02", 7), range(100, 107))
    assert len(ask(question("SPY")).frames["SPY"]) == 7


def test_a_span_that_yahoo_does_not_keep_is_told_in_its_words(site):
    text = (
        "5m data not available for startTime=1. The requested range must be within the last 60 "
        "days."
    )
    good = chart(days("2020-01-02", 1), [1])
    site["SPY"] = lambda params: (
        good if "range" in params else (422, error("Unprocessable Entity", text))
    )
    trouble = ask(question("SPY", interval="5m")).troubles["SPY"]
    assert trouble.kind == "unknown"
    assert text in trouble.text


def test_a_split_between_two_fetches_brings_all_of_it_again(site, tmp_path):
    """Through the library's real code: Yahoo halves the closes it gave before, and the store
    follows.
    """
    store = Store(tmp_path / "store")
    site["SPY"] = chart(days("2020-01-02", 20), range(100, 120))

    def get(last):
        now = dt.datetime.combine(last, dt.time(23), dt.UTC)
        return fetch(
            store,
            ["SPY"],
            (dt.date(2020, 1, 2), last),
            outside=Outside(now=lambda: now, sleep=lambda _: None),
        )

    assert get(dt.date(2020, 1, 29))[0].rows == 20
    times = days("2020-01-02", 21)
    split = {
        "splits": {
            str(times[20]): {
                "date": times[20],
                "numerator": 2,
                "denominator": 1,
                "splitRatio": "2:1",
            }
        }
    }
    site["SPY"] = chart(times, [close / 2 for close in range(100, 121)], events=split)
    (outcome,) = get(dt.date(2020, 1, 30))
    assert (
        "the close of 2020-01-02 was 100 and is 50 now, a ratio of 2; all of it was fetched again"
        in outcome.text
    )
    frame = join_raw(store, Key("yahoo", "SPY")).frame
    assert frame["close"].tolist() == [close / 2 for close in range(100, 121)]
    assert frame["split"].tolist() == [0.0] * 20 + [2.0]


# -- shapes that other versions of the library have had --------------------------------------------


def table(columns, index=None):
    index = pd.bdate_range("2020-01-02", periods=2) if index is None else index
    return pd.DataFrame(np.ones((2, len(columns))), index=index, columns=columns)


FIELDS = [
    "Adj Close",
    "Close",
    "Dividends",
    "High",
    "Low",
    "Open",
    "Stock Splits",
    "Volume",
]


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (
            table(FIELDS),
            r"returned columns such as 'Adj Close'; expected pairs of a field and a symbol",
        ),
        (
            table(pd.MultiIndex.from_product([["SPY"], FIELDS])),
            r"returned columns such as \('SPY', 'Adj Close'\); expected pairs of a field and a "
            r"symbol",
        ),
        (
            table(pd.MultiIndex.from_product([FIELDS[1:], ["SPY"]])),
            "returned for SPY the columns Close, Dividends, .*; expected Adj Close too",
        ),
        (
            table(
                pd.MultiIndex.from_product([FIELDS, ["SPY"]]), index=pd.RangeIndex(2)
            ),
            "returned an index of int64; expected dates or times",
        ),
    ],
)
def test_another_shape_is_refused(monkeypatch, found, message):
    monkeypatch.setattr(yfinance, "download", lambda *_, **__: found)
    with pytest.raises(DataError, match=message):
        ask(question("SPY"))


def test_intraday_times_without_a_zone_are_refused(monkeypatch):
    found = table(
        pd.MultiIndex.from_product([FIELDS, ["SPY"]]),
        index=pd.date_range("2020-01-02 09:30", periods=2),
    )
    monkeypatch.setattr(yfinance, "download", lambda *_, **__: found)
    with pytest.raises(
        DataError,
        match="intraday times such as 2020-01-02 09:30:00 without a time zone",
    ):
        ask(question("SPY", interval="5m"))


def test_an_interval_of_no_clock_is_refused(monkeypatch):
    index = pd.date_range("2020-01-02 09:30", periods=2, tz="America/New_York")
    found = table(pd.MultiIndex.from_product([FIELDS, ["SPY"]]), index=index)
    monkeypatch.setattr(yfinance, "download", lambda *_, **__: found)
    with pytest.raises(
        DataError, match="interval was '5xm'; expected minutes or hours"
    ):
        ask(question("SPY", interval="5xm"))


@pytest.mark.parametrize(
    "found",
    [None, pd.DataFrame(), table(pd.MultiIndex.from_product([FIELDS, ["SPY"]]))[:0]],
)
def test_nothing_at_all_is_told_when_the_library_only_logs(monkeypatch, found):
    def download(*_, **__):
        logging.getLogger("yfinance").error(
            "['SPY']: ConnectionError('Could not connect to server')"
        )
        return found

    monkeypatch.setattr(yfinance, "download", download)
    answer = ask(question("SPY", "QQQ"))
    assert answer.troubles["SPY"].kind == "unreachable"
    assert answer.troubles["QQQ"].kind == "other"


def test_nothing_at_all_without_a_reason_is_told(monkeypatch):
    monkeypatch.setattr(yfinance, "download", lambda *_, **__: None)
    assert (
        ask(question("SPY")).troubles["SPY"].text
        == "Yahoo returned no rows and no reason"
    )


def test_a_failure_of_the_whole_download_is_every_symbols(monkeypatch):
    def download(*_, **__):
        raise yfinance.exceptions.YFRateLimitError

    monkeypatch.setattr(yfinance, "download", download)
    answer = ask(question("SPY", "QQQ"))
    assert [answer.troubles[symbol].kind for symbol in ("SPY", "QQQ")] == [
        "rate_limited",
        "rate_limited",
    ]


def test_the_rest_of_the_package_does_not_import_the_library():
    import subprocess

    script = (
        "import sys, bt_run_plugins.market_data.fetching.ingestion, "
        "bt_run_plugins.market_data.store.frames; "
        "assert not {'yfinance', 'pandas', 'pyarrow', 'exchange_calendars'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
