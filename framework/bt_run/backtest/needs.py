"""What built components need of the data: fields, tables, assets."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from types import MappingProxyType

from bt_run.backtest.building import Parts
from bt_run.data.bars import Bars
from bt_run.errors import ConfigError, PluginError
from bt_run.terms import MarketDependent
from bt_run.text import did_you_mean, listed

__all__ = ["check_needs"]

# what a table may hold, in words
KINDS = MappingProxyType(
    {"number": "table of numbers", "text": "table of text", "series": "series"}
)


def check_needs(parts: Parts, bars: Bars) -> None:
    """Refuse a run whose components need fields that the data do not have.

    Raises:
        ConfigError: names the component, what it needs and what there is.
    """
    have = bars.fields
    for path, needs in parts.needs.items():
        missing = needs - have
        if missing:
            raise ConfigError(
                f"{path}: needs {', '.join(sorted(missing))}, but the data have only "
                f"{', '.join(sorted(have))}{_lacking(bars, missing)}"
            )
    _check_reads(parts, bars)
    _check_assets(parts, bars)
    if parts.broker.fill == "next_open" and "open" not in have:
        raise ConfigError(
            "broker.fill: was 'next_open', but the data have no opens; close-only data fill with "
            f"`fill: next_close`{_lacking(bars, {'open'})}"
        )
    costs = parts.broker.costs
    if (
        isinstance(costs, MarketDependent)
        and costs.market_dependent
        and "volume" not in have
    ):
        raise ConfigError(
            f"broker: {', '.join(costs.market_dependent)} needs volumes, which the data do not have"
            f"{_lacking(bars, {'volume'})}"
        )


def _check_reads(parts: Parts, bars: Bars) -> None:
    """Refuse a run whose components read tables that are not there, or of another kind."""
    for path, reads in parts.reads.items():
        for name, kind in reads.items():
            if kind not in KINDS:
                known = ", ".join(KINDS)
                raise PluginError(
                    f"{path}: reads {name!r} as {kind!r}; expected {known}"
                )
            if name not in bars.tables:
                known = ", ".join(bars.tables) or "none"
                hint = did_you_mean(name, bars.tables)
                raise ConfigError(
                    f"{path}: reads the {KINDS[kind]} {name!r}, and data.tables has {known}{hint}"
                )
            found = bars.tables[name].kind
            if found != kind:
                raise ConfigError(
                    f"{path}: reads {name!r} as a {KINDS[kind]}; data.tables.{name} is a "
                    f"{KINDS[found]}"
                )


def _check_assets(parts: Parts, bars: Bars) -> None:
    """Refuse a run without an asset that a component names."""
    for path, names in parts.names_assets.items():
        for name in names:
            if name not in bars.assets:
                raise ConfigError(
                    f"{path}: no asset {name!r} in this run; found {listed(bars.assets, most=8)}"
                    f"{did_you_mean(name, bars.assets)}"
                )


def _lacking(bars: Bars, fields: AbstractSet[str]) -> str:
    """Name the assets that lack a field, where others have it."""
    names = sorted({name for field in fields for name in bars.without(field)})
    return (
        f" ({', '.join(names[:5])} lack it)"
        if 0 < len(names) < len(bars.assets)
        else ""
    )
