"""Build the components that a configuration names, and see that they fit together and the data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from bt_run.backtest.agreement import require_strategy, what_is_given
from bt_run.backtest.classic_rules import refuse_in_classic_mode
from bt_run.component import ROLES, BacktraderStrategy, BuildContext
from bt_run.config.binding import Bound, BoundConfig
from bt_run.config.run_config import RunConfig
from bt_run.data.bars import Bars
from bt_run.data.controls import Controls, read_controls
from bt_run.data.several_sources import SeveralSources, TellsRows
from bt_run.decision.calls import Stage
from bt_run.decision.lesson import Learner
from bt_run.decision.pipeline import Pipeline
from bt_run.decision.signals import VectorisedSignal
from bt_run.errors import ConfigError, PluginError
from bt_run.guard import guarded
from bt_run.libraries import missing_libraries, needs_text, not_installed_text
from bt_run.roles import (
    Fingerprinted,
    NamesAssets,
    NeedsFields,
    Placed,
    ReadsTables,
    ReadsTracks,
    Signals,
)
from bt_run.terms import BrokerTerms

__all__ = [
    "Builder",
    "Parts",
    "build_one",
    "build_parts",
    "missing_for",
    "not_installed",
]


@dataclass(frozen=True, kw_only=True)
class Parts:
    """The built components of a run: a pipeline, or a Backtrader strategy for classic mode.

    ``needs``, ``reads``, ``names_assets`` (by path of the key) and ``fingerprints`` are those of
    all components, nested ones too, by path;
    ``placed`` holds the built components of the pipeline in the order in which they act,
    ``controls`` what is known from outside, ``built`` every built object by path.
    """

    broker: BrokerTerms
    pipeline: Pipeline | None
    exits: tuple[tuple[str, Any], ...]
    classic: BacktraderStrategy | None
    analyzers: tuple[Any, ...]
    reports: tuple[tuple[str, Any], ...]
    needs: Mapping[str, frozenset[str]]
    reads: Mapping[str, Mapping[str, str]]
    names_assets: Mapping[str, tuple[str, ...]]
    fingerprints: Mapping[str, str]
    placed: tuple[Placed, ...]
    controls: Controls
    built: Mapping[str, Any]

    def on(self, bars: Bars) -> Parts:
        """Return these parts with the vectorised strategies evaluated on ``bars``, and the controls
        known by their end.

        Raises:
            PluginError: one of them failed, or broke its contract.
        """
        if self.pipeline is None:
            return self
        pipeline, controls = self.pipeline.on(bars), self.controls.until(bars)
        return replace(self, pipeline=pipeline, controls=controls)

    @property
    def learns(self) -> bool:
        """Tell whether anything must be taught."""
        return self.pipeline is not None and bool(self.pipeline.learners)

    @property
    def vectorised(self) -> tuple[VectorisedSignal, ...]:
        """Return the vectorised strategies, nested ones too."""
        return self.pipeline.vectorised if self.pipeline is not None else ()


LEARNING = ("strategy", "overlay")  # the roles that may learn


class Builder:
    """What builds bound components, and remembers what they need and which are vectorised."""

    def __init__(self, context: BuildContext) -> None:
        self.context = context
        self.needs: dict[str, frozenset[str]] = {}
        self.reads: dict[str, Mapping[str, str]] = {}
        self.names_assets: dict[str, tuple[str, ...]] = {}
        self.reads_tracks = False
        self.built: dict[str, Any] = {}
        self.fingerprints: dict[str, str] = {}
        self.vectorised: list[VectorisedSignal] = []

    def build(self, bound: Bound, path: str) -> Any:
        """Return the built object, its children built before it."""
        children = {
            name: self._child(child, f"{path}.{name}")
            for name, child in bound.children.items()
        }
        context = replace(self.context, children=MappingProxyType(children))
        built = build_one(bound, path, context)
        if not isinstance(built, BacktraderStrategy):
            _check_methods(bound, built, path)
        self.built[path] = built
        self._agree(bound, path)
        needs = built.needs if isinstance(built, NeedsFields) else ()
        self.needs[path] = frozenset(needs)
        if isinstance(built, ReadsTables):
            self.reads[path] = dict(built.reads)
        if isinstance(built, NamesAssets):
            for key, names in built.names_assets.items():
                self.names_assets[f"{path}.{key}"] = tuple(names)
        if isinstance(built, ReadsTracks) and built.reads_tracks:
            self.reads_tracks = True
        if isinstance(built, Fingerprinted) and bound.role != "report":
            self.fingerprints[path] = built.fingerprint
        return built

    def _agree(self, bound: Bound, path: str) -> None:
        """Refuse a component that holds a strategy and a sizer that does not accept what it
        gives.
        """
        held = {
            child.role: (child, self.built[f"{path}.{name}"])
            for name, child in bound.children.items()
            if isinstance(child, Bound)
        }
        if {"strategy", "sizer"} <= held.keys():
            what_is_given(*held["strategy"], *held["sizer"], f"{path}.")

    def source(self, bound: Bound | tuple[Bound, ...]) -> Any:
        """Return the built source, or several as one.

        Raises:
            ConfigError: one of several has no rows to give to others.
        """
        if isinstance(bound, Bound):
            return self.build(bound, "data.source")
        found = []
        for place, one in enumerate(bound):
            path = f"data.source.{place}"
            source = self.build(one, path)
            if not isinstance(source, TellsRows):
                raise ConfigError(
                    f"{path}: source {one.name!r} cannot stand beside others; those that give "
                    "rows can, such as csv and parquet"
                )
            found.append(source)
        return SeveralSources(found)

    def call(self, bound: Bound, path: str) -> Callable[..., Any]:
        """Return the one function through which the pipeline, or a parent, uses the component."""
        built = self.build(bound, path)
        return self.callable_of(bound, built, path)

    def callable_of(self, bound: Bound, built: Any, path: str) -> Callable[..., Any]:
        """Return the one function through which what was built is used."""
        if isinstance(built, BacktraderStrategy):
            raise ConfigError(
                f"{path}: {bound.name!r} is a Backtrader strategy; it cannot be a part of another"
            )
        if bound.role == "strategy" and isinstance(built, Signals):
            vectorised = VectorisedSignal(bound.name, built.signals, path)
            self.vectorised.append(vectorised)
            return vectorised.member
        method = ROLES[bound.role].methods[-1]
        call: Callable[..., Any] = getattr(built, method)
        return call

    def _child(self, child: Bound | tuple[Bound, ...], path: str) -> Any:
        if isinstance(child, tuple):
            return tuple(
                self._inner(item, f"{path}.{i}") for i, item in enumerate(child)
            )
        return self._inner(child, path)

    def _inner(self, child: Bound, path: str) -> Callable[..., Any]:
        call = self.call(child, path)
        _refuse_learner(child, self.built[path], path)
        return call


def build_one(bound: Bound, path: str, context: BuildContext) -> Any:
    """Return what a component's own ``build`` gives; ``path`` is its place, for errors."""
    where = f"{path}: building {bound.role} {bound.name!r} ({bound.offer.origin})"
    return guarded(where, bound.offer.component.build, bound.options, context)


