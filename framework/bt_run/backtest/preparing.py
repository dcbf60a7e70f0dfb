"""All that a run needs before its first bar."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bt_run.backtest.advice import warnings_of
from bt_run.backtest.building import Parts, build_parts, build_source, check_needs
from bt_run.backtest.watch import Watch
from bt_run.component import BuildContext
from bt_run.config.binding import BoundConfig, bind
from bt_run.config.run_config import RunConfig
from bt_run.data.bars import Bars
from bt_run.data.loading import load_bars, with_assets
from bt_run.plugins import catalogue, get_plugin_manager

if TYPE_CHECKING:
    import pluggy

__all__ = ["Prepared", "prepare"]


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """Hold all that a run needs before its first bar: the configuration bound, built and checked,
    and the bars.
    """

    config: RunConfig
    plugins: pluggy.PluginManager
    bound: BoundConfig
    parts: Parts
    bars: Bars
    warnings: tuple[str, ...]

    @property
    def fingerprint(self) -> str:
        """Return the hash of all data that the run reads: the bars, and the broker's rates if it
        has any.
        """
        other = self.parts.broker.fingerprint
        return (
            hashlib.sha256(f"{self.bars.fingerprint}{other}".encode()).hexdigest()
            if other
            else self.bars.fingerprint
        )


def prepare(config: RunConfig, watch: Watch | None = None, *, offline: bool = False) -> Prepared:
    """Bind and build the components and load the bars; everything that can be refused is refused
    here.
    """
    watch = watch or Watch(None)
    with watch.phase("configuration"):
        plugins = get_plugin_manager(config.plugins)
        bound = bind(config, catalogue(plugins))
        parts = build_parts(config, bound)
        context = BuildContext(costs=parts.broker.costs, seed=config.seed)
        source = build_source(bound.source, context)
        others = {name: build_source(item, context) for name, item in bound.tables.items()}
    with watch.phase("data"):
        config = config.model_copy(update={"data": with_assets(config.data, source)})
        bars = load_bars(config.data, source, others, offline=offline)
        check_needs(parts, bars)
    return Prepared(
        config=config,
        plugins=plugins,
        bound=bound,
        parts=parts,
        bars=bars,
        warnings=warnings_of(config, bound, parts, bars),
    )
