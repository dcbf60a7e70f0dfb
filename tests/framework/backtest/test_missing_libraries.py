"""A run whose components lack a library is refused before its data are loaded."""

from pathlib import Path

import pytest
from kit.libraries import hide
from kit.places import EXAMPLES

from bt_run import PluginError, load_config, prepare
from bt_run.cli.entry import main

TRACKER = ("clarabel", "osqp")
SAMPLES = ("bokeh_sampledata", "skfolio")
YAHOO = ("yfinance",)
STOCKS = (
    "data.source: 'sample' needs bokeh_sampledata, not installed: "
    "pip install 'bt-run[samples]'"
)
LARGE_CAPS = (
    "data.source: 'sample' needs skfolio, not installed: pip install 'bt-run[samples]'"
)
QP_TRACKER = (
    "sizer: 'qp_tracker' needs clarabel and osqp, not installed: "
    "pip install 'bt-run[tracker]'"
)
BOTH = (
    "data.source: 'sample' needs skfolio; sizer: 'qp_tracker' needs clarabel and osqp, "
    "not installed: pip install 'bt-run[samples]' 'bt-run[tracker]'"
)
FROM_YAHOO = (
    "data.source: 'yahoo' needs yfinance, not installed: pip install 'bt-run[yahoo]'"
)


@pytest.fixture
def no_data(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the loading of data be an error of another kind."""

    def load(*_: object, **__: object) -> None:
        raise AssertionError("the data were loaded")

    monkeypatch.setattr("bt_run.backtest.preparing.load_bars", load)


@pytest.mark.parametrize(
    ("example", "hidden", "text"),
    [
        ("stocks", SAMPLES, STOCKS),
        ("track_sp500", SAMPLES, LARGE_CAPS),
        ("track_sp500", TRACKER, QP_TRACKER),
        ("track_sp500", SAMPLES + TRACKER, BOTH),
        ("spy_qqq_yahoo", YAHOO, FROM_YAHOO),
    ],
)
@pytest.mark.parametrize("command", ["run", "validate"])
@pytest.mark.usefixtures("no_data")
def test_it_is_told_in_one_line_with_the_extra(
    example: str,
    hidden: tuple[str, ...],
    text: str,
    command: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    hide(monkeypatch, *hidden)
    assert main([command, str(EXAMPLES / f"{example}.yaml")]) == 2
    assert capsys.readouterr() == ("", f"bt-run: {text}\n")


def test_a_table_names_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    hide(monkeypatch, *SAMPLES)
    stocks = ["data.tables.aaa.source.set=stocks", "data.tables.aaa.symbol=AAPL"]
    config = load_config(EXAMPLES / "credit_spread.yaml", stocks)
    with pytest.raises(Exception, match=r"^data\.tables\.aaa\.source: 'sample' needs"):
        prepare(config)


@pytest.mark.parametrize("name", ["spy_qqq", "sixty_forty", "credit_spread"])
def test_what_ships_with_the_base_needs_no_extra(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hide(monkeypatch, *TRACKER, *SAMPLES, *YAHOO)
    prepare(load_config(EXAMPLES / f"{name}.yaml"))


LIBRARIES_THAT_FAIL = """\
from bt_run import Component, Config, hookimpl

@hookimpl
def bt_sizers():
    return [Component(name="odd", config=Config, build=lambda config, context: None,
                      summary="Odd", libraries=lambda config: {}["x"])]
"""


def test_a_component_that_cannot_say_what_it_needs_is_named(tmp_path: Path) -> None:
    plugin = tmp_path / "odd.py"
    plugin.write_text(LIBRARIES_THAT_FAIL)
    run = tmp_path / "run.yaml"
    text = (EXAMPLES / "spy_qqq.yaml").read_text(encoding="utf-8")
    text = text.replace("sizer: {use: inverse_volatility, lookback: 63}", "sizer: odd")
    run.write_text(f"plugins: [odd.py]\n{text}")
    with pytest.raises(
        PluginError, match=r"sizer: libraries of sizer 'odd' \(odd\.py\)"
    ):
        prepare(load_config(run))
