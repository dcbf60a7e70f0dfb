"""run(config) -> BacktestResult: the phases of a run, on one screen."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bt_run.build import Parts, build_parts, build_source, check_needs
from bt_run.components import BuildContext
from bt_run.guard import guarded

if TYPE_CHECKING:
    import pluggy
    from numpy.typing import NDArray

    from bt_run.account import Account
    from bt_run.bars import Bars
    from bt_run.config import BoundConfig, RunConfig
    from bt_run.ledger import Ledger
    from bt_run.lookahead.spot import Causality, SpotCheck
    from bt_run.play import Listeners
    from bt_run.result import BacktestResult, Provenance

__all__ = ["Prepared", "prepare", "run"]

Progress = Callable[[str, float], None]


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """Hold all that a run needs before its first bar: the configuration bound, built and checked, and the bars."""

    config: RunConfig
    plugins: pluggy.PluginManager
    bound: BoundConfig
    parts: Parts
    bars: Bars
    warnings: tuple[str, ...]

    @property
    def fingerprint(self) -> str:
        """Return the hash of all data that the run reads: the bars, and the broker's rates if it has any."""
        other = self.parts.broker.fingerprint
        return (
            hashlib.sha256(f"{self.bars.fingerprint}{other}".encode()).hexdigest() if other else self.bars.fingerprint
        )


@dataclass(frozen=True)
class Played:
    """Hold what a pass through the bars gave: the run's ledger, and the accounts that stand beside it."""

    ledger: Ledger
    benchmark: NDArray[np.float64]
    equal_weight: Account
    constant_mix: Account
    causality: Causality


class _Watch:
    """Time the phases and tell how far they are."""

    def __init__(self, progress: Progress | None) -> None:
        self.seconds: dict[str, float] = {}
        self.progress = progress

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        begun = time.perf_counter()
        self.tell(name, 0.0)
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - begun
        self.tell(name, 1.0)

    def tell(self, name: str, fraction: float) -> None:
        if self.progress:
            self.progress(name, fraction)


def run(
    config: RunConfig,
    out: Path | None = None,
    *,
    reports: bool = True,
    offline: bool = False,
    progress: Progress | None = None,
) -> BacktestResult:
    """Run a configuration; with ``out``, write the tables to ``out/NAME/RUN_ID`` and the reports beside them.

    ``offline`` forbids sources the network.

    Raises:
        BtRunError: the configuration, the data or a plugin does not allow the run.
    """
    watch = _Watch(progress)
    ready = prepare(config, watch, offline=offline)
    config = ready.config
    if out is not None:
        (out / config.name).mkdir(parents=True, exist_ok=True)  # better now than after the run
    hook = ready.plugins.hook
    try:
        guarded("bt_before_run", partial(hook.bt_before_run, config=config, bars=ready.bars))
        played = _play(ready, watch)
        with watch.phase("metrics"):
            result = _result(ready, played)
        guarded("bt_after_run", partial(hook.bt_after_run, config=config, result=result))
        if out is not None:
            result = _write(ready, result, out, watch if reports else None)
    except Exception as error:
        hook.bt_run_failed(config=config, error=error)
        raise
    return replace(result, timings=dict(watch.seconds))


def prepare(config: RunConfig, watch: _Watch | None = None, *, offline: bool = False) -> Prepared:
    """Bind and build the components and load the bars; everything that can be refused is refused here."""
    watch = watch or _Watch(None)
    with watch.phase("configuration"):
        from bt_run.config import bind
        from bt_run.load import load_bars, with_assets
        from bt_run.plugins import catalogue, get_plugin_manager

        plugins = get_plugin_manager(config.plugins)
        bound = bind(config, catalogue(plugins))
        parts = build_parts(config, bound)
        context = BuildContext(costs=parts.broker.costs, seed=config.seed)
        source = build_source(bound.source, context)
        others = {name: build_source(item, context) for name, item in bound.tables.items()}
    with watch.phase("data"):
        config = with_assets(config, source)
        bars = load_bars(config, source, others, offline=offline)
        check_needs(parts, bars)
    return Prepared(
        config=config,
        plugins=plugins,
        bound=bound,
        parts=parts,
        bars=bars,
        warnings=_warnings(config, bound, parts, bars),
    )


