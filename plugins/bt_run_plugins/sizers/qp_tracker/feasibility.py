"""Say which limits of a tracking problem contradict each other, and the least change of one that
helps.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil

import numpy as np

from bt_run import InfeasibleError
from bt_run_plugins.sizers.qp_tracker.problem import TrackingProblem

__all__ = ["check_cap", "explain_if_infeasible"]

_TOLERANCE = 1e-9


def check_cap(names: int, cap: float, wanted: float) -> None:
    """Refuse a cap under which ``names`` cannot hold ``wanted`` of the capital.

    Raises:
        InfeasibleError: names x cap < wanted.
    """
    if names * cap >= wanted - _TOLERANCE:
        return
    many = ceil(wanted / cap - _TOLERANCE)
    raised = f"cap >= {_rounded_up(wanted / names)}, or " if names and wanted / names <= 1.0 else ""
    raise InfeasibleError(
        f"{names} eligible {'name' if names == 1 else 'names'} with cap {cap:g} can hold "
        f"{names * cap:g} of the "
        f"{wanted:g} to be invested; it takes {raised}{many} names"
    )


def explain_if_infeasible(problem: TrackingProblem) -> None:
    """Do nothing where the limits can all be met; otherwise say which change of one limit would do.

    Raises:
        InfeasibleError: the limits contradict each other.
    """
    if _least_excess(problem, "all") <= _TOLERANCE:
        return
    cap = float(problem.upper[problem.moves].max(initial=0.0))
    limits = [
        f"cap {cap:g}",
        *(f"sector_caps.{item.name} {item.cap:g}" for item in problem.sectors),
    ]
    if problem.turnover is not None:
        limits.append(f"turnover {0.5 * problem.turnover:g} one way")
    helps = list(_single_changes(problem, cap))
    what = (
        f"any one of these would do: {'; '.join(helps)}"
        if helps
        else "no change of a single limit would do"
    )
    raise InfeasibleError(f"the limits contradict each other: {', '.join(limits)}; {what}")


def _single_changes(problem: TrackingProblem, cap: float) -> Iterator[str]:
    """Yield each limit's least value with which all can be met while the others stay."""
    excess = _least_excess(problem, "cap")
    if cap + excess <= 1.0:
        yield f"cap >= {_rounded_up(cap + excess)}"
    for item in problem.sectors:
        excess = _least_excess(problem, item.name)
        if np.isfinite(excess):
            yield f"sector_caps.{item.name} >= {_rounded_up(item.cap + excess)}"
    if problem.turnover is not None:
        excess = _least_excess(problem, "")
        if np.isfinite(excess):
            yield f"turnover >= {_rounded_up(0.5 * (problem.turnover + excess))}"


def _least_excess(problem: TrackingProblem, which: str) -> float:
    """Return the least e >= 0 by which a limit must be raised so that all can be met; inf when none
    will do.

    ``which`` is ``cap``, a sector's name, ``""`` for the turnover limit, or ``all`` for e on each
    of them. A linear program in w, t >= |w - now| and e, by HiGHS.
    """
    from scipy.optimize import linprog

    n, rows, ends = problem.n, [], []
    eye, none, one = np.eye(n), np.zeros((n, n)), np.ones((n, 1))
    soft = {
        name: float(which in (name, "all"))
        for name in ("cap", "", *(item.name for item in problem.sectors))
    }
    rows.append(np.hstack([eye, none, -soft["cap"] * problem.moves[:, None]]))
    ends.append(problem.upper)
    for item in problem.sectors:
        rows.append(np.concatenate([item.members, np.zeros(n), [-soft[item.name]]])[None, :])
        ends.append(np.array([item.cap]))
    if problem.turnover is not None:
        rows += [np.hstack([eye, -eye, 0 * one]), np.hstack([-eye, -eye, 0 * one])]
        rows.append(np.concatenate([np.zeros(n), np.ones(n), [-soft[""]]])[None, :])
        ends += [problem.now, -problem.now, np.array([problem.room])]
    cost = np.concatenate([np.zeros(2 * n), [1.0]])
    budget = np.concatenate([np.ones(n), np.zeros(n + 1)])[None, :]
    bounds = [*((low, None) for low in problem.lower), *[(0.0, None)] * (n + 1)]
    found = linprog(
        cost, np.vstack(rows), np.concatenate(ends), budget, [1.0], bounds=bounds, method="highs"
    )
    return float(found.fun) if found.status == 0 else np.inf


def _rounded_up(value: float) -> str:
    """Write a limit so that it still suffices: to 4 digits after the point, upwards."""
    return f"{ceil(round(value, 9) * 1e4 - 1e-6) / 1e4:g}"
