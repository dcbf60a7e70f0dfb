"""The phases of a run: what is refused before the first bar, who is told, what names a run."""

import json

import numpy as np
import pandas as pd
import pytest

from bt_run import ConfigError, DataError, PluginError, RunConfig, load_config, run
from bt_run.backtest.preparing import prepare

PLUGIN = """
import numpy as np
from bt_run import Component, Config, Nested, Proposal, hookimpl
from bt_run.component import Component as C

class Empty(Config):
    pass

class MetaConfig(Config):
    parts: list[Nested["strategy"]]

class Meta:
    def __init__(self, config, context):
        self.parts = context.children["parts"]
    def signal(self, state):
        return np.mean([part(state.child("parts", i)) for i, part in enumerate(self.parts)], axis=0)

class Score:
    gives = "score"
    def __init__(self, config, context): pass
    def signal(self, state): return np.full(len(state.weights), 7.0)

class NeedsHigh:
    needs = {"high", "low"}
    def __init__(self, config, context): pass
    def signals(self, bars): return np.ones_like(bars.close)

class Nothing:
    def __init__(self, config, context): pass

def broken(config, context): raise RuntimeError("no licence")

class NotBars:
    def __init__(self, config, context): pass
    def load(self, request): return 5

class Dies(NotBars):
    def load(self, request): raise OSError("disk gone")

class Counter:
    def __init__(self, config, context): self.count = 0
    def decided(self, decision): self.count += 1
    def table(self):
        import pandas as pd
        return "decisions_seen", pd.DataFrame({"count": [self.count]})

def offer(name, build, config=Empty):
    return Component(name=name, config=config, build=build, summary=name)

@hookimpl
def bt_strategies():
    return [offer("pile", Meta, MetaConfig), offer("score", Score), offer("needs_high", NeedsHigh),
            offer("nothing", Nothing), offer("broken", broken)]

@hookimpl
def bt_sources():
    return [offer("not_bars", NotBars), offer("dies", Dies)]

@hookimpl
def bt_analyzers():
    return [offer("counter", Counter)]

@hookimpl
def bt_brokers():
    return [offer("no_broker", lambda config, context: 3)]
"""


@pytest.fixture
def plugin(tmp_path):
    path = tmp_path / "parts.py"
    path.write_text(PLUGIN)
    return path


@pytest.fixture
def prices(tmp_path):
    folder = tmp_path / "prices"
    folder.mkdir()
    rng = np.random.default_rng(2)
    for name in ("A", "B"):
        close = 20 * np.exp(np.cumsum(rng.normal(0, 0.01, 120)))
        frame = pd.DataFrame(
            {
                "date": pd.bdate_range("2020-01-01", periods=120),
                "open": close,
                "close": close,
            }
        )
        frame.to_csv(folder / f"{name}.csv", index=False)
    return folder


def config(prices, plugin=None, **changes):
    data = {
        "source": {"use": "csv", "path": str(prices)},
        "assets": ["A", "B"],
        "benchmark": "A",
        "calendar": "24/5",
        "start": "2020-02-03",
        "end": "2020-12-31",
    } | changes.pop("data", {})
    given = {
        "name": "t",
        "data": data,
        "strategy": "buy_and_hold",
        "sizer": "equal_weight",
        "schedule": "week",
    }
    return RunConfig(plugins=[str(plugin)] if plugin else [], **(given | changes))


def test_a_run_gives_tables_and_metrics(prices):
    result = run(config(prices))
    assert result.nav.index[0] == pd.Timestamp("2020-02-03")
    assert result.nav["nav"].iloc[0] == 1_000_000
    assert result.metrics["total_return"]["run"] == pytest.approx(
        result.nav["nav"].iloc[-1] / 1e6 - 1
    )
    assert list(result.timings) == [
        "configuration",
        "data",
        "signals",
        "decisions",
        "baselines",
        "look-ahead",
        "metrics",
    ]


def test_equal_weight_of_everything_is_its_own_baseline(prices):
    result = run(config(prices))
    np.testing.assert_array_equal(result.nav["nav"], result.nav["equal_weight"])