def _warnings(config: RunConfig, bound: BoundConfig, parts: Parts, bars: Bars) -> tuple[str, ...]:
    """Say which combinations defeat themselves."""
    from bt_run.assemble import stale_opens

    out = []
    names = [overlay.name for overlay in bound.overlays]
    if "drawdown_guard" in names and "volatility_target" in names[names.index("drawdown_guard") :]:
        out.append("overlays: volatility_target after drawdown_guard scales back up what the guard cut; swap them")
    if "drawdown_guard" in names and config.schedule not in ("bar", "session", "week", "week_end"):
        out.append(
            f"schedule: {config.schedule}, so the drawdown_guard looks only then; a denser schedule with a "
            "calendar trigger lets it act between"
        )
    if parts.broker.fill == "next_open" and (stale := stale_opens(bars)):
        which = f"{', '.join(stale[:5])}" + (f" and {len(stale) - 5} more" if len(stale) > 5 else "")
        out.append(
            f"broker.fill: next_open, but the opens of {which} often repeat the previous close, "
            "the very price the signal saw; next_close is honest here"
        )
    return (*out, *_classic_warnings(parts, bars))


def _classic_warnings(parts: Parts, bars: Bars) -> tuple[str, ...]:
    """Say which habits of Backtrader's own orders and data can hurt a run."""
    if parts.classic is None:
        return ()
    out = []
    if len(bars.assets) > 1:
        out.append(
            "strategy: Backtrader rejects an order that cash cannot pay, and with it every later order of that bar, "
            "sales too; sell first and leave room"
        )
    ended = [name for i, name in enumerate(bars.assets) if not bars.present[-1, i]]
    if ended:
        out.append(f"strategy: Backtrader knows no delisting; what is held of {', '.join(ended)} keeps its last price")
    late = [name for i, name in enumerate(bars.assets) if not bars.present[bars.start, i]]
    if late:
        out.append(
            f"strategy: Backtrader calls next() only when all assets have begun ({', '.join(late)} begin late); "
            "read before its first bar, an asset shows the last bar of its data"
        )
    inside = bars.counts[-1] < len(bars) - np.argmax(bars.present, axis=0)
    if inside.any():
        names = [name for name, gap in zip(bars.assets, inside, strict=True) if gap]
        out.append(f"strategy: on a session without a bar Backtrader shows the bar before ({', '.join(names[:5])})")
    return tuple(out)


def _play(ready: Prepared, watch: _Watch) -> Played:
    """Play the run and its baselines."""
    from bt_run.baselines import benchmark_nav, constant_mix, equal_weight, mean_weights
    from bt_run.lookahead.spot import SpotCheck
    from bt_run.play import evaluate_signals, market_of, play
    from bt_run.schedule import scheduled

    config, bars, parts = ready.config, ready.bars, ready.parts
    with watch.phase("signals"):
        evaluate_signals(parts, bars)
    with watch.phase("decisions"):
        market = market_of(config, parts, bars)
        due = scheduled(bars, config.schedule)
        spot = SpotCheck(config, parts, market, due)
        ledger = play(config, parts, market, due, _listeners(ready, spot, watch))
    with watch.phase("baselines"):
        market = replace(market, exits=())
        equal = equal_weight(market, due, config.limits)
        mix = constant_mix(market, due, config.limits, mean_weights(ledger))
    with watch.phase("look-ahead"):
        causality = spot.result(ledger)
    return Played(ledger, benchmark_nav(market), equal, mix, causality)


