"""The terms on which an account trades: limits, costs, rates, fills, exits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, Protocol, runtime_checkable

from pydantic import Field

from bt_run.arrays import Array, Times
from bt_run.model import Config

__all__ = [
    "BrokerTerms",
    "Conditions",
    "Costs",
    "Delisting",
    "Exit",
    "Flows",
    "Holdings",
    "Limits",
    "MarketDependent",
    "Rates",
]


class Limits(Config):
    """Bounds of the target weights; all are fractions of NAV."""

    gross: float = Field(1.0, gt=0.0, description="sum of |weight|")
    net: float = Field(1.0, gt=0.0, description="|sum of weights|")
    name: float = Field(1.0, gt=0.0, description="|weight| of one asset")
    short: bool = Field(False, description="allow negative weights")


class Conditions(Protocol):
    """The market that an order meets at its fill; arrays (n,), over the assets of the basket."""

    @property
    def volume(self) -> Array:
        """Return the shares (n,) traded in the bar of the fill; NaN where unknown."""
        ...

    def average_volume(self, n: int) -> Array:
        """Return the mean volume (n,) of the ``n`` bars before the fill's, in shares; NaN where
        unknown.
        """
        ...

    def volatility(self, n: int) -> Array:
        """Return the standard deviation (n,) of the ``n`` bar returns before the fill's, fractions;
        NaN where unknown.
        """
        ...


class Costs(Protocol):
    """What prices a trade. All arrays are (n,), over the assets of a basket; 0 shares are no order.

    ``real_shares_only`` names the configured costs that are money per share, which units of a
    total-return series do not have.
    """

    @property
    def real_shares_only(self) -> tuple[str, ...]:
        """Return the keys of the costs that are money per share: ``commission.per_share``."""
        ...

    @property
    def proportional(self) -> bool:
        """Tell whether half an order costs half as much."""
        ...

    def fillable(self, shares: Array, conditions: Conditions) -> Array:
        """Return how much of signed ``shares`` (n,) this bar takes; the rest waits."""
        ...

    def fill_price(self, price: Array, shares: Array, conditions: Conditions) -> Array:
        """Return the price (n,) paid or received, slippage included, for signed ``shares`` (n,) at
        ``price`` (n,), that of the market in money per share.
        """
        ...

    def commission(self, shares: Array, price: Array) -> Array:
        """Return the commission of each order (n,) in money, >= 0, for signed ``shares`` (n,)
        filled at ``price`` (n,).
        """
        ...


@runtime_checkable
class MarketDependent(Protocol):
    """Costs that depend on the bar of the fill: ``market_dependent`` names the configured ones."""

    @property
    def market_dependent(self) -> tuple[str, ...]:
        """Return the keys of the costs that do, such as ``slippage.impact``."""
        ...


@dataclass(frozen=True)
class Rates:
    """Yearly interest rates as known at each bar, fractions, (T,) each.

    ``cash`` is earned on cash above 0, ``margin`` paid on cash below 0, ``borrow`` paid on the
    value of shorts. ``notes`` is what a reader must know about them, a sentence each.
    """

    cash: Array
    margin: Array
    borrow: Array
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Flows:
    """Contributions and withdrawals.

    Attributes:
        amount: money that comes from outside before each bar, (T,), below 0 where it leaves.
        notes: what a reader must know about them, a sentence each.
    """

    amount: Array
    notes: tuple[str, ...] = ()


class Delisting(Config):
    """What becomes of a holding whose source has no more rows of it."""

    after: int = Field(
        5, ge=1, description="sessions without a row after which an asset is silent"
    )
    silent: Literal["keep", "close"] = Field(
        "keep",
        description="whether a silent asset is held at its last price, or counts as delisted there",
    )
    haircut: float = Field(
        0.0,
        ge=0.0,
        le=1.0,
        description="fraction of the last price that a silent asset loses",
    )


@dataclass(frozen=True, kw_only=True)
class BrokerTerms:
    """The terms on which the engine fills a basket.

    Attributes:
        cash: the money that the account starts with.
        fill: whether a decision at a close fills at the next bar's open or close.
        costs: commission, slippage, and how much the market takes.
        unfilled: whether what was not filled is cancelled or waits until the next decision.
        fractional: whether fractions of real shares are allowed; units of a total-return series
            always are.
        delisting: what becomes of an asset that falls silent.
        rates: a function from sessions (T,) to interest rates; None where nothing bears interest.
        fingerprint: a hash of the files that the broker read, if any.
        dividend_tax: the fraction of a dividend on a long holding that is withheld.
        flows: a function from sessions (T,) to contributions and withdrawals; None where there are
            none.
    """

    cash: float
    fill: Literal["next_open", "next_close"]
    costs: Costs
    unfilled: Literal["cancel", "wait"] = "cancel"
    fractional: bool = False
    delisting: Delisting = field(default_factory=Delisting)
    rates: Callable[[Times], Rates] | None = None
    fingerprint: str = ""
    dividend_tax: float = 0.0
    flows: Callable[[Times], Flows] | None = None


@dataclass(frozen=True)
class Holdings:
    """What is held, as an exit rule sees it, as of the close before; arrays (n,), NaN where nothing
    is held.

    ``side`` is 1 for a long, -1 for a short; ``entry`` the average price paid; ``best`` the most
    favourable close since the entry, the entry itself included; ``bars`` how many bars it has been
    held.
    """

    side: Array
    entry: Array
    best: Array
    bars: Array


class Exit(Protocol):
    """What says at which prices a holding is closed between decisions."""

    def levels(self, holdings: Holdings) -> tuple[Array, Array]:
        """Return stop and target prices (n,), NaN where there is none.

        A long closes when the price falls to its stop or rises to its target; a short the other way
        round.
        """
        ...
