"""What a plugin offers (Component) and what the thing it builds must be able to do (the roles)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from pydantic import Field, create_model

from bt_run.errors import PluginError
from bt_run.model import Config
from bt_run.terms import Costs, Limits

__all__ = ["ROLES", "BacktraderStrategy", "BuildContext", "ClassicConfig", "Component", "RoleName"]

RoleName = Literal[
    "source", "strategy", "sizer", "overlay", "trigger", "exit", "analyzer", "report", "broker"
]

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


@dataclass(frozen=True)
class BuildContext:
    """Hand a component what it may need beside its own config.

    ``costs`` are the broker's; None for the broker itself, which is built first.
    ``children`` maps each ``Nested`` field to the built component (a callable of the state), or to
    a tuple of them where the field is a list.
    """

    costs: Costs | None
    limits: Limits = field(default_factory=Limits)
    seed: int = 0
    children: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))


class ClassicConfig(Config):
    """Hold the keys that every Backtrader strategy has in a YAML file."""

    resample: tuple[Literal["session", "week", "month", "year"], ...] = Field(
        default=(),
        description="further data of each asset, after the assets themselves: completed bars of "
        "the period",
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
    ``example`` holds keys with which it is shown and tested: those without a default, and shorter
    lookbacks.
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

        ``analyzers`` and ``observers`` are Backtrader classes to run along; what an analyzer found
        is a table of the result.

        Raises:
            PluginError: a param has the name of a key that bt-run uses itself.
        """
        params = dict(strategy.params._getitems())  # type: ignore[attr-defined]
        if taken := {"use", "options", "resample"} & params.keys():
            raise PluginError(
                f"{strategy.__name__}: the param {min(taken)!r} is a key of bt-run; rename it"
            )
        simple = (bool, int, float, str)
        fields: dict[str, Any] = {
            key: (type(value) if isinstance(value, simple) else Any, value)
            for key, value in params.items()
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
