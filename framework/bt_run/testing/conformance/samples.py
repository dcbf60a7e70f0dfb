"""Made inputs on which the kit shows components: decisions, results, conditions, holdings,
requests.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from typing import Any

import numpy as np

from bt_run.arrays import Array
from bt_run.backtest.running import run
from bt_run.config.run_config import RunConfig
from bt_run.data.bars import LoadRequest
from bt_run.decision.state import Decision
from bt_run.errors import BtRunError
from bt_run.results.result import BacktestResult
from bt_run.roles import ListsSymbols, NeedsNetwork, Source
from bt_run.terms import Holdings
from bt_run.testing.conformance import made_plugin
from bt_run.testing.conformance.markets import market
from bt_run.testing.conformance.plays import kit_pipeline, play_pipeline
from bt_run.testing.conformance.subjects import Subject

__all__ = [
    "FIRST",
    "LAST",
    "MARKET",
    "MOST",
    "PRICES",
    "SHARES",
    "MadeConditions",
    "made_config",
    "made_decisions",
    "made_holdings",
    "made_result",
    "request_of",
    "symbols_of",
    "watched_table",
]


@dataclass(frozen=True)
class MadeConditions:
    """The same market for every asset of a basket of n."""

    count: int

    @property
    def volume(self) -> Array:
        return np.full(self.count, 1e6)

    def average_volume(self, n: int) -> Array:
        return np.full(self.count, 1e6)

    def volatility(self, n: int) -> Array:
        return np.full(self.count, 0.015)


SHARES = np.array([-5000.0, -100.0, -1.0, 0.0, 1.0, 100.0, 5000.0])


PRICES = np.array([0.01, 50.0, 2000.0, 50.0, 2000.0, 50.0, 0.01])


MARKET = MadeConditions(len(SHARES))


def made_holdings(scale: float = 1.0) -> Holdings:
    """Return five holdings: a long that rose, a long that fell, nothing, a short that gained, a
    long just bought.
    """
    return Holdings(
        side=np.array([1.0, 1.0, np.nan, -1.0, 1.0]),
        entry=scale * np.array([100.0, 100.0, np.nan, 50.0, 20.0]),
        best=scale * np.array([140.0, 100.0, np.nan, 40.0, 20.0]),
        bars=np.array([30.0, 4.0, np.nan, 12.0, 1.0]),
    )


def made_decisions() -> tuple[Decision, ...]:
    """Make the decisions of the kit's own plain pipeline on the calm market."""
    seen: list[Decision] = []
    play_pipeline(kit_pipeline(), market("calm"), seen.append)
    return tuple(seen)


def made_config(
    trades: bool = True, more: Mapping[str, Any] | None = None
) -> RunConfig:
    """Return the configuration of a run on the calm market with ``more`` keys; without ``trades``
    its only strategy never is eligible.
    """
    days = market("calm").sessions
    return RunConfig.model_validate(
        {
            "name": "conformance",
            "plugins": [str(made_plugin.__file__)],
            "data": {
                "source": "made_market",
                "assets": ["AAA", "BBB", "CCC"],
                "benchmark": "AAA",
                "calendar": "24/5",
                "start": str(days[60]),
                "end": str(days[-1]),
            },
            "strategy": {"use": "made_signals", "trades": trades},
            "sizer": "made_shares",
            "broker": "made_broker",
            **(more or {}),
        }
    )


@cache
def made_result(trades: bool = True) -> BacktestResult:
    """Return the result of that run."""
    return run(made_config(trades))


def watched_table(
    subject: Subject, decisions: Sequence[Decision] = ()
) -> tuple[str, Any]:
    """Show ``decisions``, or else the made ones, to a fresh analyzer and return its table."""
    analyzer = subject.build().thing
    for decision in decisions or made_decisions():
        analyzer.decided(decision)
    name, table = analyzer.table()
    return name, table


FIRST, LAST, MOST = date(1900, 1, 1), date(2100, 1, 1), 3


def symbols_of(source: Any) -> tuple[str, ...]:
    """Return up to three symbols that the source can load without the network, nothing if it has
    none.
    """
    return () if _asks_network(source) or why_nothing_loads(source) else _known(source)


def why_nothing_loads(source: Source) -> str:
    """Return why a source that needs no network loads nothing; "" where it does, or needs it."""
    if _asks_network(source):
        return ""
    try:
        known = _known(source)
        if known:
            source.load(_asking(known[:1], FIRST, LAST))
    except BtRunError as error:
        return f"nothing: {error}"
    if known:
        return ""
    return "no symbols; files can be read by `example`, in which {prices} is a folder of made ones"


def _asks_network(source: Any) -> bool:
    return isinstance(source, NeedsNetwork) and source.needs_network


def _known(source: Any) -> tuple[str, ...]:
    return tuple(source.symbols())[:MOST] if isinstance(source, ListsSymbols) else ()


def request_of(source: Any, symbols: Sequence[str]) -> LoadRequest:
    """Return a request for the middle of the time that all ``symbols`` share."""
    spans = [
        source.load(_asking((symbol,), FIRST, LAST)).sessions for symbol in symbols
    ]
    first, last = max(span[0] for span in spans), min(span[-1] for span in spans)
    shared = next(span for span in spans if span[0] == first)
    inside = shared[(shared >= first) & (shared <= last)]
    if len(inside) < 10:
        return request_of(source, symbols[:1])
    third = len(inside) // 3
    days: list[date] = [inside[place].item() for place in (third // 2, third, -third)]
    return replace(_asking(symbols, days[1], days[2]), history_from=days[0])


def _asking(symbols: Sequence[str], start: date, end: date) -> LoadRequest:
    # the names are turned round, so that their order is not that of the symbols
    names = {
        f"{chr(90 - place)}_{symbol}": symbol for place, symbol in enumerate(symbols)
    }
    return LoadRequest(
        assets=names,
        benchmark=(symbols[0], symbols[0]),
        start=start,
        end=end,
        offline=True,
    )
