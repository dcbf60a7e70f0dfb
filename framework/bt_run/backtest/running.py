"""run(config) -> BacktestResult: the phases of a run, on one screen."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from bt_run.atomic import is_full
from bt_run.backtest.analyses import analyses_of
from bt_run.backtest.baselines import (
    benchmark_nav,
    constant_mix,
    equal_weight,
    mean_weights,
    rules_of,
)
from bt_run.backtest.fit_processes import fitting
from bt_run.backtest.lessons import taught
from bt_run.backtest.outcome import Played, outcome_of
from bt_run.backtest.playing import due_bars, market_of, play
from bt_run.backtest.preparing import Prepared, prepare
from bt_run.backtest.spot_check import SpotCheck
from bt_run.backtest.watch import Progress, Watch
from bt_run.causality.outside_reads import watched_reads
from bt_run.config.run_config import RunConfig
from bt_run.decision.lesson import Fit
from bt_run.decision.state import Decision
from bt_run.engine.listeners import Listeners
from bt_run.errors import DataError
from bt_run.guard import guarded
from bt_run.results.result import BacktestResult
from bt_run.results.run_folder import make_parent, write_run
from bt_run.results.trial_facts import read_trial

__all__ = ["run"]


def run(
    config: RunConfig,
    out: Path | str | None = None,
    *,
    reports: bool = True,
    offline: bool = False,
    progress: Progress | None = None,
    bars: Any = None,
) -> BacktestResult:
    """Run a configuration.

    With ``out``, write the tables to ``out/NAME/RUN_ID`` and, with ``reports``, the reports beside
    them. ``offline`` forbids sources the network. ``progress(phase, fraction)`` is called as the
    run goes on. ``bars`` are the prices where the source is one in memory: what ``bars_from`` takes
    or returns.

    Raises:
        BtRunError: the configuration, the data or a plugin does not allow the run.
    """
    watch = Watch(progress)
    ready = prepare(config, watch, offline=offline, bars=bars)
    config = ready.config
    root = None if out is None else Path(out)
    if root is not None:
        make_parent(root, config.name)
    hook = ready.plugins.hook
    try:
        guarded(
            "bt_before_run", partial(hook.bt_before_run, config=config, bars=ready.bars)
        )
        played = _play(ready, watch)
        with watch.phase("metrics"):
            result = outcome_of(ready, played)
        if root is not None:
            result = write_run(result, root)
        guarded(
            "bt_after_run", partial(hook.bt_after_run, config=config, result=result)
        )
        if result.folder is not None:
            # who counts trials has listened to the hook
            result = replace(result, trial=read_trial(result.folder))
            if reports:
                result = _reported(ready, result, watch)
    except Exception as error:
        hook.bt_run_failed(config=config, error=error)
        raise
    return replace(result, timings=dict(watch.seconds))


def _play(ready: Prepared, watch: Watch) -> Played:
    """Play the run and its baselines."""
    config, bars = ready.config, ready.bars
    modules = [bound.offer.module for bound in ready.bound if bound.role != "source"]
    with watched_reads(modules) as outside:
        with watch.phase("signals"):
            parts = ready.parts.on(bars)
        fits: tuple[Fit, ...] = ()
        if parts.learns:
            with watch.phase("lessons"), fitting(ready, parts) as fit_all:
                parts, fits = taught(config, parts, bars, fit_all)
        with watch.phase("decisions"):
            market = market_of(config, parts, bars)
            due = due_bars(config, parts, bars)
            spot = SpotCheck(config, parts, market, due)
            ledger = play(config, parts, market, due, _listeners(ready, spot, watch))
    with watch.phase("baselines"):
        # of a ruined run they are shown to its last bar
        market = replace(market, bars=ledger.bars, exits=())
        rules = rules_of(config, parts.pipeline, due[: len(ledger.bars)])
        equal = equal_weight(market, rules)
        mix = constant_mix(market, rules, mean_weights(ledger))
    with watch.phase("look-ahead"):
        causality = spot.result(ledger)
    with watch.phase("analyzers") if parts.analyzers else nullcontext():
        analyses = analyses_of(ready, ledger)
    benchmark = benchmark_nav(market)
    reads = tuple(outside)
    return Played(ledger, benchmark, equal, mix, causality, analyses, reads, fits)


def _listeners(ready: Prepared, spot: SpotCheck, watch: Watch) -> Listeners:
    """Return who listens to the run: plugins, analyzers, the look-ahead check, the progress bar."""
    config, bars, analyzers = ready.config, ready.bars, ready.parts.analyzers
    hook = ready.plugins.hook

    def progress(bar: int) -> None:
        played = bar - bars.start
        watch.tell("decisions", played / max(1, len(bars) - bars.start))

    def decided(decision: Decision) -> None:
        spot.decided(decision)
        if not listening:
            return
        guarded(
            "bt_decided", partial(hook.bt_decided, config=config, decision=decision)
        )
        for analyzer in analyzers:
            guarded(f"analyzer {type(analyzer).__name__}", analyzer.decided, decision)

    listening = bool(analyzers or hook.bt_decided.get_hookimpls())
    return Listeners(
        decided=decided,
        observer=spot.observe,
        progress=progress if watch.progress else None,
    )


def _reported(ready: Prepared, result: BacktestResult, watch: Watch) -> BacktestResult:
    """Write the reports beside the tables."""
    paths: list[Path] = []
    for name, report in ready.parts.reports:
        with watch.phase(f"report {name}"):
            paths += guarded(f"report {name!r}", _written, report, result)
    return replace(result, reports=tuple(paths))


def _written(report: Any, result: BacktestResult) -> list[Path]:
    try:
        return [Path(path) for path in report.write(result, result.folder)]
    except OSError as error:
        if not is_full(error):
            raise
        raise DataError(
            f"{error.filename or result.folder}: cannot be written: {error.strerror}; the run is "
            "kept, without this report; make room, then repeat the command"
        ) from error
