"""Follow the benchmark: weights whose returns stay closest to it, solved anew at each decision."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
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
from bt_run.arrays import Mask
from bt_run_plugins.sizers.qp_tracker.feasibility import check_cap
from bt_run_plugins.sizers.qp_tracker.problem import (
    SectorCap,
    TrackingProblem,
    relative_returns,
)
from bt_run_plugins.sizers.qp_tracker.solve import TrackingOutcome, solve_tracking

__all__ = ["QPTracker", "QPTrackerConfig", "bt_sizers"]

_HELD = 1e-12
# what must be installed, and what brings it
LIBRARIES: Mapping[str, str] = MappingProxyType(
    dict.fromkeys(("clarabel", "osqp", "scipy"), "bt-run[tracker]")
)
TOO_YOUNG = "too little history"


class QPTrackerConfig(Config):
    """Configuration of the tracker."""

    cap: float = Field(0.15, ge=1e-6, le=1.0, description="largest weight of a name")
    lookback: int = Field(
        1260,
        ge=2,
        description="bars whose differences from the benchmark are minimized",
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
    cash: float = Field(
        0.0, ge=0.0, lt=1.0, description="fraction of NAV that stays cash"
    )
    turnover: float | None = Field(
        None,
        gt=0.0,
        description="most that one decision may trade, one way; the first build-up is exempt",
    )
    turnover_penalty: float = Field(
        0.0,
        ge=0.0,
        description="tracking variance per year that a two-way turnover of 1 must save",
    )
    sectors: dict[str, str] = Field({}, description="name: its sector")
    sector_caps: dict[str, float] = Field(
        {}, description="sector: largest sum of its weights"
    )
    solver: Literal["exact", "osqp", "clarabel"] = Field(
        "exact",
        description="tried first; the others follow where its answer is not accurate enough",
    )

    @model_validator(mode="after")
    def _sectors_exist(self) -> QPTrackerConfig:
        known = sorted(set(self.sectors.values()))
        for sector, cap in self.sector_caps.items():
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
    """Which of the N names take part, each (N,) bool, and the relative returns of those that do.

    ``chosen`` may be held; ``kept`` are held but have no bar now, so their weight is given.
    """

    chosen: Mask
    kept: Mask
    X: Array
    sessions: int
    left_out: Mapping[str, int]

    @property
    def members(self) -> Mask:
        return self.chosen | self.kept


class QPTracker:
    """Minimizer of (1/T) sum_t (r_portfolio,t - r_benchmark,t)^2 with sum w = 1 and 0 <= w <= cap.

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
            notes = {"held": 0, "reason": "cash: no signal is above 0"}
            return Proposal(np.zeros(len(wanted)), notes=notes)
        universe = self._universe(state, wanted)
        exempt = self._is_exempt(state)
        problem = self._problem(state, universe, exempt)
        outcome = solve_tracking(problem, self.config.solver)
        if outcome.weights is None:
            weights = np.where(wanted | universe.kept, state.weights, 0.0)
            found = _notes_on_drifted(weights)
        else:
            weights = np.zeros(len(wanted))
            # behind the members there may be a last weight, that of cash
            weights[universe.members] = outcome.weights[: int(universe.members.sum())]
            found = _notes_on_answer(problem, weights, outcome.weights)
        if exempt:
            found["turnover"]["limit"] = "not applied: first build-up"
        return Proposal(weights, notes=_notes_on_way(universe, outcome) | found)

    def _universe(self, state: PortfolioState, wanted: Mask) -> _Universe:
        history = state.history
        lookback = self.config.lookback
        benchmark = history.benchmark_returns(lookback)
        sessions = int(np.isfinite(benchmark).sum())
        if sessions == 0:
            raise DataError(
                f"the benchmark has no return in the {len(benchmark)} bars up to {history.session}"
            )
        X, counts = relative_returns(
            _closes(state, len(benchmark)),
            history.returns(lookback),
            benchmark,
        )
        present = history.present
        there = wanted & present
        old = self._is_old(state, counts, sessions)
        chosen = there & old
        kept = ~present & (np.abs(state.weights) > _HELD)
        left_out = {
            "signal not above 0": int((~wanted).sum()),
            "not tradable": int((wanted & ~present).sum()),
            TOO_YOUNG: int((there & ~old).sum()),
        }
        if not chosen.any() and left_out[TOO_YOUNG]:
            raise InfeasibleError(
                f"none of the {int(wanted.sum())} names wanted can be held: "
                f"{left_out[TOO_YOUNG]} have fewer than {self._needed} own bars; expected a later "
                "start or a smaller min_history"
            )
        return _Universe(chosen, kept, X[:, chosen | kept], sessions, left_out)

    @property
    def _needed(self) -> int:
        """Return the own bars that a name needs before it can be held."""
        return self.config.min_history or self.config.lookback

    def _is_old(
        self,
        state: PortfolioState,
        counts: NDArray[np.int_],
        sessions: int,
    ) -> Mask:
        """Return which names have had enough own bars, (N,); ``counts`` (N,) are those in the
        window.
        """
        half = 2 * counts >= min(self._needed, sessions)
        return np.asarray((state.history.counts >= self._needed) & half)

    def _is_exempt(self, state: PortfolioState) -> bool:
        """Tell whether the turnover limit is lifted, because nothing is held yet."""
        held = np.abs(state.weights) > _HELD
        return self.config.turnover is not None and not held.any()

    def _problem(
        self,
        state: PortfolioState,
        universe: _Universe,
        exempt: bool,
    ) -> TrackingProblem:
        """Return the problem over the members, a last column of cash where cash is asked for."""
        config = self.config
        members = universe.members
        now = state.weights[members]
        given = universe.kept[members]
        kept = float(now[given].sum())
        cash = min(config.cash, max(0.0, 1.0 - kept))
        check_cap(int((~given).sum()), config.cap, 1.0 - cash - kept)
        turnover = None
        if config.turnover is not None and not exempt:
            turnover = 2.0 * config.turnover
        leaving = float(np.abs(state.weights[~members]).sum())
        sectors = self._sectors(state.history.assets, members)
        lower = np.where(given, now, 0.0)
        upper = np.where(given, now, config.cap)
        problem = TrackingProblem(
            X=universe.X,
            lower=lower,
            upper=upper,
            now=now,
            ridge=config.ridge,
            penalty=config.turnover_penalty,
            per_year=state.history.bars_per_year,
            turnover=turnover,
            leaving=leaving,
            sectors=sectors,
        )
        if not cash > 0.0:
            return problem
        benchmark = state.history.benchmark_returns(config.lookback)
        return problem.with_cash(cash, benchmark[np.isfinite(benchmark)])

    def _sectors(
        self,
        assets: tuple[str, ...],
        members: Mask,
    ) -> tuple[SectorCap, ...]:
        """Return the caps over the members."""
        sector_of = self.config.sectors
        unknown = sorted(set(sector_of) - set(assets))
        if unknown:
            raise ConfigError(
                f"sizer.sectors names {unknown[0]!r}, which is not an asset; the assets are "
                f"{', '.join(assets)}"
            )
        names = [assets[column] for column in np.flatnonzero(members)]
        sectors = np.array([sector_of.get(name, "") for name in names])
        caps = []
        for name, cap in sorted(self.config.sector_caps.items()):
            caps.append(SectorCap(name, sectors == name, cap))
        return tuple(caps)


