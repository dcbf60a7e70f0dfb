"""What a plugin offers: components, each for one role."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from pydantic import Field, create_model

from bt_run.errors import PluginError
from bt_run.model import Config
from bt_run.terms import Costs, Limits

__all__ = [
    "ROLES",
    "BacktraderStrategy",
    "BuildContext",
    "ClassicConfig",
    "Component",
    "Role",
]


@dataclass(frozen=True, kw_only=True)
class Role:
    """What a component can be in a run.

    Attributes:
        hook: the hook that offers it.
        key: where it stands in the YAML file.
        methods: a built component has at least one of these; none where the engine hosts a record.
        contract: its methods with what they take and give, for the reference.
    """

    name: str
    hook: str
    key: str
    methods: tuple[str, ...]
    contract: str


# in the order in which a run needs them
_ROLES = (
    Role(
        name="source",
        hook="bt_sources",
        key="data.source",
        methods=("load",),
        contract="`load(request) -> Bars`",
    ),
    Role(
        name="strategy",
        hook="bt_strategies",
        key="strategy",
        methods=("signals", "signal"),
        contract="`signals(bars) -> (T, N)`, `signal(state) -> (N,)`, or a `bt.Strategy`",
    ),
    Role(
        name="sizer",
        hook="bt_sizers",
        key="sizer",
        methods=("target_weights",),
        contract="`target_weights(state) -> (N,)`",
    ),
    Role(
        name="overlay",
        hook="bt_overlays",
        key="overlays",
        methods=("adjust",),
        contract="`adjust(state, weights) -> (N,)`",
    ),
    Role(
        name="trigger",
        hook="bt_triggers",
        key="triggers",
        methods=("check",),
        contract="`check(state, target) -> Verdict`",
    ),
    Role(
        name="exit",
        hook="bt_exits",
        key="exits",
        methods=("levels",),
        contract="`levels(holdings) -> (stop, target)`",
    ),
    Role(
        name="broker",
        hook="bt_brokers",
        key="broker",
        methods=(),
        contract="the build returns `BrokerTerms`",
    ),
    Role(
        name="analyzer",
        hook="bt_analyzers",
        key="analyzers",
        methods=("table",),
        contract="`decided(decision)`, `table() -> (name, DataFrame)`, and if it likes "
        "`study(prepared, played) -> {name: DataFrame}`",
    ),
    Role(
        name="report",
        hook="bt_reports",
        key="reports",
        methods=("write",),
        contract="`write(result, folder) -> paths`",
    ),
    Role(
        name="executor",
        hook="bt_executors",
        key="sweep.executor",
        methods=("submit",),
        contract="`submit(key, cell)`, `done()` yields (key, outcome), `cancel()`, `close()`",
    ),
)
ROLES: Mapping[str, Role] = MappingProxyType({role.name: role for role in _ROLES})


@dataclass(frozen=True)
class BuildContext:
    """What a component may need beside its own config.

    Attributes:
        costs: the broker's; None for the broker itself, which is built first.
        limits: the bounds of the run's weights.
        seed: the run's, for whoever draws at random.
        whole_shares: whether the account trades whole shares only.
        fill: whether a decision at a close fills at the next bar's open or close.
        children: each ``Nested`` field -> the built component (a callable of the state), or a tuple
            of them where the field is a list.
    """

    costs: Costs | None
    limits: Limits = field(default_factory=Limits)
    seed: int = 0
    whole_shares: bool = False
    fill: Literal["next_open", "next_close"] = "next_open"
    children: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))


class ClassicConfig(Config):
    """The keys that every Backtrader strategy has in a YAML file."""

    resample: tuple[Literal["session", "week", "month", "year"], ...] = Field(
        default=(),
        description="further data of each asset, after the assets themselves: completed bars of "
        "the period",
    )


@dataclass(frozen=True)
class BacktraderStrategy:
    """An ordinary ``bt.Strategy`` subclass, to be run in classic mode.

    Attributes:
        cls: the class.
        params: its parameters, by name.
        resample: periods of further data of each asset.
        analyzers, observers: Backtrader classes that run along.
    """

    cls: type
    params: Mapping[str, Any]
    resample: tuple[str, ...] = ()
    analyzers: tuple[type, ...] = ()
    observers: tuple[type, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Component:
    """A thing that plugins offer, under the name that a YAML file uses.

    Attributes:
        name: the word in the YAML file.
        config: the class of its configuration: the keys beside ``use``.
        build: ``build(config, context)`` returns an object of the role; it imports heavy libraries
            itself.
        summary: what it does in half a sentence, for ``bt-run plugins``.
        example: keys with which it is shown and tested: those without a default, and shorter
            lookbacks.
        resolve: ``resolve(config, where)`` is called once before the data are loaded and returns a
            config in which what a name stands for (a policy in a database) is replaced by its
            content, so that the manifest and the run's id hold that; given the content it returns
            it as it is.
        libraries: ``libraries(config)`` returns the modules without which the component cannot run
            and which not every installation has, each with the requirement that brings it:
            ``{"osqp": "bt-run[tracker]"}``. A run that lacks one is refused before its data are
            loaded.
        purpose: what a run with this sizer is for, unless its research says otherwise: to ``earn``,
            or to ``track`` its benchmark, and then it is judged by its tracking error.
    """

    name: str
    config: type[Config]
    build: Callable[[Any, BuildContext], Any]
    summary: str
    example: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    resolve: Callable[[Any, str], Config] | None = None
    libraries: Callable[[Any], Mapping[str, str]] | None = None
    purpose: Literal["earn", "track"] = "earn"

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

        ``strategy`` is the class; ``name`` and ``summary`` are by default its own name and the
        first line of its docstring. ``analyzers`` and ``observers`` are Backtrader classes to run
        along; what an analyzer found is a table of the result.

        Raises:
            PluginError: a param has the name of a key that bt-run uses itself.
        """
        params = dict(strategy.params._getitems())  # type: ignore[attr-defined]
        config = _config_of_params(strategy.__name__, params)

        def build(options: ClassicConfig, _: BuildContext) -> BacktraderStrategy:
            given = {key: getattr(options, key) for key in params}
            return BacktraderStrategy(
                strategy, given, options.resample, analyzers, observers
            )

        return cls(
            name=name or strategy.__name__,
            config=config,
            build=build,
            summary=summary or _summary(strategy),
        )


def _config_of_params(name: str, params: Mapping[str, Any]) -> type[ClassicConfig]:
    """Return a config whose fields are the params of a Backtrader strategy, with their defaults."""
    taken = {"use", "options", "resample"} & params.keys()
    if taken:
        raise PluginError(
            f"{name}: the param {min(taken)!r} is a key of bt-run; rename it"
        )
    fields: dict[str, Any] = {}
    for key, value in params.items():
        kind = type(value) if isinstance(value, bool | int | float | str) else Any
        fields[key] = (kind, value)
    return create_model(f"{name}Config", __base__=ClassicConfig, **fields)


def _summary(strategy: type) -> str:
    lines = (strategy.__doc__ or "").strip().splitlines()
    return lines[0] if lines else f"Backtrader strategy {strategy.__name__}"
