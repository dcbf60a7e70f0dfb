"""Build the components that a configuration names, and see that they fit together and fit the data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from bt_run.component import BacktraderStrategy, BuildContext
from bt_run.config.binding import Bound, BoundConfig
from bt_run.config.run_config import RunConfig
from bt_run.data.bars import Bars
from bt_run.decision.pipeline import Pipeline, Stage
from bt_run.decision.signals import VectorisedSignal
from bt_run.errors import ConfigError, PluginError
from bt_run.guard import guarded
from bt_run.terms import Broker

__all__ = ["Builder", "Parts", "build_one", "build_parts", "build_source", "check_needs"]

# role -> the methods of which a built component must offer one
_CONTRACT: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "source": ("load",),
        "strategy": ("signals", "signal"),
        "sizer": ("target_weights",),
        "overlay": ("adjust",),
        "trigger": ("check",),
        "exit": ("levels",),
        "analyzer": ("table",),
        "report": ("write",),
    }
)


@dataclass(frozen=True, kw_only=True)
class Parts:
    """Hold the built components of a run: a pipeline, or a Backtrader strategy for classic mode."""

    broker: Broker
    pipeline: Pipeline | None
    exits: tuple[tuple[str, Any], ...]
    classic: BacktraderStrategy | None
    analyzers: tuple[Any, ...]
    reports: tuple[tuple[str, Any], ...]
    needs: Mapping[str, frozenset[str]]
    vectorised: tuple[VectorisedSignal, ...]


class Builder:
    """Build bound components, and remember what they need and which must see the bars first."""

    def __init__(self, context: BuildContext) -> None:
        self.context = context
        self.needs: dict[str, frozenset[str]] = {}
        self.vectorised: list[VectorisedSignal] = []

    def build(self, bound: Bound, path: str) -> Any:
        """Return the built object, its children built before it."""
        children = {
            name: tuple(self.call(item, f"{path}.{name}.{i}") for i, item in enumerate(child))
            if isinstance(child, tuple)
            else self.call(child, f"{path}.{name}")
            for name, child in bound.children.items()
        }
        context = replace(self.context, children=MappingProxyType(children))
        built = build_one(bound, path, context)
        methods = _CONTRACT.get(bound.role, ())
        if not isinstance(built, BacktraderStrategy) and not any(
            hasattr(built, m) for m in methods or [""]
        ):
            raise PluginError(
                f"{path}: {bound.role} {bound.name!r} ({bound.offer.origin}) built a "
                f"{type(built).__name__} "
                f"without {' or '.join(methods)}()"
            )
        self.needs[path] = frozenset(getattr(built, "needs", ()))
        return built

    def call(self, bound: Bound, path: str) -> Callable[..., Any]:
        """Return the one function through which the pipeline, or a parent, uses the component."""
        built = self.build(bound, path)
        return self.callable_of(bound, built, path)

    def callable_of(self, bound: Bound, built: Any, path: str) -> Callable[..., Any]:
        if isinstance(built, BacktraderStrategy):
            raise ConfigError(
                f"{path}: {bound.name!r} is a Backtrader strategy; it cannot be a part of another"
            )
        if bound.role == "strategy" and hasattr(built, "signals"):
            rows = VectorisedSignal(bound.name, built.signals, path)
            self.vectorised.append(rows)
            return rows
        method = {
            "strategy": "signal",
            "sizer": "target_weights",
            "overlay": "adjust",
            "trigger": "check",
        }
        call: Callable[..., Any] = getattr(built, method[bound.role])
        return call


def build_one(bound: Bound, path: str, context: BuildContext) -> Any:
    """Return what a component's own ``build`` gives; ``path`` is its place, for the words of an
    error.
    """
    where = f"{path}: building {bound.role} {bound.name!r} ({bound.offer.origin})"
    return guarded(where, bound.offer.component.build, bound.options, context)


def build_source(bound: Bound, context: BuildContext) -> Any:
    """Build the source of the bars."""
    return Builder(context).build(bound, "data.source")


def build_parts(config: RunConfig, bound: BoundConfig) -> Parts:
    """Build every component of a run but the source.

    Raises:
        ConfigError: the parts do not fit together.
        PluginError: a component broke its contract.
    """
    broker = build_one(bound.broker, "broker", BuildContext(costs=None))
    if not isinstance(broker, Broker):
        raise PluginError(
            f"broker {bound.broker.name!r} built a {type(broker).__name__}; expected a Broker"
        )
    _refuse_money_per_share(config, broker)
    builder = Builder(BuildContext(costs=broker.costs, limits=config.limits, seed=config.seed))
    strategy = builder.build(bound.strategy, "strategy")
    classic = strategy if isinstance(strategy, BacktraderStrategy) else None
    if classic:
        _refuse_in_classic_mode(config, broker)
    pipeline = None if classic else _pipeline(config, bound, builder, strategy)
    return Parts(
        broker=broker,
        pipeline=pipeline,
        exits=tuple((b.name, builder.build(b, f"exits.{i}")) for i, b in enumerate(bound.exits)),
        classic=classic,
        analyzers=tuple(builder.build(b, f"analyzers.{i}") for i, b in enumerate(bound.analyzers)),
        reports=tuple(
            (b.name, builder.build(b, f"reports.{i}")) for i, b in enumerate(bound.reports)
        ),
        needs=builder.needs,
        vectorised=tuple(builder.vectorised),
    )


def _refuse_money_per_share(config: RunConfig, broker: Broker) -> None:
    """Refuse costs per share where the account trades units of a total-return series."""
    keys = broker.costs.real_shares_only
    if keys and config.data.adjust == "total_return":
        raise ConfigError(
            f"broker: {', '.join(keys)} is money per share, but `adjust: total_return` trades "
            "units of a total-return "
            "series; use `adjust: none`, or costs in bps"
        )


def _pipeline(config: RunConfig, bound: BoundConfig, builder: Builder, strategy: Any) -> Pipeline:
    if bound.sizer is None:
        raise ConfigError(
            f"sizer: strategy {bound.strategy.name!r} gives signals, and nothing turns them into "
            "weights; "
            "name a sizer, for example `sizer: equal_weight`"
        )
    gives = getattr(strategy, "gives", "exposure")
    sizer = builder.build(bound.sizer, "sizer")
    accepts = getattr(sizer, "accepts", {"exposure"})
    if gives not in accepts:
        raise ConfigError(
            f"sizer: {bound.sizer.name!r} accepts {', '.join(sorted(accepts))}, but strategy "
            f"{bound.strategy.name!r} gives {gives}; choose a sizer that accepts {gives}"
        )

    def stage(path: str, item: Bound, built: Any) -> Stage:
        return Stage(path, item.name, builder.callable_of(item, built, path))

    def stages(key: str, items: tuple[Bound, ...]) -> tuple[Stage, ...]:
        return tuple(
            Stage(f"{key}.{i}", b.name, builder.call(b, f"{key}.{i}")) for i, b in enumerate(items)
        )

    return Pipeline(
        strategy=stage("strategy", bound.strategy, strategy),
        sizer=stage("sizer", bound.sizer, sizer),
        overlays=stages("overlays", bound.overlays),
        triggers=stages("triggers", bound.triggers),
        limits=config.limits,
        gives=gives,
    )


def _refuse_in_classic_mode(config: RunConfig, broker: Broker) -> None:
    given = [key for key in ("sizer", "overlays", "triggers", "exits") if getattr(config, key)]
    if "limits" in config.model_fields_set:
        given.append("limits")
    if given:
        raise ConfigError(
            f"{', '.join(given)}: strategy {config.strategy.use!r} is a Backtrader strategy that "
            "places its own "
            "orders (classic mode); remove these keys, or write the strategy as signals"
        )
    unread = [f"data.{key}" for key in ("tables", "universe") if getattr(config.data, key)]
    if unread:
        raise ConfigError(
            f"{', '.join(unread)}: a Backtrader strategy sees prices only (classic mode); remove "
            "it, or write the "
            "strategy as signals"
        )
    unfit = (
        *getattr(broker.costs, "market_dependent", ()),
        *(("interest",) if broker.rates else ()),
    )
    if unfit:
        raise ConfigError(
            f"broker: {', '.join(unfit)} is not applied to the orders that a Backtrader strategy "
            "places itself; "
            "remove it, or write the strategy as signals"
        )
    if config.data.adjust != "total_return":
        raise ConfigError(
            f"data.adjust: was {config.data.adjust!r}; Backtrader knows no dividends, so a "
            "Backtrader strategy "
            "needs `adjust: total_return`"
        )


def check_needs(parts: Parts, bars: Bars) -> None:
    """Refuse a run whose components need fields that the data do not have.

    Raises:
        ConfigError: names the component, what it needs and what there is.
    """
    have = bars.fields
    for path, needs in parts.needs.items():
        if missing := needs - have:
            raise ConfigError(
                f"{path}: needs {', '.join(sorted(missing))}, but the data have only "
                f"{', '.join(sorted(have))}"
                f"{_lacking(bars, missing)}"
            )
    if parts.broker.fill == "next_open" and "open" not in have:
        raise ConfigError(
            "broker.fill: was 'next_open', but the data have no opens; close-only data fill with "
            "`fill: next_close`"
            f"{_lacking(bars, {'open'})}"
        )
    volumes = getattr(parts.broker.costs, "market_dependent", ())
    if volumes and "volume" not in have:
        raise ConfigError(
            f"broker: {', '.join(volumes)} needs volumes, which the data do not "
            f"have{_lacking(bars, {'volume'})}"
        )


def _lacking(bars: Bars, fields: AbstractSet[str]) -> str:
    """Name the assets that lack a field, where others have it."""
    names = sorted({name for field in fields for name in bars.without(field)})
    return f" ({', '.join(names[:5])} lack it)" if 0 < len(names) < len(bars.assets) else ""
