"""Rebalance to equal weights on one engine, in one process, and print seconds and memory as JSON.

Called by ``benchmarks/engine.py`` with the name of an engine, a file of prices and the bars at
which to rebalance. It imports only the engine that it measures, so that peers may live in an
environment of their own.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

CASH, FEE = 1e7, 0.0001


def peak() -> float:
    """Return the peak memory of this process in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def made_bars(data: Any) -> Any:
    """Return the bars of the prices."""
    from bt_run.data.bars import Bars, Prices

    prices = Prices(
        *(data[name] for name in ("open", "high", "low", "close", "volume"))
    )
    shape = prices.close.shape
    return Bars(
        times=data["times"],
        assets=tuple(f"A{i:04d}" for i in range(shape[1])),
        adjusted=prices,
        traded=prices,
        present=np.ones(shape, dtype=bool),
        dividends=np.zeros(shape) if shape[0] < 20_000 else np.broadcast_to(0.0, shape),
        splits=np.ones(shape) if shape[0] < 20_000 else np.broadcast_to(1.0, shape),
        last_session=np.full(shape[1], np.datetime64("NaT", "D")),
        benchmark=prices.close[:, 0],
        start=0,
    )


def bt_run(data: Any, due: Any, tables: bool = False) -> Callable[[], float]:
    """Pipeline, ledger and both baselines, from bars in memory; with ``tables`` those of fills,
    positions and decisions too.
    """
    import pandas  # noqa: F401 - part of the import baseline

    from bt_run.account.market import Market
    from bt_run.backtest.baselines import (
        BaselineRules,
        benchmark_nav,
        constant_mix,
        equal_weight,
        mean_weights,
    )
    from bt_run.component import BuildContext
    from bt_run.decision.pipeline import Pipeline, Stage
    from bt_run.decision.signals import VectorisedSignal
    from bt_run.engine.panel import PanelRun, run_panel
    from bt_run.results.ledger import fills_table
    from bt_run.terms import Limits
    from bt_run_plugins.brokers.simulated import SimulatedConfig, build_broker
    from bt_run_plugins.sizers.equal_weight import EqualWeight, EqualWeightConfig

    bars = made_bars(data)
    config = SimulatedConfig(cash=CASH, commission={"bps": FEE * 1e4})
    broker, limits = build_broker(config, BuildContext(costs=None)), Limits()
    sizer = EqualWeight(EqualWeightConfig(), BuildContext(costs=broker.costs))
    signal = VectorisedSignal("hold", lambda b: np.ones(b.close.shape))
    rules = BaselineRules(due=due, limits=limits)

    def play() -> float:
        flow = Pipeline(
            strategy=Stage("strategy", "hold", signal.member),
            sizer=Stage("sizer", "equal", sizer.target_weights),
            vectorised=(signal,),
        )
        market = Market(bars, broker, 1.0, False)
        ledger = run_panel(PanelRun(market, flow.on(bars), due))
        equal_weight(market, rules)
        constant_mix(market, rules, mean_weights(ledger))
        benchmark_nav(market)
        if tables:
            fills_table(bars, ledger.fills)
            ledger.positions_table()
            ledger.decisions_table()
        return float(ledger.nav[-1])

    return play


def bt_run_tables(data: Any, due: Any) -> Callable[[], float]:
    """As ``bt_run``, with the tables that a run keeps."""
    return bt_run(data, due, tables=True)


def bt_run_files(data: Any, due: Any) -> Callable[[], float]:
    """From a folder of parquet files to a result: every check, table, metric and hash of a run.

    The bars at which it rebalances are those of its own schedule, of which ``due`` shows whether
    that is every session or each month.
    """
    import tempfile

    import pandas as pd

    from bt_run import RunConfig, run

    folder = tempfile.mkdtemp()
    names = [f"A{i:04d}" for i in range(data["close"].shape[1])]
    fields = ("open", "high", "low", "close", "volume")
    for column, name in enumerate(names):
        frame = pd.DataFrame({field: data[field][:, column] for field in fields})
        frame.insert(0, "date", data["times"])
        frame.to_parquet(f"{folder}/{name}.parquet", index=False)
    days = data["times"].astype("datetime64[D]")
    config = RunConfig.model_validate(
        {
            "name": "bench",
            "data": {
                "source": {"use": "parquet", "path": folder},
                "assets": names,
                "benchmark": names[0],
                "start": str(days[0]),
                "end": str(days[-1]),
                "calendar": "24/5",
            },
            "strategy": "buy_and_hold",
            "sizer": "equal_weight",
            "schedule": "session" if due.all() else "month",
            "broker": {
                "use": "simulated",
                "cash": CASH,
                "commission": {"bps": FEE * 1e4},
            },
        }
    )

    def play() -> float:
        return float(run(config, reports=False).nav["nav"].iloc[-1])

    return play


