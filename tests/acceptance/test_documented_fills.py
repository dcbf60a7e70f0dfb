"""The engine against a second one that was written from docs/fills.md, on random small markets."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from kit.documented_ledger import DocumentedLedger, DocumentedTerms, PlainFill

from bt_run import BrokerTerms, Delisting, Rates, Verdict
from bt_run.account.market import Market
from bt_run.data.bars import Bars
from bt_run.data.delisting import with_silent_assets
from bt_run.decision.pipeline import Pipeline, Stage
from bt_run.engine.listeners import Listeners
from bt_run.engine.panel import PanelRun, run_panel
from bt_run.results.ledger import Ledger
from bt_run.terms import Limits
from bt_run.testing import make_bars, make_rows
from bt_run_plugins.brokers.costs import Commission, Slippage, TradingCosts

NAMES = ("A", "B", "C")
DAYS = 14
DUST = 1e-9  # shares: what rounding leaves


def made_market(seed: int, *, adjust: str, silent: str) -> Bars:
    """Make three assets with gaps, splits, dividends, thin volume, and ends said and not said."""
    rng = np.random.default_rng(seed)
    rows, last = {}, {}
    for name in NAMES:
        close = rng.choice([3.0, 40.0, 900.0]) * np.exp(
            np.cumsum(rng.normal(0, 0.08, DAYS))
        )
        split = np.where(rng.random(DAYS) < 0.08, rng.choice([0.25, 1.5, 2.0]), 1.0)
        split[0] = 1.0
        dividend = np.where(rng.random(DAYS) < 0.15, 0.02 * close, 0.0)
        dividend[0] = 0.0
        opens = close * np.exp(rng.normal(0, 0.03, DAYS))
        volume = rng.integers(0, 2_000, DAYS).astype(float)
        there = rng.random(DAYS) > 0.12
        there[0] = True
        end = int(rng.integers(6, DAYS)) if rng.random() < 0.4 else DAYS
        there[end:] = False
        close = np.where(there, close, np.nan)
        actions = {"dividend": dividend, "split": split} if rng.random() < 0.8 else {}
        rows[name] = make_rows(close, open=opens, volume=volume, **actions)
        if end < DAYS and rng.random() < 0.5:
            last[name] = rows[name].times[-1].astype("datetime64[D]")
    rows["Z"] = make_rows(np.full(DAYS, 10.0), volume=np.full(DAYS, 1e6))
    bars = make_bars(rows, start=1, adjust=adjust, last_session=last)
    return with_silent_assets(bars, 2, silent)


def played(bars: Bars, terms: DocumentedTerms, seed: int, short: bool) -> Ledger:
    """Play random weights, traded at random, on the engine."""
    rng = np.random.default_rng(seed)
    count = (len(bars), len(bars.assets))
    weights = rng.normal(0, 0.6, count) if short else rng.dirichlet([1] * 4, len(bars))
    weights = np.where(rng.random(count) < 0.25, 0.0, weights)
    names = rng.random(count) < 0.7
    fires = rng.random(len(bars)) < 0.7

    def trigger(state, target):
        t = len(state.history) - 1
        return Verdict(fire=bool(fires[t]), names=names[t])

    pipeline = Pipeline(
        strategy=Stage("strategy", "all", lambda s: np.ones(len(bars.assets))),
        sizer=Stage("sizer", "given", lambda s: weights[len(s.history) - 1]),
        triggers=(Stage("triggers.0", "some", trigger),),
        limits=Limits(
            gross=terms.gross, net=terms.gross, name=terms.gross, short=short
        ),
    )
    due = np.arange(len(bars)) >= bars.start
    market = Market(bars, broker_of(terms, bars), terms.gross, terms.whole)
    return run_panel(PanelRun(market, pipeline, due, Listeners()))


def broker_of(terms: DocumentedTerms, bars: Bars) -> BrokerTerms:
    fees = {"bps": terms.commission_bps, "flat": terms.flat}
    if terms.per_share:
        bounds = {"minimum": terms.minimum, "cap": terms.cap}
        fees |= {"per_share": terms.per_share, **bounds}
    slippage = Slippage(
        bps=terms.slippage_bps,
        half_spread=terms.half_spread,
        participation=terms.participation,
    )

    def rates(sessions):
        one = np.ones(len(sessions))
        return Rates(
            cash=terms.cash_rate * one,
            margin=terms.margin_rate * one,
            borrow=terms.borrow_rate * one,
        )

    silent = bars.assumed_end is not None
    return BrokerTerms(
        cash=terms.cash,
        fill="next_open" if terms.at_open else "next_close",
        costs=TradingCosts(Commission(**fees), slippage),
        unfilled="wait" if terms.wait else "cancel",
        fractional=not terms.whole,
        delisting=Delisting(
            after=2, silent="close" if silent else "keep", haircut=terms.haircut
        ),
        rates=rates if terms.cash_rate or terms.borrow_rate else None,
    )


def targets_of(ledger: Ledger) -> dict[int, dict[str, float]]:
    """Return what was decided and traded, as decisions.parquet tells it."""
    found = {}
    for decision in ledger.decisions:
        if not decision.fired:
            continue
        names = np.flatnonzero(decision.traded)
        traded = {ledger.bars.assets[n]: float(decision.target[n]) for n in names}
        found[decision.bar] = traded
    return found


def compare(ledger: Ledger, again: DocumentedLedger) -> None:
    start = ledger.bars.start
    assert ledger.ruined == (again.ruined is not None)
    np.testing.assert_allclose(
        ledger.cash[start:], again.cash_history, rtol=1e-9, atol=1e-6
    )
    np.testing.assert_allclose(ledger.nav[start:], again.nav, rtol=1e-9, atol=1e-6)
    mine = sorted(key_of(fill) for fill in again.fills if abs(fill.asked) > DUST)
    theirs = sorted(key_of(fill) for fill in fills_of(ledger) if abs(fill.asked) > DUST)
    assert [row[:5] for row in theirs] == [row[:5] for row in mine]
    for one, two in zip(theirs, mine, strict=True):
        np.testing.assert_allclose(one[5:], two[5:], rtol=1e-8, atol=1e-8)


def fills_of(ledger: Ledger) -> list[PlainFill]:
    found = []
    for record in ledger.fills:
        decided = np.broadcast_to(record.decided, len(record.assets))
        for k, n in enumerate(record.assets):
            at = int(decided[k])
            found.append(
                PlainFill(
                    at if at >= 0 else None,
                    record.bar if record.bar >= 0 else None,
                    ledger.bars.assets[n],
                    record.asked[k],
                    record.filled[k],
                    record.price[k],
                    record.commission[k],
                    record.slippage[k],
                    record.reason[k],
                )
            )
    return found


def key_of(fill: PlainFill) -> tuple:
    none = -1
    filled = abs(fill.filled) > DUST
    return (
        none if fill.bar is None else fill.bar,
        fill.asset,
        none if fill.decided is None else fill.decided,
        str(fill.reason),
        filled,
        fill.asked,
        fill.filled,
        fill.price if filled else 0.0,
        fill.commission,
        fill.slippage,
    )


COSTS = {
    "free": {},
    "proportional": {"commission_bps": 10.0, "slippage_bps": 20.0},
    "flat": {"flat": 7.0, "slippage_bps": 5.0},
    "per share": {"per_share": 0.05, "minimum": 2.0, "cap": 0.1, "half_spread": 0.01},
}


@settings(max_examples=150)
@given(
    seed=st.integers(0, 10_000),
    adjust=st.sampled_from(["total_return", "none"]),
    fractional=st.booleans(),
    silent=st.sampled_from(["keep", "close"]),
    costs=st.sampled_from(sorted(COSTS)),
    at_open=st.booleans(),
    wait=st.booleans(),
    short=st.booleans(),
    gross=st.sampled_from([0.5, 1.0, 2.0]),
    cash=st.sampled_from([2_000.0, 100_000.0]),
    participation=st.sampled_from([None, 0.1]),
    rate=st.sampled_from([0.0, 0.5]),
)
def test_the_engine_keeps_the_account_that_the_document_describes(
    seed,
    adjust,
    fractional,
    silent,
    costs,
    at_open,
    wait,
    short,
    gross,
    cash,
    participation,
    rate,
):
    real = adjust == "none"
    fees = COSTS[costs] if real or costs != "per share" else COSTS["proportional"]
    terms = DocumentedTerms(
        cash=cash,
        at_open=at_open,
        wait=wait,
        whole=real and not fractional,
        gross=gross,
        haircut=0.3,
        participation=participation,
        cash_rate=rate,
        margin_rate=rate * 2,
        borrow_rate=rate / 2,
        **fees,
    )
    bars = made_market(seed, adjust=adjust, silent=silent)
    ledger = played(bars, terms, seed, short)
    again = DocumentedLedger(bars, terms).play(targets_of(ledger))
    compare(ledger, again)
