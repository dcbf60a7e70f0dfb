"""What a limit costs: how much better the objective would be if it were a point looser."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt
from types import MappingProxyType

from bt_run import Array
from bt_run_plugins.optimization.convex_answer import solve_convex
from bt_run_plugins.optimization.elastic import loosened
from bt_run_plugins.policy.case import PolicyCase
from bt_run_plugins.policy.limit_values import limit_words, units_of
from bt_run_plugins.policy.limits import QUALITY, RESTRICTIONS
from bt_run_plugins.policy.solution import PolicySolution

__all__ = ["ShadowPrice", "figure_of", "prices_of", "worth_of_limits"]

POINT = 0.01
SMALL = 1e-9
# objective -> what its figure is called, and whether more of it is better
FIGURES: Mapping[str, tuple[str, bool]] = MappingProxyType(
    {
        "keep": ("distance from the weights kept", False),
        "min_variance": ("volatility", False),
        "min_tracking_error": ("tracking error", False),
        "max_utility": ("utility", True),
        "max_sharpe": ("Sharpe ratio", True),
    }
)


@dataclass(frozen=True, kw_only=True)
class ShadowPrice:
    """The worth of a limit.

    Attributes:
        limit: its key in the policy.
        figure: what gets better: ``tracking error``.
        by: how much, per point (0.01) by which the limit is looser, from its multiplier.
        solved: the same, found by solving again under the looser limit; None where no answer was
            accurate.
    """

    limit: str
    figure: str
    by: float
    solved: float | None

    @property
    def text(self) -> str:
        """Return it in words: ``1 point looser max_turnover_pct = 3.1 bp less tracking error``."""
        _, more = next(pair for pair in FIGURES.values() if pair[0] == self.figure)
        size = f"{self.by:.4f}" if self.figure == "Sharpe ratio" else _bp(self.by)
        again = ""
        if self.solved is not None:
            solved = (
                f"{self.solved:.4f}"
                if self.figure == "Sharpe ratio"
                else _bp(self.solved)
            )
            again = f" (solved again: {solved})"
        return (
            f"1 point looser {self.limit} = {size} {'more' if more else 'less'} {self.figure}"
            f"{again}"
        )


def _bp(value: float) -> str:
    return f"{value * 1e4:.3g} bp"


def figure_of(case: PolicyCase, solution: PolicySolution, w: Array) -> float:
    """Return the figure of the policy's objective at weights w (n,)."""
    objective = solution.problem.objective
    value = objective.value(w)
    if case.policy.objective == "max_utility":
        return -value
    if objective.diagonal is not None:
        # 1/2 |w|^2 - k'w lacks 1/2 |k|^2
        value += 0.5 * float((objective.linear**2).sum())
    size = sqrt(max(2.0 * value, 0.0))
    if case.policy.objective == "max_sharpe":
        return 1.0 / size if size > 0.0 else 0.0
    return size


def _per_value(case: PolicyCase, figure: float) -> float:
    """Return how much better the figure gets when the objective's value falls by 1."""
    if case.policy.objective == "max_utility":
        return 1.0
    if case.policy.objective == "max_sharpe":
        return figure**3
    return 1.0 / figure if figure > SMALL else 0.0


def prices_of(solution: PolicySolution) -> dict[str, float]:
    """Return how much the objective's value would fall per unit by which each limit gives way."""
    if solution.answer is None:
        return {}
    return {name: solution.answer.price(name) for name in solution.problem.names}


def worth_of_limits(
    case: PolicyCase, solution: PolicySolution
) -> tuple[ShadowPrice, ...]:
    """Return what each limit that binds is worth, the dearest first."""
    answer, problem = solution.answer, solution.problem
    if answer is None:
        return ()
    figure = figure_of(case, solution, answer.weights)
    unit = _per_value(case, figure)
    found = []
    for name, price in prices_of(solution).items():
        step = POINT * units_of(case.policy, name)
        by = price * step * unit
        # what a solver leaves on a limit that does not bind is far below a tenth of a basis point
        if by < 1e-7 or name in (RESTRICTIONS, QUALITY):
            continue
        again = solve_convex(loosened(problem, {name: step})).answer
        solved = None
        if again is not None:
            solved = abs(figure_of(case, solution, again.weights) - figure)
        word, _ = FIGURES[case.policy.objective]
        found.append(
            ShadowPrice(limit=limit_words(name), figure=word, by=by, solved=solved)
        )
    return tuple(sorted(found, key=lambda one: (-one.by, one.limit)))
