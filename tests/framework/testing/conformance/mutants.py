"""Components that each break one promise; BREAKS names the case that must say so."""

import itertools
import os
from dataclasses import replace

import backtrader as bt
import numpy as np
import pandas as pd
from pydantic import ConfigDict, Field

from bt_run import (
    BrokerTerms,
    Component,
    Config,
    Nested,
    Prices,
    Proposal,
    Verdict,
    assemble_bars,
    hookimpl,
)
from bt_run.testing import MadeCosts
from bt_run.testing.conformance.markets import calm_rows

COUNTER = itertools.count()


class NoKeys(Config):
    """Needs no keys."""


class Lax(Config):
    """Takes any key."""

    model_config = ConfigDict(extra="ignore")


class Bare(Config):
    lookback: int = 5


class Twisted(Config):
    """Cannot read what it wrote."""

    lookback: int = Field(5, description="bars", alias="bars")


class Quiet:
    def __init__(self, config, context):
        self.config = config


def own_mean(bars, n):
    frame = pd.DataFrame(bars.close)
    return frame.rolling(n, min_periods=1).mean().to_numpy()


class Above(Quiet):
    """Be sound: hold what is above its mean of ten bars."""

    def signals(self, bars):
        return np.where(bars.tradable, bars.close > own_mean(bars, 10), np.nan)


# -- strategies ------------------------------------------------------------------------------------


class ReadsTheLastClose(Above):
    def signals(self, bars):
        return np.where(bars.tradable, bars.close < bars.close[-1], np.nan)


class CountsFromTheEnd(Above):
    """Rebalance every fifth row, counted from the last: prices to come play no part, rows to come
    do.
    """

    def signals(self, bars):
        place = (np.arange(len(bars))[::-1] % 5)[:, None]
        return np.where(bars.tradable, place / 4, np.nan)


class CountsFromTheStart(Above):
    def signals(self, bars):
        place = ((np.arange(len(bars)) * 7919 + len(bars) * 0) % 11)[:, None]
        return np.where(bars.tradable, place / 10 * np.ones(len(bars.assets)), np.nan)


class TwiceTheExposure(Above):
    def signals(self, bars):
        return 2.0 * super().signals(bars)


class PrefersTheFirst(Above):
    def signals(self, bars):
        return super().signals(bars) / np.arange(1, len(bars.assets) + 1)


class Unseeded(Above):
    def signals(self, bars):
        return np.where(
            bars.tradable,
            np.random.default_rng().uniform(size=bars.close.shape),
            np.nan,
        )


class OfThisProcess(Above):
    """Depend on hash(), which is another one in every process."""

    def signals(self, bars):
        share = (hash("salt") % 1_000_003) / 1_000_003
        return super().signals(bars) * share


class NeedsThree(Above):
    def signals(self, bars):
        if len(bars.assets) < 3:
            raise IndexError("index 2 is out of bounds")
        return super().signals(bars)


class NeedsHistory(Above):
    def signals(self, bars):
        if len(bars) < 200:
            raise ValueError("window is longer than the data")
        return super().signals(bars)


class DividesByTheSpread(Above):
    def signals(self, bars):
        spread = np.nanmax(bars.close, axis=0) - np.nanmin(bars.close, axis=0)
        if (spread == 0).any():
            raise ZeroDivisionError("division by zero")
        return super().signals(bars)


class TripsOverGaps(Above):
    def signals(self, bars):
        if np.isnan(bars.close).any():
            raise ValueError("Input contains NaN")
        return super().signals(bars)


class TripsOverLevels(Above):
    def signals(self, bars):
        if (bars.close > 1e6).any():
            raise OverflowError("a price that is too large")
        return super().signals(bars)


class Remembers(Quiet):
    """Keep in the object how often it was asked."""

    def __init__(self, config, context):
        self.asked = 0

    def signal(self, state):
        self.asked += 1
        return np.where(state.history.tradable, (self.asked % 3) / 2, np.nan)


class RemembersCalls(Above):
    """Halve its exposures at the second call."""

    def __init__(self, config, context):
        self.calls = 0

    def signals(self, bars):
        self.calls += 1
        return super().signals(bars) / self.calls


