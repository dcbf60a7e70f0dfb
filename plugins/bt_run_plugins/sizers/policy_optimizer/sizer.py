"""Hold what a written policy asks for, solved anew at each decision."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
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
    InfeasibleError,
    Plan,
    PortfolioState,
    Proposal,
    hookimpl,
)
from bt_run.arrays import Mask
from bt_run_plugins.policy.case import PolicyCase
from bt_run_plugins.policy.database import open_database
from bt_run_plugins.policy.pack_prices import filled_returns
from bt_run_plugins.policy.policy import (
    OptimizationPolicy,
    canonical_text,
    content_hash,
)
from bt_run_plugins.policy.policy_store import database_url
from bt_run_plugins.policy.solution import scaled_weights, solve_policy
from bt_run_plugins.sizers.policy_optimizer.cost_check import cost_advice
from bt_run_plugins.sizers.policy_optimizer.notes import notes_on_solution

__all__ = ["PolicyOptimizer", "PolicyOptimizerConfig", "bt_sizers"]

_HELD = 1e-12
# what must be installed, and what brings it
LIBRARIES: Mapping[str, str] = MappingProxyType(
    dict.fromkeys(("clarabel", "scipy", "scs"), "bt-run[tracker]")
)
STORED: Mapping[str, str] = MappingProxyType(
    dict.fromkeys(("platformdirs", "sqlalchemy"), "bt-run[policy]")
)


class PolicyOptimizerConfig(Config):
    """Configuration of the policy and of the tables that it reads."""

    policy: str | OptimizationPolicy = Field(
        description="ID[@VERSION] of a stored policy, or its content; a run keeps the content"
    )
    sha256: str | None = Field(
        None, description="hash of the policy's content; one that differs is refused"
    )
    db: str | None = Field(
        None,
        description="database of stored policies; BT_RUN_POLICY_DB or the usual one if not given",
    )
    ratings: str = Field(
        "quality", description="table of ratings, where the policy asks for quality"
    )
    sectors: str = Field(
        "sector", description="table of sectors, where the policy limits them"
    )
    benchmark_weights: str | None = Field(
        None,
        description="table of the benchmark's weights; without it its returns are compared",
    )
    views: str = Field(
        "views", description="table of expected returns, for expected_returns: views"
    )
    turnover_method: Literal["inside", "scale"] = Field(
        "inside",
        description="inside: the turnover limit is part of the problem; scale: solved without it, "
        "then gone part of the way",
    )

    @model_validator(mode="after")
    def _hash_is_that_of_the_content(self) -> PolicyOptimizerConfig:
        if self.sha256 is None or isinstance(self.policy, str):
            return self
        found = content_hash(canonical_text(self.policy))
        if found != self.sha256:
            raise ValueError(
                f"sha256 was {self.sha256[:12]}; the policy {self.policy.id} has {found[:12]}: its "
                "content was changed"
            )
        return self


def resolve_policy(config: PolicyOptimizerConfig, where: str) -> PolicyOptimizerConfig:
    """Return the config with the content of its policy and the hash of it; no database is needed
    afterwards.

    Raises:
        ConfigError: there is no such policy.
        DataError: the database cannot be read, or the row was altered.
    """
    policy = config.policy
    if isinstance(policy, str):
        url = config.db or database_url(os.environ)
        with open_database(url) as database:
            policy = database.find(policy).policy
    sha256 = content_hash(canonical_text(policy))
    changes = {"policy": policy, "sha256": config.sha256 or sha256, "db": None}
    return PolicyOptimizerConfig.model_validate({**dict(config), **changes})


class PolicyOptimizer:
    """The weights within a policy's limits that are best by its objective.

    A name may be held when its signal is above 0 (how far above does not matter), it has a bar now,
    and returns on half of the policy's look-back or more. A holding without a bar keeps its weight,
    outside the limits. When no answer is accurate enough the portfolio stays as it is.
    """

    accepts = frozenset({"exposure"})

    def __init__(self, config: PolicyOptimizerConfig, context: BuildContext) -> None:
        if isinstance(config.policy, str):
            raise ConfigError(
                f"sizer.policy: {config.policy!r} stands for a stored policy; a built sizer needs "
                "its content"
            )
        self.config = config
        self.policy = config.policy
        self.costs = context.costs
        self.reads = self._tables()

    def _tables(self) -> dict[str, Literal["number", "text", "series"]]:
        """Return the tables that the policy needs, with their kinds."""
        config, policy = self.config, self.policy
        found: dict[str, Literal["number", "text", "series"]] = {}
        if policy.min_quality_score is not None:
            found[config.ratings] = "number"
        limited = policy.sector_caps or policy.sector_floors
        if policy.max_sector_pct is not None or limited:
            found[config.sectors] = "text"
        if config.benchmark_weights is not None:
            found[config.benchmark_weights] = "number"
        if policy.expected_returns == "views" and policy.objective.startswith("max_"):
            found[config.views] = "number"
        return found

    def advice(self, plan: Plan) -> Iterator[str]:
        """Yield a sentence where the policy's costs are not those that the broker takes."""
        if self.costs is not None:
            yield from cost_advice(self.policy, self.costs)

    def target_weights(self, state: PortfolioState) -> Proposal:
        """Return weights (N,) with the limits, their slack and what gave way in the notes.

        Raises:
            InfeasibleError: the limits contradict each other, and the policy says so.
            DataError: a name has no rating or sector.
        """
        wanted = np.nan_to_num(state.signals, nan=0.0) > 0.0
        held = np.abs(state.weights) > _HELD
        if not wanted.any():
            kept = np.where(state.history.present, 0.0, state.weights)
            return Proposal(kept, notes={"reason": "cash: no signal is above 0"})
        members = wanted | held | (self._table_of_benchmark(state) > 0.0)
        case = self._case(state, members, wanted)
        weights = np.zeros(len(wanted))
        if (
            self.config.turnover_method == "scale"
            and case.policy.most_traded is not None
        ):
            free = replace(case, exempt=True)
            solution = solve_policy(free)
            weights[members] = scaled_weights(case, solution.weights)
            notes = notes_on_solution(free, solution, weights[members])
            notes["scaled"] = not np.array_equal(weights[members], solution.weights)
        else:
            solution = solve_policy(case)
            weights[members] = solution.weights
            notes = notes_on_solution(case, solution, weights[members])
        if case.exempt and case.policy.max_turnover_pct is not None:
            notes["turnover"]["limit"] = "not applied: first build-up"
        return Proposal(weights, notes=notes)

    def _table_of_benchmark(self, state: PortfolioState) -> Array:
        name = self.config.benchmark_weights
        if name is None:
            return np.zeros(len(state.signals))
        return np.nan_to_num(state.history.table(name).astype(np.float64), nan=0.0)

    def _case(self, state: PortfolioState, members: Mask, wanted: Mask) -> PolicyCase:
        """Return the names that are held, wanted or in the benchmark as a case, (n,) each."""
        history, policy = state.history, self.policy
        lookback = policy.lookback
        closes = history.close(lookback + 1)[:, members]
        returns, _ = filled_returns(closes)
        own = np.isfinite(closes).sum(axis=0) - 1
        old = 2 * own >= lookback
        present = history.present[members]
        holdable = wanted[members] & old & present
        if not holdable.any():
            raise InfeasibleError(
                f"none of the {int(wanted.sum())} names wanted can be held at {history.session}: "
                f"{int((wanted[members] & ~old).sum())} have returns on fewer than half of the "
                f"{lookback} bars; expected a later start or a shorter lookback"
            )
        names = np.array(history.assets)[members]
        weights = state.weights[members]
        benchmark = None
        if self.config.benchmark_weights is not None:
            benchmark = self._table_of_benchmark(state)[members]
        return PolicyCase(
            policy=policy,
            names=tuple(str(name) for name in names),
            weights=np.array(weights),
            returns=returns,
            holdable=holdable,
            tradable=np.array(present),
            ratings=self._numbers(state, self.config.ratings, members),
            sectors=self._sectors(state, members),
            benchmark=benchmark,
            benchmark_returns=self._benchmark_returns(state, len(returns)),
            views=self._numbers(state, self.config.views, members),
            exempt=not bool((np.abs(state.weights) > _HELD).any()),
        )

    def _benchmark_returns(self, state: PortfolioState, rows: int) -> Array:
        """Return those of the window, (T,); its mean on days without one."""
        found = state.history.benchmark_returns(rows)
        known = np.isfinite(found)
        mean = float(found[known].mean()) if known.any() else 0.0
        return np.where(known, found, mean)

    def _numbers(
        self, state: PortfolioState, table: str, members: Mask
    ) -> Array | None:
        if self.reads.get(table) != "number":
            return None
        values: NDArray[Any] = state.history.table(table)
        return values.astype(np.float64)[members]

    def _sectors(self, state: PortfolioState, members: Mask) -> tuple[str, ...] | None:
        if self.reads.get(self.config.sectors) != "text":
            return None
        found = state.history.table(self.config.sectors)[members]
        return tuple("" if one is None else str(one) for one in found)


def _libraries(config: PolicyOptimizerConfig) -> Mapping[str, str]:
    # the database is asked once, when the file is loaded
    return {**LIBRARIES, **STORED} if isinstance(config.policy, str) else LIBRARIES


@hookimpl
def bt_sizers() -> list[Component]:
    return [
        Component(
            name="policy_optimizer",
            config=PolicyOptimizerConfig,
            build=PolicyOptimizer,
            summary="what a written policy asks for: caps, sectors, quality, tracking error and "
            "turnover limits in one convex problem",
            example={
                "policy": {
                    "id": "example",
                    "invested": [0.0, 1.0],
                    "max_single_position_pct": 0.4,
                    "lookback": 20,
                }
            },
            resolve=resolve_policy,
            libraries=_libraries,
        )
    ]
