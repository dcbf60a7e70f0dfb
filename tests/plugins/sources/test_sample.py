"""The sample sets: real prices, called what they are."""

import datetime as dt

import numpy as np
import pytest
from kit.libraries import hide

from bt_run import BuildContext, ConfigError, DataError
from bt_run.data.bars import LoadRequest
from bt_run.data.data_notes import stale_opens
from bt_run_plugins.sources.sample import Sample, SampleConfig


def load(set, assets, benchmark, start="2000-01-03", end="2013-12-31", **changes):
    days = [dt.date.fromisoformat(day) for day in (start, end)]
    request = LoadRequest(
        assets=assets, benchmark=benchmark, start=days[0], end=days[1], **changes
    )
    return Sample(SampleConfig(set=set), BuildContext(costs=None)).load(request)


def test_indices_stand_in_for_funds_and_say_so():
    bars = load(
        "indices", {"SPY": "SP500", "QQQ": "NASDAQ"}, ("SPY", "SP500"), end="2018-12-31"
    )
    assert bars.assets == ("QQQ", "SPY")
    assert bars.close[-1].tolist() == pytest.approx([6635.279785, 2506.850098])
    assert "SPY is a stand-in: the S&P 500 price index, not a fund" in bars.notes
    assert any("price return only" in note for note in bars.notes)
    assert bars.tradable.all()


def test_the_index_opens_repeat_the_previous_close():
    bars = load(
        "indices", {"SPY": "SP500", "QQQ": "NASDAQ"}, ("SPY", "SP500"), end="2018-12-31"
    )
    assert stale_opens(bars) == ("SPY",)


def test_an_index_by_its_own_name_is_no_stand_in():
    notes = load("indices", {"SP500": "SP500"}, ("SP500", "SP500")).notes
    assert "SP500 is the S&P 500 price index, not a fund" in notes


def test_stocks_are_adjusted_forward_from_their_first_day():
    names = ("AAPL", "MSFT", "GOOG", "FB")
    bars = load(
        "stocks",
        {name: name for name in names},
        ("IBM", "IBM"),
        start="2000-03-01",
        end="2013-03-01",
    )
    aapl = bars.assets.index("AAPL")
    # as traded on the first day; the splits of 2000 and 2005 are no crashes
    assert bars.close[0, aapl] == pytest.approx(130.31, rel=1e-6)
    assert np.nanmin(bars.returns[:, aapl]) > -0.55
    assert any("FB starts at 2012-05-18" in note for note in bars.notes)


def test_stocks_have_no_actions_for_real_shares():
    with pytest.raises(DataError, match="this source has adj_close only"):
        load("stocks", {"AAPL": "AAPL"}, ("AAPL", "AAPL"), adjust="none")


def test_large_caps_are_closes_only_and_survivors():
    pytest.importorskip("skfolio", reason="the extra samples is not installed")
    bars = load("large_caps", {"AAPL": "AAPL", "XOM": "XOM"}, ("SP500", "SP500"))
    assert bars.fields == {"close"}
    assert any("survivorship" in note for note in bars.notes)
    assert any(
        "SP500 is a price index without dividends" in note for note in bars.notes
    )


def test_an_unknown_symbol_is_told_with_the_sets():
    with pytest.raises(
        DataError,
        match="SPY: the sample set 'indices' has no symbol 'SPY'; it has NASDAQ, SP500",
    ):
        load("indices", {"SPY": "SPY"}, ("SPY", "SPY"))


@pytest.mark.parametrize(
    ("name", "module", "file", "brings"),
    [
        ("large_caps", "skfolio", "sp500_dataset.csv.gz", "bt-run[samples]"),
        ("stocks", "bokeh_sampledata", "stocks.csv.gz", "bt-run[samples]"),
        ("indices", "arch", "sp500.csv.gz", "bt-run"),
    ],
)
def test_a_package_that_is_not_there_is_told_with_the_command(
    name, module, file, brings, monkeypatch
):
    hide(monkeypatch, module)
    with pytest.raises(ConfigError) as error:
        load(name, {"AAPL": "AAPL"}, ("SP500", "SP500"))
    assert str(error.value) == (
        f"the sample's {file} needs {module}, not installed: pip install '{brings}'"
    )


def test_a_package_without_the_file_is_told(monkeypatch, tmp_path):
    from types import SimpleNamespace

    import bt_run_plugins.sources.sample_series as sample

    monkeypatch.setattr(
        sample, "find_spec", lambda name: SimpleNamespace(origin=str(tmp_path / "x.py"))
    )
    with pytest.raises(DataError, match="the installed arch has no data/sp500"):
        load("indices", {"SPY": "SP500"}, ("SPY", "SP500"))


# -- macro series


def series(symbol, kind="macro", end=dt.date(2018, 12, 31)):
    request = LoadRequest(
        assets={}, benchmark=("X", "X"), start=dt.date(2000, 1, 3), end=end
    )
    times, values = Sample(SampleConfig(set=kind), BuildContext(costs=None)).series(
        symbol, request
    )
    return dict(
        zip(
            times.astype("datetime64[D]").astype(str).tolist(),
            values.tolist(),
            strict=True,
        )
    )


def test_a_monthly_mean_is_dated_when_its_month_is_over():
    yields = series("BAA")
    assert yields["2008-12-31"] == 8.43  # Moody's Baa in December 2008
    assert "2008-12-01" not in yields
    assert list(yields)[-1] == "2018-12-31"


def test_a_bills_rate_is_known_when_its_month_begins():
    assert (
        series("RF")["2000-01-01"] == 0.41
    )  # percent of January 2000, by the factor file


def test_a_day_without_a_value_has_none():
    oil = series("WTI")
    assert oil["2008-07-03"] == 145.31  # the peak
    assert "2008-07-04" not in oil
    assert list(series("WTI", end=dt.date(2008, 7, 3)))[-1] == "2008-07-03"


def test_a_set_of_prices_gives_its_closes_as_series():
    assert series("SP500", "indices")["2000-01-03"] == pytest.approx(1455.22, abs=0.01)


def test_what_a_set_does_not_have_is_told():
    with pytest.raises(
        DataError,
        match="the sample set 'macro' has no series 'GOLD'; it has AAA: Moody's Aaa yield",
    ):
        series("GOLD")
    with pytest.raises(
        DataError,
        match="the sample set 'indices' has no symbol 'GOLD'; it has NASDAQ, SP500",
    ):
        series("GOLD", "indices")
    with pytest.raises(
        DataError,
        match=r"the sample set .macro. has no prices to trade, only series for data\.tables",
    ):
        load("macro", {"AAA": "AAA"}, ("AAA", "AAA"))


def test_the_symbols_of_a_set_are_listed():
    assert Sample(SampleConfig(set="macro"), BuildContext(costs=None)).symbols() == (
        "AAA",
        "BAA",
        "RF",
        "WTI",
        "VIX",
    )
    assert Sample(SampleConfig(set="indices"), BuildContext(costs=None)).symbols() == (
        "NASDAQ",
        "SP500",
    )
