"""What a played run turns into: tables, metrics, a manifest, an id."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from bt_run.account.account import Account
from bt_run.account.records import (
    BORROW_FEE,
    DELISTED,
    FRACTION,
    MARGIN_INTEREST,
    CashFlow,
)
from bt_run.backtest.baselines import Baseline
from bt_run.backtest.preparing import Prepared
from bt_run.backtest.spot_check import Causality
from bt_run.causality.outside_reads import OutsideRead, outside_read_text
from bt_run.config.canonical_form import canonical, portable
from bt_run.config.portable_paths import PortablePaths
from bt_run.decision.lesson import Fit
from bt_run.errors import PluginError
from bt_run.learning.tables import folds_table, models_table
from bt_run.results.identity import Provenance, run_identity
from bt_run.results.ledger import Ledger, costs_table, fills_table
from bt_run.results.manifest import build_manifest, table_hash
from bt_run.results.metrics import Metrics, compute_metrics, money_weighted
from bt_run.results.result import BacktestResult
from bt_run.results.sources import used_code
from bt_run.text import day_text

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["Played", "outcome_of"]


@dataclass(frozen=True)
class Played:
    """What a pass through the bars gave: the run's ledger, and the accounts that stand beside
    it.
    """

    ledger: Ledger
    benchmark: NDArray[np.float64]
    equal_weight: Baseline
    constant_mix: Baseline
    causality: Causality
    analyses: Mapping[str, pd.DataFrame]
    outside: tuple[OutsideRead, ...] = ()
    fits: tuple[Fit, ...] = ()

    @property
    def baselines(self) -> dict[str, Baseline]:
        """Return the baselines that trade, by the name of their column."""
        return {"equal_weight": self.equal_weight, "constant_mix": self.constant_mix}


def outcome_of(ready: Prepared, played: Played) -> BacktestResult:
    """Turn the ledger into tables, metrics and a manifest."""
    ledger, causality = played.ledger, played.causality
    tables = _tables(ready, played)
    metrics = _metrics(ready, played, tables)
    names = PortablePaths.of(ready.config)
    run_id, provenance = _identity(ready, names)
    causality = replace(causality, text=names.told(causality.text))
    notes = tuple(map(names.told, ready.bars.notes))
    warnings = tuple(map(names.told, _warnings(ready, played, causality)))
    manifest = build_manifest(run_id, provenance, tables, notes)
    manifest["warnings"] = list(warnings)
    manifest["look_ahead"] = {**asdict(causality), "sentence": causality.sentence}
    manifest["ruined"] = ledger.ruined
    sizer = ready.bound.sizer
    manifest["purpose"] = "earn" if sizer is None else sizer.offer.component.purpose
    manifest["baselines"] = {name: one.facts for name, one in played.baselines.items()}
    manifest["analyses"] = {
        name: table_hash(table) for name, table in played.analyses.items()
    }
    return BacktestResult(
        config=ready.config,
        run_id=run_id,
        nav=tables["nav"],
        positions=tables["positions"],
        fills=tables["fills"],
        decisions=tables["decisions"],
        memos=tables["memos"],
        cash_flows=tables["cash_flows"],
        models=tables.get("models"),
        folds=tables.get("folds"),
        metrics=metrics,
        manifest=manifest,
        analyses=dict(played.analyses),
        notes=notes,
        warnings=warnings,
        look_ahead=causality.sentence,
        places=dict(names.places),
    )


def _metrics(
    ready: Prepared, played: Played, tables: Mapping[str, pd.DataFrame]
) -> Metrics:
    ledger = played.ledger
    fills = {"run": tables["fills"]}
    accounts = {name: one.account for name, one in played.baselines.items()}
    for name, account in accounts.items():
        fills[name] = costs_table(ledger.bars, tuple(account.fills))
    flows = {"run": ledger.cash_flows}
    flows |= {name: tuple(one.cash_flows) for name, one in accounts.items()}
    metrics = compute_metrics(
        tables["nav"],
        fills,
        float(ready.config.risk_free),
        financing={name: _financing(own) for name, own in flows.items()},
        ruined=ledger.ruined,
    )
    _add_exposures(metrics, played)
    _add_money_weighted(metrics, played)
    return metrics


def _warnings(ready: Prepared, played: Played, causality: Causality) -> tuple[str, ...]:
    """Return what a reader must know of the run, worst first."""
    ledger = played.ledger
    return (
        *_ruin(ledger),
        *_idle(ledger),
        *_unlikely(ledger),
        *_beyond_the_limit(ledger, ready.config.limits.gross),
        *ready.warnings,
        *causality.warnings,
        *(outside_read_text(one) for one in played.outside),
    )


ROUNDING = 1e-9  # of the NAV: less is no debt
EXPOSURES = ("average_gross", "average_net")


def _ruin(ledger: Ledger) -> tuple[str, ...]:
    """Return a warning that names the close at which the account was worth nothing."""
    if not ledger.ruined:
        return ()
    day, last = day_text(ledger.bars.index[-1]), len(ledger.bars) - 1
    why = "Its losses are larger than its capital: lower limits.gross or forbid shorts"
    flow = 0.0 if ledger.flows is None else float(ledger.flows[last])
    if flow < 0.0 and ledger.nav[last - 1] + flow <= 0.0:
        why = f"The withdrawal of {-flow:,.2f} took more than it was worth"
    return (
        f"ruined: at the close of {day} the account was worth {ledger.nav[-1]:,.2f}; the run ends "
        f"there. {why}",
    )


def _idle(ledger: Ledger) -> tuple[str, ...]:
    """Return a warning where a run never traded, and why."""
    if any(record.filled.any() for record in ledger.fills):
        return ()
    decisions = ledger.decisions
    if ledger.fills:
        reasons = Counter(str(why) for record in ledger.fills for why in record.reason)
        found = ", ".join(f"{why} ({count})" for why, count in reasons.most_common())
        return (f"no order was ever filled: {len(decisions)} decisions; {found}",)
    if not decisions:
        return ("no order was ever placed: the run took no decision",)
    if all(decision.left_out for decision in decisions):
        whys = Counter(decision.why for decision in decisions).most_common()
        why = ", ".join(f"{text} ({count})" for text, count in whys)
        return (f"no order was ever placed: {len(decisions)} decisions; {why}",)
    return (
        f"no order was ever placed: {len(decisions)} decisions; {_unmoved(ledger)}",
    )


def _unmoved(ledger: Ledger) -> str:
    """Say at which stage the decisions of a run came to nothing."""
    decisions = [decision for decision in ledger.decisions if not decision.left_out]
    signals = np.array([decision.signal for decision in decisions])
    lookback = f"longer than the {len(ledger.bars)} bars of the data"
    if np.isnan(signals).all():
        why = "none of them has a signal that is a number: nothing was ever eligible"
        return f"{why}, as where a strategy's lookback is {lookback}"
    if not np.nan_to_num(signals).any():
        return "no signal of any of them is other than 0"
    names = decisions[-1].stage_names
    last = [decision for decision in decisions if decision.stage_names == names]
    for place, stage in enumerate(names):
        weights = [decision.stages[place] for decision in last]
        if not np.any(weights):
            return f"`{stage}` has no weight other than 0, as where a lookback is {lookback}"
    return "there were signals, and no target differed from what was held, or no trigger fired"


def _unlikely(ledger: Ledger) -> tuple[str, ...]:
    """Return a warning where orders filled in bars in which nobody traded."""
    idle = ledger.bars.traded.volume == 0.0
    count = 0
    for record in ledger.fills:
        suspects = (record.filled != 0.0) & idle[record.bar, record.assets]
        if suspects.any():
            forced = np.isin(record.reason.astype(str), (DELISTED, FRACTION))
            count += int((suspects & ~forced).sum())
    if not count:
        return ()
    fills = "1 fill is" if count == 1 else f"{count} fills are"
    return (
        f"{fills} at bars whose volume is 0, where nobody traded; "
        "`broker.slippage.participation` lets such orders wait",
    )


def _beyond_the_limit(ledger: Ledger, limit: float) -> tuple[str, ...]:
    """Return a warning where prices carried the gross exposure above its limit."""
    start = ledger.bars.start
    gross = ledger.exposure()[0][start:]
    above = gross > limit * (1.0 + 1e-6)
    if not above.any():
        return ()
    return (
        f"gross exposure was above its limit of {limit:.0%} at {above.mean():.1%} of closes, at "
        f"most {gross.max():.0%}: limits bound the targets, and prices move between decisions"
        f"{_after_withdrawals(ledger)}",
    )


def _after_withdrawals(ledger: Ledger) -> str:
    """Say on how many closes a withdrawal had left the cash below 0."""
    if ledger.flows is None or not (ledger.flows < 0.0).any():
        return ""
    first = int(np.flatnonzero(ledger.flows < 0.0)[0])
    debts = int((ledger.cash[first:] < -ROUNDING * np.abs(ledger.nav[first:])).sum())
    return (
        f"; cash was below 0 at {debts} closes from the first withdrawal on, until a decision sold "
        "for it, as far as triggers let it trade"
    )


def _add_exposures(metrics: Metrics, played: Played) -> None:
    """Add the mean exposure of what the run is compared with."""
    bars = played.ledger.bars
    closing = np.append(bars.sessions[1:] != bars.sessions[:-1], True)
    closing[: bars.start + 1] = False
    for name, baseline in played.baselines.items():
        account = baseline.account
        cut = slice(0, len(bars))
        own = Ledger(
            bars=bars,
            nav=account.nav[cut],
            cash=account.cash_history[cut],
            holdings=tuple(item for item in account.holdings if item[0] < len(bars)),
            fills=(),
        )
        for metric, values in zip(EXPOSURES, own.exposure(), strict=True):
            mean = float(values[closing].mean()) if closing.any() else np.nan
            metrics[metric][name] = mean if np.isfinite(mean) else None
    for metric in EXPOSURES:
        metrics[metric]["benchmark"] = 1.0


def _add_money_weighted(metrics: Metrics, played: Played) -> None:
    """Add what the money earned that came from outside, by when it came."""
    ledger = played.ledger
    bars, flows = ledger.bars, ledger.flows
    if flows is None or ledger.ruined:
        return
    sessions = bars.sessions[bars.start :]
    accounts = {name: one.account.nav for name, one in played.baselines.items()}
    for name, nav in ({"run": ledger.nav} | accounts).items():
        paid = flows[bars.start :].copy()
        paid[0] = nav[bars.start]
        worth = float(nav[len(bars) - 1])
        metrics["money_weighted"][name] = money_weighted(sessions, paid, worth)


def _financing(flows: tuple[CashFlow, ...]) -> float:
    """Return the money that leverage and shorts cost."""
    kinds = (MARGIN_INTEREST, BORROW_FEE)
    return -sum(float(flow.amount.sum()) for flow in flows if flow.kind in kinds)


def _record(account: Account) -> NDArray[np.float64]:
    """Return an account's NAV at each bar, (T,), without what came from outside."""
    if account.market.flows is None:
        return account.nav
    out = np.full(len(account.nav), np.nan)
    out[account.market.bars.start :] = account.record(len(out) - 1)
    return out


