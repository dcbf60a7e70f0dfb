"""Cases of brokers: what a trade costs."""

from __future__ import annotations

import numpy as np

from bt_run.terms import BrokerTerms, Costs
from bt_run.testing.conformance.cases import Bench, Broken, Case, NotApplicable, told
from bt_run.testing.conformance.cases_offer import offer_cases
from bt_run.testing.conformance.markets import market
from bt_run.testing.conformance.samples import MARKET, PRICES, SHARES, MadeConditions

__all__ = ["CASES"]


SIZES = np.array([0.0, 1.0, 10.0, 99.0, 100.0, 1000.0, 1e4, 1e5])


def _costs(bench: Bench) -> Costs:
    built = bench.subject.build().thing
    if not isinstance(built, BrokerTerms):
        raise Broken(f"built a {type(built).__name__}", "BrokerTerms")
    return built.costs


def _broker(bench: Bench) -> None:
    costs = _costs(bench)
    broker: BrokerTerms = bench.subject.build().thing
    if not (np.isfinite(broker.cash) and broker.cash > 0):
        raise Broken(f"cash was {broker.cash}", "money above 0")
    if broker.fill not in ("next_open", "next_close"):
        raise Broken(f"fill was {broker.fill!r}", "'next_open' or 'next_close'")
    try:
        answers = (
            costs.fillable(SHARES, MARKET),
            costs.fill_price(PRICES, SHARES, MARKET),
            costs.commission(SHARES, PRICES),
        )
    except Exception as error:
        raise Broken(
            told(error), "fillable, fill_price and commission of each order"
        ) from error
    for item in answers:
        if np.shape(item) != SHARES.shape or not np.isfinite(item).all():
            raise Broken(f"{item!r}", f"finite numbers of shape {SHARES.shape}")
    if not costs.commission(SHARES, PRICES).any() and np.array_equal(
        answers[1], PRICES
    ):
        raise NotApplicable(
            "trades cost nothing with these keys; give some by `example`"
        )


def _not_negative(bench: Bench) -> None:
    costs = _costs(bench)
    commission = costs.commission(SHARES, PRICES)
    if (commission < 0).any():
        raise Broken(f"a commission of {commission.min():g}", "0 or more")
    better = (
        np.sign(SHARES) * (costs.fill_price(PRICES, SHARES, MARKET) - PRICES)
        < -1e-12 * PRICES
    )
    if better.any():
        at = int(np.flatnonzero(better)[0])
        price = costs.fill_price(PRICES, SHARES, MARKET)[at]
        raise Broken(
            f"{SHARES[at]:g} shares at {PRICES[at]:g} filled at {price:g}",
            "a price that is no better",
        )


def _nothing(bench: Bench) -> None:
    costs, none = _costs(bench), np.zeros(len(PRICES))
    if costs.commission(none, PRICES).any():
        raise Broken(
            f"a commission of {costs.commission(none, PRICES).max():g} on 0 shares",
            "0: it is no order",
        )
    if costs.fillable(none, MARKET).any():
        raise Broken("a fill of 0 shares that is not 0", "0")


def _monotone(bench: Bench) -> None:
    costs, prices, at = (
        _costs(bench),
        np.full(len(SIZES), 50.0),
        MadeConditions(len(SIZES)),
    )
    for side in (1.0, -1.0):
        for cost, word in (
            (costs.commission(side * SIZES, prices), "commission"),
            (
                side * (costs.fill_price(prices, side * SIZES, at) - prices) * SIZES,
                "slippage",
            ),
        ):
            falls = np.diff(cost) < -1e-9
            if falls.any():
                more = int(np.flatnonzero(falls)[0]) + 1
                less = f"{cost[more - 1]:g} for {SIZES[more - 1]:g}"
                found = f"{word} of {cost[more]:g} for {SIZES[more]:g} shares, {less}"
                raise Broken(found, "no less for more shares")


def _fillable(bench: Bench) -> None:
    filled = _costs(bench).fillable(SHARES, MARKET)
    if (np.abs(filled) > np.abs(SHARES)).any() or (filled * SHARES < 0).any():
        raise Broken(
            f"{filled} of {SHARES} shares", "at most what was asked, on the same side"
        )


def _proportional(bench: Bench) -> None:
    costs = _costs(bench)
    if not costs.proportional:
        raise NotApplicable("says that its costs are not in proportion")
    halves = 2.0 * costs.commission(SHARES / 2.0, PRICES)
    if not np.allclose(halves, costs.commission(SHARES, PRICES), rtol=1e-9):
        raise Broken(
            "two halves of an order cost other than the whole",
            "the same, or proportional = False",
        )


def _permuted(bench: Bench) -> None:
    costs = _costs(bench)
    one, other = (
        costs.commission(SHARES, PRICES),
        costs.commission(SHARES[::-1], PRICES[::-1])[::-1],
    )
    if not np.allclose(one, other, rtol=1e-12):
        raise Broken(
            f"{one} became {other} when the orders were turned round",
            "the same costs, reversed",
        )


def _inputs(bench: Bench) -> None:
    costs, shares, prices = _costs(bench), SHARES.copy(), PRICES.copy()
    costs.fillable(shares, MARKET)
    costs.fill_price(prices, shares, MARKET)
    costs.commission(shares, prices)
    if not (np.array_equal(shares, SHARES) and np.array_equal(prices, PRICES)):
        raise Broken(
            "shares or prices were written to", "answers in arrays of their own"
        )


def _rates(bench: Bench) -> None:
    rates, sessions = bench.subject.build().thing.rates, market("calm").sessions
    if rates is None:
        raise NotApplicable("nothing bears interest")
    found = rates(sessions)
    for word in ("cash", "margin", "borrow"):
        values = getattr(found, word)
        if np.shape(values) != (len(sessions),) or not np.isfinite(values).all():
            raise Broken(
                f"{word} rates of shape {np.shape(values)}",
                f"finite rates, ({len(sessions)},)",
            )


CASES = (
    *offer_cases("B"),
    Case(
        "B08",
        "answers",
        "the engine asks three questions of every basket",
        _broker,
        ("B01",),
    ),
    Case(
        "B09",
        "costs_are_no_income",
        "a negative cost pays for trading, and turnover becomes profit",
        _not_negative,
        ("B08",),
    ),
    Case(
        "B10",
        "no_order_no_cost",
        "0 shares are no order, and most assets have none",
        _nothing,
        ("B08",),
    ),
    Case(
        "B11",
        "more_costs_no_less",
        "else the search for what cash affords has no answer",
        _monotone,
        ("B08", "B09"),
    ),
    Case(
        "B12",
        "fills_what_was_asked",
        "the market cannot give more than was ordered",
        _fillable,
        ("B08",),
    ),
    Case(
        "B13",
        "proportional_if_it_says_so",
        "baskets are scaled in one step where costs are in proportion",
        _proportional,
        ("B08",),
    ),
    Case("B14", "order_of_assets", "an order's costs are its own", _permuted, ("B08",)),
    Case(
        "B15",
        "leaves_its_inputs_alone",
        "the ledger records the same shares and prices",
        _inputs,
        ("B08",),
    ),
    Case(
        "B16",
        "rates_for_each_session",
        "interest is booked at every bar",
        _rates,
        ("B01",),
    ),
)
