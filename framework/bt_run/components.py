"""What a plugin offers (Component) and what the thing it builds must be able to do (the roles)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, create_model, model_validator

from bt_run.errors import PluginError

if TYPE_CHECKING:
    from bt_run.bars import Bars, LoadRequest
    from bt_run.pipeline import Decision, PortfolioState
    from bt_run.result import BacktestResult

__all__ = [
    "ROLES",
    "Analyzer",
    "Array",
    "BacktraderStrategy",
    "Broker",
    "BuildContext",
    "Component",
    "ComponentSpec",
    "Conditions",
    "Config",
    "Costs",
    "Delisting",
    "Exit",
    "Holdings",
    "Limits",
    "Nested",
    "Overlay",
    "Proposal",
    "Rates",
    "Report",
    "RoleName",
    "Signals",
    "Sizer",
    "Source",
    "Strategy",
    "Trigger",
    "Verdict",
]

Array = NDArray[np.float64]
RoleName = Literal["source", "strategy", "sizer", "overlay", "trigger", "exit", "analyzer", "report", "broker"]

# role -> the hook that offers it, in the order in which a run needs them
ROLES: Mapping[str, str] = MappingProxyType(
    {
        "source": "bt_sources",
        "strategy": "bt_strategies",
        "sizer": "bt_sizers",
        "overlay": "bt_overlays",
        "trigger": "bt_triggers",
        "exit": "bt_exits",
        "broker": "bt_brokers",
        "analyzer": "bt_analyzers",
        "report": "bt_reports",
    }
)


class Config(BaseModel):
    """Be the frozen configuration of a component: unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class ComponentSpec(BaseModel):
    """Name a component and hold its keys, as a YAML file writes it: ``{use: NAME, key: value}`` or ``NAME``."""

    model_config = ConfigDict(frozen=True)

    use: str
    options: dict[str, Any] = {}

    @model_validator(mode="before")
    @classmethod
    def _from_yaml(cls, value: Any) -> Any:
        if isinstance(value, str):
            return {"use": value}
        if isinstance(value, Mapping) and "use" in value and "options" not in value:
            return {"use": value["use"], "options": {k: v for k, v in value.items() if k != "use"}}
        return value


@dataclass(frozen=True)
class NestedRole:
    """Mark a ``ComponentSpec`` field with the role of the component that it names."""

    role: str


if TYPE_CHECKING:
    # A config field typed Nested["sizer"] reads well, and only the framework looks at its value.
    Nested = Literal
else:

    class Nested:
        """Type a config field as a nested component: ``defensive: Nested["sizer"]``."""

        def __class_getitem__(cls, role: str) -> Any:
            from typing import Annotated

            return Annotated[ComponentSpec, NestedRole(role)]


class Limits(Config):
    """Bound the target weights; all are fractions of NAV."""

    gross: float = Field(1.0, gt=0.0, description="sum of |weight|")
    net: float = Field(1.0, gt=0.0, description="|sum of weights|")
    name: float = Field(1.0, gt=0.0, description="|weight| of one asset")
    short: bool = Field(False, description="allow negative weights")


class Conditions(Protocol):
    """Show the market that an order meets at its fill; arrays (n,), over the assets of the basket."""

    @property
    def volume(self) -> Array:
        """Return the shares traded in the bar of the fill; NaN where unknown."""
        ...

    def average_volume(self, n: int) -> Array:
        """Return the mean volume of the ``n`` bars before the fill's; NaN where unknown."""
        ...

    def volatility(self, n: int) -> Array:
        """Return the standard deviation of the ``n`` bar returns before the fill's; NaN where unknown."""
        ...


class Costs(Protocol):
    """Price a trade. All arrays are (n,), over the assets of a basket; 0 shares are no order.

    ``real_shares_only`` names the configured costs that are money per share, which units of a total-return
    series do not have.
    """

    @property
    def real_shares_only(self) -> tuple[str, ...]: ...

    @property
    def proportional(self) -> bool:
        """Tell whether half an order costs half as much."""
        ...

    def fillable(self, shares: Array, conditions: Conditions) -> Array:
        """Return how much of signed ``shares`` the market takes in this bar; the rest waits."""
        ...

    def fill_price(self, price: Array, shares: Array, conditions: Conditions) -> Array:
        """Return the price paid or received, slippage included, for signed ``shares`` at ``price``."""
        ...

    def commission(self, shares: Array, price: Array) -> Array:
        """Return the commission of each order in money, >= 0, for signed ``shares`` filled at ``price``."""
        ...


@dataclass(frozen=True)
class Rates:
    """Hold yearly interest rates as known at each bar, fractions, (T,) each.

    ``cash`` is earned on cash above 0, ``margin`` paid on cash below 0, ``borrow`` paid on the value of shorts.
    """

    cash: Array
    margin: Array
    borrow: Array


class Delisting(Config):
    """Say when a silent asset counts as delisted, and what its holders lose then."""

    after: int = Field(5, ge=1, description="rows without a bar after which a holding is closed")
    haircut: float = Field(0.0, ge=0.0, le=1.0, description="fraction of the last price that is lost")


@dataclass(frozen=True, kw_only=True)
class Broker:
    """Hold what the engine must know to fill a basket.

    ``rates`` maps the sessions (T,) to interest rates; None where nothing bears interest. ``fingerprint``
    is a hash of the files that the broker read, if any.
    """

    cash: float
    fill: Literal["next_open", "next_close"]
    costs: Costs
    unfilled: Literal["cancel", "wait"] = "cancel"
    fractional: bool = False
    delisting: Delisting = field(default_factory=Delisting)
    rates: Callable[[NDArray[np.datetime64]], Rates] | None = None
    fingerprint: str = ""


