"""Which limits of a tracking problem contradict each other, and the least change of one that
helps.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil, inf, isfinite

import numpy as np

from bt_run import InfeasibleError
from bt_run.arrays import Mask
from bt_run_plugins.optimization.program import QuadraticProgram
from bt_run_plugins.optimization.relaxation import least_excess
from bt_run_plugins.sizers.qp_tracker.problem import TrackingProblem
from bt_run_plugins.sizers.qp_tracker.program import (
    BOUNDS,
    SECTORS,
    TURNOVER,
    tracking_program,
)

__all__ = ["check_cap", "explain_if_infeasible"]

_TOLERANCE = 1e-9


def check_cap(
    names: int,
    cap: float,
    wanted: float,
) -> None:
    """Refuse a cap under which ``names`` cannot hold ``wanted`` of the capital.

    Raises:
        InfeasibleError: names x cap < wanted.
    """
    if names * cap >= wanted - _TOLERANCE:
        return
    helps = []
    if names and wanted / names <= 1.0:
        helps.append(f"cap >= {_rounded_up(wanted / names)}")
    many = ceil(wanted / cap - _TOLERANCE)
    helps.append(f"{many} names")
    raise InfeasibleError(
        f"{names} eligible {'name' if names == 1 else 'names'} with cap {cap:g} can hold "
        f"{names * cap:g} of the {wanted:g} to be invested; it takes {', or '.join(helps)}"
    )


def explain_if_infeasible(problem: TrackingProblem) -> None:
    """Do nothing where the limits can all be met; otherwise say which change of one limit would do.

    Raises:
        InfeasibleError: the limits contradict each other.
    """
    program = tracking_program(problem)
    limits = list(_limits(problem, program))
    every = np.any([limit.soft for limit in limits], axis=0)
    if least_excess(program, every) <= _TOLERANCE:
        return
    helps = []
    for limit in limits:
        needed = limit.value + limit.unit * least_excess(program, limit.soft)
        if isfinite(needed) and needed <= limit.most:
            helps.append(f"{limit.name} >= {_rounded_up(needed)}")
    found = ", ".join(limit.text for limit in limits)
    what = "no change of a single limit would do"
    if helps:
        what = f"any one of these would do: {'; '.join(helps)}"
    raise InfeasibleError(f"the limits contradict each other: {found}; {what}")


@dataclass(frozen=True)
class _Limit:
    """A limit as it was configured, and the rows of the program that it stands for.

    ``unit`` turns the ends of the rows into the limit's own numbers; ``most`` is the largest value
    that makes sense.
    """

    name: str
    value: float
    text: str
    soft: Mask
    unit: float = 1.0
    most: float = inf


def _limits(problem: TrackingProblem, program: QuadraticProgram) -> Iterator[_Limit]:
    cap = float(problem.upper[problem.moves].max(initial=0.0))
    soft = _soft(program, BOUNDS, problem.moves)
    yield _Limit("cap", cap, f"cap {cap:g}", soft, most=1.0)
    for number, item in enumerate(problem.sectors):
        name = f"sector_caps.{item.name}"
        own = np.arange(len(problem.sectors)) == number
        soft = _soft(program, SECTORS, own)
        yield _Limit(name, item.cap, f"{name} {item.cap:g}", soft)
    if problem.turnover is not None:
        one_way = 0.5 * problem.turnover
        soft = _soft(program, TURNOVER, np.ones(1, dtype=bool))
        yield _Limit(
            "turnover", one_way, f"turnover {one_way:g} one way", soft, unit=0.5
        )


def _soft(
    program: QuadraticProgram,
    name: str,
    which: Mask,
) -> Mask:
    """Return which rows of the whole program give way: some of those of one name."""
    soft = np.zeros(len(program.u), dtype=bool)
    soft[program.rows[name]] = which
    return soft


def _rounded_up(value: float) -> str:
    """Write a limit so that it still suffices: to 4 digits after the point, upwards."""
    return f"{ceil(round(value, 9) * 1e4 - 1e-6) / 1e4:g}"