def _listeners(ready: Prepared, spot: SpotCheck, watch: _Watch) -> Listeners:
    """Return who listens to the run: plugins, analyzers, the look-ahead check, the progress bar."""
    from bt_run.play import Listeners

    config, bars, parts = ready.config, ready.bars, ready.parts

    def progress(bar: int) -> None:
        watch.tell("decisions", (bar - bars.start) / max(1, len(bars) - bars.start))

    def decided(decision: Any) -> None:
        guarded("bt_decided", partial(ready.plugins.hook.bt_decided, config=config, decision=decision))
        for analyzer in parts.analyzers:
            guarded(f"analyzer {type(analyzer).__name__}", analyzer.decided, decision)

    listening = bool(parts.analyzers or ready.plugins.hook.bt_decided.get_hookimpls())
    return Listeners(decided if listening else None, spot.witness, progress if watch.progress else None)


def _result(ready: Prepared, played: Played) -> BacktestResult:
    """Turn the ledger into tables, metrics and a manifest."""
    from bt_run.ledger import fills_table
    from bt_run.metrics import compute_metrics
    from bt_run.result import BacktestResult, build_manifest

    bars, ledger = ready.bars, played.ledger
    yardsticks = {"equal_weight": played.equal_weight, "constant_mix": played.constant_mix}
    fills = {name: fills_table(bars, tuple(account.fills)) for name, account in yardsticks.items()}
    tables: dict[str, Any] = {
        "nav": ledger.nav_table(
            {"benchmark": played.benchmark, **{name: account.nav for name, account in yardsticks.items()}}
        ),
        "positions": ledger.positions_table(),
        "fills": fills_table(bars, ledger.fills),
        "decisions": ledger.decisions_table(),
        "memos": ledger.memos_table(),
        "cash_flows": ledger.cash_flows_table(),
    }
    run_id, provenance = _identity(ready)
    return BacktestResult(
        config=ready.config,
        run_id=run_id,
        **tables,
        metrics=compute_metrics(tables["nav"], {"run": tables["fills"], **fills}, ready.config.risk_free),
        manifest=build_manifest(run_id, provenance, tables, bars.notes) | {"look_ahead": asdict(played.causality)},
        analyses=_analyses(ready, ledger),
        notes=bars.notes,
        warnings=(*ready.warnings, *played.causality.warnings),
        look_ahead=played.causality.sentence,
    )


def _analyses(ready: Prepared, ledger: Ledger) -> dict[str, Any]:
    """Return the tables of the run's analyzers, and of Backtrader's own in classic mode."""
    import pandas as pd

    found = {
        name: pd.DataFrame({"key": list(values), "value": [str(value) for value in values.values()]})
        for name, values in ledger.analyses.items()
    }
    return found | dict(
        guarded(f"analyzer {type(analyzer).__name__}", analyzer.table) for analyzer in ready.parts.analyzers
    )


def _identity(ready: Prepared) -> tuple[str, Provenance]:
    """Return the run's id, and all that affects its result."""
    from bt_run.config import canonical, resolved
    from bt_run.result import Provenance, dependency_versions, run_identity, source_hashes

    modules = [bound.offer.module for bound in ready.bound if bound.role != "report"]
    provenance = Provenance(
        config=resolved(ready.config, ready.bound),
        fingerprint=ready.fingerprint,
        sources=source_hashes(modules),
        versions=dependency_versions(modules),
        seed=ready.config.seed,
    )
    identity = run_identity(
        canonical(ready.config, ready.bound), provenance.fingerprint, provenance.sources, provenance.versions
    )
    return identity, provenance


def _written(report: Any, result: BacktestResult) -> list[Path]:
    return [Path(path) for path in report.write(result, result.folder)]


def _write(ready: Prepared, result: BacktestResult, out: Path, watch: _Watch | None) -> BacktestResult:
    """Write the tables, then the reports beside them; ``watch`` is None when no reports are wanted."""
    from bt_run.result import write_run

    result = write_run(result, out)
    if watch is None or result.folder is None:
        return result
    paths: list[Path] = []
    for name, report in ready.parts.reports:
        with watch.phase(f"report {name}"):
            paths += guarded(f"report {name!r}", _written, report, result)
    return replace(result, reports=tuple(paths))