@dataclass(frozen=True)
class BuildContext:
    """Hand a component what it may need beside its own config.

    ``costs`` are the broker's; None for the broker itself, which is built first.
    ``children`` maps each ``Nested`` field to the built component (a callable of the state), or to a
    tuple of them where the field is a list.
    """

    costs: Costs | None
    limits: Limits = field(default_factory=Limits)
    seed: int = 0
    children: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True)
class Proposal:
    """Return values together with what must survive until the next call.

    ``memo`` is a small JSON-able mapping found again in ``state.memo``; ``notes`` go to the ledger.
    """

    values: Array
    memo: Mapping[str, Any] | None = None
    notes: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Verdict:
    """Say whether a target should be traded now.

    ``names`` (N,) bool are the assets that a firing trigger asks for; None means all.
    """

    fire: bool
    veto: bool = False
    names: NDArray[np.bool_] | None = None
    reason: str = ""
    memo: Mapping[str, Any] | None = None


class Source(Protocol):
    """Load bars. May have ``needs_network = True``."""

    def load(self, request: LoadRequest) -> Bars: ...


class Signals(Protocol):
    """Be a vectorised strategy: row t of (T, N) uses rows <= t only."""

    def signals(self, bars: Bars) -> Array: ...


class Strategy(Protocol):
    """Be an event-driven strategy: (N,), in [-1, 1] when it gives exposures; NaN = not eligible."""

    def signal(self, state: PortfolioState) -> Array | Proposal: ...


class Sizer(Protocol):
    """Turn signals into target weights (N,), fractions of NAV; what is missing to 1 is cash."""

    def target_weights(self, state: PortfolioState) -> Array | Proposal: ...


class Overlay(Protocol):
    """Adjust target weights (N,)."""

    def adjust(self, state: PortfolioState, weights: Array) -> Array | Proposal: ...


class Trigger(Protocol):
    """Decide whether a target (N,) is traded now."""

    def check(self, state: PortfolioState, target: Array) -> Verdict: ...


@dataclass(frozen=True)
class Holdings:
    """Show an exit rule what is held, as of the close before; arrays (n,), NaN where nothing is held.

    ``side`` is 1 for a long, -1 for a short; ``entry`` the average price paid; ``best`` the most favourable
    close since the entry, the entry itself included; ``bars`` how many bars it has been held.
    """

    side: Array
    entry: Array
    best: Array
    bars: Array


class Exit(Protocol):
    """Say at which prices a holding is closed between decisions."""

    def levels(self, holdings: Holdings) -> tuple[Array, Array]:
        """Return stop and target prices (n,), NaN where there is none.

        A long closes when the price falls to its stop or rises to its target; a short the other way round.
        """
        ...


class Analyzer(Protocol):
    """Watch decisions and give a named table for the reports."""

    def decided(self, decision: Decision) -> None: ...

    def table(self) -> tuple[str, Any]: ...


class Report(Protocol):
    """Write files about a result into a folder and return their paths."""

    def write(self, result: BacktestResult, folder: Path) -> list[Path]: ...


class ClassicConfig(Config):
    """Hold the keys that every Backtrader strategy has in a YAML file."""

    resample: tuple[Literal["session", "week", "month", "year"], ...] = Field(
        default=(), description="further data of each asset, after the assets themselves: completed bars of the period"
    )


@dataclass(frozen=True)
class BacktraderStrategy:
    """Hold an ordinary ``bt.Strategy`` subclass and its parameters, to be run in classic mode."""

    cls: type
    params: Mapping[str, Any]
    resample: tuple[str, ...] = ()
    analyzers: tuple[type, ...] = ()
    observers: tuple[type, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Component:
    """Offer a thing under the name that a YAML file uses.

    ``build(config, context)`` returns an object of the role; it imports heavy libraries itself.
    ``example`` holds keys with which it is shown and tested: those without a default, and shorter lookbacks.
    """

    name: str
    config: type[Config]
    build: Callable[[Any, BuildContext], Any]
    summary: str
    example: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

    @classmethod
    def from_backtrader(
        cls,
        strategy: type,
        name: str | None = None,
        summary: str | None = None,
        *,
        analyzers: tuple[type, ...] = (),
        observers: tuple[type, ...] = (),
    ) -> Component:
        """Offer a ``bt.Strategy`` subclass; its params become the config, beside ``resample``.

        ``analyzers`` and ``observers`` are Backtrader classes to run along; what an analyzer found is a table
        of the result.

        Raises:
            PluginError: a param has the name of a key that bt-run uses itself.
        """
        params = dict(strategy.params._getitems())  # type: ignore[attr-defined]
        if taken := {"use", "options", "resample"} & params.keys():
            raise PluginError(f"{strategy.__name__}: the param {min(taken)!r} is a key of bt-run; rename it")
        simple = (bool, int, float, str)
        fields: dict[str, Any] = {
            key: (type(value) if isinstance(value, simple) else Any, value) for key, value in params.items()
        }
        config = create_model(f"{strategy.__name__}Config", __base__=ClassicConfig, **fields)

        def build(options: ClassicConfig, _: BuildContext) -> BacktraderStrategy:
            given = {key: getattr(options, key) for key in params}
            return BacktraderStrategy(strategy, given, options.resample, analyzers, observers)

        lines = (strategy.__doc__ or "").strip().splitlines()
        return cls(
            name=name or strategy.__name__,
            config=config,
            build=build,
            summary=summary or (lines[0] if lines else f"Backtrader strategy {strategy.__name__}"),
        )
