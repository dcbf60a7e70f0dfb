"""Classic mode: any ordinary ``bt.Strategy``, with its own orders, on bulk-loaded feeds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import backtrader as bt
import numpy as np

from bt_run.account.records import DATA_END, RUINED, FillRecord
from bt_run.arrays import Array
from bt_run.component import BacktraderStrategy
from bt_run.data.bars import Bars
from bt_run.data.slices import until
from bt_run.engine.clock import ArrayFeed, backtrader_days
from bt_run.errors import PluginError
from bt_run.results.ledger import Ledger
from bt_run.terms import BrokerTerms, Costs

__all__ = ["ClassicRun", "run_classic"]

_REASONS = MappingProxyType(
    {
        bt.Order.Margin: "margin: not enough cash",
        bt.Order.Rejected: "rejected",
        bt.Order.Canceled: "cancelled",
        bt.Order.Expired: "expired",
    }
)


_PERIODS = MappingProxyType(
    {
        "session": bt.TimeFrame.Days,
        "week": bt.TimeFrame.Weeks,
        "month": bt.TimeFrame.Months,
        "year": bt.TimeFrame.Years,
    }
)


class _Unknown:
    """The conditions of an order whose market is not looked at.

    Costs that need to know are refused in classic mode.
    """

    volume = np.full(1, np.nan)

    def average_volume(self, n: int) -> Array:
        return self.volume

    def volatility(self, n: int) -> Array:
        return self.volume


UNKNOWN = _Unknown()


@dataclass(frozen=True, kw_only=True)
class ClassicRun:
    """What one classic pass through the bars needs.

    ``order`` names the columns of the bars in the order in which the strategy gets its feeds; as
    they stand where it is None.
    """

    bars: Bars
    broker: BrokerTerms
    strategy: BacktraderStrategy
    runonce: bool = True
    progress: Callable[[int], None] | None = None
    order: tuple[int, ...] | None = None

    @property
    def columns(self) -> tuple[int, ...]:
        """Return the column of each feed."""
        return self.order or tuple(range(len(self.bars.assets)))


class CostsCommission(bt.CommInfoBase):  # type: ignore[misc]
    """The run's commission in Backtrader's terms."""

    params = (
        ("costs", None),
        ("stocklike", True),
        ("commtype", bt.CommInfoBase.COMM_PERC),
        ("percabs", True),
    )

    def _getcommission(self, size: float, price: float, pseudoexec: bool) -> float:
        return float(self.p.costs.commission(np.array([size]), np.array([price]))[0])


CHEATING = (
    "an order would fill at a price that the strategy knew when it gave it, which no market "
    "allows; remove it, and let `broker: {fill: next_close}` or `next_open` say where orders fill"
)


class ClassicBroker(bt.brokers.BackBroker):  # type: ignore[misc]
    """Backtrader's broker with the run's slippage and its market orders at the run's fill."""

    params = (("costs", None), ("at_close", False))

    def set_coc(self, coc: bool) -> None:
        """Refuse to fill at the close that the strategy saw.

        Raises:
            PluginError: that was asked for.
        """
        if coc:
            raise PluginError(f"set_coc(True): {CHEATING}")

    def set_coo(self, coo: bool) -> None:
        """Refuse orders that know the open at which they fill.

        Raises:
            PluginError: that was asked for.
        """
        if coo:
            raise PluginError(f"set_coo(True): {CHEATING}")

    def next(self) -> None:
        """Refuse what was set without asking, then fill the orders of the bar.

        Raises:
            PluginError: a strategy lets Backtrader cheat.
        """
        if self.p.coc or self.p.coo or self.cerebro.p.cheat_on_open:
            raise PluginError(f"cheat-on-close or cheat-on-open was set: {CHEATING}")
        super().next()

    def _slip_up(
        self, pmax: float, price: float, doslip: bool = True, lim: bool = False
    ) -> float:
        return price if lim else self._slipped(price, 1.0)

    def _slip_down(
        self, pmin: float, price: float, doslip: bool = True, lim: bool = False
    ) -> float:
        return price if lim else self._slipped(price, -1.0)

    def _slipped(self, price: float, side: float) -> float:
        return _slipped_price(self.p.costs, price, side)

    def _try_exec_market(
        self, order: Any, popen: float, phigh: float, plow: float
    ) -> None:
        at = order.data.close[0] if self.p.at_close else popen
        super()._try_exec_market(order, at, phigh, plow)