class HandsItsOwnStateDownConfig(Config):
    part: Nested["strategy"] = Field(description="the strategy held")  # noqa: F821


class HandsItsOwnStateDown(Quiet):
    def __init__(self, config, context):
        self.part = context.children["part"]

    def signal(self, state):
        return self.part(state)


class StepsOtherwise(bt.Indicator):
    lines = ("mean",)

    def next(self):
        self.lines.mean[0] = (self.data[0] + self.data[-1]) / 2

    def once(self, start, end):
        for i in range(max(start, 1), end):
            self.lines.mean.array[i] = self.data.array[i] * 0.9


class OnceIsNotNext(bt.Strategy):
    """Use an indicator whose once() is not its next()."""

    def __init__(self):
        self.mean = StepsOtherwise(self.data)

    def next(self):
        self.order_target_percent(
            target=0.9 if self.data.close[0] > self.mean[0] else 0.0
        )


# -- sizers ----------------------------------------------------------------------------------------


class Shares(Quiet):
    """Be sound."""

    def target_weights(self, state):
        return np.nan_to_num(state.signals) / len(state.signals)


class NaNWeights(Shares):
    def target_weights(self, state):
        return state.signals / len(state.signals)


class AnyAccepts(Shares):
    accepts = "exposures"


class AlwaysInvested(Shares):
    def target_weights(self, state):
        return np.full(len(state.signals), 1 / len(state.signals))


class WrongShape(Shares):
    def target_weights(self, state):
        return super().target_weights(state)[:-1]


class StatefulShares(Shares):
    def __init__(self, config, context):
        self.last = 0.0

    def target_weights(self, state):
        self.last = 0.5 * self.last + 0.5 * np.nan_to_num(state.signals)
        return self.last / len(state.signals)


# -- overlays --------------------------------------------------------------------------------------


class WritesItsInput(Quiet):
    def adjust(self, state, weights):
        weights *= 0.5
        return weights


class NumpyMemo(Quiet):
    def adjust(self, state, weights):
        return Proposal(
            weights * 0.5,
            memo={"gross": np.float64(0.5), "n": np.int64(state.memo.get("n", 0) + 1)},
        )


class TupleMemo(Quiet):
    def adjust(self, state, weights):
        return Proposal(weights * 0.5, memo={"range": (0, 1)})


class DividesByGross(Quiet):
    def adjust(self, state, weights):
        gross = np.abs(weights).sum()
        return weights * 0.5 if gross > 0 else weights + np.nan


# -- triggers --------------------------------------------------------------------------------------


class BareTrue(Quiet):
    def check(self, state, target):
        return True


class NumpyFire(Quiet):
    def check(self, state, target):
        return Verdict(np.bool_(True), reason="numpy's own True")


class NoReason(Quiet):
    def check(self, state, target):
        return Verdict(True)


# -- exits -----------------------------------------------------------------------------------------


class StopForAll(Quiet):
    def levels(self, holdings):
        return np.where(holdings.side < 0, 1.1, 0.9) * np.nan_to_num(
            holdings.entry, nan=1.0
        ), np.full(5, np.nan)[: len(holdings.side)]


class StopAboveTarget(Quiet):
    def levels(self, holdings):
        return holdings.entry * (1 + 0.1 * holdings.side), holdings.entry * (
            1 - 0.1 * holdings.side
        )


class WritesHoldings(Quiet):
    def levels(self, holdings):
        best = holdings.best
        best *= 0.9
        return np.where(holdings.side > 0, best, np.nan), np.full(len(best), np.nan)


# -- brokers ---------------------------------------------------------------------------------------


class Paid(MadeCosts):
    def commission(self, shares, price):
        return -super().commission(shares, price)


class Minimum(MadeCosts):
    """Charge the minimum even where there is no order."""

    def commission(self, shares, price):
        return np.maximum(1.0, super().commission(shares, price))


class Cheaper(MadeCosts):
    """Give the largest orders away."""

    def commission(self, shares, price):
        return np.where(np.abs(shares) > 50_000, 0.0, super().commission(shares, price))


