"""One decision is told from the signal to the fill, with the numbers of the tables."""

import pytest
from kit.places import EXAMPLES

from bt_run import load_config, run
from bt_run.cli.entry import main
from bt_run.errors import ConfigError, DataError
from bt_run.results.explanation import explain
from bt_run.results.run_folder import read_run


@pytest.fixture(scope="module")
def flagship(tmp_path_factory):
    folder = tmp_path_factory.mktemp("flagship")
    return run(load_config(EXAMPLES / "spy_qqq.yaml"), folder, reports=False).folder


@pytest.fixture(scope="module")
def stocks(tmp_path_factory):
    return run(
        load_config(EXAMPLES / "stocks.yaml"),
        tmp_path_factory.mktemp("stocks"),
        reports=False,
    ).folder


def lines_of(text, asset):
    """Return head -> rest for the lines about an asset."""
    block = text.split(f"\n{asset}\n")[1].split("\n\n")[0]
    return {line[2:32].strip(): line[32:].strip() for line in block.splitlines()}


def test_decision_is_reported_in_the_numbers_of_the_tables(flagship):
    tables = read_run(flagship)
    text = explain(tables, "2004-05-03", "SPY")
    told = lines_of(text, "SPY")
    row = tables["decisions"].set_index(["time", "asset"]).loc[("2004-05-03", "SPY")]
    assert told["strategy trend"] == f"signal {row['signal']:g}"
    assert told["sizer inverse_volatility"] == f"{row['sized']:.2%} of NAV"
    assert told["overlay volatility_target"].startswith(
        f"{row['overlay_1_volatility_target']:.2%}, 0.666 times"
    )
    assert "scale 0.665982, volatility" in told["overlay volatility_target"]
    assert told["limits"] == f"target {row['target']:.2%}, nothing cut"
    assert told["triggers"] == "none; this asset may trade: scheduled"
    assert told["weight before"] == f"{row['drifted']:.2%}"
    fills = tables["fills"]
    fill = fills[
        (fills["decided_at"] == "2004-05-03") & (fills["asset"] == "SPY")
    ].iloc[0]
    assert told["order"] == f"sell {-fill['asked']:.6g} units"
    assert told["fill 2004-05-04"].startswith(
        f"{-fill['filled']:.6g} units at {fill['price']:,.6g}, commission"
    )
    assert "QQQ" not in text


def test_order_cut_by_buying_power_says_so(flagship):
    fills = read_run(flagship)["fills"]
    cut = fills[fills["reason"] == "buying power"].iloc[0]
    assert "buying power" in explain(
        read_run(flagship), f"{cut['decided_at']:%Y-%m-%d}", str(cut["asset"])
    )


def test_decision_that_no_trigger_traded_says_so(stocks):
    told = lines_of(explain(read_run(stocks), "2008-10-10", "IBM"), "IBM")
    assert (
        told["triggers"] == "drift_bands; this asset does not trade: no trigger fired"
    )
    assert told["order"] == "none: not traded"
    assert told["overlay drawdown_guard"].startswith(
        "7.50%, 0.3 times 25.00% (drawdown 0.39"
    )


def test_asset_that_is_not_eligible_says_so(stocks):
    told = explain(read_run(stocks), "2001-01-02", "FB")
    assert "signal none" in told
    assert "not eligible" in told or "not tradable" in told


def test_limits_that_cut_are_named(tmp_path):
    config = load_config(
        EXAMPLES / "spy_qqq.yaml", ["limits.name=0.2", "data.end=2000-06-30"]
    )
    told = lines_of(
        explain(
            read_run(run(config, tmp_path, reports=False).folder), "2000-01-03", "SPY"
        ),
        "SPY",
    )
    assert told["limits"] == "target 20.00%, from 31.81%, cut by name"
    assert told["triggers"] == "none; this asset may trade: scheduled"


def test_many_assets_are_cut_to_those_that_change_most(flagship, monkeypatch):
    monkeypatch.setattr("bt_run.results.explanation.ASSETS", 1)
    assert (
        "1 of 2 assets are shown, those that change most; --asset names another"
        in explain(read_run(flagship), "2004-05-03")
    )


def test_last_decision_without_a_following_bar_is_reported(tmp_path):
    config = load_config(EXAMPLES / "spy_qqq.yaml", ["data.end=2000-02-01"])
    tables = read_run(run(config, tmp_path, reports=False).folder)
    text = explain(tables, "2000-02-01", "SPY")
    assert "no bar followed, so nothing could fill" in text
    assert "the data end before the fill" in text


def test_day_between_decisions_names_the_nearest(flagship, capsys):
    assert main(["explain", str(flagship), "--date", "2004-05-04"]) == 3
    expected = (
        "the run decided nothing on 2004-05-04; "
        "the nearest decisions are 2004-05-03 and 2004-06-01"
    )
    assert expected in capsys.readouterr().err
    with pytest.raises(DataError, match=r"the nearest decisions are 2000-01-03$"):
        explain(read_run(flagship), "1999-01-01")


def test_wrong_words_are_refused(flagship):
    tables = read_run(flagship)
    with pytest.raises(
        ConfigError,
        match=r"--asset was 'SPX'; the run's assets are QQQ, SPY \(did you mean 'SPY'\?\)",
    ):
        explain(tables, "2004-05-03", "SPX")
    with pytest.raises(ConfigError, match="--date was 'soon'; expected YEAR-MONTH-DAY"):
        explain(tables, "soon")


def test_run_without_decisions_is_refused(flagship):
    tables = read_run(flagship)
    tables["decisions"] = tables["decisions"].iloc[:0]
    with pytest.raises(DataError, match="the run has no decisions to explain"):
        explain(tables, "2004-05-03")


def test_command_prints_the_decision(flagship, capsys):
    assert main(["explain", str(flagship), "--date", "2004-05-03"]) == 0
    out = capsys.readouterr().out
    assert out.startswith(
        "spy_qqq: decision of 2004-05-03 (month); orders fill at 2004-05-04\nNAV 1,132,384.95"
    )
    assert "\nSPY\n" in out
    assert "\nQQQ\n" in out