class Recorder(bt.Analyzer):  # type: ignore[misc]
    """A record of NAV, cash, shares and every order's fate, bar by bar."""

    params = (("run", None),)

    def start(self) -> None:
        bars: Bars = self.p.run.bars
        self.days = backtrader_days(bars.times)
        # resampled data come after the assets; an order for one of them is an order for its asset
        self.count = len(bars.assets)
        columns = self.p.run.columns
        self.column = {
            data: columns[i % self.count] for i, data in enumerate(self.strategy.datas)
        }
        self.values: list[tuple[float, float, float]] = []
        self.holdings: list[tuple[int, Array]] = [(bars.start, np.zeros(self.count))]
        self.fills: list[FillRecord] = []
        self.traded = False
        self.ruined: int | None = None

    def bar_of(self, day: float) -> int:
        return int(np.searchsorted(self.days, day - 1e-9))

    def notify_order(self, order: Any) -> None:
        for bit in order.executed.iterpending():
            self.traded = True
            self._record(order, self.bar_of(bit.dt), bit, None)
        if order.status in _REASONS:
            unfilled = bt.order.OrderExecutionBit(price=np.nan)
            self._record(
                order,
                self.bar_of(self.strategy.datetime[0]),
                unfilled,
                _REASONS[order.status],
            )

    def _record(self, order: Any, bar: int, bit: Any, reason: str | None) -> None:
        """Record what was executed of an order, or why nothing was."""
        slippage = (
            abs(bit.size * (bit.price - self._market(order, bit))) if bit.size else 0.0
        )
        record = FillRecord(
            decided=self.bar_of(order.created.dt),
            bar=bar,
            assets=np.array([self.column[order.data]]),
            asked=np.array([bit.size or order.executed.remsize], dtype=np.float64),
            filled=np.array([bit.size], dtype=np.float64),
            price=np.array([bit.price], dtype=np.float64),
            commission=np.array([bit.comm], dtype=np.float64),
            slippage=np.array([slippage], dtype=np.float64),
            reason=np.array([reason], dtype=object),
        )
        self.fills.append(record)

    def _market(self, order: Any, bit: Any) -> float:
        """Return the price before slippage: that of the side's inverse cost."""
        costs: Costs = self.p.run.broker.costs
        market = _before_slippage(costs, bit.price, bit.size)
        limited = order.exectype in (bt.Order.Limit, bt.Order.Close) or bool(
            order.triggered
        )
        return float(bit.price if limited else market)

    def stop(self) -> None:
        for order in self.strategy.broker.get_orders_open():
            why = DATA_END if self.ruined is None else RUINED
            self._record(order, -1, bt.order.OrderExecutionBit(price=np.nan), why)

    def next(self) -> None:
        run: ClassicRun = self.p.run
        broker = self.strategy.broker
        day = self.strategy.datetime[0]
        self.values.append((day, broker.getvalue(), broker.getcash()))
        if self.traded:
            self._hold(self.bar_of(day))
        if self.ruined is None and broker.getvalue() <= 0.0:
            self.ruined = self.bar_of(day)
            self.strategy.env.runstop()
        if run.progress and len(self.values) % 64 == 0:
            run.progress(self.bar_of(day))

    def _hold(self, bar: int) -> None:
        """Note what is held after a trade."""
        shares = np.zeros(self.count)
        # not getposition: asking makes an entry, which the broker then values at a bar that may not
        # be there yet
        for data, position in self.strategy.broker.positions.items():
            shares[self.column[data]] += position.size
        self.holdings.append((bar, shares))
        self.traded = False

    def series(self, place: int) -> Array:
        """Return NAV (1) or cash (2) at each bar, (T,)."""
        days = np.array([value[0] for value in self.values])
        out = np.full(len(self.days), np.nan)
        out[np.searchsorted(self.days, days - 1e-9)] = [
            value[place] for value in self.values
        ]
        return out

    prenext = next


def run_classic(run: ClassicRun) -> Ledger:
    """Play a Backtrader strategy through the bars and return its ledger; it sleeps until
    ``bars.start``.
    """
    cerebro = bt.Cerebro(stdstats=False, runonce=run.runonce)
    _add_broker(cerebro, run.broker)
    days = backtrader_days(run.bars.times)
    _add_data(cerebro, run, days)
    for analyzer in run.strategy.analyzers:
        cerebro.addanalyzer(analyzer, _name=analyzer.__name__)
    for observer in run.strategy.observers:
        cerebro.addobserver(observer)
    cerebro.addanalyzer(Recorder, run=run, _name="recorder")
    hosted = _asleep_until(run.strategy.cls, days[run.bars.start])
    cerebro.addstrategy(hosted, **run.strategy.params)
    (strategy,) = cerebro.run()
    return _ledger(run, strategy)


