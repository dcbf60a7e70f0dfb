"""The baselines that stand beside every run: benchmark, equal weight, constant mix."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, cast

import numpy as np

from bt_run.account.account import Account
from bt_run.account.market import Market
from bt_run.arrays import Array, Mask
from bt_run.config.run_config import RunConfig
from bt_run.data.history import History
from bt_run.decision.calls import Calls
from bt_run.decision.limits import apply_limits, keep_untraded
from bt_run.decision.pipeline import Pipeline, Stage, triggered
from bt_run.decision.state import Memos, PortfolioState, Tracks
from bt_run.engine.portfolio import Past, portfolio_state
from bt_run.errors import BtRunError
from bt_run.results.ledger import Ledger
from bt_run.terms import Limits

__all__ = [
    "Baseline",
    "BaselineRules",
    "benchmark_nav",
    "constant_mix",
    "equal_weight",
    "mean_weights",
    "rules_of",
]


def benchmark_nav(market: Market) -> Array:
    """Return the benchmark's total return without costs (T,), worth the run's cash at
    ``bars.start``.
    """
    bars = market.bars
    close = bars.benchmark.copy()
    rows = np.maximum.accumulate(np.where(np.isfinite(close), np.arange(len(close)), 0))
    close = close[rows]
    return np.asarray(market.broker.cash * close / close[bars.start])


@dataclass(frozen=True, kw_only=True)
class BaselineRules:
    """By what baselines trade.

    Attributes:
        due: (T,) when they decide.
        triggers: whom they ask, with their own account, whether to trade; nobody: they always do.
        signals: what vectorised strategies nested in triggers say, (T, N) by path.
        stages: the paths of the run's stages, of which a baseline has no tracks.
    """

    due: Mask
    limits: Limits
    triggers: tuple[Stage, ...] = ()
    signals: Mapping[str, Array] = field(default_factory=dict)
    stages: tuple[str, ...] = ()


@dataclass(frozen=True)
class Baseline:
    """The account of a baseline, the triggers that it asked, and why it did not ask others."""

    account: Account
    triggers: tuple[str, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)

    @property
    def facts(self) -> dict[str, Any]:
        """Return which triggers it asked and which not, for the manifest."""
        return {"triggers": list(self.triggers), "left_out": dict(self.left_out)}


def rules_of(config: RunConfig, pipeline: Pipeline | None, due: Mask) -> BaselineRules:
    """Return by what the baselines of a run trade."""
    if pipeline is None or not config.baselines.triggers:
        return BaselineRules(due=due, limits=config.limits)
    return BaselineRules(
        due=due,
        limits=config.limits,
        triggers=pipeline.triggers,
        signals=pipeline.signals,
        stages=tuple(stage.path for stage in pipeline.weighing),
    )


def equal_weight(market: Market, rules: BaselineRules) -> Baseline:
    """Play 1/N_t over the N_t assets tradable at each scheduled bar."""

    def weights(account: Account) -> Array:
        tradable = market.bars.tradable[account.t]
        return np.asarray(tradable / max(1, int(tradable.sum())), dtype=np.float64)

    return _play(market, rules, weights)


def constant_mix(market: Market, rules: BaselineRules, mix: Array) -> Baseline:
    """Play the constant weights ``mix`` (N,); the weight of an asset not listed yet is cash."""

    def weights(account: Account) -> Array:
        return np.where(market.bars.tradable[account.t], mix, 0.0)

    return _play(market, rules, weights)


def mean_weights(ledger: Ledger) -> Array:
    """Return the mean of a ledger's end-of-session weights (N,) from its first fill on; 0 without
    any fill.

    It knows the whole run, so it is a baseline and not a strategy.
    """
    bars = ledger.bars
    closing = np.append(bars.sessions[1:] != bars.sessions[:-1], True)
    filled = [record.bar for record in ledger.fills if record.filled.any()]
    total, count = np.zeros(len(bars.assets)), 0
    if not filled:
        return total
    closing[: min(filled)] = False
    for rows, shares in ledger.spans():
        if shares.any():
            take = np.flatnonzero(closing[rows]) + rows.start
            total += (bars.mark[take] / ledger.nav[take, None]).sum(axis=0) * shares
        count += int(closing[rows].sum())
    return total / max(count, 1)


def _play(
    market: Market, rules: BaselineRules, weights: Callable[[Account], Array]
) -> Baseline:
    """Play a baseline; a trigger that cannot be asked on an account of its own is left out from
    the first decision on.
    """
    asked, left_out = rules.triggers, {}
    while True:
        try:
            account = _account(market, rules, asked, weights)
        except _LeftOutError as found:
            left_out[found.stage.name] = str(found)
            asked = tuple(one for one in asked if one.path != found.stage.path)
        else:
            return Baseline(account, tuple(one.name for one in asked), left_out)


def _account(
    market: Market,
    rules: BaselineRules,
    triggers: tuple[Stage, ...],
    weights: Callable[[Account], Array],
) -> Account:
    """Play the weights through the bars, traded at the decisions for which a trigger fires."""
    account, past = Account(market, market.bars.start), Past()
    memos: Memos = {}
    watched = tuple(replace(one, call=_watched(one)) for one in triggers)
    for t in np.flatnonzero(rules.due).tolist():
        account.advance(t)
        wanted, _ = apply_limits(weights(account), rules.limits)
        present = market.bars.present[t]
        kept = keep_untraded(wanted, account.weights(), present, rules.limits)
        if not watched:
            account.order(kept)
        else:
            calls = Calls(_own_state(account, rules, past), memos)
            trade = triggered(watched, calls, kept)
            memos, past = calls.memos, Past(t, t if trade.fired else past.trade)
            if trade.fired:
                traded = present & trade.names
                kept = keep_untraded(kept, account.weights(), traded, rules.limits)
                account.order(kept, traded)
    account.advance(len(market.bars) - 1)
    account.finish()
    return account


# -- triggers on an account that is not the run's --------------------------------------------------


class _OfTheRunError(BtRunError):
    """Something of the run was read that a baseline does not have."""


class _LeftOutError(BtRunError):
    """A trigger cannot be asked for a baseline."""

    def __init__(self, stage: Stage, why: str) -> None:
        super().__init__(why)
        self.stage = stage


class _OwnState(PortfolioState):
    """The state of a baseline: it has no signals but those that a nested component is given."""

    @property
    def signals(self) -> Array:
        given = vars(self).get("signals")
        if given is None:
            raise _OfTheRunError("it reads the run's signals")
        return cast(Array, given)


def _own_state(account: Account, rules: BaselineRules, past: Past) -> PortfolioState:
    history = History(account.market.bars, account.t, rules.signals)
    state = portfolio_state(account, history, {}, past)
    own: PortfolioState = object.__new__(_OwnState)
    tracks = Tracks(dict.fromkeys(rules.stages, _no_track))
    vars(own).update(vars(state) | {"signals": None, "tracks": tracks})
    return own


def _no_track() -> Array:
    raise _OfTheRunError("it reads tracks of the run's stages")


def _watched(stage: Stage) -> Callable[..., Any]:
    """Return the call of a trigger; what it raises says that it must be left out."""

    def call(state: PortfolioState, target: Array) -> Any:
        try:
            return stage.call(state, target)
        except _OfTheRunError as error:
            raise _LeftOutError(stage, str(error)) from error
        except Exception as error:
            # it did its work on the run's account, and a baseline must not end the run
            failed = f"it failed with {type(error).__name__}: {error}"
            raise _LeftOutError(stage, failed) from error

    return call