def test_the_benchmark_is_its_return_rebased(prices):
    result = run(config(prices))
    frame = pd.read_csv(prices / "A.csv", parse_dates=["date"])
    close = frame.set_index("date")["close"]
    expected = 1_000_000 * close[result.nav.index] / close[result.nav.index[0]]
    np.testing.assert_allclose(result.nav["benchmark"], expected)


def test_constant_mix_holds_the_mean_weights(prices):
    result = run(
        config(
            prices,
            sizer="inverse_volatility",
            overlays=[{"use": "volatility_target", "annual": 0.05}],
        )
    )
    held = result.positions.pivot_table(
        index="time", columns="asset", values="value", aggfunc="sum"
    )
    first_fill = result.fills["time"].min()
    weights = (
        held.reindex(result.nav.index)
        .div(result.nav["nav"], axis=0)
        .fillna(0.0)[first_fill:]
        .mean()
    )
    from bt_run.account.account import Account
    from bt_run.account.market import Market
    from bt_run.data.schedule import scheduled

    ready = prepare(config(prices))
    account = Account(
        Market(ready.bars, ready.parts.broker, 1.0, False), ready.bars.start
    )
    for t in np.flatnonzero(scheduled(ready.bars, "week")):
        account.advance(int(t))
        account.order(weights.to_numpy())
    account.advance(len(ready.bars) - 1)
    np.testing.assert_allclose(
        result.nav["constant_mix"], account.nav[ready.bars.start :], rtol=1e-12
    )


def test_a_run_without_fills_has_a_mix_of_cash(prices):
    result = run(config(prices, strategy={"use": "trend", "fast": 5, "slow": 5000}))
    assert (result.nav["constant_mix"] == 1_000_000).all()
    assert (result.nav["nav"] == 1_000_000).all()
    assert len(result.positions) == 0


def test_a_strategy_may_hold_strategies(prices, plugin):
    parts = ["buy_and_hold", {"use": "trend", "fast": 2, "slow": 5}]
    result = run(config(prices, plugin, strategy={"use": "pile", "parts": parts}))
    assert set(result.decisions["signal"]) == {0.5, 1.0}


def test_an_analyzer_sees_every_decision(prices, plugin):
    result = run(config(prices, plugin, analyzers=["counter"]))
    seen = result.analyses["decisions_seen"]["count"].iloc[0]
    assert seen == result.decisions["time"].nunique()


def test_the_hooks_are_reported_in_order(prices, tmp_path):
    log = tmp_path / "log"
    watcher = tmp_path / "watcher.py"
    watcher.write_text(
        f"from bt_run import hookimpl\n"
        f"def note(text):\n    with open({str(log)!r}, 'a') as file:\n        file.write(text + "
        "'\\n')\n"
        "@hookimpl\ndef bt_before_run(config, bars): note(f'before {config.name} {len(bars)}')\n"
        "@hookimpl\ndef bt_decided(decision): note('decided')\n"
        "@hookimpl\ndef bt_after_run(result): note(f'after {result.run_id}')\n"
        "@hookimpl\ndef bt_run_failed(error): note(f'failed {error}')\n"
    )
    result = run(config(prices, watcher))
    lines = log.read_text().splitlines()
    decisions = result.decisions["time"].nunique()
    assert lines == ["before t 120", *["decided"] * decisions, f"after {result.run_id}"]