def _tables(ready: Prepared, played: Played) -> dict[str, pd.DataFrame]:
    ledger, pipeline = played.ledger, ready.parts.pipeline
    navs = {name: _record(one.account) for name, one in played.baselines.items()}
    tables = {
        "nav": ledger.nav_table({"benchmark": played.benchmark, **navs}),
        "positions": ledger.positions_table(),
        "fills": fills_table(ledger.bars, ledger.fills),
        "decisions": ledger.decisions_table(),
        "memos": ledger.memos_table(),
        "cash_flows": ledger.cash_flows_table(),
    }
    if pipeline is not None and pipeline.learners:
        tables["models"] = models_table(ready.bars, played.fits)
        tables["folds"] = folds_table(ready.bars, played.fits)
    return tables


def _identity(ready: Prepared, names: PortablePaths) -> tuple[str, Provenance]:
    """Return the run's id, and all that affects its result."""
    modules = [bound.offer.module for bound in ready.bound if bound.role != "report"]
    code = used_code(modules, ready.config.plugins)
    if code.plugins != ready.plugin_hashes:
        files = ", ".join(path.name for path in ready.config.plugins)
        raise PluginError(
            f"a plugin file ({files}), or what it imports from beside it, was changed while the "
            "run went on, so that nobody knows which code gave the result; run again"
        )
    provenance = Provenance(
        config=portable(ready.config, ready.bound, names),
        fingerprint=ready.fingerprint,
        files=ready.files,
        code=code,
        seed=ready.config.seed,
    )
    plain = canonical(ready.config, ready.bound)
    run_id = run_identity(
        plain, provenance.fingerprint, provenance.files, provenance.code
    )
    return run_id, provenance
