"""The baselines that stand beside every run: benchmark, equal weight, constant mix."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bt_run.account.account import Account
from bt_run.account.market import Market
from bt_run.arrays import Array, Mask
from bt_run.decision.limits import apply_limits, keep_untraded
from bt_run.results.ledger import Ledger
from bt_run.terms import Limits

__all__ = ["benchmark_nav", "constant_mix", "equal_weight", "mean_weights"]


def benchmark_nav(market: Market) -> Array:
    """Return the benchmark's total return without costs (T,), worth the run's cash at
    ``bars.start``.
    """
    bars = market.bars
    close = bars.benchmark.copy()
    rows = np.maximum.accumulate(np.where(np.isfinite(close), np.arange(len(close)), 0))
    close = close[rows]
    return np.asarray(market.broker.cash * close / close[bars.start])


def equal_weight(market: Market, due: Mask, limits: Limits) -> Account:
    """Play 1/N_t over the N_t assets tradable at each scheduled bar."""

    def weights(account: Account) -> Array:
        tradable = market.bars.tradable[account.t]
        return np.asarray(tradable / max(1, int(tradable.sum())), dtype=np.float64)

    return _play(market, due, limits, weights)


def constant_mix(market: Market, due: Mask, limits: Limits, mix: Array) -> Account:
    """Play the constant weights ``mix`` (N,); the weight of an asset not listed yet is cash."""

    def weights(account: Account) -> Array:
        return np.where(market.bars.tradable[account.t], mix, 0.0)

    return _play(market, due, limits, weights)


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
    market: Market, due: Mask, limits: Limits, weights: Callable[[Account], Array]
) -> Account:
    account = Account(market, market.bars.start)
    for t in np.flatnonzero(due):
        account.advance(int(t))
        wanted, _ = apply_limits(weights(account), limits)
        account.order(
            keep_untraded(wanted, account.weights(), market.bars.present[t], limits)
        )
    account.advance(len(market.bars) - 1)
    account.finish()
    return account
