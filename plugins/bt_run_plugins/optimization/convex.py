"""The convex problem of a portfolio under named limits, as a program for general solvers.

    minimize    1/2 sum d_i w_i^2 + 1/2 c |F w - f|^2 + q'w
    subject to  lower <= w <= upper,  low <= M w <= high,  sum |w - centre| <= most,  |G w - g| <=
                most

A sum may cost  cost'|w - centre|  beside, whether it is limited or not.

Each limit has a name, so that its multiplier, its slack and its least relaxation have one too. A
size |G w - g| enters through y = (G w - g) / most, |y| <= 1, and an objective on the same G through
the same y: one dense block, or with a factor model a sparse one of k + n rows. See Boyd and
Vandenberghe, Convex Optimization, section 4.4.2.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from bt_run import Array
from bt_run_plugins.optimization.named_limits import (
    LinearLimit,
    Risk,
    SizeLimit,
    SumLimit,
)
from bt_run_plugins.optimization.program import Cone, QuadraticProgram, RowBlock

__all__ = [
    "BOUNDS",
    "BUDGET",
    "ConvexProblem",
    "LinearLimit",
    "Objective",
    "Risk",
    "SizeLimit",
    "SumLimit",
    "convex_program",
    "root_of",
]

BUDGET, BOUNDS = "budget", "bounds"


@dataclass(frozen=True, kw_only=True, eq=False)
class Objective:
    """The value  1/2 sum d w^2 + 1/2 c |F w - f|^2 + q'w  of weights w (n,), to be minimized.

    With ``excess`` (n,) it is instead the largest excess'w / |F w|, in homogeneous form.
    """

    linear: Array
    diagonal: Array | None = None
    risk: Risk | None = None
    weight: float = 1.0
    excess: Array | None = None

    @property
    def scale(self) -> float:
        """Return the size that the numbers of the objective are divided by."""
        if self.diagonal is not None or self.risk is None:
            return 1.0
        return self.weight * self.risk.mean_square

    def value(self, w: Array) -> float:
        """Return the objective at w (n,)."""
        total = float((self.linear * w).sum())
        if self.diagonal is not None:
            total += 0.5 * float((self.diagonal * w**2).sum())
        if self.risk is not None:
            total += 0.5 * self.weight * self.risk.size(w) ** 2
        if self.excess is not None:
            return total / float((self.excess * w).sum()) ** 2
        return total


@dataclass(frozen=True, kw_only=True, eq=False)
class ConvexProblem:
    """Bounds that nothing relaxes, (n,) each, equal where a weight is given, and named limits."""

    lower: Array
    upper: Array
    objective: Objective
    linear: tuple[LinearLimit, ...] = ()
    sums: tuple[SumLimit, ...] = ()
    size: SizeLimit | None = None

    @property
    def n(self) -> int:
        return len(self.lower)

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the limits."""
        names = [limit.name for limit in self.linear]
        names += [limit.name for limit in self.sums]
        if self.size is not None:
            names.append(self.size.name)
        return tuple(names)

    @property
    def scales(self) -> dict[str, float]:
        """Return what a slack of each limit counts relative to: the limit, or 1 where that is 0."""
        found = {limit.name: limit.scale for limit in self.linear}
        found |= {
            limit.name: limit.most if 0.0 < limit.most < np.inf else 1.0
            for limit in self.sums
        }
        if self.size is not None:
            found[self.size.name] = self.size.most or 1.0
        return found

    @cached_property
    def roots(self) -> tuple[tuple[Risk, float], ...]:
        """Return the sizes that have variables y = (F w - f) / unit, each with its unit."""
        found: list[tuple[Risk, float]] = []
        if self.size is not None:
            # a limit of 0 leaves no unit of its own
            found.append((self.size.risk, self.size.most or 1e-4))
        risk = self.objective.risk
        if risk is not None and not (found and found[0][0].F is risk.F):
            found.append((risk, float(np.sqrt(risk.mean_square))))
        return tuple(found)

    def value(self, w: Array) -> float:
        """Return what is minimized, costs of sums included, at w (n,)."""
        return self.objective.value(w) + sum(limit.price(w) for limit in self.sums)

    def completed(self, w: Array) -> Array:
        """Return all variables of the program that go with weights w (n,)."""
        sizes = [risk.rows(w) / unit for risk, unit in self.roots]
        trades = [np.abs(w - limit.centre) for limit in self.sums]
        return np.concatenate([w, *sizes, *trades])

    def missed(self, w: Array) -> dict[str, float]:
        """Return by how much weights w (n,) miss each limit; 0 where they keep it."""
        over = {}
        for limit in self.linear:
            held = limit.held(w)
            outside = np.maximum(limit.low - held, held - limit.high)
            over[limit.name] = max(float(outside.max(initial=0.0)), 0.0)
        for total in self.sums:
            over[total.name] = max(total.held(w) - total.most, 0.0)
        if self.size is not None:
            reached = self.size.risk.size(w)
            over[self.size.name] = max(reached - self.size.most, 0.0)
        return over

    def ends(self) -> tuple[Array, Array]:
        """Return the bounds (n,) that remain with those limits that stand on single names."""
        lower, upper = self.lower, self.upper
        for limit in self.linear:
            if limit.M is None:
                lower = np.maximum(lower, limit.low)
                upper = np.minimum(upper, limit.high)
        return lower, upper


