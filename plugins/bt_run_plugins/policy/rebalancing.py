"""A proposal: the trades that bring a portfolio under its policy, with reasons, costs and what
limits are worth. Nothing is executed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np

from bt_run import Array, SolverError
from bt_run_plugins.optimization.convex import ConvexProblem
from bt_run_plugins.policy.case import PolicyCase
from bt_run_plugins.policy.facts import Facts, Portfolio, case_of, share_ends
from bt_run_plugins.policy.fees import Fees, exact
from bt_run_plugins.policy.limit_values import (
    limit_value,
    limit_words,
    units_of,
)
from bt_run_plugins.policy.limits import RESTRICTIONS, TURNOVER
from bt_run_plugins.policy.measures import Measures, measures_of
from bt_run_plugins.policy.pack_prices import PackPrices
from bt_run_plugins.policy.policy import (
    OptimizationPolicy,
    canonical_text,
    content_hash,
)
from bt_run_plugins.policy.portfolio_book import TradedBook
from bt_run_plugins.policy.reasons import left_reason, trade_reason
from bt_run_plugins.policy.rounding import (
    MISSED,
    RoundedBook,
    limits_by_price,
    round_trades,
)
from bt_run_plugins.policy.shadow_prices import ShadowPrice, prices_of, worth_of_limits
from bt_run_plugins.policy.solution import PolicySolution, Status, solve_policy

__all__ = [
    "LeftAlone",
    "LimitLine",
    "RebalanceResult",
    "TradeProposal",
    "propose",
]


@dataclass(frozen=True, kw_only=True)
class TradeProposal:
    """A trade; every ``_pct`` is a fraction of NAV."""

    symbol: str
    current_shares: Decimal
    target_shares: Decimal
    delta_shares: Decimal
    price: Decimal
    current_weight_pct: float
    target_weight_pct: float
    estimated_cost: Decimal
    reason: str


@dataclass(frozen=True, kw_only=True)
class LeftAlone:
    """A name that is not traded, and why."""

    symbol: str
    shares: Decimal
    weight_pct: float
    reason: str


@dataclass(frozen=True, kw_only=True)
class LimitLine:
    """A limit before and after, in the policy's own unit.

    ``missed`` is by how much the book after rounding misses it, and ``cause`` why.
    """

    limit: str
    value: Any
    before: float
    after: float
    slack: float
    active: bool
    missed: float
    cause: str


@dataclass(frozen=True, kw_only=True)
class RebalanceResult:
    """A whole proposal; every ``_pct`` is a fraction."""

    portfolio_id: str
    policy_id: str
    policy_sha256: str
    pricing_pack_id: str
    as_of: date
    status: Status
    nav: Decimal
    trades: tuple[TradeProposal, ...]
    left_alone: tuple[LeftAlone, ...]
    total_turnover_pct: float
    one_way_turnover_pct: float
    costs: Fees
    cash_after: Decimal
    te_before: float | None
    te_after: float | None
    before: Measures
    after: Measures
    benchmark_sectors: Mapping[str, float]
    limits: tuple[LimitLine, ...]
    shadow_prices: tuple[ShadowPrice, ...]
    relaxed: Mapping[str, Any]
    inherited: Mapping[str, float]
    conflict: str
    notes: tuple[str, ...]
    attempts: tuple[Mapping[str, Any], ...]

    @property
    def estimated_total_cost(self) -> Decimal:
        return self.costs.total


def propose(
    portfolio: Portfolio,
    policy: OptimizationPolicy,
    pack: PackPrices,
    facts: Facts | None = None,
) -> RebalanceResult:
    """Return the trades that bring ``portfolio`` under ``policy`` at the prices of ``pack``.

    Raises:
        ConfigError, DataError: what is given cannot be, or lacks what the policy limits.
        InfeasibleError: the limits contradict each other and the policy says so.
        SolverError: no answer was accurate enough.
    """
    facts = facts or Facts()
    case = case_of(portfolio, policy, pack, facts)
    solution = solve_policy(case)
    if solution.status == "failed":
        tried = "; ".join(
            f"{one['solver']}: {one['status']}" for one in solution.attempts
        )
        raise SolverError(
            f"{policy.id}: no solver's answer was accurate enough ({tried}), and the limits can be "
            "kept; nothing is proposed"
        )
    rounded = _rounded(case, solution, portfolio, pack, facts)
    return _result(case, solution, rounded, portfolio, pack)


def _rounded(
    case: PolicyCase,
    solution: PolicySolution,
    portfolio: Portfolio,
    pack: PackPrices,
    facts: Facts,
) -> RoundedBook:
    none = Decimal(0)
    book = TradedBook(
        policy=case.policy,
        shares=tuple(portfolio.shares.get(name, none) for name in case.names),
        price=tuple(exact(pack.price[name]) for name in case.names),
        cash=portfolio.cash,
        deltas=(none,) * case.n,
    )
    ends = share_ends(case, portfolio, facts)
    if solution.answer is None:
        return RoundedBook(book, (), {})
    order = limits_by_price(solution.problem, prices_of(solution))
    return round_trades(book, solution.weights, solution.problem, ends, order)


def _result(
    case: PolicyCase,
    solution: PolicySolution,
    rounded: RoundedBook,
    portfolio: Portfolio,
    pack: PackPrices,
) -> RebalanceResult:
    book, policy = rounded.book, case.policy
    before, after = measures_of(case, case.weights), measures_of(case, book.weights)
    benchmark = (
        {} if case.benchmark is None else measures_of(case, case.benchmark).sectors
    )
    return RebalanceResult(
        portfolio_id=portfolio.id,
        policy_id=policy.id,
        policy_sha256=content_hash(canonical_text(policy)),
        pricing_pack_id=pack.id,
        as_of=pack.as_of,
        status=solution.status,
        nav=book.nav,
        trades=tuple(_trades(case, solution, book)),
        left_alone=tuple(_left_alone(case, solution, rounded)),
        total_turnover_pct=book.traded,
        one_way_turnover_pct=0.5 * book.traded,
        costs=book.cost,
        cash_after=book.cash_after,
        te_before=before.tracking_error,
        te_after=after.tracking_error,
        before=before,
        after=after,
        benchmark_sectors=benchmark,
        limits=tuple(_limit_lines(case, solution, rounded)),
        shadow_prices=worth_of_limits(case, solution),
        relaxed=solution.relaxed,
        inherited=solution.inherited,
        conflict="" if solution.conflict is None else solution.conflict.sentence(case),
        notes=tuple(_notes(case, pack)),
        attempts=solution.attempts,
    )


def _trades(
    case: PolicyCase, solution: PolicySolution, book: TradedBook
) -> list[TradeProposal]:
    after = book.weights
    return [
        TradeProposal(
            symbol=name,
            current_shares=book.shares[place],
            target_shares=book.shares_after[place],
            delta_shares=book.deltas[place],
            price=book.price[place],
            current_weight_pct=float(case.weights[place]),
            target_weight_pct=float(after[place]),
            estimated_cost=book.fees[place].total,
            reason=trade_reason(case, solution, place, book.deltas[place] > 0),
        )
        for place, name in enumerate(case.names)
        if book.deltas[place]
    ]


def _left_alone(
    case: PolicyCase, solution: PolicySolution, rounded: RoundedBook
) -> list[LeftAlone]:
    book = rounded.book
    return [
        LeftAlone(
            symbol=name,
            shares=book.shares[place],
            weight_pct=float(case.weights[place]),
            reason=left_reason(case, solution, place, place in rounded.dropped),
        )
        for place, name in enumerate(case.names)
        if not book.deltas[place] and (book.shares[place] or case.holdable[place])
    ]


def _limit_lines(
    case: PolicyCase, solution: PolicySolution, rounded: RoundedBook
) -> list[LimitLine]:
    book, problem = rounded.book, solution.problem
    lines = []
    for name in problem.names:
        if name == RESTRICTIONS:
            continue
        unit = units_of(case.policy, name)
        before, _ = reached(problem, name, case.weights)
        after, slack = reached(problem, name, book.weights)
        if name == TURNOVER:
            slack += after - book.traded
            after = book.traded
        _, exactly = reached(problem, name, solution.weights)
        missed = rounded.missed.get(name, 0.0)
        words = limit_words(name)
        lines.append(
            LimitLine(
                limit=words,
                value=solution.relaxed.get(words, limit_value(case.policy, name)),
                before=before / unit,
                after=after / unit,
                slack=slack / unit,
                active=exactly <= MISSED,
                missed=missed / unit if missed > MISSED else 0.0,
                cause=_cause(case, name) if missed > MISSED else "",
            )
        )
    return lines


def _cause(case: PolicyCase, name: str) -> str:
    """Return why a limit is missed after rounding."""
    if not case.free.all() and name not in (TURNOVER,):
        return "rounding, beside what is not tradable"
    return "rounding"


def reached(problem: ConvexProblem, name: str, w: Array) -> tuple[float, float]:
    """Return where weights w (n,) stand at a limit, in its tightest row, and how far inside."""
    for limit in problem.linear:
        if limit.name == name:
            held = limit.held(w)
            room = np.minimum(limit.high - held, held - limit.low)
            place = int(np.argmin(room))
            return float(held[place]), float(room[place])
    for total in problem.sums:
        if total.name == name:
            held_sum = total.held(w)
            return held_sum, total.most - held_sum
    size = problem.size
    assert size is not None
    length = size.risk.size(w)
    return length, size.most - length


def _notes(case: PolicyCase, pack: PackPrices) -> list[str]:
    notes = []
    kept = [name for name, free in zip(case.names, case.free, strict=True) if not free]
    for name in kept:
        notes.append(
            f"{name}: no price of the pack's last session (its last is of {pack.last[name]}): "
            "kept, and outside the position, quality and sector limits"
        )
    if case.exempt and case.policy.max_turnover_pct is not None:
        notes.append("the first build-up is exempt from max_turnover_pct")
    return notes
