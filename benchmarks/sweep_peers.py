"""Play the cells of ``benchmarks/sweep.py`` on a peer, in one process, and print its CPU seconds.

Called with the name of the peer and the folder of prices and cells. It imports only the peer.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np


def backtrader(data: Any, cells: list[list[int]]) -> float:
    """Return the CPU seconds of ``cerebro.optstrategy`` over the cells, one process."""
    import backtrader as bt
    import pandas as pd

    index = pd.DatetimeIndex(data["times"])
    first = index[int(data["start"])]

    class Trend(bt.Strategy):
        params = (("cell", (50, 200)),)

        def __init__(self) -> None:
            fast, slow = self.p.cell
            self.up = [
                bt.ind.SMA(feed.close, period=fast)
                > bt.ind.SMA(feed.close, period=slow)
                for feed in self.datas
            ]
            self.month = None

        def next(self) -> None:
            day = self.datetime.date(0)
            if day < first.date() or self.month == (day.year, day.month):
                return
            self.month = (day.year, day.month)
            for feed, up in zip(self.datas, self.up, strict=True):
                share = 0.99 / len(self.datas) if up[0] else 0.0
                self.order_target_percent(feed, share)

    cerebro = bt.Cerebro(stdstats=False, maxcpus=1, optreturn=False)
    cerebro.broker.set_coc(False)
    cerebro.broker.setcash(1e6)
    for column in range(data["close"].shape[1]):
        close = data["close"][:, column]
        names = ("open", "high", "low", "close")
        columns = dict.fromkeys(names, close) | {"volume": 0.0}
        frame = pd.DataFrame(columns, index=index)
        cerebro.adddata(bt.feeds.PandasData(dataname=frame))
    cerebro.addanalyzer(bt.analyzers.TimeReturn)
    cerebro.optstrategy(Trend, cell=[tuple(cell) for cell in cells])
    begun = time.process_time()
    found = cerebro.run()
    assert len(found) == len(cells)
    return time.process_time() - begun


def vectorbt(data: Any, cells: list[list[int]]) -> float:
    """Return the CPU seconds of a loop of ``Portfolio.from_orders`` over the cells."""
    import pandas as pd
    import vectorbt as vbt

    index = pd.DatetimeIndex(data["times"])
    close = pd.DataFrame(data["close"], index=index)
    months = index.to_period("M")
    due = np.append(True, months[1:] != months[:-1])
    due[: int(data["start"])] = False

    def play(fast: int, slow: int) -> float:
        up = close.rolling(fast).mean() > close.rolling(slow).mean()
        size = (up / close.shape[1]).where(pd.Series(due, index=index), np.nan, axis=0)
        portfolio = vbt.Portfolio.from_orders(
            close,
            size,
            size_type="targetpercent",
            group_by=True,
            cash_sharing=True,
            init_cash=1e6,
            freq="D",
        )
        returns = portfolio.returns()
        return float(returns.mean() / returns.std() * np.sqrt(252))

    play(*cells[0])  # numba compiles
    begun = time.process_time()
    for fast, slow in cells:
        play(fast, slow)
    return time.process_time() - begun


PLAYS = {"backtrader": backtrader, "vectorbt": vectorbt}


if __name__ == "__main__":
    place = Path(sys.argv[2])
    cells = json.loads((place / "cells.json").read_text())
    print(PLAYS[sys.argv[1]](np.load(place / "prices.npz"), cells))