def convex_program(
    problem: ConvexProblem, soft: Sequence[str] | None = None
) -> QuadraticProgram:
    """Return ``problem`` as a program in (w, y, t), or its elastic form.

    With ``soft`` names there is a slack e >= 0 for each of them, by which its limit gives way, and
    the objective is the sum of slacks, each relative to its limit's scale.
    """
    frame = _Frame(problem, soft or ())
    blocks = [
        frame.block(BOUNDS, {0: frame.eye}, problem.lower, problem.upper),
        *_linear_blocks(frame),
        *_size_blocks(frame),
        *_sum_blocks(frame),
    ]
    if frame.soft:
        count = len(frame.soft)
        slack = frame.identity(count)
        ends = np.zeros(count), np.full(count, np.inf)
        blocks.append(frame.block("slacks", {frame.last: slack}, *ends))
    if soft is None:
        P, q = _objective(frame)
    else:
        P, q = _slack_objective(frame)
    return QuadraticProgram.from_blocks(P, q, blocks, tuple(_cones(frame)))


class _Frame:
    """Where the variables of a program stand: w, then y of each root, t of each sum, slacks."""

    def __init__(self, problem: ConvexProblem, soft: Sequence[str]) -> None:
        self.problem = problem
        self.soft = tuple(name for name in problem.names if name in soft)
        self.widths = [problem.n]
        self.widths += [risk.F.shape[0] for risk, _ in problem.roots]
        self.widths += [problem.n] * len(problem.sums)
        self.first_sum = 1 + len(problem.roots)
        self.last = len(self.widths)
        if self.soft:
            self.widths.append(len(self.soft))
        self.eye = self.identity(problem.n)

    def identity(self, n: int) -> Any:
        from scipy import sparse

        return sparse.identity(n, format="csc")

    def block(
        self,
        name: str,
        parts: dict[int, Any],
        low: Array,
        high: Array,
    ) -> RowBlock:
        """Return rows of which some groups of variables have a part."""
        every = [parts.get(place) for place in range(len(self.widths))]
        return RowBlock(name, every, low, high)

    def slack(self, name: str, column: Array) -> dict[int, Any]:
        """Return the part of the slacks: ``column`` (m,) under that of ``name``; nothing where it
        is hard.
        """
        from scipy import sparse

        if name not in self.soft:
            return {}
        place = np.full(len(column), self.soft.index(name))
        shape = (len(column), len(self.soft))
        rows = np.arange(len(column))
        return {self.last: sparse.csc_matrix((column, (rows, place)), shape=shape)}


def _linear_blocks(frame: _Frame) -> Iterator[RowBlock]:
    for limit in frame.problem.linear:
        M = frame.eye if limit.M is None else limit.M
        endless = np.full(len(limit.low), np.inf)
        if limit.name not in frame.soft:
            yield frame.block(limit.name, {0: M}, limit.low, limit.high)
            continue
        # softened, the two ends part
        ones = np.ones(len(limit.low))
        above = {0: M}
        if limit.high_gives:
            above |= frame.slack(limit.name, -ones)
        below = {0: M} | frame.slack(limit.name, ones)
        yield frame.block(f"{limit.name}.high", above, -endless, limit.high)
        yield frame.block(f"{limit.name}.low", below, limit.low, endless)


