"""Which trials count together, and what that makes of one of them."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import reduce
from pathlib import Path

import numpy as np

from bt_run.arrays import Array, Times
from bt_run.config.binding import BoundConfig, bind
from bt_run.config.run_config import RunConfig
from bt_run.data.years import sessions_per_year, years_between
from bt_run.plugins import catalogue, get_plugin_manager
from bt_run.results.result import BacktestResult
from bt_run.results.trial_facts import TrialFacts
from bt_run.studies.statistics import (
    clusters,
    deflated_sharpe,
    measure_moments,
    measure_overfitting,
)
from bt_run.studies.trials import Trial, TrialLedger

__all__ = [
    "LEDGER_FILE",
    "Judged",
    "TrialSubject",
    "counted_together",
    "facts_of",
    "ledger_path",
    "trial_of",
    "trial_of_run",
    "with_counting",
]

LEDGER_FILE = "trials.sqlite"
OVERLAP = 0.5  # of the shorter of two periods: as much must be common
MOST_CLUSTERED = 400  # trials; beyond, the newest are clustered


def ledger_path(config: RunConfig, root: Path) -> Path:
    """Return where the trials of ``config`` are counted whose results go to the folder ``root``."""
    return config.research.ledger or root / LEDGER_FILE


def with_counting(
    config: RunConfig, *, ledger: Path | None = None, counted: bool = True
) -> RunConfig:
    """Return ``config`` with another ``ledger``, where one is given, and as no trial where not
    ``counted``.
    """
    changes: dict[str, object] = {}
    if ledger is not None:
        changes["ledger"] = ledger
    if not counted:
        changes["counted"] = False
    if not changes:
        return config
    research = config.research.model_copy(update=changes)
    return config.model_copy(update={"research": research})


@dataclass(frozen=True, kw_only=True)
class TrialSubject:
    """What a trial is of, before anything is known of how it went.

    Attributes:
        family: the research's name, or else ``assets``.
        assets: the assets and the benchmark.
        components: the names of the components, JSON by path.
        data: the fingerprint of the data.
        cell: the run id of the configuration.
    """

    family: str
    assets: str
    components: str
    data: str
    cell: str

    @classmethod
    def of(
        cls, config: RunConfig, bound: BoundConfig, cell: str, data: str
    ) -> TrialSubject:
        """Return the subject of a ``config``, its components ``bound``; ``cell`` is the run id,
        ``data`` the fingerprint.
        """
        assets = f"{','.join(sorted(config.data.assets))} | {config.data.benchmark}"
        components = {path: one.name for path, one in bound.placed()}
        return cls(
            family=config.research.name or assets,
            assets=assets,
            components=json.dumps(components, sort_keys=True),
            data=data,
            cell=cell,
        )


@dataclass(frozen=True)
class Judged:
    """By what a trial was judged.

    Attributes:
        score: the name of the score.
        value: what it came to; None where it is not defined.
        parent: the sweep that the trial is a cell of, or nothing.
    """

    score: str
    value: float | None
    parent: str = ""


def trial_of(
    subject: TrialSubject, days: Times, returns: Array, judged: Judged
) -> Trial:
    """Return the trial of a ``subject`` that gave daily ``returns`` (n,) on ``days`` (n,), at
    least one.
    """
    return Trial(
        time=datetime.now(UTC).isoformat(timespec="seconds"),
        family=subject.family,
        assets=subject.assets,
        components=subject.components,
        data=subject.data,
        first=str(days[0]),
        last=str(days[-1]),
        cell=subject.cell,
        score=judged.score,
        value=judged.value,
        sharpe=_sharpe(returns),
        parent=judged.parent,
        sessions=days,
        returns=returns,
    )


def trial_of_run(result: BacktestResult) -> Trial | None:
    """Return the trial that a ``result`` is; None where it has not even one return."""
    config = result.config
    returns = result.returns
    if returns.empty:
        return None
    bound = bind(config, catalogue(get_plugin_manager(config.plugins)))
    subject = TrialSubject.of(
        config, bound, result.run_id, str(result.manifest["data"])
    )
    return trial_of(
        subject,
        returns.index.to_numpy().astype("datetime64[D]"),
        np.asarray(returns, dtype=np.float64),
        Judged("sharpe", result.metrics["sharpe"]["run"]),
    )


def counted_together(trials: Iterable[Trial], trial: Trial) -> list[Trial]:
    """Return those of ``trials`` that count together with ``trial``: of its family, and with a
    period that overlaps its own by half of the shorter of the two.
    """
    return [
        one
        for one in trials
        if one.family == trial.family and _overlap(one, trial) >= OVERLAP
    ]


def facts_of(trial: Trial, ledger: TrialLedger) -> TrialFacts:
    """Return what the ``ledger`` makes of a ``trial`` that stands in it."""
    together = counted_together(ledger.trials(trial.family), trial)
    own = trial.returns.astype(np.float64)
    per_year = sessions_per_year(trial.sessions)
    span = years_between(trial.sessions[0], trial.sessions[-1])
    panel = _panel(together)
    over = measure_overfitting(panel)
    sharpe, noise, probability = _deflated(trial, own, together, per_year)
    return TrialFacts(
        family=trial.family,
        number=1 + sum(one.number < trial.number for one in together),
        of=len(together),
        others=ledger.count_of_others(trial),
        row=trial.hash,
        sharpe=sharpe,
        best_of_noise=noise,
        years=round(span, 1),
        deflated=probability,
        clusters=clusters(panel[:, -MOST_CLUSTERED:]) if len(together) > 1 else 1,
        overfitting=over.probability,
        overfitting_reason=over.reason,
        configurations=over.configurations,
    )


def _deflated(
    trial: Trial, returns: Array, together: Sequence[Trial], per_year: int
) -> tuple[float | None, float | None, float | None]:
    """Return the Sharpe a year, that of the best of noise, and the deflated one's probability."""
    sharpes = np.array([one.sharpe for one in together if one.sharpe is not None])
    if trial.sharpe is None or not len(sharpes):
        return None, None, None
    yearly = math.sqrt(per_year)
    found = deflated_sharpe(measure_moments(returns), sharpes)
    return trial.sharpe * yearly, found.threshold * yearly, found.probability


def _sharpe(returns: Array) -> float | None:
    """Return the Sharpe ratio per session; None where it is not defined."""
    if len(returns) < 3 or not np.isfinite(returns).all() or np.ptp(returns) <= 1e-12:
        return None
    return float(returns.mean() / returns.std(ddof=1))


def _overlap(one: Trial, other: Trial) -> float:
    """Return what two periods have in common over the shorter of them."""
    starts, ends = (one.first, other.first), (one.last, other.last)
    lengths = [
        years_between(np.datetime64(first), np.datetime64(last))
        for first, last in zip(starts, ends, strict=True)
    ]
    common = years_between(np.datetime64(max(starts)), np.datetime64(min(ends)))
    shorter = min(lengths)
    return common / shorter if shorter > 0 else float(common >= 0)


def _panel(trials: Sequence[Trial]) -> Array:
    """Return the returns of trials (T, N) on the sessions that all have, columns by cell."""
    ordered = sorted(trials, key=lambda one: one.cell)
    if not ordered:
        return np.empty((0, 0))
    # most trials have the same sessions, which are compared once
    sessions = {one.sessions.tobytes(): one.sessions for one in ordered}
    common = reduce(np.intersect1d, sessions.values())
    rows = {key: np.isin(own, common) for key, own in sessions.items()}
    columns = [
        one.returns[rows[one.sessions.tobytes()]].astype(np.float64) for one in ordered
    ]
    return np.column_stack(columns)