def _closes(state: PortfolioState, rows: int) -> Array:
    """Return the closes of the window and of the bar before it, (rows + 1, N); NaN where there is
    none.
    """
    closes = state.history.close(rows + 1)
    if len(closes) > rows:
        return closes
    nothing = np.full((1, closes.shape[1]), np.nan)
    return np.vstack([nothing, closes])


def _notes_on_way(universe: _Universe, outcome: TrackingOutcome) -> dict[str, Any]:
    """Record who took part, and what each solver said."""
    left_out = {why: count for why, count in universe.left_out.items() if count}
    notes: dict[str, Any] = {
        "eligible": int(universe.chosen.sum()),
        "left out": left_out,
        "sessions": universe.sessions,
        "attempts": [dict(attempt) for attempt in outcome.attempts],
    }
    kept = int(universe.kept.sum())
    if kept:
        notes["kept, not tradable"] = kept
    return notes


def _notes_on_answer(
    problem: TrackingProblem,
    weights: Array,
    answer: Array,
) -> dict[str, Any]:
    """Record the weights; every number is made without BLAS, so that equal runs write equal bytes.

    ``answer`` (n,) are the weights of the problem, cash included; ``weights`` (N,) those of all
    names.
    """
    at_cap = (answer == problem.upper) & problem.moves
    two_way = problem.moved(answer) + problem.leaving
    return {
        "tracking error in the window": problem.tracking_error(answer),
        "objective": problem.objective(answer),
        "held": int((weights > 0.0).sum()),
        "at the cap": int(at_cap.sum()),
        "turnover": {"one way": 0.5 * two_way, "two way": two_way},
    }


def _notes_on_drifted(weights: Array) -> dict[str, Any]:
    """Record that the weights (N,) are those that are held anyway."""
    return {
        "held": int((weights > 0.0).sum()),
        "reason": "the drifted weights: no answer was accurate enough",
        "turnover": {},
    }


def _libraries(config: QPTrackerConfig) -> Mapping[str, str]:
    # whichever is asked first, the others follow where its answer is not accurate enough
    return LIBRARIES


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
            libraries=_libraries,
            purpose="track",
        )
    ]