def _size_blocks(frame: _Frame) -> Iterator[RowBlock]:
    """Yield  F w / unit - y = f / unit  for each root."""
    for place, (risk, unit) in enumerate(frame.problem.roots, start=1):
        end = risk.f / unit
        parts = {0: risk.F / unit, place: -frame.identity(len(end))}
        yield frame.block(f"size.{place}", parts, end, end)


def _sum_blocks(frame: _Frame) -> Iterator[RowBlock]:
    """Yield  w - t <= centre,  -w - t <= -centre  and  sum t <= most."""
    n = frame.problem.n
    endless = np.full(n, -np.inf)
    for place, limit in enumerate(frame.problem.sums, start=frame.first_sum):
        up = {0: frame.eye, place: -frame.eye}
        down = {0: -frame.eye, place: -frame.eye}
        yield frame.block(f"{limit.name}.up", up, endless, limit.centre)
        yield frame.block(f"{limit.name}.down", down, endless, -limit.centre)
        counted = np.ones(n) if limit.counted is None else limit.counted
        total = {place: np.asarray(counted, dtype=np.float64)[None, :]}
        total |= frame.slack(limit.name, -np.ones(1))
        yield frame.block(limit.name, total, endless[:1], np.full(1, limit.most))


def _cones(frame: _Frame) -> Iterator[Cone]:
    """Yield  |y| <= most / unit, with the slack on its right where it is soft."""
    from scipy import sparse

    limit = frame.problem.size
    if limit is None:
        return
    _, unit = frame.problem.roots[0]
    r = frame.widths[1]
    top = np.zeros(r + 1)
    top[0] = -1.0 / unit
    parts: list[Any] = [sparse.csc_matrix((r + 1, width)) for width in frame.widths]
    parts[1] = sparse.vstack([sparse.csc_matrix((1, r)), -frame.identity(r)])
    for place, part in frame.slack(limit.name, top).items():
        parts[place] = part
    g = np.zeros(r + 1)
    g[0] = limit.most / unit
    yield Cone(limit.name, sparse.hstack(parts, format="csc"), g)


def _objective(frame: _Frame) -> tuple[Any, Array]:
    """Return P and q, divided by the objective's scale."""
    from scipy import sparse

    problem, objective = frame.problem, frame.problem.objective
    squares = [np.zeros(width) for width in frame.widths]
    slopes = [np.zeros(width) for width in frame.widths]
    slopes[0] = objective.linear / objective.scale
    if objective.diagonal is not None:
        squares[0] = objective.diagonal / objective.scale
    risk = objective.risk
    if risk is not None:
        place, unit, offset = root_of(problem, risk)
        weight = objective.weight / objective.scale
        # |F w - f|^2 = |unit y + offset|^2
        squares[place] = np.full(len(offset), weight * unit**2)
        slopes[place] = weight * unit * offset
    for place, limit in enumerate(problem.sums, start=frame.first_sum):
        if limit.cost is not None:
            slopes[place] = limit.cost / objective.scale
    P = sparse.diags(np.concatenate(squares), format="csc")
    return P, np.concatenate(slopes)


def root_of(problem: ConvexProblem, risk: Risk) -> tuple[int, float, Array]:
    """Return the place of the y that has ``risk``, its unit, and what F w - f has beyond unit y."""
    for place, (root, unit) in enumerate(problem.roots, start=1):
        if root.F is risk.F:
            return place, unit, root.f - risk.f
    raise ValueError("the problem has no variables for this size")


def _slack_objective(frame: _Frame) -> tuple[Any, Array]:
    from scipy import sparse

    total = sum(frame.widths)
    q = np.zeros(total)
    scales = frame.problem.scales
    for place, name in enumerate(frame.soft):
        q[place - len(frame.soft)] = 1.0 / scales[name]
    return sparse.csc_matrix((total, total)), q
