"""The examples of the Python reference: the page shows what stands in each function.

Each stands alone, from the top of the project, and its asserts are what a reader would get.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

__all__ = ["EXAMPLES"]


def _run() -> None:
    from bt_run import load_config, run

    config = load_config("examples/sixty_forty.yaml", ["broker.cash=50000"])
    result = run(config, reports=False)

    assert result.nav["nav"].iloc[0] == 50_000
    assert set(result.fills["asset"]) == set(config.data.assets)


def _run_prices() -> None:
    import pandas as pd

    from bt_run import run_prices

    days = pd.date_range("2020-01-06", periods=4)
    prices = pd.DataFrame({"SPY": [100.0, 110.0, 121.0, 121.0]}, index=days)
    result = run_prices(
        prices,
        strategy="buy_and_hold",
        sizer="equal_weight",
        settings={"broker.fill": "next_close", "broker.cash": 1000},
    )

    # decided at the first close, filled at 110, sold never
    assert result.nav["nav"].round(6).tolist() == [1000, 1000, 1100, 1100]


def _load_config() -> None:
    from bt_run import load_config

    config = load_config("examples/spy_qqq.yaml", ["strategy.fast=20"])

    assert config.strategy.use == "trend"
    assert config.strategy.options["fast"] == 20


def _prepare() -> None:
    from bt_run import load_config, prepare

    config = load_config("examples/spy_qqq.yaml", ["data.end=2000-12-29"])
    prepared = prepare(config)
    bars = prepared.bars

    assert bars.assets == ("QQQ", "SPY")  # sorted, whatever the file's order
    assert str(bars.times[bars.start])[:10] == "2000-01-03"
    assert prepared.changed({"strategy.fast": 20}).bars is bars


def _play() -> None:
    from bt_run import load_config, play, prepare

    config = load_config("examples/spy_qqq.yaml", ["data.end=2000-12-29"])
    prepared = prepare(config)
    ledgers = {
        fast: play(prepared.changed({"strategy.fast": fast})) for fast in (20, 50)
    }

    assert [len(ledger.decisions) for ledger in ledgers.values()] == [12, 12]
    assert ledgers[20].nav[-1] != ledgers[50].nav[-1]


def _backtest_result() -> None:
    import pandas as pd

    from bt_run import run_prices

    days = pd.date_range("2020-01-06", periods=4)
    prices = pd.DataFrame({"SPY": [100.0, 110.0, 121.0, 121.0]}, index=days)
    result = run_prices(
        prices,
        strategy="buy_and_hold",
        sizer="equal_weight",
        settings={"broker.fill": "next_close", "broker.cash": 1000},
    )

    (fill,) = result.fills.itertuples()
    assert (fill.asset, fill.price, round(fill.filled, 4)) == ("SPY", 110, 9.0909)
    assert result.returns.round(6).tolist() == [0.0, 0.1, 0.0]
    assert round(result.metrics["total_return"]["run"], 6) == 0.1
    assert round(result.metrics["total_return"]["benchmark"], 6) == 0.21


def _load_result() -> None:
    from tempfile import TemporaryDirectory

    from bt_run import load_config, load_result, run

    config = load_config("examples/sixty_forty.yaml")
    with TemporaryDirectory() as runs:
        result = run(config, runs, reports=False)
        again = load_result(result.folder)

    assert again.run_id == result.run_id
    assert again.nav.equals(result.nav)
    assert again.metrics == result.metrics


def _portfolio_state() -> None:
    import numpy as np

    from bt_run.testing import MadeCosts, make_bars, make_state

    bars = make_bars({"A": [10, 11, 12], "B": [5, 6, 6]})
    state = make_state(
        bars,
        weights=[0.5, 0.25],
        nav=1000.0,
        memo={"streak": 1},
        costs=MadeCosts(slip=0.01),
    )

    assert state.cash == 250
    assert state.shares.round(4).tolist() == [41.6667, 41.6667]
    assert state.memo["streak"] == 1
    buy = np.array([1.0, 0.0])
    price = state.history.price()[-1]
    paid = state.costs.fill_price(price, buy, state.conditions)
    assert paid.round(6).tolist() == [12.12, 6.0]


def _history() -> None:
    from bt_run import History
    from bt_run.testing import make_bars

    nothing = float("nan")  # a day without a bar
    bars = make_bars({"A": [10, 11, 12], "B": [5, nothing, 6]})
    history = History(bars, 2)

    assert history.assets == ("A", "B")
    assert history.close(2)[:, 0].tolist() == [11, 12]  # oldest first
    assert history.close(2, asset_bars=True)[:, 1].tolist() == [5, 6]
    assert history.returns()[-1].round(4).tolist() == [0.0909, 0.2]
    assert f"{history.now:%Y-%m-%d}" == "2020-01-03"
    assert f"{history.clock:%H:%M}" == "16:00"  # of New York

    before = History(bars, 1)
    assert before.tradable.tolist() == [True, False]


def _component() -> None:
    from bt_run import BuildContext, Component, Config
    from bt_run.testing import make_bars

    class AboveConfig(Config):
        level: float = 10.0

    class Above:
        def __init__(self, config, context):
            self.level = config.level

        def signals(self, bars):
            return (bars.close > self.level).astype(float)

    component = Component(
        name="above",
        config=AboveConfig,
        build=Above,
        summary="hold what costs more than a level",
    )

    strategy = component.build(AboveConfig(level=11), BuildContext(costs=None))
    bars = make_bars({"A": [10, 11, 12]})
    assert strategy.signals(bars)[:, 0].tolist() == [0, 0, 1]


def _config() -> None:
    from pydantic import Field, ValidationError

    from bt_run import Config

    class MomentumConfig(Config):
        lookback: int = Field(126, ge=2, description="bars")

    assert MomentumConfig(lookback=63).lookback == 63
    try:
        MomentumConfig(lookbak=63)
    except ValidationError as error:
        unknown = error.errors()[0]["loc"]
    assert unknown == ("lookbak",)


def _proposal() -> None:
    from bt_run import Proposal
    from bt_run.testing import make_bars, make_state

    def adjust(state, weights):
        calls = state.memo.get("calls", 0) + 1
        return Proposal(weights / calls, memo={"calls": calls})

    bars = make_bars({"A": [10, 11, 12]})
    first = make_state(bars, at=1, weights=[1.0])
    answer = adjust(first, first.weights)
    second = make_state(bars, at=2, weights=[1.0], memo=answer.memo)

    assert answer.values.tolist() == [1.0]
    assert adjust(second, second.weights).values.tolist() == [0.5]


def _verdict() -> None:
    import numpy as np

    from bt_run import Verdict
    from bt_run.testing import make_bars, make_state

    def check(state, target):
        far = np.abs(target - state.weights) > 0.05
        return Verdict(bool(far.any()), names=far, reason="5 points away")

    bars = make_bars({"A": [10, 11, 12], "B": [5, 6, 6]})
    state = make_state(bars, weights=[0.5, 0.5])
    verdict = check(state, np.array([0.6, 0.48]))

    assert verdict.fire
    assert verdict.names.tolist() == [True, False]  # only A is traded


def _bars_from() -> None:
    import pandas as pd

    from bt_run import bars_from

    days = pd.date_range("2020-01-06", periods=3)
    closes = pd.DataFrame({"SPY": [100.0, 101.0, 102.0], "TLT": 50.0}, index=days)
    bars = bars_from(closes, benchmark="SPY", start="2020-01-07")

    assert bars.assets == ("SPY", "TLT")
    assert bars.close[:, 0].tolist() == [100, 101, 102]
    assert bars.start == 1  # earlier bars are warm-up


def _rows() -> None:
    import numpy as np

    from bt_run import Rows

    days = np.array(["2020-01-06", "2020-01-07", "2020-01-08"], "datetime64[ns]")
    rows = Rows(
        times=days,
        close=np.array([100.0, 51.0, 52.0]),
        split=np.array([0.0, 2.0, 0.0]),  # two new shares for one
    )

    assert rows.columns == {"times", "close", "split"}
    assert rows.has_actions
    assert rows.field("open") is None


def _load_request() -> None:
    from datetime import date

    from bt_run import LoadRequest
    from bt_run.testing import make_rows

    request = LoadRequest(
        assets={"SPY": "spy.us"},  # name in the run: symbol at the source
        benchmark=("SPY", "spy.us"),
        history_from=date(2020, 1, 2),
        start=date(2020, 1, 3),
        end=date(2020, 1, 6),
    )

    rows = make_rows([10, 11, 12, 13, 14], "2020-01-01")
    assert rows.between(request).close.tolist() == [11, 12, 13]


def _assemble_bars() -> None:
    from datetime import date

    import numpy as np

    from bt_run import LoadRequest, Rows, assemble_bars

    days = np.array(["2020-01-06", "2020-01-07", "2020-01-08"], "datetime64[ns]")
    rows = Rows(
        times=days,
        close=np.array([100.0, 51.0, 50.0]),
        split=np.array([0.0, 2.0, 0.0]),
        dividend=np.array([0.0, 0.0, 1.0]),
    )
    request = LoadRequest(
        assets={"A": "a.us"},
        benchmark=("A", "a.us"),
        start=date(2020, 1, 7),
        end=date(2020, 1, 8),
    )
    bars = assemble_bars(request, {"A": rows}, rows, prices="as_traded")

    # 2 after the split, 2 * 51 / (51 - 1) after the dividend
    assert bars.close[:, 0].round(6).tolist() == [100, 102, 102]
    assert bars.start == 1


def _store_bars() -> None:
    from pathlib import Path
    from tempfile import TemporaryDirectory

    from bt_run import map_bars, store_bars
    from bt_run.testing import make_bars

    bars = make_bars({"A": [10, 11, 12]})
    with TemporaryDirectory() as folder:
        store_bars(bars, Path(folder))
        again = map_bars(Path(folder)).fingerprint

    assert again == bars.fingerprint


def _make_bars() -> None:
    from bt_run.testing import make_bars, make_rows

    nothing = float("nan")
    bars = make_bars(
        {
            "A": [10, 11, 12],
            "B": make_rows([5, nothing, 6], open=[5, nothing, 5.5]),
        },
        start=1,
    )

    assert bars.present[:, 1].tolist() == [True, False, True]
    assert bars.open[2].tolist() == [12, 5.5]
    assert str(bars.times[0])[:10] == "2020-01-01"


def _make_state() -> None:
    from bt_run.testing import make_bars, make_state

    bars = make_bars({"A": [10, 11, 12], "B": [5, 6, 6]})

    first = make_state(bars)
    assert first.signals.tolist() == [1, 1]
    assert (first.nav, first.cash) == (1.0, 1.0)

    holding = make_state(bars, at=1, weights=[0.5, 0.5], nav=660.0, signals=[1, 0])
    assert holding.shares.tolist() == [30, 55]


def _made_costs() -> None:
    import numpy as np

    from bt_run.testing import MadeCosts, make_bars, make_state

    costs = MadeCosts(fee=0.001, slip=0.01)
    state = make_state(make_bars({"A": [10, 10], "B": [20, 20]}), costs=costs)
    price, shares = state.history.price()[-1], np.array([5.0, -5.0])

    paid = costs.fill_price(price, shares, state.conditions)
    assert paid.round(6).tolist() == [10.1, 19.8]
    assert costs.commission(shares, price).round(6).tolist() == [0.05, 0.1]


def _check() -> None:
    from bt_run.testing.conformance import check

    outcomes = check("equal_weight")

    assert not [outcome.failure for outcome in outcomes if outcome.mark == "failed"]


EXAMPLES: Mapping[str, Callable[[], None]] = MappingProxyType(
    {
        "run": _run,
        "run_prices": _run_prices,
        "load_config": _load_config,
        "prepare": _prepare,
        "play": _play,
        "BacktestResult": _backtest_result,
        "load_result": _load_result,
        "PortfolioState": _portfolio_state,
        "History": _history,
        "Component": _component,
        "Config": _config,
        "Proposal": _proposal,
        "Verdict": _verdict,
        "bars_from": _bars_from,
        "Rows": _rows,
        "LoadRequest": _load_request,
        "assemble_bars": _assemble_bars,
        "store_bars": _store_bars,
        "make_bars": _make_bars,
        "make_state": _make_state,
        "MadeCosts": _made_costs,
        "check": _check,
    }
)
