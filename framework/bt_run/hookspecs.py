"""Every hook of bt-run, in the order in which it fires.

What may change a result is named in the YAML file: the offering hooks only put components on the
shelf. What is not named there may only observe: the run hooks are handed values, never asked for
any.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import pluggy

from bt_run.component import Component
from bt_run.config.run_config import RunConfig
from bt_run.data.bars import Bars
from bt_run.decision.state import Decision
from bt_run.results.result import BacktestResult

if TYPE_CHECKING:
    import click


hookspec = pluggy.HookspecMarker("bt_run")
hookimpl = pluggy.HookimplMarker("bt_run")

# -- the command line ------------------------------------------------------------------------------


@hookspec
def bt_commands(cli: click.Group) -> None:
    """Add subcommands to ``bt-run``; called once, as the command line is built."""


# -- offering components: nothing happens until a YAML file names them -----------------------------


@hookspec
def bt_sources() -> Iterable[Component]:
    """Offer sources: ``load(request) -> Bars``."""
    raise NotImplementedError


@hookspec
def bt_strategies() -> Iterable[Component]:
    """Offer strategies: ``signals(bars)``, ``signal(state)`` or a ``bt.Strategy`` subclass."""
    raise NotImplementedError


@hookspec
def bt_sizers() -> Iterable[Component]:
    """Offer sizers: ``target_weights(state)``."""
    raise NotImplementedError


@hookspec
def bt_overlays() -> Iterable[Component]:
    """Offer overlays: ``adjust(state, weights)``."""
    raise NotImplementedError


@hookspec
def bt_triggers() -> Iterable[Component]:
    """Offer triggers: ``check(state, target) -> Verdict``."""
    raise NotImplementedError


@hookspec
def bt_exits() -> Iterable[Component]:
    """Offer exits: ``levels(holdings) -> (stop, target)``, watched bar by bar between decisions."""
    raise NotImplementedError


@hookspec
def bt_brokers() -> Iterable[Component]:
    """Offer brokers: the fill price, commission and slippage that the engine hosts."""
    raise NotImplementedError


@hookspec
def bt_analyzers() -> Iterable[Component]:
    """Offer analyzers: each sees every decision and returns a named table."""
    raise NotImplementedError


@hookspec
def bt_reports() -> Iterable[Component]:
    """Offer reports: ``write(result, folder) -> paths``."""
    raise NotImplementedError


@hookspec
def bt_executors() -> Iterable[Component]:
    """Offer executors, which play the cells of a sweep: ``submit(key, cell)`` and ``done()``."""
    raise NotImplementedError


# -- one run: observe only -------------------------------------------------------------------------


@hookspec
def bt_before_run(config: RunConfig, bars: Bars) -> None:
    """Learn that configuration and data are complete and the first bar is about to be played."""


@hookspec
def bt_decided(config: RunConfig, decision: Decision) -> None:
    """Learn of one decision, traded or vetoed, before its orders are filled."""


@hookspec
def bt_after_run(config: RunConfig, result: BacktestResult) -> None:
    """Learn that the result is complete and, where it has a folder, that its tables lie there;
    reports have not been written yet.
    """


@hookspec
def bt_run_failed(config: RunConfig, error: Exception) -> None:
    """Learn that the run raised ``error``, which is raised again afterwards."""