def _add_broker(cerebro: bt.Cerebro, broker: BrokerTerms) -> None:
    at_close = broker.fill == "next_close"
    cerebro.broker = ClassicBroker(
        costs=broker.costs, at_close=at_close, cash=broker.cash
    )
    cerebro.broker.addcommissioninfo(CostsCommission(costs=broker.costs))


def _add_data(cerebro: bt.Cerebro, run: ClassicRun, days: Array) -> None:
    """Add a feed for each asset, then each asset's bars of longer periods."""
    names = [run.bars.assets[column] for column in run.columns]
    for column, name in zip(run.columns, names, strict=True):
        cerebro.adddata(_feed(run.bars, column, days), name=name)
    for period in run.strategy.resample:
        for name in names:
            feed, longer = cerebro.datasbyname[name], f"{name}_{period}"
            resampled = cerebro.resampledata(
                feed, name=longer, timeframe=_PERIODS[period]
            )
            # these would show the unfinished period at the end as a bar, and call next() for it
            resampled._ffilters = []


def _ledger(run: ClassicRun, strategy: Any) -> Ledger:
    """Return what the recorder saw, up to the bar of ruin if there was one."""
    recorder: Recorder = strategy.analyzers.recorder
    ruined = recorder.ruined is not None
    bars = until(run.bars, recorder.ruined) if recorder.ruined is not None else run.bars
    analyses = {}
    for analyzer in run.strategy.analyzers:
        name = analyzer.__name__
        analyses[name] = _found(strategy.analyzers.getbyname(name).get_analysis())
    return Ledger(
        bars=bars,
        nav=recorder.series(1)[: len(bars)],
        cash=recorder.series(2)[: len(bars)],
        holdings=tuple(recorder.holdings),
        fills=tuple(recorder.fills),
        analyses=analyses,
        ruined=ruined,
    )


def _found(analysis: Mapping[Any, Any], path: str = "") -> dict[str, Any]:
    """Flatten what an analyzer found to path -> value."""
    out: dict[str, Any] = {}
    for key, value in analysis.items():
        name = f"{path}.{key}" if path else str(key)
        out.update(_found(value, name) if isinstance(value, Mapping) else {name: value})
    return out


def _feed(bars: Bars, column: int, days: Array) -> ArrayFeed:
    """Return one asset's own bars as a feed; without opens, highs and lows the close stands for
    them.
    """
    rows = bars.present[:, column]
    close = bars.close[rows, column]
    columns = {"datetime": days[rows], "openinterest": np.zeros(len(close))}
    for name in ("open", "high", "low", "close", "volume"):
        values = getattr(bars, name)[rows, column]
        columns[name] = np.where(
            np.isnan(values), close if name != "volume" else 0.0, values
        )
    return ArrayFeed(columns=columns)


def _before_slippage(costs: Costs, paid: float, size: float) -> float:
    """Return the price that slippage turned into ``paid``: affine, so two points give it."""
    one = _slipped_price(costs, paid, size)
    two = _slipped_price(costs, 2.0 * paid, size)
    return paid * (paid + two - 2.0 * one) / (two - one)


def _slipped_price(costs: Costs, price: float, size: float) -> float:
    return float(costs.fill_price(np.array([price]), np.array([size]), UNKNOWN)[0])


def _asleep_until(strategy: type, day: float) -> type:
    """Return the strategy with its callbacks held back until ``day``: the bars before are warm-up
    only.
    """

    class Hosted(strategy):  # type: ignore[misc]
        _awake = False

        def _getminperstatus(self) -> int:
            if self._awake:
                return int(super()._getminperstatus())
            status = int(super()._getminperstatus())
            if self.datetime[0] < day - 1e-9:
                # 1 means "still warming up"
                self._minperstatus = max(status, 1)
            elif status < 0:
                # the first bar on which it may act
                self._minperstatus = 0
            if self._minperstatus <= 0:
                self._awake = True
            return int(self._minperstatus)

        def prenext(self) -> None:
            # many strategies call next() from here, which must not trade in the warm-up either
            if self._awake or self.datetime[0] >= day - 1e-9:
                super().prenext()

    Hosted.__name__ = strategy.__name__
    return Hosted