def backtrader(data: Any, due: Any, empty: bool = False) -> Callable[[], float]:
    """Plain Backtrader with PandasData; 99 % invested, so that its cash check does not reject the
    basket.
    """
    import backtrader as bt
    import pandas as pd

    index = pd.DatetimeIndex(data["times"])
    fields = ("open", "high", "low", "close", "volume")
    frames = [
        pd.DataFrame({f: data[f][:, i] for f in fields}, index=index)
        for i in range(data["close"].shape[1])
    ]

    class Rebalance(bt.Strategy):  # type: ignore[misc]
        def next(self) -> None:
            if empty or not due[len(self) - 1]:
                return
            weight = 0.99 / len(self.datas)
            value = self.broker.getvalue()
            for d in sorted(
                self.datas,
                key=lambda d: weight * value - self.getposition(d).size * d.close[0],
            ):
                self.order_target_percent(d, weight)

    def play() -> float:
        cerebro = bt.Cerebro(stdstats=False)
        cerebro.broker.setcash(CASH)
        cerebro.broker.setcommission(commission=FEE)
        for frame in frames:
            cerebro.adddata(bt.feeds.PandasData(dataname=frame))
        cerebro.addstrategy(Rebalance)
        cerebro.run()
        return float(cerebro.broker.getvalue())

    return play


def empty_backtrader(data: Any, due: Any) -> Callable[[], float]:
    """Plain Backtrader with a strategy that does nothing: the floor of its event loop."""
    return backtrader(data, due, empty=True)


def bt(data: Any, due: Any) -> Callable[[], float]:
    """Run the package bt on closes."""
    import bt as package
    import pandas as pd

    index = pd.DatetimeIndex(data["times"])
    frame = pd.DataFrame(
        data["close"],
        index=index,
        columns=[f"A{i:04d}" for i in range(data["close"].shape[1])],
    )
    dates = index[due]

    def play() -> float:
        algos = [
            package.algos.RunOnDate(*dates),
            package.algos.SelectAll(),
            package.algos.WeighEqually(),
            package.algos.Rebalance(),
        ]
        strategy = package.Strategy("equal", algos)
        test = package.Backtest(
            strategy,
            frame,
            initial_capital=CASH,
            integer_positions=False,
            progress_bar=False,
            commissions=lambda quantity, price: abs(quantity) * price * FEE,
        )
        package.run(test)
        return float(test.strategy.values.iloc[-1])

    return play


def vectorbt(
    data: Any, due: Any, records: bool = False, engine: str | None = None
) -> Callable[[], float]:
    """Run vectorbt: from_orders with target percent, cash sharing and automatic call sequence, then
    value(); with ``records`` its orders, positions and stats too.
    """
    import pandas as pd
    import vectorbt as vbt

    close = pd.DataFrame(data["close"], index=pd.DatetimeIndex(data["times"]))
    size = np.full(close.shape, np.nan)
    size[due] = 1.0 / close.shape[1]
    how = {} if engine is None else {"engine": engine}

    def play() -> float:
        portfolio = vbt.Portfolio.from_orders(
            close,
            size,
            size_type="targetpercent",
            group_by=True,
            cash_sharing=True,
            call_seq="auto",
            fees=FEE,
            init_cash=CASH,
            freq="1D",
            **how,
        )
        if records:
            kept = (portfolio.orders, portfolio.positions)
            assert all(len(one.records_readable) for one in kept)
            portfolio.stats()
        return float(portfolio.value().iloc[-1])

    return play


def vectorbt_records(data: Any, due: Any) -> Callable[[], float]:
    """vectorbt with its records, which is what bt-run's tables hold."""
    return vectorbt(data, due, records=True)


def vectorbt_rust(data: Any, due: Any) -> Callable[[], float]:
    """vectorbt by its Rust engine, bare."""
    return vectorbt(data, due, engine="rust")


def vectorbt_rust_records(data: Any, due: Any) -> Callable[[], float]:
    """vectorbt by its Rust engine, with its records."""
    return vectorbt(data, due, records=True, engine="rust")


def numpy(data: Any, due: Any) -> Callable[[], float]:
    """Run a bare loop over rebalances: the floor of what any engine can do."""
    close = data["close"]

    def play() -> float:
        cash, shares = CASH, np.zeros(close.shape[1])
        nav = np.empty(len(close))
        for t in range(len(close)):
            nav[t] = cash + (shares * close[t]).sum()
            if due[t]:
                target = nav[t] / close.shape[1] / close[t]
                cash -= ((target - shares) * close[t]).sum() + FEE * (
                    np.abs(target - shares) * close[t]
                ).sum()
                shares = target
        return float(nav[-1])

    return play


def main() -> None:
    name, path, repeats = sys.argv[1], sys.argv[2], int(sys.argv[3])
    with np.load(path) as file:
        data = {key: file[key] for key in file.files}
    due = data.pop("due")
    before = peak()
    play = globals()[name](data, due)
    baseline = peak()
    seconds, final = [], 0.0
    for _ in range(repeats):
        begun = time.perf_counter()
        final = play()
        seconds.append(time.perf_counter() - begun)
    # the first call may compile or import; where there are several, the best of the others is the
    # warm figure
    warm = min(seconds[1:]) if repeats > 1 else seconds[0]
    print(
        json.dumps(
            {"seconds": warm, "memory": peak() - min(before, baseline), "final": final}
        )
    )


if __name__ == "__main__":
    main()
