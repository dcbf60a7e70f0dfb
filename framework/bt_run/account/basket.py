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

from bt_run.account.parts import Parts
from bt_run.arrays import Array, Mask
from bt_run.terms import Conditions, Costs

__all__ = [
    "Basket",
    "Fills",
    "differing",
    "fill_basket",
    "target_shares",
    "whole_shares",
    "worth_an_order",
]

ROUNDING = 1e-9  # relative difference of share counts that is no order
DUST = 1e-12  # of NAV: a change worth no more is what rounding left of a weight
SNAP = 1e-9  # relative distance at which a share count is the whole number it nearly is


@dataclass(frozen=True)
class Basket:
    """What a fill needs to know about an account, at the fill's prices.

    Attributes:
        held: (n,) signed shares.
        asked: (n,) signed shares to trade; 0 where there is no order.
        price: (n,) price of each asset now, > 0 wherever it is held or asked.
        cash: money.
        conditions: what the costs may know about the market.
        parts: what earlier bars filled of the same orders; None for nothing.
        used: (n,) shares that this bar's volume gave to other orders already; None for none.
    """

    held: Array
    asked: Array
    price: Array
    cash: float
    conditions: Conditions
    parts: Parts | None = None
    used: Array | None = None


@dataclass(frozen=True)
class Fills:
    """What became of a basket, arrays (n,) over all its assets.

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
    shares = np.divide(
        weights * nav, price, out=np.zeros_like(weights), where=price > 0
    )
    return whole_shares(shares) if whole else shares


def whole_shares(shares: Array) -> Array:
    """Cut shares (n,) toward zero, after snapping to the whole number that rounding missed by 1e-9
    relative.
    """
    nearest = np.rint(shares)
    near = np.abs(shares - nearest) <= SNAP * np.maximum(1.0, np.abs(shares))
    return np.where(near, nearest, np.trunc(shares))


def worth_an_order(target: Array, held: Array, price: Array, nav: float) -> Mask:
    """Tell which shares ``target`` (N,) differ from ``held`` by more than rounding, both of the
    shares and of the weight that they come from; none does without a price.
    """
    change = np.abs(target - held)
    larger = np.maximum(np.abs(target), np.abs(held))
    return np.asarray((change > ROUNDING * larger) & (change * price > DUST * nav))


def differing(one: Array, other: Array, asked: Array) -> Mask | None:
    """Tell which shares (n,) differ by more than rounding of what was ``asked``; None where all are
    the same.
    """
    difference = np.abs(one - other)
    if not np.count_nonzero(difference):
        return None
    return difference > ROUNDING * np.abs(asked)


@dataclass(frozen=True)
class _Closing:
    """The closing parts of a basket as filled, arrays (n,): signed shares, price, commission."""

    shares: Array
    price: Array
    commission: Array


@dataclass(frozen=True)
class _Settled:
    """Orders with their opening parts as filled, (n,).

    ``needed`` is the buying power that the opening part of each uses up.
    """

    filled: Array
    price: Array
    commission: Array
    needed: Array


def fill_basket(basket: Basket, costs: Costs, *, gross: float, whole: bool) -> Fills:
    """Fill a basket: closing parts in full, opening parts by the largest common factor that fits.

    Both are parts of what the market takes in this bar (``costs.fillable``).

    Buying power is ``gross`` x NAV at fill prices less what is still held gross. An opening part
    needs its value, its slippage and its commission. Short proceeds raise cash but not NAV, so they
    buy nothing; with ``gross`` = 1 the same bound keeps longs within cash.
    """
    # what is not asked has no volume to be asked for: without a bar it is NaN
    taken = np.where(basket.asked == 0.0, 0.0, _takeable(basket, costs))
    if whole:
        taken = whole_shares(taken)
    elif costs.proportional and basket.parts is None:
        against = taken * basket.held < 0.0
        turns = against & (np.abs(taken) > np.abs(basket.held))
        if not np.count_nonzero(turns):
            return _fill_plain(basket, taken, against, costs, gross)
    closing = _close(basket, taken, costs)
    opening = taken - closing.shares
    power = _buying_power(basket, closing, gross)

    def settle(part: Array) -> _Settled:
        return _settle(basket, closing, part, costs)

    factor = 1.0
    settled = settle(opening)
    full = float(settled.needed.sum())
    if full > power:
        factor = (
            power / full
            if costs.proportional
            else _largest_factor(opening, settle, power)
        )
        part = opening * factor
        if whole:
            part = _round_down(opening, part, settle, power)
        settled = settle(part)

    paid = settled.filled * settled.price + settled.commission
    return Fills(
        taken=taken,
        filled=settled.filled,
        price=settled.price,
        commission=settled.commission,
        slippage=np.abs(settled.filled * (settled.price - basket.price)),
        factor=factor,
        cash=basket.cash - float(paid.sum()),
    )


def _fill_plain(
    basket: Basket, taken: Array, closes: Mask, costs: Costs, gross: float
) -> Fills:
    """Fill orders of which none turns a holding over, at costs that scale with them.

    Each order then is a closing or an opening one as a whole (``closes``), with one price and one
    fee: the same numbers, to the last bit, as the parts of each would add up to.
    """
    price, filled, factor = basket.price, taken, 1.0
    paid = costs.fill_price(price, taken, basket.conditions)
    fee = costs.commission(taken, paid)
    needed = np.abs(taken) * price + taken * (paid - price) + fee
    if np.count_nonzero(closes):
        needed = np.where(closes, 0.0, needed)
        closing = _Closing(
            np.where(closes, taken, 0.0), paid, np.where(closes, fee, 0.0)
        )
        power = _buying_power(basket, closing, gross)
    else:
        power = _free_power(basket.cash, basket.held, price, gross)
    full = float(needed.sum())
    if full > power:
        factor = power / full
        filled = np.where(closes, taken, taken * factor) + 0.0  # no -0.0
        paid = costs.fill_price(price, filled, basket.conditions)
        fee = costs.commission(filled, paid)
    return Fills(
        taken=taken,
        filled=filled,
        price=paid,
        commission=fee,
        slippage=np.abs(filled * (paid - price)),
        factor=factor,
        cash=basket.cash - float((filled * paid + fee).sum()),
    )


def _takeable(basket: Basket, costs: Costs) -> Array:
    """Return what the market takes of what is asked (n,), after what it gave in this bar."""
    asked, used = basket.asked, basket.used
    if used is None:
        return costs.fillable(asked, basket.conditions)
    side = np.sign(asked)
    both = np.abs(costs.fillable(side * (np.abs(asked) + used), basket.conditions))
    return np.asarray(side * np.clip(both - used, 0.0, np.abs(asked)))


def _fee(basket: Basket, costs: Costs, shares: Array, price: Array) -> Array:
    """Return the commission (n,) of what is filled now, part of an order or the whole of it."""
    if basket.parts is None:
        return costs.commission(shares, price)
    return basket.parts.fee(costs, shares, price)


def _close(basket: Basket, taken: Array, costs: Costs) -> _Closing:
    """Fill what of ``taken`` (n,) brings a holding toward zero."""
    size = np.minimum(np.abs(taken), np.abs(basket.held))
    shares = np.where(taken * basket.held < 0, np.sign(taken) * size, 0.0)
    price = costs.fill_price(basket.price, shares, basket.conditions)
    return _Closing(shares, price, _fee(basket, costs, shares, price))


def _buying_power(basket: Basket, closing: _Closing, gross: float) -> float:
    """Return the money that opening parts may use after the closing ones."""
    received = closing.shares * closing.price + closing.commission
    cash = basket.cash - float(received.sum())
    return _free_power(cash, basket.held + closing.shares, basket.price, gross)


def _free_power(cash: float, left: Array, price: Array, gross: float) -> float:
    """Return the money that opening parts may use beside shares ``left`` (n,)."""
    nav = cash + float((left * price).sum())
    power = gross * nav - float((np.abs(left) * price).sum())
    # what rounding leaves of a full account buys nothing
    return power if power > DUST * nav else 0.0


def _settle(basket: Basket, closing: _Closing, part: Array, costs: Costs) -> _Settled:
    """Fill orders whose opening parts are ``part`` (n,), each at the average of its two prices."""
    opens = part != 0
    paid = costs.fill_price(basket.price, part, basket.conditions)
    filled = closing.shares + part
    value = closing.shares * closing.price + part * paid
    average = np.divide(value, filled, out=closing.price.copy(), where=opens)
    average = np.where((closing.shares == 0) & opens, paid, average)
    fee = _fee(basket, costs, filled, average)
    closing_slip = closing.shares * (closing.price - basket.price)
    slipped = filled * (average - basket.price) - closing_slip
    needed = np.abs(part) * basket.price + slipped + fee - closing.commission
    return _Settled(filled, average, fee, needed)


_Settle = Callable[[Array], _Settled]


def _largest_factor(opening: Array, settle: _Settle, power: float) -> float:
    """Return the largest f in [0, 1] with sum of what f x opening needs <= power, by bisection."""
    low, high = 0.0, 1.0
    for _ in range(100):
        middle = 0.5 * (low + high)
        fits = float(settle(opening * middle).needed.sum()) <= power
        low, high = (middle, high) if fits else (low, middle)
    return low


def _round_down(opening: Array, part: Array, settle: _Settle, power: float) -> Array:
    """Cut opening parts to whole shares, then give one more each by largest remainder where it
    still fits.
    """
    size = np.abs(part)
    whole = whole_shares(size)
    sign = np.sign(opening)
    spent = settle(sign * whole).needed
    extra = settle(sign * (whole + 1.0)).needed - spent
    room = power - float(spent.sum())
    # assets come in sorted order, so that a stable sort breaks ties by name
    for i in np.argsort(-(size - whole), kind="stable"):
        was_cut = size[i] > whole[i]
        within = whole[i] + 1.0 <= abs(opening[i])
        if was_cut and within and extra[i] <= room:
            whole[i] += 1.0
            room -= float(extra[i])
    return np.asarray(sign * whole)
