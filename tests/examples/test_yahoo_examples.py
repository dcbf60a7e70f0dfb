"""What needs Yahoo runs on recorded answers: the examples, and the three commands of a new user."""

import pytest
from kit import recorded_yahoo as yahoo
from kit.places import EXAMPLES

from bt_run import DataError, load_config, run
from bt_run.cli.entry import main

yfinance = pytest.importorskip("yfinance")


@pytest.fixture
def asked(monkeypatch, tmp_path):
    """Put the recorded answers in Yahoo's place, and a store into a folder of the test."""
    questions = []

    def download(tickers, **options):
        questions.append(list(tickers))
        return yahoo.download(tickers, **options)

    monkeypatch.setattr(yfinance, "download", download)
    monkeypatch.setenv("BT_RUN_STORE", str(tmp_path / "store"))
    return questions


def test_the_real_etfs_are_fetched_once_and_then_read_from_the_store(asked):
    config = load_config(EXAMPLES / "spy_qqq_yahoo.yaml")
    first = run(config)
    assert asked == [["QQQ", "SPY"]]
    again = run(config, offline=True)
    assert len(asked) == 1
    assert again.run_id == first.run_id
    assert again.manifest["tables"] == first.manifest["tables"]
    assert (first.fills["filled"] != 0).sum() > 100
    assert not any("price return only" in note for note in first.notes)
    assert any(note.startswith("prices by Yahoo, fetched ") for note in first.notes)


def test_the_tracker_follows_what_was_fetched(asked):
    pytest.importorskip("skfolio")
    config = load_config(EXAMPLES / "track_spy_yahoo.yaml", ["data.end=2004-12-31"])
    result = run(config)
    assert {name for names in asked for name in names} == {*config.data.assets, "SPY"}
    assert result.metrics["tracking_error"]["run"] < 0.15


def test_the_stocks_and_the_fund_are_traded_by_two_strategies(asked):
    config = load_config(EXAMPLES / "multi_asset_yahoo.yaml", ["data.end=2003-12-31"])
    result = run(config, reports=False)
    assert asked == [["AAPL", "MSFT", "SPY"]]
    assert len(result.analyses["members beside"]) == 4


def test_without_the_network_a_run_says_what_is_missing_and_how_to_get_it(asked):
    with pytest.raises(
        DataError,
        match=r"has not all prices of QQQ, SPY .* `bt-run data fetch QQQ SPY --start",
    ):
        run(load_config(EXAMPLES / "spy_qqq_yahoo.yaml"), offline=True)
    assert asked == []


def test_offline_is_a_switch_of_the_command(asked, capsys):
    assert (
        main(["run", str(EXAMPLES / "spy_qqq_yahoo.yaml"), "--no-reports", "--offline"])
        == 3
    )
    assert "the network is not to be used" in capsys.readouterr().err
    assert main(["validate", str(EXAMPLES / "spy_qqq_yahoo.yaml"), "--offline"]) == 3


def test_the_three_commands_of_a_new_user(asked, tmp_path, monkeypatch, capsys):
    """Fetch, clean, validate; then the page, a pack, and a run that needs that very pack."""
    monkeypatch.chdir(tmp_path)
    assert (
        main(
            [
                "data",
                "fetch",
                "SPY",
                "AAPL",
                "MSFT",
                "--start",
                "1999-01-01",
                "--end",
                "2012-12-31",
            ]
        )
        == 0
    )
    out = capsys.readouterr().out
    assert "3 of 3 symbols are there" in out
    assert main(["data", "clean"]) == 0
    assert "yahoo at 1d: 3 symbols cleaned" in capsys.readouterr().out
    assert main(["data", "validate"]) == 0
    assert "yahoo at 1d, 3 symbols, profile standard: passes" in capsys.readouterr().out
    assert main(["data", "report"]) == 0
    assert (tmp_path / "data.html").stat().st_size > 10_000
    assert main(["data", "pack", "create", "--as-of", "2012-12-31"]) == 0
    (line,) = [
        line
        for line in capsys.readouterr().out.splitlines()
        if line.startswith("in a YAML file: ")
    ]
    name = line.rsplit(" ", 1)[1].rstrip("}")
    (tmp_path / "packed.yaml").write_text(
        f"""
name: packed
data:
  source: {{use: pack, id: {name}}}
  assets: [AAPL, MSFT]
  benchmark: SPY
  start: 2000-01-03
  end: 2012-12-31
strategy: buy_and_hold
sizer: equal_weight
schedule: month
"""
    )
    result = run(load_config(tmp_path / "packed.yaml"))
    assert result.manifest["config"]["data"]["source"]["id"] == name
    assert f"prices from the pack {name}, frozen as of 2012-12-31" in result.notes


def test_a_runs_file_says_what_is_to_be_fetched(asked, tmp_path, capsys):
    (tmp_path / "run.yaml").write_text(
        """
name: fetched
data:
  source: yahoo
  assets: [SPY]
  benchmark: SPY
  start: 2000-01-03
  end: 2012-12-31
  tables:
    oil: {symbol: QQQ, lag: 0}
    yields: {symbol: AAA, source: {use: sample, set: macro}, lag: 1}
strategy: buy_and_hold
sizer: equal_weight
"""
    )
    assert main(["data", "fetch", "--run", str(tmp_path / "run.yaml")]) == 0
    assert {name for names in asked for name in names} == {"SPY", "QQQ"}
    result = run(load_config(tmp_path / "run.yaml"), offline=True)
    assert len(result.nav) > 1000


def test_a_symbol_that_yahoo_does_not_know_is_reported_and_the_rest_kept(asked, capsys):
    assert (
        main(
            [
                "data",
                "fetch",
                "SPY",
                "NOSUCH",
                "--start",
                "2000-01-03",
                "--end",
                "2001-12-31",
            ]
        )
        == 3
    )
    out = capsys.readouterr().out
    assert "1 of 2 symbols are there" in out
    assert "NOSUCH" in out


def test_without_a_network_the_sample_is_offered(monkeypatch, tmp_path, capsys):
    import logging

    def download(tickers, **options):
        logging.getLogger("yfinance").error(
            f"{tickers}: ConnectionError('Could not resolve host: query1')"
        )

    monkeypatch.setattr(yfinance, "download", download)
    monkeypatch.setenv("BT_RUN_STORE", str(tmp_path / "store"))
    assert main(["data", "fetch", "SPY"]) == 3
    said = capsys.readouterr()
    assert "bt-run data import sample:indices" in said.err + said.out
