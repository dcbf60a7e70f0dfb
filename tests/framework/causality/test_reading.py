"""The reading of a component's source: what looks as if a row knew later ones."""

import importlib.util
import sys
from pathlib import Path

import pytest
from kit.places import EXAMPLES

from bt_run import load_config
from bt_run.causality.reading import suspicions
from bt_run.checks.lookahead import check_lookahead
from bt_run.checks.words import lookahead_text

HEAD = """
import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import as_strided
from scipy.signal import filtfilt

def z_score(values):
    return (values - values.mean(axis=0)) / values.std(axis=0)

def own_z_score(window):
    return (window[-1] - window.mean(axis=0)) / window.std(axis=0)

class Mine:
    def helper(self, prices):
        return prices.max()

    def {method}(self, {argument}):
"""


@pytest.fixture
def told(tmp_path: Path):
    """Return what is told of a component whose method has the given lines."""

    def read(*lines: str, method: str = "signals", argument: str = "bars") -> list[str]:
        file = tmp_path / f"mine_{abs(hash(lines))}.py"
        body = "".join(f"        {line}\n" for line in lines)
        file.write_text(HEAD.format(method=method, argument=argument) + body)
        spec = importlib.util.spec_from_file_location(file.stem, file)
        module = importlib.util.module_from_spec(spec)
        sys.modules[file.stem] = module
        spec.loader.exec_module(module)
        return [one.why for one in suspicions({"strategy": module.Mine()})]

    return read


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        (["return pd.DataFrame(bars.close).shift(-1)"], "shift by a negative number"),
        (["return pd.DataFrame(bars.close).pct_change(periods=-5)"], "pct_change by"),
        (["return np.roll(bars.close, -1, axis=0)"], "np.roll by a negative number"),
        (["return pd.DataFrame(bars.close).rolling(9, center=True).mean()"], "center=True"),
        (["return pd.DataFrame(bars.close).bfill()"], "a gap filled from the value after it"),
        (["return pd.DataFrame(bars.close).interpolate()"], "a gap filled from"),
        (["c = np.log(bars.close)", "return c - c.mean(axis=0)"], "mean over all bars"),
        (["return bars.close > np.nanmedian(bars.close, axis=0)"], "nanmedian over all bars"),
        (["return pd.DataFrame(bars.close).rank(pct=True)"], "rank over all bars"),
        (["return z_score(bars.returns)"], "mean over all bars"),
        (["return bars.close / self.helper(bars.close)"], "max over all bars"),
        (["return bars.close / bars.close[-1]"], "the last rows of all"),
        (["return pd.DataFrame(bars.close) / pd.DataFrame(bars.close).iloc[-1]"], "the last rows"),
        (
            ["out = np.zeros(bars.close.shape)", "out[:-1] = bars.close[1:]", "return out"],
            "rows of later bars in the place of earlier ones",
        ),
        (
            [
                "out = np.zeros(bars.close.shape)",
                "for t in range(len(bars) - 1):",
                "    out[t] = bars.close[t + 1] > bars.close[t]",
                "return out",
            ],
            "an index ahead of its row",
        ),
        (["return filtfilt([1], [1], bars.close, axis=0)"], "filtfilt: a filter that runs both"),
        (["return np.cumsum(bars.returns[::-1], axis=0)[::-1]"], "rows in reverse"),
        (["return np.arange(len(bars), 0, -1) < len(bars) - bars.start"], "counts from the end"),
        (["return bars.close[:5].base"], ".base: what lies behind an array"),
        (["return as_strided(bars.close, (9, 9))"], "as_strided: reads beyond the array"),
    ],
)  # fmt: skip
def test_a_line_that_reaches_ahead_is_told(told, lines, why) -> None:
    assert any(found.startswith(why) for found in told(*lines))


