"""A run on other bars, with components built anew, so that nothing is carried over."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from bt_run.arrays import Array, Mask
from bt_run.backtest.building import Parts, build_parts
from bt_run.backtest.lessons import with_models
from bt_run.backtest.playing import market_of, play
from bt_run.backtest.preparing import Prepared
from bt_run.catalogue import Catalogue
from bt_run.config.binding import bind, with_resolved_names
from bt_run.config.run_config import LedgerConfig, RunConfig
from bt_run.data.bars import Bars
from bt_run.engine.listeners import Listeners
from bt_run.guard import guarded
from bt_run.plugins import catalogue, get_plugin_manager
from bt_run.results.ledger import Ledger

if TYPE_CHECKING:
    import pluggy

__all__ = ["Rebuilt", "Replay", "rebuilt", "replay"]


@dataclass(frozen=True)
class Replay:
    """Components built anew, their vectorised strategies evaluated on some bars."""

    config: RunConfig
    bars: Bars
    parts: Parts

    @property
    def signals(self) -> dict[str, Array]:
        """Return the signals of each vectorised strategy, (T, N), by its path and name."""
        pipeline = self.parts.pipeline
        if pipeline is None:
            return {}
        return {item.label: pipeline.signals[item.path] for item in pipeline.vectorised}

    def play(self, due: Mask, listeners: Listeners | None = None) -> Ledger:
        """Play the bars; ``due`` (T,) says when the run decides, ``listeners`` are told of it.

        Raises:
            BtRunError: a component failed on these bars.
        """
        market = market_of(self.config, self.parts, self.bars)
        return play(self.config, self.parts, market, due, listeners)


def replay(ready: Prepared, bars: Bars) -> Replay:
    """Build the components of a run and evaluate its vectorised strategies on ``bars``.

    Raises:
        BtRunError: a component failed on these bars.
    """
    return rebuilt(ready).on(bars)


@dataclass(frozen=True)
class Rebuilt:
    """Components built anew."""

    config: RunConfig
    parts: Parts
    local: pluggy.PluginManager

    def on(self, bars: Bars) -> Replay:
        """Return them with their vectorised strategies evaluated on ``bars``.

        The hooks of local files are told of these bars before, as of those of a run: a component
        may know what its own file's hook was given.
        """
        hook = self.local.hook.bt_before_run
        guarded("bt_before_run", partial(hook, config=self.config, bars=bars))
        parts = with_models(self.config, self.parts.on(bars), bars)
        return Replay(self.config, bars, parts)


def rebuilt(ready: Prepared) -> Rebuilt:
    """Build the components of a run anew.

    Local plugin files are imported anew, so that no cache in them is carried over.

    Raises:
        BtRunError: a component cannot be built a second time.
    """
    # what is compared are whole decisions
    config = ready.config.model_copy(update={"ledger": LedgerConfig()})
    known = catalogue(ready.plugins).offers
    files = get_plugin_manager(config.plugins, modules=(), installed=False)
    local = catalogue(files).offers
    offers = {role: {**known[role], **local[role]} for role in known}
    bound = with_resolved_names(bind(config, Catalogue(offers)))
    return Rebuilt(config, build_parts(config, bound), files)