class Generous(MadeCosts):
    def fillable(self, shares, conditions):
        return 2.0 * shares


class Disproportionate(MadeCosts):
    def commission(self, shares, price):
        return np.where(shares != 0, 1.0, 0.0)


# -- sources ---------------------------------------------------------------------------------------


class Made(Quiet):
    """Be sound: load the calm market."""

    rows = staticmethod(calm_rows)

    def symbols(self):
        return ("AAA", "BBB", "CCC")

    def load(self, request):
        from bt_run import DataError

        rows = self.rows()
        for symbol in request.assets.values():
            if symbol not in rows:
                raise DataError(f"no symbol {symbol}")
        own = {name: rows[symbol] for name, symbol in request.assets.items()}
        return assemble_bars(
            request, own, rows[request.benchmark[1]], prices="as_traded"
        )


class LoadsNothing(Made):
    """Break a promise: its prices are never there."""

    def load(self, request):
        from bt_run import DataError

        raise DataError(f"the prices of {sorted(request.assets)} are gone")


class AdjustsFromTheEnd(Made):
    def load(self, request):
        bars = super().load(request)
        scaled = Prices(
            **{
                name: getattr(bars.adjusted, name) / bars.close[-1]
                for name in ("open", "high", "low", "close")
            },
            volume=bars.volume,
        )
        return replace(bars, adjusted=scaled, traded=scaled)


class OtherEveryTime(Made):
    def load(self, request):
        bars = super().load(request)
        noisy = replace(bars.adjusted, volume=bars.volume + next(COUNTER))
        return replace(bars, adjusted=noisy)


class OtherTheSecondTime(Made):
    def __init__(self, config, context):
        self.loads = 0

    def load(self, request):
        bars = super().load(request)
        if len(request.assets) < 3:
            return bars  # a question about one symbol
        self.loads += 1
        return replace(
            bars, adjusted=replace(bars.adjusted, volume=bars.volume * self.loads)
        )


class LeavesOut(Made):
    def load(self, request):
        known = {
            name: symbol
            for name, symbol in request.assets.items()
            if symbol in self.rows()
        }
        return super().load(replace(request, assets=known))


class IgnoresTheWindow(Made):
    def load(self, request):
        return super().load(replace(request, history_from=None))


class InTheirOrder(Made):
    def load(self, request):
        bars = super().load(request)
        return replace(
            bars, notes=bars.notes, calendar=f"X{next(iter(request.assets))[:1]}"
        )


# -- analyzers and reports -------------------------------------------------------------------------


class Meddles(Quiet):
    """Write into a decision."""

    def __init__(self, config, context):
        self.rows = []

    def decided(self, decision):
        self.rows.append(float(decision.target.sum()))
        decision.reason[:] = "meddled"

    def table(self):
        return "meddling", pd.DataFrame({"sum": self.rows})


class NeedsDecisions(Quiet):
    def __init__(self, config, context):
        self.rows = []

    def decided(self, decision):
        self.rows.append(decision.bar)

    def table(self):
        return "bars", pd.DataFrame({"bar": self.rows, "first": self.rows[0]})


class ReportWithTime(Quiet):
    def write(self, result, folder):
        path = folder / "note.txt"
        path.write_text(f"{result.run_id} {next(COUNTER)} {os.getpid()}")
        return [path]


class ReportUntold(Quiet):
    def write(self, result, folder):
        (folder / "note.txt").write_text(result.run_id)
        return []


class ReportNeedsTrades(Quiet):
    def write(self, result, folder):
        path = folder / "note.txt"
        path.write_text(str(result.fills["price"].iloc[0]))
        return [path]