def test_a_failure_is_reported_and_raised_again(prices, tmp_path):
    watcher = tmp_path / "watcher.py"
    watcher.write_text(
        "from bt_run import hookimpl\n"
        "@hookimpl\ndef bt_before_run(config): raise ValueError('no')\n"
        "@hookimpl\ndef bt_run_failed(error): error.add_note('seen')\n"
    )
    with pytest.raises(
        PluginError, match="bt_before_run: failed: ValueError: no"
    ) as caught:
        run(config(prices, watcher))
    assert caught.value.__notes__ == ["seen"]


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        (
            {"sizer": None},
            ConfigError,
            "sizer: strategy 'buy_and_hold' gives signals, and nothing turns them into weights",
        ),
        (
            {"strategy": "score"},
            ConfigError,
            "'equal_weight' accepts exposure, but strategy 'score' gives score",
        ),
        (
            {"strategy": "needs_high"},
            ConfigError,
            "strategy: needs high, low, but the data have only close, open",
        ),
        (
            {"strategy": "nothing"},
            PluginError,
            r"built a Nothing without signals or signal\(\)",
        ),
        (
            {"strategy": "broken"},
            PluginError,
            r"building strategy 'broken' \(.*parts.py\): failed: RuntimeError: no licence",
        ),
        (
            {"broker": "no_broker"},
            PluginError,
            "broker 'no_broker' built a int; expected BrokerTerms",
        ),
        (
            {"data": {"source": "not_bars"}},
            PluginError,
            "source 'not_bars' returned a int; expected Bars",
        ),
        (
            {"data": {"source": "dies"}},
            PluginError,
            "source 'dies': failed: OSError: disk gone",
        ),
        ({"data": {"benchmark": "Z"}}, DataError, "has no file Z.csv"),
    ],
)
def test_what_cannot_run_is_refused_before_the_first_bar(
    prices, plugin, changes, error, message
):
    with pytest.raises(error, match=message):
        prepare(config(prices, plugin, **changes))


def test_close_only_data_cannot_fill_at_the_open(prices):
    for path in prices.iterdir():
        pd.read_csv(path).drop(columns="open").to_csv(path, index=False)
    with pytest.raises(
        ConfigError, match=r"broker.fill: was 'next_open', but the data have no opens"
    ):
        prepare(config(prices))
    run(config(prices, broker={"use": "simulated", "fill": "next_close"}))


def test_a_guard_before_a_volatility_target_is_warned_of(prices):
    guard = {"use": "drawdown_guard", "steps": [{"depth": 0.1, "exposure": 0.5}]}
    target = {"use": "volatility_target", "annual": 0.1}
    assert any(
        "volatility_target after drawdown_guard" in w
        for w in prepare(config(prices, overlays=[guard, target])).warnings
    )
    assert not prepare(config(prices, overlays=[target, guard])).warnings


def test_a_guard_that_looks_once_a_month_is_warned_of(prices):
    guard = {"use": "drawdown_guard", "steps": [{"depth": 0.1, "exposure": 0.5}]}
    warnings = prepare(config(prices, overlays=[guard], schedule="month")).warnings
    assert any("the drawdown_guard looks only then" in w for w in warnings)


def test_stale_opens_are_warned_of_when_they_are_traded(prices):
    for path in prices.iterdir():
        frame = pd.read_csv(path)
        frame["open"] = frame["close"].shift(fill_value=frame["close"].iloc[0])
        frame.to_csv(path, index=False)
    assert any(
        "the opens of A, B often repeat" in w for w in prepare(config(prices)).warnings
    )
    assert not prepare(
        config(prices, broker={"use": "simulated", "fill": "next_close"})
    ).warnings


CLASSIC = '''
import backtrader as bt
from bt_run import Component, hookimpl

class Cross(bt.Strategy):
    """Buy above the average."""
    params = (("period", 10), ("stake", 5.0))
    def __init__(self):
        self.sma = bt.indicators.SMA(self.data, period=self.p.period)
    def next(self):
        if self.data.close[0] > self.sma[0] and not self.position:
            self.buy(size=self.p.stake)
        elif self.data.close[0] < self.sma[0] and self.position:
            self.close()

@hookimpl
def bt_strategies():
    return [Component.from_backtrader(Cross, name="cross")]
'''


@pytest.fixture
def classic(tmp_path):
    path = tmp_path / "classic.py"
    path.write_text(CLASSIC)
    return path


