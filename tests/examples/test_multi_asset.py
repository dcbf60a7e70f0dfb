"""The multi-asset example from the store to its page, as its comment says it is done."""

import pytest
from kit.places import EXAMPLES

from bt_run import load_config, run, write_report
from bt_run.checks.lookahead import check_lookahead
from bt_run.cli.entry import main

FILE = EXAMPLES / "multi_asset.yaml"


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Import, clean and freeze the prices by the three commands."""
    pytest.importorskip("skfolio")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BT_RUN_STORE", str(tmp_path_factory.mktemp("store")))
        symbols = ["AAPL", "MSFT", "SP500"]
        assert main(["data", "import", "sample:large_caps", *symbols]) == 0
        assert main(["data", "clean"]) == 0
        assert main(["data", "pack", "create", "--as-of", "2022-12-28"]) == 0
        yield


@pytest.fixture(scope="module")
def result(store, tmp_path_factory):
    config = load_config(FILE, ["data.end=2006-12-29"])
    return run(config, tmp_path_factory.mktemp("runs"), reports=False)


def test_the_pack_of_the_commands_is_that_of_the_file(result):
    assert any("frozen as of 2022-12-28" in note for note in result.notes)
    assert len(result.fills) > 100


def test_the_page_shows_who_was_chosen_and_why_and_each_alone(result):
    beside = result.analyses["members beside"]["what"].tolist()
    assert beside == ["meta", "trend alone", "mean_reversion alone", "equal parts"]
    switches = result.analyses["member switches"]
    assert set(switches["asset"]) == {"AAPL", "MSFT", "SP500"}
    (page,) = write_report(result, "html")
    text = page.read_text(encoding="utf-8")
    for words in ("members beside", "mean_reversion alone", "member switches", "lead"):
        assert words in text


def test_no_decision_knows_its_future(store):
    config = load_config(FILE, ["data.end=2000-12-29", "analyzers=[]"])
    assert check_lookahead(config, dates=1, cuts=10).verdict == "clean"
