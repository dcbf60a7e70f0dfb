"""What a played run turns into: tables, metrics, a manifest, an id."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bt_run.account.account import Account
from bt_run.backtest.preparing import Prepared
from bt_run.backtest.spot_check import Causality
from bt_run.config.canonical_form import canonical, resolved
from bt_run.guard import guarded
from bt_run.results.identity import (
    Provenance,
    build_manifest,
    dependency_versions,
    run_identity,
    source_hashes,
)
from bt_run.results.ledger import Ledger, fills_table
from bt_run.results.metrics import compute_metrics
from bt_run.results.result import BacktestResult

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Played", "outcome_of"]


@dataclass(frozen=True)
class Played:
    """Hold what a pass through the bars gave: the run's ledger, and the accounts that stand beside
    it.
    """

    ledger: Ledger
    benchmark: NDArray[np.float64]
    equal_weight: Account
    constant_mix: Account
    causality: Causality


def outcome_of(ready: Prepared, played: Played) -> BacktestResult:
    """Turn the ledger into tables, metrics and a manifest."""
    bars, ledger = ready.bars, played.ledger
    yardsticks = {"equal_weight": played.equal_weight, "constant_mix": played.constant_mix}
    fills = {name: fills_table(bars, tuple(account.fills)) for name, account in yardsticks.items()}
    tables: dict[str, Any] = {
        "nav": ledger.nav_table(
            {
                "benchmark": played.benchmark,
                **{name: account.nav for name, account in yardsticks.items()},
            }
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
        metrics=compute_metrics(
            tables["nav"], {"run": tables["fills"], **fills}, ready.config.risk_free
        ),
        manifest=build_manifest(run_id, provenance, tables, bars.notes)
        | {"look_ahead": asdict(played.causality)},
        analyses=_analyses(ready, ledger),
        notes=bars.notes,
        warnings=(*ready.warnings, *played.causality.warnings),
        look_ahead=played.causality.sentence,
    )


def _analyses(ready: Prepared, ledger: Ledger) -> dict[str, Any]:
    """Return the tables of the run's analyzers, and of Backtrader's own in classic mode."""
    import pandas as pd

    found = {
        name: pd.DataFrame(
            {"key": list(values), "value": [str(value) for value in values.values()]}
        )
        for name, values in ledger.analyses.items()
    }
    return found | dict(
        guarded(f"analyzer {type(analyzer).__name__}", analyzer.table)
        for analyzer in ready.parts.analyzers
    )


def _identity(ready: Prepared) -> tuple[str, Provenance]:
    """Return the run's id, and all that affects its result."""
    modules = [bound.offer.module for bound in ready.bound if bound.role != "report"]
    provenance = Provenance(
        config=resolved(ready.config, ready.bound),
        fingerprint=ready.fingerprint,
        sources=source_hashes(modules),
        versions=dependency_versions(modules),
        seed=ready.config.seed,
    )
    identity = run_identity(
        canonical(ready.config, ready.bound),
        provenance.fingerprint,
        provenance.sources,
        provenance.versions,
    )
    return identity, provenance