def missing_for(bound: Bound, path: str) -> dict[str, str]:
    """Return the modules that a component needs and that are not installed, each with the
    requirement that brings it.
    """
    libraries = bound.offer.component.libraries
    if libraries is None:
        return {}
    where = f"{path}: libraries of {bound.role} {bound.name!r} ({bound.offer.origin})"
    return missing_libraries(guarded(where, libraries, bound.options))


def not_installed(bound: BoundConfig) -> str:
    """Return in one line which components lack a library, and the command that installs all of
    them; nothing where none does.
    """
    found = {path: (one, missing_for(one, path)) for path, one in bound.placed()}
    lacking = {path: pair for path, pair in found.items() if pair[1]}
    if not lacking:
        return ""
    needs = [
        needs_text(f"{path}: {one.name!r}", missing)
        for path, (one, missing) in lacking.items()
    ]
    requirements = [
        requirement
        for _, missing in lacking.values()
        for requirement in missing.values()
    ]
    return not_installed_text(needs, requirements)


def build_parts(config: RunConfig, bound: BoundConfig) -> Parts:
    """Build every component of a run but the source.

    Raises:
        ConfigError: the parts do not fit together, or a library of one is not installed.
        PluginError: a component broke its contract.
    """
    lacking = not_installed(bound)
    if lacking:
        raise ConfigError(lacking)
    broker = _broker(config, bound)
    builder = Builder(
        BuildContext(
            costs=broker.costs,
            limits=config.limits,
            seed=config.seed,
            whole_shares=whole_shares(config, broker),
            fill=broker.fill,
        )
    )
    strategy = builder.build(bound.strategy, "strategy")
    classic: BacktraderStrategy | None = None
    pipeline: Pipeline | None = None
    placed: tuple[Placed, ...] = ()
    if isinstance(strategy, BacktraderStrategy):
        refuse_in_classic_mode(config, broker)
        classic = strategy
    else:
        pipeline, placed = _pipeline(config, bound, builder, strategy)
    return Parts(
        broker=broker,
        pipeline=pipeline,
        exits=_named(builder, "exits", bound.exits),
        classic=classic,
        analyzers=tuple(
            built for _, built in _named(builder, "analyzers", bound.analyzers)
        ),
        reports=_named(builder, "reports", bound.reports),
        needs=builder.needs,
        reads=builder.reads,
        names_assets=builder.names_assets,
        fingerprints={"broker": broker.fingerprint, **builder.fingerprints},
        placed=placed,
        controls=read_controls(config.controls),
        built=builder.built,
    )