@pytest.mark.parametrize(
    "lines",
    [
        ["return pd.DataFrame(bars.close).shift(1)"],
        ["c = pd.DataFrame(bars.close)", "return (c - c.rolling(9).mean()) / c.rolling(9).std()"],
        ["return pd.DataFrame(bars.close).expanding().max()"],
        ["return pd.DataFrame(bars.close).ffill().rank(axis=1)"],
        ["return bars.returns - np.nanmean(bars.returns, axis=1, keepdims=True)"],
        [
            "out = np.zeros(bars.close.shape)",
            "for t in range(60, len(bars)):",
            "    out[t] = own_z_score(bars.close[t - 59 : t + 1])",
            "return out",
        ],
        [
            "out = np.full(bars.close.shape, np.nan)",
            "out[5:] = bars.close[5:] / bars.close[:-5] - 1",
            "return out",
        ],
        ["months = bars.sessions.astype('M8[M]')", "return months == months[-1]"],
        ["return np.full(bars.close.shape, 1 / len(bars.assets))"],
    ],
)  # fmt: skip
def test_what_looks_back_is_not(told, lines) -> None:
    assert told(*lines) == []


def test_an_event_driven_component_may_use_all_that_it_sees(told) -> None:
    lines = [
        "past = pd.DataFrame(state.history.close(250))",
        "label = past.shift(-1) > past",
        "return (label.mean() > past.iloc[-1] / past.max()).to_numpy()",
    ]
    assert told(*lines, method="signal", argument="state") == []


@pytest.mark.parametrize("name", ["_bars", "_signals", "_t"])
def test_but_not_what_lies_behind_it(told, name: str) -> None:
    found = told(
        f"return state.history.{name}", method="target_weights", argument="state"
    )
    assert found == [f".{name}: a private attribute of what it is given"]


def test_built_in_components_are_not_suspected() -> None:
    for example in ("spy_qqq.yaml", "stocks.yaml"):
        config = load_config(EXAMPLES / example, ["data.end=2006-12-31"])
        assert check_lookahead(config, dates=1).suspicions == ()


def test_a_suspicion_is_no_leak_unless_the_check_is_strict(tmp_path: Path) -> None:
    plugin = tmp_path / "careful.py"
    plugin.write_text(
        "import numpy as np\nimport pandas as pd\n"
        "from bt_run import Component, Config, hookimpl\n"
        "class Careful:\n"
        "    def signals(self, bars):\n"
        "        tomorrow = pd.DataFrame(np.array(bars.close)).shift(-1)\n"
        "        today = tomorrow.shift(1)\n"
        "        return np.where(bars.tradable, today > 0, np.nan)\n"
        "@hookimpl\ndef bt_strategies():\n"
        "    return [Component(name='careful', config=Config, summary='Shift and shift back.',\n"
        "                      build=lambda config, context: Careful())]\n"
    )
    words = ["data.end=2002-12-31", f"plugins=[{plugin}]", "strategy=careful"]
    found = check_lookahead(load_config(EXAMPLES / "spy_qqq.yaml", words), dates=2)
    assert (found.verdict, found.exit_code, found.strict_exit_code) == ("clean", 0, 6)
    assert lookahead_text(found).splitlines()[-1] == (
        "suspicious: strategy: careful.py, line 6: shift by a negative number: the value of a "
        "later bar"
    )


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (
            "import gc; bars = gc.get_objects()",
            "get_objects: finds what a component is not given",
        ),
        ("import inspect; return inspect.stack()[1]", "stack: finds what"),
        ("import sys; return sys._getframe(2).f_locals", "_getframe: finds what"),
        (
            "return pd.read_parquet('scores.parquet')",
            "read_parquet: a file read while the run",
        ),
    ],
)
def test_what_knows_more_than_a_component_is_given_is_told(told, line, why):
    (found,) = told(line, method="signal", argument="state")
    assert found.startswith(why)


def test_what_is_read_while_a_component_is_built_is_not(told):
    assert not told(
        "self.table = config and pd.read_parquet('x')",
        method="__init__",
        argument="config=None",
    )
    assert not told(
        "return np.stack([state.weights])", method="signal", argument="state"
    )
