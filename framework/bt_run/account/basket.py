"""Fill a basket of orders: holdings, orders, prices and costs in, fills out. Pure functions on
arrays.

The rules are those of ``docs/fills.md``. Closing parts fill first and in full. The opening parts,
long or short, share one buying power and are scaled by one factor, so that no order of the assets
can matter.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bt_run.arrays import Array
from bt_run.terms import Conditions, Costs

__all__ = ["Basket", "Fills", "fill_basket", "target_shares", "whole_shares"]

_Need = Callable[[Array], Array]
SNAP = 1e-9  # relative distance at which a share count is the whole number it nearly is


@dataclass(frozen=True)
class Basket:
    """Hold what a fill needs to know about an account, at the fill's prices.

    Attributes:
        held: (n,) signed shares.
        asked: (n,) signed shares to trade; 0 where there is no order.
        price: (n,) price of each asset now, > 0 wherever it is held or asked.
        cash: money.
        conditions: what the costs may know about the market.
    """

    held: Array
    asked: Array
    price: Array
    cash: float
    conditions: Conditions


@dataclass(frozen=True)
class Fills:
    """Hold what became of a basket, arrays (n,) over all its assets.

    ``taken`` is the part of what was asked that the market takes in this bar, ``filled`` what was
    traded. ``price`` includes slippage and is the market price where nothing was filled;
    ``commission`` and ``slippage`` are money. ``factor`` in [0, 1] scaled the opening parts;
    ``cash`` is what is left.
    """

    taken: Array
    filled: Array
    price: Array
    commission: Array
    slippage: Array
    factor: float
    cash: float


def target_shares(weights: Array, nav: float, price: Array, *, whole: bool) -> Array:
    """Return the shares (n,) that ``weights`` of ``nav`` buy at ``price``; whole ones toward zero
    if asked for.
    """
    shares = np.divide(weights * nav, price, out=np.zeros_like(weights), where=price > 0)
    return whole_shares(shares) if whole else shares


def whole_shares(shares: Array) -> Array:
    """Cut shares (n,) toward zero, after snapping to the whole number that rounding missed by 1e-9
    relative.
    """
    nearest = np.rint(shares)
    near = np.abs(shares - nearest) <= SNAP * np.maximum(1.0, np.abs(shares))
    return np.where(near, nearest, np.trunc(shares))


def fill_basket(basket: Basket, costs: Costs, *, gross: float, whole: bool) -> Fills:
    """Fill a basket: closing parts in full, opening parts by the largest common factor that fits.

    Both are parts of what the market takes in this bar (``costs.fillable``).

    Buying power is ``gross`` x NAV at fill prices less what is still held gross. An opening part
    needs its value, its slippage and its commission. Short proceeds raise cash but not NAV, so they
    buy nothing; with ``gross`` = 1 the same bound keeps longs within cash.
    """
    held, price = basket.held, basket.price
    asked = costs.fillable(basket.asked, basket.conditions)
    against = asked * held < 0
    closing = np.where(against, np.sign(asked) * np.minimum(np.abs(asked), np.abs(held)), 0.0)
    opening = asked - closing

    close_price = costs.fill_price(price, closing, basket.conditions)
    close_fee = costs.commission(closing, close_price)
    cash = basket.cash - float((closing * close_price + close_fee).sum())
    left = held + closing
    nav = cash + float((left * price).sum())
    power = gross * nav - float((np.abs(left) * price).sum())
    # what rounding leaves of a full account buys nothing
    power = power if power > 1e-12 * nav else 0.0

    def settle(part: Array) -> tuple[Array, Array, Array]:
        """Return average price and commission of orders whose opening parts are ``part``, and what
        these need.
        """
        paid = costs.fill_price(price, part, basket.conditions)
        filled = closing + part
        average = np.divide(
            closing * close_price + part * paid, filled, out=close_price.copy(), where=part != 0
        )
        average = np.where((closing == 0) & (part != 0), paid, average)
        fee = costs.commission(filled, average)
        slipped = filled * (average - price) - closing * (close_price - price)
        return average, fee, np.abs(part) * price + slipped + fee - close_fee

    def need(part: Array) -> Array:
        return settle(part)[2]

    part, factor = opening, 1.0
    average, commission, needed = settle(opening)
    full = float(needed.sum())
    if full > power:
        factor = power / full if costs.proportional else _largest_factor(opening, need, power)
        part = opening * factor
        if whole:
            part = _round_down(opening, part, need, power)
        average, commission, _ = settle(part)

    filled = closing + part
    cash = basket.cash - float((filled * average + commission).sum())
    return Fills(
        asked, filled, average, commission, np.abs(filled * (average - price)), factor, cash
    )


def _largest_factor(opening: Array, need: _Need, power: float) -> float:
    """Return the largest f in [0, 1] with sum(need(f * opening)) <= power, by bisection."""
    low, high = 0.0, 1.0
    for _ in range(100):
        middle = 0.5 * (low + high)
        fits = float(need(opening * middle).sum()) <= power
        low, high = (middle, high) if fits else (low, middle)
    return low


def _round_down(opening: Array, part: Array, need: _Need, power: float) -> Array:
    """Cut opening parts to whole shares, then give one more each by largest remainder where it
    still fits.
    """
    size = np.abs(part)
    whole = whole_shares(size)
    sign = np.sign(opening)
    spent = need(sign * whole)
    extra = need(sign * (whole + 1.0)) - spent
    room = power - float(spent.sum())
    # assets come in sorted order, so that a stable sort breaks ties by name
    for i in np.argsort(-(size - whole), kind="stable"):
        if size[i] > whole[i] and whole[i] + 1.0 <= abs(opening[i]) and extra[i] <= room:
            whole[i] += 1.0
            room -= float(extra[i])
    return np.asarray(sign * whole)
