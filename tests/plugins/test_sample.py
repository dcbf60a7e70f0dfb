"""The sample sets: real prices, called what they are."""

import datetime as dt

import numpy as np
import pytest

from bt_run import BuildContext, DataError
from bt_run.assemble import stale_opens
from bt_run.bars import LoadRequest
from bt_run_plugins.sample import Sample, SampleConfig


def load(set, assets, benchmark, start="2000-01-03", end="2013-12-31", **changes):
    days = [dt.date.fromisoformat(day) for day in (start, end)]
    request = LoadRequest(assets=assets, benchmark=benchmark, start=days[0], end=days[1], **changes)
    return Sample(SampleConfig(set=set), BuildContext(costs=None)).load(request)


def test_indices_stand_in_for_funds_and_say_so():
    bars = load("indices", {"SPY": "SP500", "QQQ": "NASDAQ"}, ("SPY", "SP500"), end="2018-12-31")
    assert bars.assets == ("QQQ", "SPY")
    assert bars.close[-1].tolist() == pytest.approx([6635.279785, 2506.850098])
    assert "SPY is a stand-in: the S&P 500 price index, not a fund" in bars.notes
    assert any("price return only" in note for note in bars.notes)
    assert bars.tradable.all()


def test_the_index_opens_repeat_the_previous_close():
    bars = load("indices", {"SPY": "SP500", "QQQ": "NASDAQ"}, ("SPY", "SP500"), end="2018-12-31")
    assert stale_opens(bars) == ("SPY",)


def test_an_index_by_its_own_name_is_no_stand_in():
    notes = load("indices", {"SP500": "SP500"}, ("SP500", "SP500")).notes
    assert "SP500 is the S&P 500 price index, not a fund" in notes


def test_stocks_are_adjusted_forward_from_their_first_day():
    names = ("AAPL", "MSFT", "GOOG", "FB")
    bars = load("stocks", {name: name for name in names}, ("IBM", "IBM"), start="2000-03-01", end="2013-03-01")
    aapl = bars.assets.index("AAPL")
    # as traded on the first day; the splits of 2000 and 2005 are no crashes
    assert bars.close[0, aapl] == pytest.approx(130.31, rel=1e-6)
    assert np.nanmin(bars.returns[:, aapl]) > -0.55
    assert any("FB starts at 2012-05-18" in note for note in bars.notes)


def test_stocks_have_no_actions_for_real_shares():
    with pytest.raises(DataError, match="this source has adj_close only"):
        load("stocks", {"AAPL": "AAPL"}, ("AAPL", "AAPL"), adjust="none")


def test_large_caps_are_closes_only_and_survivors():
    pytest.importorskip("skfolio", reason="the extra large_caps is not installed")
    bars = load("large_caps", {"AAPL": "AAPL", "XOM": "XOM"}, ("SP500", "SP500"))
    assert bars.fields == {"close"}
    assert any("survivorship" in note for note in bars.notes)
    assert any("SP500 is a price index without dividends" in note for note in bars.notes)


def test_an_unknown_symbol_is_told_with_the_sets():
    with pytest.raises(DataError, match="SPY: the sample set 'indices' has no symbol 'SPY'; it has NASDAQ, SP500"):
        load("indices", {"SPY": "SPY"}, ("SPY", "SPY"))


def test_a_package_that_is_not_there_is_told_with_the_command(monkeypatch):
    import bt_run_plugins.sample as sample

    monkeypatch.setattr(sample, "find_spec", lambda name: None)
    with pytest.raises(DataError, match=r"pip install 'bt-run\[large-caps\]'"):
        load("large_caps", {"AAPL": "AAPL"}, ("SP500", "SP500"))


def test_a_package_without_the_file_is_told(monkeypatch, tmp_path):
    from types import SimpleNamespace

    import bt_run_plugins.sample as sample

    monkeypatch.setattr(sample, "find_spec", lambda name: SimpleNamespace(origin=str(tmp_path / "x.py")))
    with pytest.raises(DataError, match="the installed arch has no data/sp500"):
        load("indices", {"SPY": "SP500"}, ("SPY", "SP500"))
