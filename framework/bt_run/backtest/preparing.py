"""All that a run needs before its first bar."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bt_run.backtest.advice import warnings_of
from bt_run.backtest.building import Builder, Parts, build_parts, check_needs
from bt_run.backtest.loading import load_bars, with_assets
from bt_run.backtest.outside import joint_fingerprint, outside_files
from bt_run.backtest.watch import Watch
from bt_run.component import BuildContext
from bt_run.config.binding import BoundConfig, bind
from bt_run.config.run_config import RunConfig
from bt_run.data.bars import Bars
from bt_run.data.data_notes import stale_opens_note
from bt_run.data.delisting import with_silent_assets
from bt_run.plugins import catalogue, get_plugin_manager
from bt_run.terms import BrokerTerms

if TYPE_CHECKING:
    import pluggy

__all__ = ["Prepared", "prepare"]


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A configuration bound, built and checked, and the bars.

    ``fingerprint`` is the hash of all data that the run reads; ``files`` those of the files that
    components name, by the path of their key.
    """

    config: RunConfig
    plugins: pluggy.PluginManager
    bound: BoundConfig
    parts: Parts
    bars: Bars
    fingerprint: str
    files: Mapping[str, str]
    warnings: tuple[str, ...]


def prepare(
    config: RunConfig, watch: Watch | None = None, *, offline: bool = False
) -> Prepared:
    """Bind and build the components and load the bars.

    Raises:
        BtRunError: everything that can be refused is refused here.
    """
    watch = watch or Watch(None)
    with watch.phase("configuration"):
        plugins = get_plugin_manager(config.plugins)
        bound = bind(config, catalogue(plugins))
        files = outside_files(bound)
        parts = build_parts(config, bound)
        sources = Builder(BuildContext(costs=parts.broker.costs, seed=config.seed))
        source = sources.build(bound.source, "data.source")
        others = {
            name: sources.build(item, f"data.tables.{name}.source")
            for name, item in bound.tables.items()
        }
    with watch.phase("data"):
        config = config.model_copy(update={"data": with_assets(config.data, source)})
        bars = load_bars(config.data, source, others, offline=offline)
        delisting = parts.broker.delisting
        bars = with_silent_assets(bars, delisting.after, delisting.silent)
        bars = _with_broker_notes(bars, parts.broker)
        check_needs(parts, bars)
    told = {**parts.fingerprints, **sources.fingerprints}
    return Prepared(
        config=config,
        plugins=plugins,
        bound=bound,
        parts=parts,
        bars=bars,
        fingerprint=joint_fingerprint(bars.fingerprint, told),
        files=files,
        warnings=warnings_of(config, parts, bars),
    )


def _with_broker_notes(bars: Bars, broker: BrokerTerms) -> Bars:
    """Note what the broker's terms make of the data: its interest rates, and opens, of which a
    warning tells where orders fill at them.
    """
    rates = broker.rates(bars.sessions).notes if broker.rates else ()
    opens = () if broker.fill == "next_open" else stale_opens_note(bars)
    return replace(bars, notes=(*bars.notes, *rates, *opens))