def _check_methods(bound: Bound, built: Any, path: str) -> None:
    methods = ROLES[bound.role].methods
    if not any(hasattr(built, method) for method in methods):
        raise PluginError(
            f"{path}: {bound.role} {bound.name!r} ({bound.offer.origin}) built a "
            f"{type(built).__name__} without {' or '.join(methods)}()"
        )


def _refuse_learner(bound: Bound, built: Any, path: str) -> None:
    """Refuse what learns where nothing can teach it."""
    if isinstance(built, Learner):
        raise ConfigError(
            f"{path}: {bound.role} {bound.name!r} learns; only an overlay of the run and an "
            "event-driven strategy of its own can be taught"
        )


def whole_shares(config: RunConfig, broker: BrokerTerms) -> bool:
    """Tell whether the account trades whole shares only."""
    return config.data.adjust == "none" and not broker.fractional


def _broker(config: RunConfig, bound: BoundConfig) -> BrokerTerms:
    broker = build_one(bound.broker, "broker", BuildContext(costs=None))
    if not isinstance(broker, BrokerTerms):
        raise PluginError(
            f"broker {bound.broker.name!r} built a {type(broker).__name__}; expected BrokerTerms"
        )
    if broker.dividend_tax and config.data.adjust == "total_return":
        raise ConfigError(
            f"broker.dividend_tax: was {broker.dividend_tax:g}, but `adjust: total_return` pays no "
            "dividends, which are part of its prices; use `adjust: none`"
        )
    keys = broker.costs.real_shares_only
    if keys and config.data.adjust == "total_return":
        raise ConfigError(
            f"broker: {', '.join(keys)} is money per share, but `adjust: total_return` trades "
            "units of a total-return series; use `adjust: none`, or costs in bps"
        )
    return broker


def _pipeline(
    config: RunConfig, bound: BoundConfig, builder: Builder, strategy: Any
) -> tuple[Pipeline, tuple[Placed, ...]]:
    """Return the pipeline, and the built components in it in the order in which they act."""
    if bound.sizer is None:
        require_strategy(config, None)
        raise ConfigError(
            f"sizer: strategy {bound.strategy.name!r} gives signals, and nothing turns them into "
            "weights; name a sizer, for example `sizer: equal_weight`"
        )
    sizer = builder.build(bound.sizer, "sizer")
    require_strategy(config, sizer)
    placed = [
        _Part("strategy", bound.strategy, strategy),
        _Part("sizer", bound.sizer, sizer),
    ]
    overlays = _parts(builder, "overlays", bound.overlays)
    triggers = _parts(builder, "triggers", bound.triggers)
    gives = what_is_given(bound.strategy, strategy, bound.sizer, sizer)
    pipeline = Pipeline(
        strategy=placed[0].stage(builder),
        sizer=placed[1].stage(builder),
        overlays=tuple(part.stage(builder) for part in overlays),
        triggers=tuple(part.stage(builder) for part in triggers),
        limits=config.limits,
        gives=gives,
    )
    nested = {path: item.name for path, item in bound.placed()}
    pipeline = replace(
        pipeline,
        vectorised=tuple(builder.vectorised),
        nested=MappingProxyType(nested),
        reads_tracks=builder.reads_tracks,
    )
    acting = [*placed, *overlays, *triggers]
    everything = tuple(
        Placed(part.path, part.bound.name, part.built) for part in acting
    )
    return pipeline, everything


@dataclass(frozen=True)
class _Part:
    """A built component and its place in the pipeline."""

    path: str
    bound: Bound
    built: Any

    def stage(self, builder: Builder) -> Stage:
        """Return it as the pipeline calls it."""
        call = builder.callable_of(self.bound, self.built, self.path)
        learner = self.built if isinstance(self.built, Learner) else None
        if self.bound.role not in LEARNING or isinstance(self.built, Signals):
            _refuse_learner(self.bound, self.built, self.path)
        return Stage(self.path, self.bound.name, call, learner)


def _parts(builder: Builder, key: str, items: tuple[Bound, ...]) -> list[_Part]:
    paths = [f"{key}.{place}" for place in range(len(items))]
    return [
        _Part(path, item, builder.build(item, path))
        for path, item in zip(paths, items, strict=True)
    ]


def _named(
    builder: Builder, key: str, items: tuple[Bound, ...]
) -> tuple[tuple[str, Any], ...]:
    """Return name and built object of each component of a list."""
    return tuple(
        (item.name, builder.build(item, f"{key}.{i}")) for i, item in enumerate(items)
    )