ROLES = {
    "strategy": (
        (ReadsTheLastClose, "S09"),
        (CountsFromTheEnd, "S21"),
        (CountsFromTheStart, "S15"),
        (TwiceTheExposure, "S20"),
        (PrefersTheFirst, "S16"),
        (Unseeded, "S06"),
        (OfThisProcess, "S07"),
        (NeedsThree, "S12"),
        (NeedsHistory, "S10"),
        (DividesByTheSpread, "S13"),
        (TripsOverGaps, "S11"),
        (TripsOverLevels, "S14"),
        (Remembers, "S18"),
        (RemembersCalls, "S18"),
    ),
    "sizer": (
        (NaNWeights, "Z20"),
        (AnyAccepts, "Z22"),
        (AlwaysInvested, "Z23"),
        (WrongShape, "Z08"),
        (StatefulShares, "Z18"),
    ),
    "overlay": (
        (WritesItsInput, "O17"),
        (NumpyMemo, "O19"),
        (TupleMemo, "O19"),
        (DividesByGross, "O22"),
    ),
    "trigger": ((BareTrue, "T20"), (NumpyFire, "T20"), (NoReason, "T22")),
    "exit": ((StopForAll, "X09"), (StopAboveTarget, "X11"), (WritesHoldings, "X14")),
    "source": (
        (AdjustsFromTheEnd, "D13"),
        (OtherEveryTime, "D06"),
        (OtherTheSecondTime, "D12"),
        (LeavesOut, "D14"),
        (IgnoresTheWindow, "D11"),
        (InTheirOrder, "D09"),
        (LoadsNothing, "D08"),
    ),
    "analyzer": ((Meddles, "A10"), (NeedsDecisions, "A09")),
    "report": (
        (ReportWithTime, "R06"),
        (ReportUntold, "R08"),
        (ReportNeedsTrades, "R09"),
    ),
}
COSTS = (
    (Paid, "B09"),
    (Minimum, "B10"),
    (Cheaper, "B11"),
    (Generous, "B12"),
    (Disproportionate, "B13"),
)
OFFERS = ((Lax, "S04"), (Bare, "S03"), (Twisted, "S05"))
BREAKS = {
    **{
        f"{role}:{cls.__name__}": case
        for role, items in ROLES.items()
        for cls, case in items
    },
    **{f"broker:{cls.__name__}": case for cls, case in COSTS},
    **{f"strategy:{config.__name__}": case for config, case in OFFERS},
    "strategy:HandsItsOwnStateDown": "S22",
    "strategy:OnceIsNotNext": "S23",
    "strategy:Unsaid": "S02",
    "strategy:NeedsKeys": "S01",
}


class NeedsKeysConfig(Config):
    lookback: int = Field(description="bars")


def offered(role):
    return [
        Component(name=c.__name__, config=NoKeys, build=c, summary="breaks a promise")
        for c, _ in ROLES[role]
    ]


@hookimpl
def bt_strategies():
    configs = [
        Component(name=c.__name__, config=c, build=Above, summary="breaks a promise")
        for c, _ in OFFERS
    ]
    return [
        *offered("strategy"),
        *configs,
        Component(
            name="HandsItsOwnStateDown",
            config=HandsItsOwnStateDownConfig,
            build=HandsItsOwnStateDown,
            summary="breaks a promise",
            example={"part": {"use": "trend", "fast": 3, "slow": 10}},
        ),
        Component.from_backtrader(OnceIsNotNext),
        Component(name="Unsaid", config=NoKeys, build=Above, summary=" "),
        Component(
            name="NeedsKeys",
            config=NeedsKeysConfig,
            build=Above,
            summary="breaks a promise",
        ),
    ]


@hookimpl
def bt_sizers():
    return offered("sizer")


@hookimpl
def bt_overlays():
    return offered("overlay")


@hookimpl
def bt_triggers():
    return offered("trigger")


@hookimpl
def bt_exits():
    return offered("exit")


@hookimpl
def bt_sources():
    return offered("source")


@hookimpl
def bt_analyzers():
    return offered("analyzer")


@hookimpl
def bt_reports():
    return offered("report")


def broker_of(costs):
    def build(config, context):
        return BrokerTerms(
            cash=1e6,
            fill="next_close",
            costs=costs(0.001, 0.001, proportional=costs is not Minimum),
        )

    return Component(
        name=costs.__name__, config=NoKeys, build=build, summary="breaks a promise"
    )


@hookimpl
def bt_brokers():
    return [broker_of(costs) for costs, _ in COSTS]