def test_a_backtrader_strategy_runs_with_its_params_as_config(prices, classic):
    result = run(
        config(prices, classic, strategy={"use": "cross", "period": 5}, sizer=None)
    )
    assert len(result.fills) > 3
    assert len(result.decisions) == 0
    assert result.fills["filled"].abs().max() == 5
    assert result.manifest["config"]["strategy"]["period"] == 5
    held = (
        result.positions.groupby("time")["value"]
        .sum()
        .reindex(result.nav.index, fill_value=0.0)
    )
    np.testing.assert_allclose(result.nav["cash"] + held, result.nav["nav"])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"sizer": "equal_weight"},
            "sizer: strategy 'cross' is a Backtrader strategy that places its own orders",
        ),
        (
            {
                "triggers": [{"use": "drift_bands", "total": 0.1}],
                "limits": {"gross": 0.5},
            },
            "triggers, limits: strategy 'cross'",
        ),
        (
            {"data": {"adjust": "none"}},
            "data.adjust: was 'none'; Backtrader knows no dividends",
        ),
        (
            {"data": {"universe": {"file": "members.csv"}}},
            "data.universe: a Backtrader strategy sees prices only",
        ),
    ],
)
def test_classic_mode_refuses_what_it_cannot_do(prices, classic, changes, message):
    with pytest.raises(ConfigError, match=message):
        prepare(
            config(prices, classic, **({"strategy": "cross", "sizer": None} | changes))
        )


def test_a_backtrader_strategy_cannot_be_part_of_another(prices, plugin, classic):
    both = config(prices, plugin, strategy={"use": "pile", "parts": ["cross"]})
    with pytest.raises(
        ConfigError,
        match="'cross' is a Backtrader strategy; it cannot be a part of another",
    ):
        prepare(both.model_copy(update={"plugins": (plugin, classic)}))


def test_the_id_names_what_affects_the_result(prices):
    one = run(config(prices)).run_id
    assert run(config(prices, name="other", reports=["tear_sheet"])).run_id == one
    assert run(config(prices, data={"assets": ["B", "A"]})).run_id == one
    assert run(config(prices, schedule="month")).run_id != one
    assert run(config(prices, seed=1)).run_id != one
    frame = pd.read_csv(prices / "A.csv")
    frame.loc[100, "close"] += 1e-9
    frame.to_csv(prices / "A.csv", index=False)
    assert run(config(prices)).run_id != one


def test_a_run_is_written_with_its_reports(prices, tmp_path):
    result = run(config(prices, reports=["tear_sheet"]), tmp_path / "runs")
    assert result.folder == tmp_path / "runs" / "t" / result.run_id
    assert [path.name for path in result.reports] == ["tear_sheet.pdf"]
    assert (tmp_path / "runs" / "t" / "latest").resolve() == result.folder
    manifest = json.loads((result.folder / "manifest.json").read_text())
    assert manifest["config"]["sizer"] == {"use": "equal_weight", "redistribute": False}


def test_reports_may_be_left_out(prices, tmp_path):
    result = run(config(prices, reports=["tear_sheet"]), tmp_path, reports=False)
    assert result.reports == ()
    assert not (result.folder / "tear_sheet.pdf").exists()


@pytest.mark.parametrize(
    ("number", "error", "words"),
    [
        (28, DataError, r"x\.html: cannot be written: full; the run is kept, without"),
        (13, PluginError, r"report 'tear_sheet': failed: PermissionError"),
    ],
)
def test_a_report_for_which_there_is_no_room_is_named(
    prices, tmp_path, monkeypatch, number, error, words
):
    def refuse(*_):
        raise OSError(number, "full", "x.html")

    monkeypatch.setattr(
        "bt_run_plugins.reports.tear_sheet.report.TearSheet.write", refuse
    )
    with pytest.raises(error, match=words):
        run(config(prices, reports=["tear_sheet"]), tmp_path)


def test_progress_is_reported_by_phase(prices):
    told = []
    run(config(prices), progress=lambda phase, fraction: told.append((phase, fraction)))
    assert [phase for phase, fraction in told if fraction == 1.0] == [
        "configuration",
        "data",
        "signals",
        "decisions",
        "baselines",
        "look-ahead",
        "metrics",
    ]
    assert all(0.0 <= fraction <= 1.0 for _, fraction in told)


