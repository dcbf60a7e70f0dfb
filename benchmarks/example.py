"""Time the flagship example by phase, beside plain Backtrader on the same feeds and the same
rebalancing.

Run by ``make bench``. Times are this machine's, now; only the ratios mean anything elsewhere.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import backtrader as bt
import pandas as pd

from bt_run import BacktestResult, load_config, run
from bt_run.backtest.preparing import prepare

EXAMPLE = Path(__file__).resolve().parent.parent / "examples" / "spy_qqq.yaml"
ROUNDS = 5


class Rebalance(bt.Strategy):  # type: ignore[misc]
    """Order the run's own target weights at the run's own decisions, the plain way."""

    params = (("targets", None),)

    def next(self) -> None:
        weights = self.p.targets.get(self.datas[0].datetime.date(0))
        if weights is not None:
            held = {data: self.broker.getvalue([data]) for data in self.datas}
            for data in sorted(self.datas, key=lambda d: weights[d._name] - held[d]):
                self.order_target_percent(data, weights[data._name])


def plain(
    frames: dict[str, pd.DataFrame], targets: dict[Any, dict[str, float]]
) -> float:
    """Return the seconds that plain Backtrader takes from prices in memory to the final value."""
    begun = time.perf_counter()
    cerebro = bt.Cerebro(stdstats=False)
    cerebro.broker.setcash(1_000_000)
    cerebro.broker.setcommission(commission=0.0001)
    for name, frame in frames.items():
        cerebro.adddata(bt.feeds.PandasData(dataname=frame), name=name)
    cerebro.addstrategy(Rebalance, targets=targets)
    cerebro.run()
    return time.perf_counter() - begun


def ours(config: Any) -> tuple[float, BacktestResult]:
    """Return the seconds of signals, decisions and both baselines, and the result."""
    result = run(config)
    return sum(
        result.timings[phase] for phase in ("signals", "decisions", "baselines")
    ), result


def whole_command() -> tuple[float, float]:
    """Return the seconds of the whole command and of starting, importing and configuring alone."""
    configure = (
        "import bt_run.cli.entry; from bt_run import load_config; "
        f"load_config({str(EXAMPLE)!r})"
    )
    with tempfile.TemporaryDirectory() as folder:
        begun = time.perf_counter()
        command = [
            sys.executable,
            "-c",
            "from bt_run.cli import main; main()",
            str(EXAMPLE),
            "-q",
            "--out",
            folder,
        ]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        total = time.perf_counter() - begun
    begun = time.perf_counter()
    subprocess.run([sys.executable, "-c", configure], check=True)
    return total, time.perf_counter() - begun


def main() -> None:
    config = load_config(EXAMPLE)
    _, result = ours(config)
    bars = prepare(config).bars
    fields = ("open", "high", "low", "close", "volume")
    naive = bars.index.tz_localize(None)[bars.start :]
    frames = {
        name: pd.DataFrame(
            {f: getattr(bars, f)[bars.start :, column] for f in fields}, index=naive
        )
        for column, name in enumerate(bars.assets)
    }
    table = result.decisions.pivot(index="time", columns="asset", values="target")
    targets = {time.date(): weights for time, weights in table.to_dict("index").items()}
    pairs = []
    for _ in range(ROUNDS):
        seconds, result = ours(config)
        pairs.append((seconds, plain(frames, targets)))
    with tempfile.TemporaryDirectory() as folder:
        result = run(config, Path(folder))

    print(
        f"{EXAMPLE.name}: {len(bars) - bars.start} sessions, {len(bars.assets)} assets, "
        f"{len(table)} decisions\n"
    )
    print(
        "one run by phase, in this process, imports of the phase included where it is the first "
        "to need them"
    )
    for phase, seconds in result.timings.items():
        print(f"  {phase:22s} {seconds:8.3f} s")
    mine, theirs = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratio = statistics.median(one / other for one, other in pairs)
    print(
        f"\nmedian of {ROUNDS}, side by side; ours with ledger, tracks and both baselines"
    )
    print(f"  signals, decisions and baselines {mine:8.3f} s")
    print(f"  plain Backtrader, no baselines   {theirs:8.3f} s")
    print(
        f"  ratio                            {ratio:8.2f}   (at most 0.33 is the aim)"
    )
    total, configured = whole_command()
    print(f"\nthe whole command                  {total:8.3f} s")
    print(
        f"  start, import and configure      {configured:8.3f} s = {configured / total:.0%}   "
        "(under 20% is the aim)"
    )


if __name__ == "__main__":
    main()
