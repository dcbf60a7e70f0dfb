"""Follow the benchmark: weights whose returns stay closest to it, solved anew at each decision."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from bt_run import (
    Array,
    BuildContext,
    Component,
    Config,
    ConfigError,
    DataError,
    InfeasibleError,
    PortfolioState,
    Proposal,
    hookimpl,
)
from bt_run_plugins.sizers.qp_tracker.feasibility import check_cap
from bt_run_plugins.sizers.qp_tracker.problem import SectorCap, TrackingProblem, relative_returns
from bt_run_plugins.sizers.qp_tracker.solve import Outcome, solve_tracking

__all__ = ["QPTracker", "QPTrackerConfig", "bt_sizers"]

_HELD = 1e-12


class QPTrackerConfig(Config):
    """Configure the tracker."""

    cap: float = Field(0.15, gt=0.0, le=1.0, description="largest weight of a name")
    lookback: int = Field(
        1260, ge=2, description="bars whose differences from the benchmark are minimized"
    )
    min_history: int | None = Field(
        None,
        ge=2,
        description="own bars that a name needs before it can be held; the lookback when not given",
    )
    ridge: float = Field(
        1e-9,
        ge=1e-12,
        le=1.0,
        description="share of |w|^2 in the scaled objective; makes the answer unique",
    )
    cash: float = Field(0.0, ge=0.0, lt=1.0, description="fraction of NAV that stays cash")
    turnover: float | None = Field(
        None,
        gt=0.0,
        description="most that one decision may trade, one way; the first build-up is exempt",
    )
    turnover_penalty: float = Field(
        0.0, ge=0.0, description="tracking variance per year that a two-way turnover of 1 must save"
    )
    sectors: dict[str, str] = Field({}, description="name: its sector")
    sector_caps: dict[str, float] = Field({}, description="sector: largest sum of its weights")
    solver: Literal["exact", "osqp", "clarabel"] = Field(
        "exact",
        description="tried first; the others follow where its answer is not accurate enough",
    )

    @model_validator(mode="after")
    def _sectors_exist(self) -> QPTrackerConfig:
        for sector, cap in self.sector_caps.items():
            known = sorted(set(self.sectors.values()))
            if sector not in known:
                raise ValueError(
                    f"sector_caps names {sector!r}, but no name is in it; sectors has "
                    f"{', '.join(known) or 'none'}"
                )
            if not 0.0 <= cap <= 1.0:
                raise ValueError(
                    f"sector_caps.{sector} was {cap:g}; expected a fraction from 0 to 1"
                )
        return self


@dataclass(frozen=True)
class _Universe:
    """Hold which of the N names take part, each (N,) bool, and the relative returns of those that
    do.

    ``chosen`` may be held; ``kept`` are held but have no bar now, so their weight is given.
    """

    chosen: NDArray[np.bool_]
    kept: NDArray[np.bool_]
    X: Array
    sessions: int
    left_out: Mapping[str, int]

    @property
    def members(self) -> NDArray[np.bool_]:
        return self.chosen | self.kept


class QPTracker:
    """Minimize (1/T) sum_t (r_portfolio,t - r_benchmark,t)^2 with sum w = 1 and 0 <= w <= cap.

    A name takes part when its signal is above 0 (how far above does not matter), it can be traded
    now, and it has had ``min_history`` own bars, half of them or more within the window. A name
    that is held and has no bar now keeps its weight, and the others are chosen around it. When no
    solver's answer is accurate enough, the portfolio stays as it is.
    """

    accepts = frozenset({"exposure"})

    def __init__(self, config: QPTrackerConfig, context: BuildContext) -> None:
        self.config = config

    def target_weights(self, state: PortfolioState) -> Proposal:
        """Return weights (N,) with how they were found in the notes.

        Raises:
            InfeasibleError: the limits contradict each other.
            DataError: the benchmark has no returns.
            ConfigError: ``sectors`` names what is not an asset.
        """
        wanted = np.nan_to_num(state.signals, nan=0.0) > 0.0
        if not wanted.any():
            return Proposal(np.zeros(len(wanted)), notes={"held": "cash: no signal is above 0"})
        universe = self._universe(state, wanted)
        problem, exempt = self._problem(state, universe)
        outcome = solve_tracking(problem, self.config.solver)
        notes = _notes(universe, problem, outcome)
        if exempt:
            notes["turnover"] |= {"limit": "not applied: first build-up"}
        if outcome.weights is None:
            return Proposal(np.where(wanted | universe.kept, state.weights, 0.0), notes=notes)
        weights = np.zeros(len(wanted))
        weights[universe.members] = outcome.weights[: int(universe.members.sum())]
        return Proposal(weights, notes=notes)

    def _universe(self, state: PortfolioState, wanted: NDArray[np.bool_]) -> _Universe:
        history, config = state.history, self.config
        benchmark = history.benchmark_returns(config.lookback)
        sessions = int(np.isfinite(benchmark).sum())
        if sessions == 0:
            raise DataError(
                f"the benchmark has no return in the {len(benchmark)} bars up to "
                f"{state.history.session}"
            )
        X, counts = relative_returns(
            _closes(state, len(benchmark)), history.returns(config.lookback), benchmark
        )
        needed = config.min_history or config.lookback
        bars = np.isfinite(history.close(len(history))).sum(axis=0)
        old = (bars >= needed) & (2 * counts >= min(needed, sessions))
        present = history.present
        chosen = wanted & present & old
        kept = ~present & (np.abs(state.weights) > _HELD)
        left_out = {
            "signal not above 0": int((~wanted).sum()),
            "not tradable": int((wanted & ~present).sum()),
            "too little history": int((wanted & present & ~old).sum()),
        }
        if not chosen.any() and left_out["too little history"]:
            raise InfeasibleError(
                f"none of the {int(wanted.sum())} names wanted can be held: "
                f"{left_out['too little history']} have "
                f"fewer than {needed} own bars; expected a later start or a smaller min_history"
            )
        return _Universe(chosen, kept, X[:, chosen | kept], sessions, left_out)

    def _problem(self, state: PortfolioState, universe: _Universe) -> tuple[TrackingProblem, bool]:
        """Return the problem over the members, with a last column of cash where cash is asked for."""
        config, members = self.config, universe.members
        now, given = state.weights[members], universe.kept[members]
        kept = float(now[given].sum())
        cash = min(config.cash, max(0.0, 1.0 - kept))
        check_cap(int((~given).sum()), config.cap, 1.0 - cash - kept)
        lower, upper = np.where(given, now, 0.0), np.where(given, now, config.cap)
        X, exempt = (
            universe.X,
            config.turnover is not None and not (np.abs(state.weights) > _HELD).any(),
        )
        if cash > 0.0:
            benchmark = state.history.benchmark_returns(config.lookback)
            X = np.column_stack([X, -benchmark[np.isfinite(benchmark)]])
            lower, upper, now = (np.append(part, cash) for part in (lower, upper, now))
        problem = TrackingProblem(
            X=X,
            lower=lower,
            upper=upper,
            now=now,
            ridge=config.ridge,
            penalty=config.turnover_penalty,
            turnover=None if exempt or config.turnover is None else 2.0 * config.turnover,
            leaving=float(np.abs(state.weights[~members]).sum()),
            sectors=self._sectors(state.history.assets, members, len(lower)),
        )
        return problem, exempt

    def _sectors(
        self, assets: tuple[str, ...], members: NDArray[np.bool_], n: int
    ) -> tuple[SectorCap, ...]:
        unknown = sorted(set(self.config.sectors) - set(assets))
        if unknown:
            raise ConfigError(
                f"sizer.sectors names {unknown[0]!r}, which is not an asset; the assets are "
                f"{', '.join(assets)}"
            )
        names = [name for name, flag in zip(assets, members, strict=True) if flag]
        own = np.array(
            [self.config.sectors.get(name, "") for name in names] + [""] * (n - len(names))
        )
        return tuple(
            SectorCap(name, own == name, cap)
            for name, cap in sorted(self.config.sector_caps.items())
        )


def _closes(state: PortfolioState, rows: int) -> Array:
    """Return the closes of the window and of the bar before it, (rows + 1, N); NaN where there is
    none.
    """
    closes = state.history.close(rows + 1)
    if len(closes) > rows:
        return closes
    return np.vstack([np.full((1, closes.shape[1]), np.nan), closes])


def _notes(universe: _Universe, problem: TrackingProblem, outcome: Outcome) -> dict[str, Any]:
    """Record how the weights came about; every number is made without BLAS, so that equal runs
    write equal bytes.
    """
    w = outcome.weights
    notes: dict[str, Any] = {
        "eligible": int(universe.chosen.sum()),
        "left out": {why: count for why, count in universe.left_out.items() if count},
        "sessions": universe.sessions,
        "attempts": [dict(attempt) for attempt in outcome.attempts],
    }
    kept = int(universe.kept.sum())
    if kept:
        notes["kept, not tradable"] = kept
    if w is None:
        return notes | {
            "held": "the drifted weights: no answer was accurate enough",
            "turnover": {},
        }
    free = w[: int(universe.members.sum())]
    two_way = problem.moved(w) + problem.leaving
    return notes | {
        "tracking error in the window": problem.tracking_error(w),
        "objective": problem.objective(w),
        "held": int((free > 0.0).sum()),
        "at the cap": int(((w == problem.upper) & problem.moves).sum()),
        "turnover": {"one way": 0.5 * two_way, "two way": two_way},
    }


@hookimpl
def bt_sizers() -> list[Component]:
    return [
        Component(
            name="qp_tracker",
            config=QPTrackerConfig,
            build=QPTracker,
            summary="follows the benchmark: least squared difference of returns over a window, "
            "under a cap per name",
            example={"cap": 0.6, "lookback": 40, "min_history": 20},
        )
    ]