def test_the_python_way_and_the_yaml_way_are_one(prices, tmp_path):
    file = tmp_path / "t.yaml"
    file.write_text(
        f"name: t\ndata: {{source: {{use: csv, path: {prices}}}, assets: [A, B], benchmark: A, "
        "calendar: 24/5, start: 2020-02-03, end: 2020-12-31}\nstrategy: buy_and_hold\nsizer: "
        "equal_weight\nschedule: week\n"
    )
    assert run(load_config(file)).run_id == run(config(prices)).run_id


def test_an_asset_that_lacks_opens_cannot_fill_at_the_open(prices):
    path = prices / "B.csv"
    pd.read_csv(path).drop(columns="open").to_csv(path, index=False)
    with pytest.raises(ConfigError, match=r"the data have no opens; .* \(B lack it\)"):
        prepare(config(prices))


def test_costs_on_volume_need_volumes(prices):
    broker = {"use": "simulated", "slippage": {"participation": 0.1}}
    with pytest.raises(
        ConfigError,
        match=r"broker: slippage.participation needs volumes, which the data do not have",
    ):
        prepare(config(prices, broker=broker))


@pytest.mark.parametrize("value", [float("inf"), float("nan")])
def test_numbers_that_are_none_are_refused(prices, value):
    with pytest.raises(ConfigError, match="finite"):
        prepare(config(prices, broker={"use": "simulated", "cash": value}))


PROBLEMS = """
import numpy as np
from bt_run import Component, Config, Verdict, hookimpl

def offer(name, cls):
    return Component(name=name, config=Config, build=lambda config, context: cls(), summary=name)

class Texts:
    def signals(self, bars): return [["a"] * len(bars.assets)] * len(bars)
class Raises:
    def signals(self, bars): raise RuntimeError("no")
class Exits:
    def signal(self, state): raise SystemExit(4)
class Ragged:
    def target_weights(self, state): return [[1.0], [1.0, 2.0]]
class Names:
    def check(self, state, target): return Verdict(True, names=np.array([True]))
class NoTable:
    def decided(self, decision): pass
class BadTable(NoTable):
    def table(self): raise RuntimeError("no table")
class BadReport:
    def write(self, result, folder): return None
class Vandal:
    def target_weights(self, state):
        state.weights[:] = 9.0

@hookimpl
def bt_strategies(): return [offer("texts", Texts), offer("raises", Raises), offer("exits", Exits)]
@hookimpl
def bt_sizers(): return [offer("ragged", Ragged), offer("vandal", Vandal)]
@hookimpl
def bt_triggers(): return [offer("names", Names)]
@hookimpl
def bt_analyzers(): return [offer("no_table", NoTable), offer("bad_table", BadTable)]
@hookimpl
def bt_reports(): return [offer("bad_report", BadReport)]
"""


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"strategy": "texts"},
            r"strategy 'texts': signals\(bars\): failed: TypeError: expected numbers, found list",
        ),
        (
            {"strategy": "raises"},
            r"strategy 'raises': signals\(bars\): failed: RuntimeError: no",
        ),
        ({"strategy": "exits"}, r"strategy 'exits' at .*: failed: SystemExit: 4"),
        ({"sizer": "ragged"}, r"sizer 'ragged' at .*: its answer: failed: ValueError"),
        (
            {"sizer": "vandal"},
            r"sizer 'vandal' at .*: failed: ValueError: assignment destination is read-only",
        ),
        (
            {"triggers": ["names"]},
            r"triggers.0 'names' at .*: returned names of shape \(1,\) and type bool; expected "
            r"\(N,\)",
        ),
        ({"analyzers": ["no_table"]}, r"built a NoTable without table\(\)"),
        (
            {"analyzers": ["bad_table"]},
            "analyzer BadTable: failed: RuntimeError: no table",
        ),
        ({"reports": ["bad_report"]}, "report 'bad_report': failed: TypeError"),
    ],
)
def test_whatever_a_plugin_does_wrong_is_reported_as_the_plugins(
    prices, tmp_path, changes, message
):
    plugin = tmp_path / "problems.py"
    plugin.write_text(PROBLEMS)
    with pytest.raises(PluginError, match=message):
        run(config(prices, plugin, **changes), tmp_path / "runs")
